"""Real processes killed, stopped and cut off while they work: nothing is lost, nothing is run twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.local import NodeProcess
from tests.system.load import Effects
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


class Worker(Effects):
    """Runs its tasks to the end."""

    async def registered(self) -> None:
        handles = [self.submit(self.task(number, number % 10 / 10)) for number in range(TASKS)]
        for handle in handles:
            await handle
        self.stop()


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
        worker.verify(TASKS)
