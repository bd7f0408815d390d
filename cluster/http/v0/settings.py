"""What operators have set, as the older pages show it: roles, quotas, weights, maintenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors import parse_address
from cluster.master import MasterState
from cluster.messages import Reserved
from cluster.registry import Quota
from cluster.v1.schema import Proto
from cluster.v1.translate.operator_maintenance import Planned, answer_to, schedule_to, status_to
from cluster.v1.translate.operator_roles import RoleQuota, quotas_to

from .flat import ALWAYS, quantities

__all__ = ["quota", "roles", "schedule", "status", "weights"]

Json = dict[str, Any]
Sums = dict[str, dict[str, int]]


def weights(state: MasterState) -> list[Json]:
    """`/weights`: those that were set."""
    return [{"role": role, "weight": weight} for role, weight in sorted(state.registry.weights.items())]


def quota(state: MasterState) -> Proto:
    """`/quota`: those that were set."""
    found = sorted(state.registry.quotas.items())
    # A priority alone is none.
    return quotas_to(
        RoleQuota(role, each.guarantee, each.limit) for role, each in found if each.guarantee or each.limit
    )


def roles(state: MasterState) -> Json:
    """`/roles`: each that has frameworks, holds something or has something set, and all above those.

    What a role holds is what it and all below it hold.
    """
    registry = state.registry
    members: dict[str, list[str]] = {}
    for framework in state.frameworks.values():
        for role in framework.info.roles:
            members.setdefault(role, []).append(framework.id)
    allocated: Sums = {}
    offered: Sums = {}
    reserved: Sums = {}
    # What is reserved for a role counts against its quota, used or not; then what it uses of others' does besides.
    consumed: Sums = {}
    for agent in state.agents.values():
        for task in agent.tasks.values():
            if task.holds:
                _add(allocated, task.role, task.info.resources.scalars)
                if not task.info.revocable:
                    _add(consumed, task.role, task.info.resources.scalars)
                    _take(consumed, task.role, task.reserved)
        for executor in agent.executors.values():
            _add(allocated, executor.role, executor.info.resources.scalars)
            _add(consumed, executor.role, executor.info.resources.scalars)
            _take(consumed, executor.role, executor.reserved)
        for role, resources in agent.reserved.items():
            _add(reserved, role, resources.scalars)
            _add(consumed, role, resources.scalars)
    for offer, _ in state.offers.values():
        _add(offered, offer.role, offer.resources.scalars)
        _add(offered, offer.role, offer.revocable.scalars)
    allocated, offered, reserved, consumed = map(_with_those_below, (allocated, offered, reserved, consumed))
    names = {*members, *allocated, *offered, *reserved, *registry.weights, *registry.quotas}
    names |= {above for role in list(names) for above in _path(role)}
    return {
        "roles": [
            {
                "name": role,
                "weight": registry.weights.get(role, 1.0),
                "quota": {
                    "role": role,
                    "guarantee": quantities(set_.guarantee.scalars),
                    "limit": quantities(set_.limit.scalars),
                    "consumed": quantities(consumed.get(role, {})),
                },
                # There are tools that take these four for granted, as Mesos wrote them for long.
                "resources": dict.fromkeys(ALWAYS, 0.0)
                | quantities(_sum(allocated.get(role, {}), offered.get(role, {}))),
                "allocated": quantities(allocated.get(role, {})),
                "offered": quantities(offered.get(role, {})),
                "reserved": quantities(reserved.get(role, {})),
                "frameworks": members.get(role, []),
            }
            for role in sorted(names)
            for set_ in [registry.quotas.get(role, Quota())]
        ]
    }


def schedule(state: MasterState) -> Proto:
    """`/maintenance/schedule`: when machines are planned to be down."""
    windows = sorted(state.registry.windows.items(), key=lambda item: (item[1].start, item[0]))
    return schedule_to((Planned(each.machines, each.start, each.duration) for _, each in windows), ips(state))


def status(state: MasterState) -> Proto:
    """`/maintenance/status`: the machines that are planned to be down, or are, and what frameworks say to it."""
    answers: dict[str, list[Any]] = {}
    for record in state.inverse_offers.values():
        agent = state.agents.get(record.offer.agent_id)
        if agent is None:
            continue
        said = answer_to(record.offer.framework_id, record.answer, record.answered_at)
        for name in {agent.info.hostname, agent.id}:
            answers.setdefault(name, []).append(said)
    windows = state.registry.windows.values()
    planned = [name for window in windows if not window.down for name in window.machines]
    down = [name for window in windows if window.down for name in window.machines]
    return status_to(((name, answers.get(name, ())) for name in sorted(planned)), sorted(down), ips(state))


def ips(state: MasterState) -> dict[str, str]:
    """The IP addresses of machines by their hostnames, where agents are registered from there."""
    places = {agent.info.hostname: str(agent.upid).rpartition("@")[2] for agent in state.agents.values()}
    return {name: parse_address(place)[0] for name, place in places.items() if not place.startswith("unix:")}


def _path(role: str) -> Iterable[str]:
    while role:
        yield role
        role = role.rpartition("/")[0]


def _add(sums: Sums, role: str, amounts: Mapping[str, int]) -> None:
    sum_ = sums.setdefault(role, {})
    for name, amount in amounts.items():
        sum_[name] = sum_.get(name, 0) + amount


def _take(sums: Sums, role: str, reserved: Reserved) -> None:
    for resources in reserved.values():
        _add(sums, role, {name: -amount for name, amount in resources.scalars.items()})


def _with_those_below(sums: Sums) -> Sums:
    found: Sums = {}
    for role, amounts in sums.items():
        for each in _path(role):
            _add(found, each, amounts)
    return found


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *other)}
