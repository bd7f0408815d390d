"""A master that was deposed and does not know it: what it would have to remember is told to nobody."""

from __future__ import annotations

import pytest

from cluster.messages import AgentInfo, AgentRegistered, RegisterAgent
from cluster.resources import Resources
from tests.cluster.world import World
from tests.simulation.etcd.store import Store

from .storages import EtcdStorage, StoredEtcd


@pytest.mark.asyncio
async def test_it_admits_no_agent_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    storage = EtcdStorage(lambda: StoredEtcd(store), "/one")
    async with World(registry=await storage.open()) as world:
        await world.agent()
        before = await storage.keys()
        await storage.elect()
        agent = world.spawn()
        world.tell(agent, RegisterAgent(AgentInfo("host", Resources.parse("cpus:1"))))
        await world.settle()
        assert agent.take(AgentRegistered) == []
        assert "the master ends: registry /one/registry/: another master leads" in caplog.messages
        assert not world.system.hosts(world.master.upid)
        assert await storage.keys() == before
