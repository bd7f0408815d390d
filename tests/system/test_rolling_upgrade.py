"""Masters and agents are started anew one after the other, under load: no task fails, none runs twice."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from cluster.etcd.server import EtcdCluster
from tests.system.load import Load, at_work
from tests.system.masters import Masters, Node

LIMIT = 150.0
"""Seconds after which a test that hangs is ended."""


async def upgrade(node: Node) -> None:
    node.signal(signal.SIGTERM)
    assert await node.wait() == 0
    await node.restart()


@pytest.mark.asyncio
async def test_a_rolling_upgrade(etcd: EtcdCluster, tmp_path: Path) -> None:
    load = Load("load", tmp_path / "effects", long=6.0)
    async with (
        asyncio.timeout(LIMIT),
        Masters(tmp_path, etcd.endpoints, ttl=10, supervise=False) as cluster,
        at_work(load, cluster.url),
    ):
        agents = await cluster.all_agents()
        terms = [(await cluster.leader()).term]
        for node in cluster.masters:
            await upgrade(node)
            lead = await cluster.leader()
            terms.append(lead.term)
            await cluster.until_agents(agents)
            await load.more(5)
        # Those that stood by were replaced without a change of leader.
        assert terms == sorted(terms)
        assert len(set(terms)) > 1
        for agent in cluster.agents:
            await upgrade(agent)
            await cluster.until_agents(agents)
            await load.more(5)
        assert await cluster.stored("unreachable") == {}
        assert (await cluster.leader()).term == terms[-1]
