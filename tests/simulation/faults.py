"""What goes wrong: each fault of a plan, done to the world at its time."""

from __future__ import annotations

import asyncio
from random import Random

from actors.simulation import exponential
from isolation import Exit

from .nodes import AgentNode, FrameworkNode, MasterNode
from .operators import OPERATIONS
from .plan import Fault
from .world import World

__all__ = ["cause"]


async def cause(world: World, fault: Fault) -> None:
    """Do it; return when it is over (or is for others to end)."""
    simulation = world.simulation
    simulation.note(f"fault: {fault.kind} {fault.flavour} {' '.join(fault.targets)} {fault.seconds:.3f}")
    world.checker.counts[f"fault {fault.kind} {fault.flavour if fault.kind != 'step' else ''}".strip()] += 1
    rng = Random(f"fault {fault.at}/{world.plan.seed}")
    if fault.kind == "cut":
        simulation.network.cut(*fault.targets)
    elif fault.kind == "flaky":
        end = simulation.now + fault.seconds
        while simulation.now < end:
            simulation.network.cut(*fault.targets)
            await asyncio.sleep(rng.expovariate(0.5))
    elif fault.kind == "partition":
        await _partition(world, fault)
    elif fault.kind in ("agent", "master", "framework"):
        await _crash(world, fault)
    elif fault.kind == "container":
        _kill_container(world, fault, rng)
    elif fault.kind == "disk" and fault.targets[0] == "registry" and world.in_etcd is not None:
        await world.in_etcd.storm(fault.seconds, rng, failing=fault.flavour == "failing")
    elif fault.kind == "disk":
        disk = world.disk(fault.targets[0])
        disk.delay, disk.failing = (
            (rng.uniform(0.1, 5.0) if fault.flavour == "slow" else 0.05),
            fault.flavour == "failing",
        )
        await asyncio.sleep(fault.seconds)
        disk.delay, disk.failing = 0.0, False
    elif fault.kind in ("operator", "reserve", "quota", "maintenance"):
        await OPERATIONS[fault.flavour or fault.kind](world, fault, rng)
    elif fault.kind == "session":
        if world.in_etcd is not None:
            await world.in_etcd.trouble(fault.seconds, rng)
        else:
            world.election.expire()
    elif fault.kind == "latency":
        one, other = fault.targets
        simulation.network.set_latency(one, other, exponential(0.1, 2.0))
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            simulation.network.set_latency(one, other, exponential(*world.plan.latency))
    elif fault.kind == "step":
        system = world.nodes[fault.targets[0]].system
        if system is not None:
            # As when the time is set: the wall clock jumps, the monotonic does not.
            system.clock.offset += float(fault.flavour)  # type: ignore[attr-defined]
    else:
        raise ValueError(f"fault.kind is {fault.kind!r}")


async def _partition(world: World, fault: Fault) -> None:
    some = list(fault.targets)
    others = [name for name in world.nodes if name not in some]
    if fault.flavour == "from":
        some, others = others, some
    world.partition(fault, some, others, one_way=fault.flavour != "two-way")
    await asyncio.sleep(fault.seconds)
    world.heal(fault)


async def _crash(world: World, fault: Fault) -> None:
    name = fault.targets[0]
    if name == "leader":
        if world.leader is None:
            return
        name = world.leader.name
    node = world.nodes[name]
    silent = fault.flavour == "power"
    if isinstance(node, AgentNode):
        node.crash(silent=silent, machine=fault.flavour == "machine", lose_disk=fault.flavour == "lost")
    elif isinstance(node, MasterNode | FrameworkNode):
        node.crash(silent=silent)
    await asyncio.sleep(fault.seconds)
    await node.start()


def _kill_container(world: World, fault: Fault, rng: Random) -> None:
    node = world.nodes[fault.targets[0]]
    if isinstance(node, AgentNode) and node.machine.running:
        rng.choice(node.machine.running).finish(Exit(code=None, signal=11))
