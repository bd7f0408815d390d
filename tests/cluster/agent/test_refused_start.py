"""An agent that cannot go on where it ended, started again as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors import UPID, InProcessNetwork
from cluster.local import AgentFailedError, AgentNode
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

    first = node("first", 2)
    await first.start()
    await first.stop(shut_down=False)
    with pytest.raises(AgentFailedError, match="resources were"):
        await node("second", 4).start()
    third = node("third", 2)
    await third.start()
    await third.stop()
