"""What operators do meanwhile, each to its end; and how they put everything back when all is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from cluster.master import Master
from cluster.master.parts import offer_parts, total
from cluster.messages import Reserved
from cluster.registry import Quota, Window
from cluster.resources import Resources

from .nodes import AgentNode
from .plan import Fault
from .world import World

__all__ = ["OPERATIONS", "put_back"]

ROLES = ("eng", "eng/dev", "ops")


def _agent_id(world: World, name: str) -> str:
    node = world.nodes[name]
    return node.agent.state.info.id if isinstance(node, AgentNode) and node.agent is not None else ""


async def _drain(world: World, fault: Fault, rng: Random) -> None:
    agent_id = _agent_id(world, fault.targets[0])
    if not agent_id:
        return
    mark_gone = rng.random() < 0.3
    await world.operate("drain", agent_id, rng.choice((None, 0.0, 5.0)), mark_gone)
    if not mark_gone:
        await asyncio.sleep(fault.seconds)
        await world.operate("reactivate", agent_id)


async def _deactivate(world: World, fault: Fault, rng: Random) -> None:
    agent_id = _agent_id(world, fault.targets[0])
    if agent_id:
        await world.operate("deactivate", agent_id)
        await asyncio.sleep(fault.seconds)
        await world.operate("reactivate", agent_id)


async def _gone(world: World, fault: Fault, rng: Random) -> None:
    agent_id = _agent_id(world, fault.targets[0])
    if agent_id:
        await world.operate("mark_gone", agent_id)


async def _reserve(world: World, fault: Fault, rng: Random) -> None:
    agent_id = _agent_id(world, fault.targets[0])
    resources = Resources.of(cpus=rng.choice((0.1, 1.0, 2.0)), mem=rng.choice((32, 512)))
    role = rng.choice(ROLES)
    await world.operate("reserve", agent_id, role, resources)
    await asyncio.sleep(fault.seconds)
    await world.operate("unreserve", agent_id, role, resources)


async def _quota(world: World, fault: Fault, rng: Random) -> None:
    role = rng.choice(ROLES[:2])
    amounts = [Resources.of(cpus=rng.choice((0.5, 2.0, 6.0))) for _ in range(2)]
    guarantee = rng.choice((Resources(), amounts[0]))
    limit = rng.choice((Resources(), guarantee + amounts[1]))
    await world.operate("set_quota", role, Quota(guarantee, limit, rng.randint(0, 2)))
    await world.operate("set_weights", {rng.choice(ROLES): rng.choice((0.5, 1.0, 3.0))})
    await asyncio.sleep(fault.seconds)
    await world.operate("remove_quota", role)


async def _maintenance(world: World, fault: Fault, rng: Random) -> None:
    names = [agent_id for name in fault.targets if (agent_id := _agent_id(world, name))]
    leader = world.leader
    if not names or leader is None or leader.master is None:
        return
    planned = {
        id_: window
        for id_, window in leader.master.state.registry.windows.items()
        if not set(names).intersection(window.machines)
    }
    start = world.simulation.now + rng.uniform(-10, 100)
    window = Window(tuple(names), start, rng.choice((None, 60.0)))
    await world.operate("update_schedule", {**planned, f"w{fault.at}": window})
    await asyncio.sleep(rng.uniform(0, 20))
    down = names[: rng.randint(0, len(names))]
    if down:
        await world.operate("machine_down", down)
    await asyncio.sleep(fault.seconds)
    if down:
        await world.operate("machine_up", down)


def _unused(master: Master, agent_id: str) -> Reserved:
    """What is reserved of an agent and not used: offers of it will be rescinded."""
    agent = master.state.agents.get(agent_id)
    if agent is None:
        return {}
    offers = [offer_parts(master.state.offers[offer_id][0]) for offer_id in agent.offers]
    return total([agent.unused, *offers]).reserved


OPERATIONS: dict[str, Callable[[World, Fault, Random], Awaitable[None]]] = {
    "drain": _drain,
    "deactivate": _deactivate,
    "gone": _gone,
    "reserve": _reserve,
    "quota": _quota,
    "maintenance": _maintenance,
}
"""By the fault's flavour, or its kind."""


async def put_back(world: World, rounds: int) -> None:
    """End what operators began: maintenance first, that agents can come; quotas; reservations as tasks let go."""
    for _ in range(rounds):
        master = await world.led()
        registry = master.state.registry
        if not (registry.windows or registry.quotas or registry.reservations or registry.drains):
            return
        if down := [name for window in registry.windows.values() if window.down for name in window.machines]:
            await world.operate("machine_up", down)
        elif registry.windows:
            await world.operate("update_schedule", {})
        for agent_id in list(registry.drains):
            await world.operate("reactivate", agent_id)
        for role in list(registry.quotas):
            await world.operate("remove_quota", role)
        for agent_id in list(registry.reservations):
            for role, resources in _unused(master, agent_id).items():
                await world.operate("unreserve", agent_id, role, resources)
        await asyncio.sleep(10)
