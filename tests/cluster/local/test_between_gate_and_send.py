"""A master that is stopped when it has asked whether it leads, and not sent yet what that was asked for.

No sender can close that gap: who follows another leader by then does not listen to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from actors import UPID, Message
from cluster.agent import Agent, MemoryStore
from cluster.framework import Framework
from cluster.framework.driver import SchedulerDriver
from cluster.messages import AgentInfo, Offer, Offers, RunTask
from cluster.resources import Resources
from tests.cluster.agent.world import Machine
from tests.cluster.world import task
from tests.simulation.nodes import _Sandboxes

from .elected_world import Candidate, ElectedWorld, Host, simulated

TTL = 10
M = TypeVar("M", bound=Message)


class Keeping(Framework):
    """Keeps the offers that it is given, and runs a task on the first if it is `eager`."""

    def __init__(self, *, eager: bool) -> None:
        super().__init__("f", failover_timeout=600.0, seed=1)
        self.eager = eager
        self.given: list[Offer] = []

    async def offers(self, offers: Sequence[Offer]) -> None:
        self.given += offers
        if self.eager:
            self.eager = False
            self.launch(offers[0], [task("t")])
        else:
            self.hold(*offers)


class Heard(Host):
    """A host with a system; `came` are the messages that came there, with their senders."""

    def __init__(self, world: ElectedWorld, name: str) -> None:
        super().__init__(world, name)
        self.here = self.system()
        self.came: list[tuple[Message, UPID | None]] = []
        self._tracing = ExitStack()

    async def begin(self) -> None:
        await self.here.start()
        self._tracing.enter_context(
            self.here.trace(lambda seen: self.came.append((seen.message, seen.sender)))
        )

    def of(self, kind: type[M], sender: UPID) -> list[M]:
        return [message for message, who in self.came if isinstance(message, kind) and who == sender]


class AgentHost(Heard):
    def __init__(self, world: ElectedWorld) -> None:
        super().__init__(world, "agent")
        self.machine = Machine()
        self.agent: Agent

    async def start(self) -> None:
        await self.begin()
        info = AgentInfo("host", Resources.of(cpus=4, mem=1024))
        self.agent = Agent(
            info, self.detector(), self.machine, Path("/simulated"), store=MemoryStore({}), seed=1
        )
        self.agent.sandboxes = self.agent.runner._sandboxes = _Sandboxes()  # type: ignore[assignment]
        self.here.spawn(self.agent, "agent")


class FrameworkHost(Heard):
    async def start(self, framework: Framework) -> None:
        await self.begin()
        self.running = asyncio.create_task(framework.run(self.detector(), system=self.here))


async def stop_at(
    world: ElectedWorld, kind: type[Message], *, eager: bool
) -> tuple[Candidate, AgentHost, FrameworkHost, Keeping]:
    """Have the leader stop as it is about to send such a message, and go on when all follow another. Return when that
    message has come."""
    first = await world.start("a")
    await world.until(lambda: first.master)
    second = await world.start("b")
    agent, scheduler, framework = AgentHost(world), FrameworkHost(world, "framework"), Keeping(eager=eager)

    def sending(message: Any) -> None:
        if isinstance(message, kind) and not first.process.stopped:
            first.process.stop()

    first.wire.sending = sending
    await agent.run(agent.start())
    await scheduler.run(scheduler.start(framework))
    await world.until(lambda: first.process.stopped)
    assert first.leads
    stopped = world.now
    await world.until(lambda: second.master)
    await world.until(lambda: agent.agent.master == second.node.upid and framework.connected)
    # What the new leader offers is not what is looked for.
    await world.until(lambda: scheduler.of(Offers, second.node.upid))
    await asyncio.sleep(max(0.0, stopped + 3 * TTL - world.now))
    framework.given.clear()
    first.process.go_on()
    host = agent if kind is RunTask else scheduler
    assert not host.of(kind, first.node.upid)
    await world.until(lambda: host.of(kind, first.node.upid))
    await asyncio.sleep(TTL)
    assert not first.leads
    return first, agent, scheduler, framework


def test_an_agent_runs_no_task_of_a_former_leader() -> None:
    async def scenario(world: ElectedWorld) -> None:
        _, agent, _, _ = await stop_at(world, RunTask, eager=True)
        assert agent.machine.launches == []

    simulated(scenario, TTL)


def test_that_would_be_seen_of_an_agent_that_obeys_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(Agent, "_may_launch", lambda _self, _sender: True)

    async def scenario(world: ElectedWorld) -> None:
        _, agent, _, _ = await stop_at(world, RunTask, eager=True)
        assert agent.machine.launches == ["t"]

    simulated(scenario, TTL)


async def offers_of_a_former_leader(world: ElectedWorld) -> tuple[set[str], set[str]]:
    """Those that came to the host, and those that the framework was given."""
    first, _, scheduler, framework = await stop_at(world, Offers, eager=False)
    late = {offer.id for message in scheduler.of(Offers, first.node.upid) for offer in message.offers}
    assert late
    return late, {offer.id for offer in framework.given}


def test_a_framework_takes_no_offers_of_a_former_leader() -> None:
    late, given = simulated(offers_of_a_former_leader, TTL)
    assert late.isdisjoint(given)


def test_that_would_be_seen_of_a_framework_that_listens_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(SchedulerDriver, "_from_master", lambda _self, _sender: True)
    late, given = simulated(offers_of_a_former_leader, TTL)
    assert late <= given
