"""Tasks held to their memory by looking, in a cluster of real processes: no right and no control group is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster import LocalCluster, Reason, TaskState
from cluster.local import NodeProcess
from tests.system.harness import LIMIT, Script

pytestmark = pytest.mark.asyncio

KEEPS = 'python3 -c "import time; kept = bytearray({mib} << 20); time.sleep(600)"'
LOOKING = "posix,memory-monitor,disk,ports"


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with LocalCluster(agents=1, processes=True, checkpoint=True, isolation=LOOKING) as cluster:
        yield cluster


async def test_one_that_takes_more_memory_than_it_was_given(cluster: LocalCluster) -> None:
    async def work(script: Script) -> None:
        neighbour = script.submit(KEEPS.format(mib=30), cpus=0.1, mem=64)
        await neighbour.reached(TaskState.RUNNING)
        status = await script.submit(f"setsid {KEEPS.format(mib=90)} & wait", cpus=0.1, mem=64)
        assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LIMITATION_MEMORY)
        assert "memory limit 64 MiB: " in status.message
        script.kill(neighbour.task_id)
        assert (await neighbour).state is TaskState.KILLED

    async with asyncio.timeout(LIMIT):
        await cluster.run(Script(work))


async def test_the_next_life_of_an_agent_holds_what_it_finds(cluster: LocalCluster) -> None:
    (agent,) = cluster.agents
    assert isinstance(agent, NodeProcess)
    go = Path(cluster.work_dir) / "go"

    async def work(script: Script) -> None:
        wait = f"until test -e {go}; do sleep 0.05; done; "
        greedy = script.submit(wait + KEEPS.format(mib=90), cpus=0.1, mem=64)
        await greedy.reached(TaskState.RUNNING)
        agent.kill()
        await agent.wait()
        go.touch()
        await agent.restart()
        status = await greedy
        assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LIMITATION_MEMORY)

    async with asyncio.timeout(LIMIT):
        await cluster.run(Script(work))
