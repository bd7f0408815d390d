"""A master whose registry takes its time, in a random run: who subscribes, whenever, knows in the end what there is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from cluster import messages as m
from cluster.messages import Capability, FrameworkInfo, TaskState
from cluster.registry import Change, MemoryRegistry, Quota
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import JSON, PROTOBUF, Operator, Stream
from tests.cluster.http.v1.operator.folding import Folded
from tests.cluster.world import Peer, running, task

LAST = "the last of all"


class Sluggish(MemoryRegistry):
    """Each write takes some turns of the loop."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    async def write(self, changes: Sequence[Change]) -> None:
        for _ in range(self._rng.choice([0, 1, 5, 30])):
            await asyncio.sleep(0)
        await super().write(changes)


class Run:
    """Happenings in random order, most of them while others are still on their way."""

    def __init__(self, served: Served, rng: random.Random) -> None:
        self.served, self.rng = served, rng
        self.agents: list[Peer] = []
        self.frameworks: list[Peer] = []
        self.number = 0

    def name(self, kind: str) -> str:
        self.number += 1
        return f"{kind}{self.number}"

    def agent_comes(self) -> None:
        agent = self.served.spawn()
        agent.id = self.name("A")
        agent.info = m.AgentInfo(agent.id, Resources.parse("cpus:8;mem:1024"), id=agent.id)
        self.agents.append(agent)
        self.served.tell(agent, m.RegisterAgent(agent.info))

    def agent_returns(self) -> None:
        if self.agents:
            agent = self.rng.choice(self.agents)
            brought = [running(each, self.name("t")) for each in self.frameworks[:1] if each.id]
            self.served.tell(agent, m.RegisterAgent(agent.info, (), (), tuple(brought), self.name("i")))

    def agent_ends(self) -> None:
        if len(self.agents) > 2:
            agent = self.agents.pop(self.rng.randrange(len(self.agents)))
            self.served.tell(agent, m.UnregisterAgent(agent.id))

    def framework_comes(self) -> None:
        framework = self.served.spawn()
        able = self.rng.choice([(), (Capability.PARTITION_AWARE,)])
        framework.id = self.name("F")
        framework.framework = FrameworkInfo(
            "fw", id=framework.id, failover_timeout=self.rng.choice([0.0, 60.0]), capabilities=able
        )
        self.frameworks.append(framework)
        self.served.tell(framework, m.Subscribe(framework.framework))

    def framework_says_other_things(self) -> None:
        for framework in self.frameworks[-1:]:
            self.served.tell(framework, m.Subscribe(m.FrameworkInfo(self.name("fw"), id=framework.id)))

    def framework_ends(self) -> None:
        if len(self.frameworks) > 1:
            framework = self.frameworks.pop(0)
            self.served.tell(framework, m.Teardown(framework.id))

    def tasks_are_launched(self) -> None:
        for framework in self.frameworks:
            for offer in framework.offers():
                tasks = tuple(task(self.name("t"), "cpus:0.1;mem:1") for _ in range(self.rng.randint(1, 5)))
                message = m.Accept(framework.id, (offer.id,), (m.Launch(tasks),), m.Filters(0.0))
                self.served.tell(framework, message)

    def tasks_change(self) -> None:
        for agent in self.agents:
            for launch in agent.take(m.RunTask):
                states = [TaskState.RUNNING, self.rng.choice([TaskState.FINISHED, TaskState.FAILED])]
                for state in states[: self.rng.randint(0, 2)]:
                    status = m.TaskStatus(launch.task.task_id, state, uuid=self.name("u"))
                    self.served.tell(agent, m.StatusUpdate(launch.framework.id, status))

    def operators_act(self) -> None:
        master = self.served.master
        agent_id = self.rng.choice(self.agents).id if self.agents else "nobody"
        order = self.rng.choice(
            [
                lambda: master.drain(agent_id, None, False),
                lambda: master.deactivate(agent_id),
                lambda: master.reactivate(agent_id),
                lambda: master.mark_gone(agent_id) if self.rng.random() < 0.1 else None,
                lambda: master.set_quota("*", Quota(limit=Resources.of(cpus=100))),
            ]
        )
        self.served.system.dispatch(master.upid, order)

    async def go(self, steps: int) -> None:
        acts = [
            self.agent_comes,
            self.agent_returns,
            self.agent_ends,
            self.framework_comes,
            self.framework_says_other_things,
            self.framework_ends,
            *[self.tasks_are_launched, self.tasks_change] * 4,
            self.operators_act,
        ]
        for _ in range(steps):
            self.rng.choice(acts)()
            for _ in range(self.rng.choice([0, 0, 1, 3, 20])):
                await asyncio.sleep(0)
            if self.rng.random() < 0.05:
                await self.served.advance(self.rng.choice([1.0, 30.0]))


async def follow(stream: Stream) -> Folded:
    """Fold all that is told, until the last that happens."""
    folded = Folded(stream.state)
    while True:
        kind, part = await stream.next()
        folded.event(kind, part)
        if kind == "FRAMEWORK_ADDED" and part["framework"]["framework_info"]["name"] == LAST:
            return folded


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(6))
async def test_all_know_the_same_in_the_end(seed: int) -> None:
    rng = random.Random(seed)
    async with (
        Served(registry=Sluggish(rng)) as served,
        Operator(served, JSON) as one,
        Operator(served, PROTOBUF) as other,
    ):
        run = Run(served, rng)
        followers = []
        for number in range(12):
            await run.go(25)
            followers.append(asyncio.ensure_future(subscribed((one, other)[number % 2])))
        await run.go(25)
        await asyncio.gather(*[each for each in asyncio.all_tasks() if each.get_name() == "subscribing"])
        served.tell(served.spawn(), m.Subscribe(FrameworkInfo(LAST)))
        folded = await asyncio.gather(*followers)
        truth = Folded(await one.get("GET_STATE")).facts()
        assert all(each.facts() == truth for each in folded)
        live, _, ended, *_ = truth
        assert len(live) + sum(ended.values()) > 20


async def subscribed(operator: Operator) -> Folded:
    task = asyncio.create_task(operator.subscribe(), name="subscribing")
    return await follow(await task)
