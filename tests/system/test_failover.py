"""The leader goes: another leads, everybody comes to it, and the work is none the worse for it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from cluster.etcd.server import EtcdCluster
from tests.system.load import Load, at_work
from tests.system.masters import Masters

LIMIT = 120.0
"""Seconds after which a test that hangs is ended."""
NEVER = 600
"""The seconds of a lease that no test waits for."""


@pytest.mark.asyncio
async def test_a_leader_is_killed_under_load(etcd: EtcdCluster, tmp_path: Path) -> None:
    loads = [Load("one", tmp_path / "effects", long=5.0), Load("two", tmp_path / "effects")]
    async with (
        asyncio.timeout(LIMIT),
        Masters(tmp_path, etcd.endpoints, ttl=2) as cluster,
        at_work(loads[0], cluster.url),
        at_work(loads[1], cluster.url),
    ):
        agents = await cluster.all_agents()
        on_record = await cluster.stored("agents")
        assert on_record.keys() == agents.keys()
        frameworks = await cluster.stored("frameworks")
        for _ in range(2):
            first = await cluster.leader()
            back = [load.reregistrations for load in loads]
            cluster.node(first).kill()
            # It may be the same machine once more, if that was fast.
            await cluster.leader(after=first.term)
            assert (cluster.node(first).name, -signal.SIGKILL) in cluster.ends
            await asyncio.gather(*(load.more(10) for load in loads))
            await cluster.until_agents(agents)
            assert all(load.reregistrations > count for load, count in zip(loads, back, strict=True))
            assert await cluster.stored("agents") == on_record
            assert (await cluster.stored("frameworks")).keys() == frameworks.keys()


@pytest.mark.asyncio
async def test_a_leader_that_is_ended_hands_over_at_once(etcd: EtcdCluster, tmp_path: Path) -> None:
    """It would take ten minutes if the lease had to run out."""
    load = Load("load", tmp_path / "effects", long=3.0)
    async with (
        asyncio.timeout(LIMIT),
        Masters(tmp_path, etcd.endpoints, ttl=NEVER, agents=2, supervise=False) as cluster,
        at_work(load, cluster.url),
    ):
        agents = await cluster.all_agents()
        first = await cluster.leader()
        node = cluster.node(first)
        node.signal(signal.SIGTERM)
        second = await cluster.leader(after=first.term)
        assert second.address != first.address
        assert await node.wait() == 0
        await load.more(10)
        await cluster.until_agents_of(second, agents)
