"""Real processes killed, stopped and cut off while they work: nothing is lost, nothing is run twice.

Each task writes down on disk that it began and that it ended. What the frameworks are told must agree with that.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster import CommandInfo, Framework, Reason, Resources, TaskInfo, TaskState, TaskStatus
from cluster.local import NodeProcess
from tests.system.proxy import Proxy

AGENTS = 3
TASKS = 100
LIMIT = 240.0
"""Seconds after which a test that hangs is ended."""


class Cluster:
    """A master behind a proxy, and agents that checkpoint."""

    def __init__(self, work_dir: Path, proxy: Proxy) -> None:
        self.proxy = proxy
        # What a node says of where it is, is the proxy's address: so its port is chosen here.
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        proxy.target = f"127.0.0.1:{port}"
        self.master = NodeProcess(
            "master",
            [
                *("master", "--port", str(port), "--advertise", proxy.address),
                *("--work-dir", str(work_dir / "master")),
                *("--agent-ping-timeout", "2"),
            ],
            work_dir / "master.log",
        )
        self.agents = [
            NodeProcess(
                f"agent-{number}",
                [
                    *("agent", "--master", proxy.address, "--port", "0", "--overcommit"),
                    *("--work-dir", str(work_dir / f"agent-{number}"), "--resources", "cpus:2;mem:512"),
                    *("--recovery-timeout", "60"),
                ],
                work_dir / f"agent-{number}.log",
            )
            for number in range(AGENTS)
        ]

    async def start(self) -> None:
        await self.master.start()
        await asyncio.gather(*(agent.start() for agent in self.agents))

    async def stop(self) -> None:
        await asyncio.gather(*(agent.stop() for agent in self.agents))
        await self.master.stop()


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with Proxy() as proxy:
        cluster = Cluster(tmp_path, proxy)
        try:
            await cluster.start()
            yield cluster
        finally:
            await cluster.stop()


class Worker(Framework):
    """Runs its tasks to the end, and keeps all that it is told."""

    def __init__(self, name: str, effects: Path) -> None:
        super().__init__(name, failover_timeout=600.0)
        self.effects = effects
        self.history: dict[str, list[TaskState]] = {}
        self.answers: dict[str, list[TaskState]] = {}

    async def registered(self) -> None:
        handles = [self.submit(self.task(number)) for number in range(TASKS)]
        for handle in handles:
            await handle
        self.stop()

    def task(self, number: int) -> TaskInfo:
        path = self.effects / f"{self.info.name}-{number}"
        line = f"echo begun >> {path}; sleep 0.{number % 10}; echo ended >> {path}"
        return TaskInfo(path.name, Resources.of(cpus=0.25, mem=16), command=CommandInfo(line))

    async def status(self, status: TaskStatus) -> None:
        # What was asked for may repeat a state, or be the first that is heard of it.
        told = self.answers if status.reason is Reason.RECONCILIATION else self.history
        told.setdefault(status.task_id, []).append(status.state)


async def kill_agent(cluster: Cluster, rng: random.Random) -> None:
    agent = rng.choice(cluster.agents)
    agent.kill()
    await asyncio.sleep(rng.uniform(0.0, 1.0))
    await agent.restart()


async def kill_master(cluster: Cluster, rng: random.Random) -> None:
    cluster.master.kill()
    await asyncio.sleep(rng.uniform(0.0, 1.0))
    await cluster.master.wait()
    await cluster.master.start()


async def stop_and_go_on(cluster: Cluster, rng: random.Random) -> None:
    node = rng.choice([cluster.master, *cluster.agents])
    os.kill(node.pid, signal.SIGSTOP)
    await asyncio.sleep(rng.uniform(0.2, 1.5))
    os.kill(node.pid, signal.SIGCONT)


async def cut(cluster: Cluster, rng: random.Random) -> None:
    cluster.proxy.cut()


FAULTS = [kill_agent, kill_master, stop_and_go_on, cut]


@pytest.mark.asyncio
async def test_nothing_is_lost_and_nothing_runs_twice(cluster: Cluster, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    effects.mkdir()
    rng = random.Random(5)
    workers = [Worker("one", effects), Worker("two", effects)]
    async with asyncio.timeout(LIMIT):
        work = asyncio.gather(*(worker.run(cluster.proxy.address) for worker in workers))
        for fault in [*FAULTS, *rng.choices(FAULTS, k=8)]:
            await asyncio.sleep(rng.uniform(0.2, 1.0))
            await fault(cluster, rng)
        await work
    for worker in workers:
        assert len(worker.history | worker.answers) == TASKS
        for number in range(TASKS):
            task_id = f"{worker.info.name}-{number}"
            states, answers = worker.history.get(task_id, []), worker.answers.get(task_id, [])
            ends = [state for state in states if state.terminal]
            assert len(ends) <= 1, (task_id, states)
            assert {*ends, *(state for state in answers if state.terminal)} == {TaskState.FINISHED}, (
                task_id,
                states,
                answers,
            )
            assert Counter((effects / task_id).read_text().split()) == {"begun": 1, "ended": 1}, task_id
