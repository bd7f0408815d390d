"""An agent that cannot go on where it ended, started again as it should be."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from actors import UPID, InProcessNetwork
from cluster.agent import SqliteStore
from cluster.agent.checkpoint import StoredAgent
from cluster.local import AgentFailedError, AgentNode
from cluster.messages import AgentInfo
from cluster.resources import Resources


@pytest.mark.asyncio
async def test_one_that_is_refused_leaves_the_checkpoint_to_the_next(tmp_path: Path) -> None:
    network = InProcessNetwork()

    def node(name: str, cpus: int) -> AgentNode:
        return AgentNode(
            UPID("master", "127.0.0.1", 5050),
            Resources.of(cpus=cpus, mem=64),
            tmp_path,
            hostname="host",
            checkpoint=True,
            timers=True,
            transport=network.transport(name),
        )

    taken = StoredAgent(AgentInfo("host", Resources.of(cpus=2, mem=64), id="A1", checkpoint=True))
    store = SqliteStore(tmp_path / "meta" / "checkpoint.sqlite")
    store.commit({("agent", "", ""): msgspec.msgpack.encode(taken)})
    store.close()
    with pytest.raises(AgentFailedError, match="resources were"):
        await node("first", 4).start()
    second = node("second", 2)
    await second.start()
    await second.stop()
