"""Tasks held to what they were given, in a cluster of real processes with control groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from cluster import LocalCluster, Reason, TaskState
from cluster.local import NodeProcess, group_name
from isolation import CgroupIsolator
from tests.system.harness import LIMIT, Script

ALLOCATES = (
    "exec python3 -c \"import time; kept = [bytearray(1 << 20) for _ in range({mib})]; print('done', flush=True); "
    'time.sleep(600)"'
)


def here() -> bool:
    try:
        support = CgroupIsolator("ostrom-probe").support()
    except (ValueError, OSError):
        return False
    return support["memory"] is None


pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(not here(), reason="no memory controller of control groups that may be used here"),
]


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with LocalCluster(agents=1, processes=True, checkpoint=True, isolation="cgroups") as cluster:
        yield cluster
    roots = CgroupIsolator(group_name(cluster.work_dir / "agent-0")).roots.values()
    assert not [child for root in roots if root.exists() for child in root.iterdir() if child.is_dir()]


async def test_one_that_takes_more_memory_than_it_was_given(cluster: LocalCluster) -> None:
    async def work(script: Script) -> None:
        neighbour = script.submit(ALLOCATES.format(mib=30), cpus=0.1, mem=64)
        await neighbour.reached(TaskState.RUNNING)
        async with aiohttp.ClientSession() as session:
            address = cluster.agents[0].address
            while True:
                (row,) = await (await session.get(f"http://{address}/ostrom/usage")).json()
                if row["memory_bytes"] > 30 << 20:
                    break
                await asyncio.sleep(0.05)
        assert row["tasks"] == [neighbour.task_id]
        assert row["memory_limit_bytes"] == 64 << 20
        assert row["oom_kills"] == 0
        assert row["processes"] >= 1
        greedy = script.submit("sleep 600 & " + ALLOCATES.format(mib=200), cpus=0.1, mem=64)
        status = await greedy
        assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LIMITATION_MEMORY)
        assert "memory limit" in status.message
        assert "64 MiB" in status.message
        script.kill(neighbour.task_id)
        assert (await neighbour).state is TaskState.KILLED

    async with asyncio.timeout(LIMIT):
        await cluster.run(Script(work))


async def test_an_agent_that_is_killed_finds_them_and_their_limits_again(cluster: LocalCluster) -> None:
    (agent,) = cluster.agents
    assert isinstance(agent, NodeProcess)
    go = Path(cluster.work_dir) / "go"

    async def work(script: Script) -> None:
        wait = f"until test -e {go}; do sleep 0.05; done; "
        greedy = script.submit(wait + ALLOCATES.format(mib=200), cpus=0.1, mem=64)
        well = script.submit(wait + "exit 3", cpus=0.1, mem=64)
        for handle in (greedy, well):
            await handle.reached(TaskState.RUNNING)
        agent.kill()
        await agent.wait()
        # They end while nobody is there to see it.
        go.touch()
        await agent.restart()
        status = await greedy
        assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LIMITATION_MEMORY)
        status = await well
        assert (status.state, status.exit_code) == (TaskState.FAILED, 3)

    async with asyncio.timeout(LIMIT):
        await cluster.run(Script(work))
