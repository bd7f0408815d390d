"""Clients of Mesos's take 404 for the last word: nobody gets that from a node that begins, or changes, or ends."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from actors import UPID, ActorSystem
from cluster.election import MASTER_ID
from cluster.local import AgentNode, MasterNode
from cluster.resources import Resources

pytestmark = pytest.mark.asyncio


async def ask(system: ActorSystem, path: str) -> int:
    host, port = system.address
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{host}:{port}{path}", data=b"{}") as response,
    ):
        return response.status


async def test_a_master() -> None:
    node = MasterNode()
    await node.system.start()
    assert await ask(node.system, "/api/v1/scheduler") == 503
    await node.system.close()
    node = MasterNode()
    await node.start()
    assert await ask(node.system, "/api/v1/scheduler") == 415
    node.system.terminate(node.upid)
    await node.system.wait(node.upid)
    assert await ask(node.system, "/api/v1/scheduler") == 503
    await node.stop()


async def test_an_agent(tmp_path: Path) -> None:
    node = AgentNode(UPID(MASTER_ID, "127.0.0.1", 1), Resources.parse("cpus:1"), tmp_path)
    await node.system.start()
    await nobody_is_there(node.system)
    await node.system.close()
    node = AgentNode(UPID(MASTER_ID, "127.0.0.1", 1), Resources.parse("cpus:1"), tmp_path)
    await node.start()
    assert await ask(node.system, "/api/v1/executor") == 415
    node.system.terminate(node.agent.upid)
    await node.system.wait(node.agent.upid)
    await nobody_is_there(node.system)
    await node.stop()


async def nobody_is_there(system: ActorSystem) -> None:
    """Executors get no answer: PyMesos's stop at an error, but come again when a connection ends."""
    assert await ask(system, "/api/v1") == 503
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask(system, "/api/v1/executor")
