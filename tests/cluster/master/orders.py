"""What operators want in the random histories."""

from __future__ import annotations

import random

from cluster.master import MasterState
from cluster.registry import Quota, Window
from cluster.resources import Resources
from tests.cluster.master.framework_model import ROLES


def give_order(state: MasterState, rng: random.Random, now: float) -> None:
    """Do what an operator may want, possible or not."""
    known = sorted({*state.registry.agents, *state.registry.unreachable}) or ["nobody"]
    agent_id = rng.choice(known)
    some = Resources.parse(rng.choice(["cpus:1", "mem:100", "cpus:1;ports:[7-9]"]))
    orders = [
        lambda: state.drain(agent_id, rng.choice([None, 1.0]), rng.random() < 0.3),
        lambda: state.deactivate(agent_id),
        lambda: state.reactivate(agent_id),
        lambda: state.reactivate(agent_id),
        lambda: state.reserve(agent_id, rng.choice(ROLES), some),
        lambda: state.unreserve(agent_id, rng.choice(ROLES), some),
        lambda: state.set_quota(rng.choice(ROLES), Quota(Resources.of(cpus=1), Resources.of(cpus=6))),
        lambda: state.remove_quota(rng.choice(ROLES)),
        lambda: state.set_weights({rng.choice(ROLES): rng.choice([0.5, 2.0])}),
        lambda: state.update_schedule({"w": Window(("m0", agent_id), now + 60, 60.0)}),
        lambda: state.update_schedule({}),
        lambda: state.machine_down(["m0"], now),
        lambda: state.machine_up(["m0"]),
        lambda: state.mark_gone(agent_id, now) if rng.random() < 0.2 else None,
    ]
    rng.choice(orders)()
