"""`exec` into a task as Mesos's command line does it: what it asks master and agent, in its order."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from cluster import LocalCluster, TaskState
from tests.cluster.http.v1.agents import OperatorClient
from tests.system.harness import LIMIT, Script


@pytest.mark.asyncio
async def test_a_command_inside_of_a_task() -> None:
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=1) as cluster,
        aiohttp.ClientSession() as session,
    ):

        async def get(page: str, **query: str) -> Any:
            async with session.get(f"http://{cluster.master}/{page}", params=query) as response:
                assert response.status == 200
                return (await response.json())[page]

        async def work(script: Script) -> None:
            handle = script.submit("sleep 1000", cpus=0.1, mem=16)
            await handle.reached(TaskState.RUNNING)
            while not (tasks := await get("tasks", task_id=handle.task_id))[0]["statuses"]:
                await asyncio.sleep(0.01)
            (task,) = tasks
            assert "container" not in task
            parent = task["statuses"][0]["container_status"]["container_id"]
            (agent,) = [each for each in await get("slaves") if each["id"] == task["slave_id"]]
            own = {"parent": parent, "value": "5f0c9a0e-3a0c-4b52-a4fd-1cbd3f0f6bd8"}
            async with OperatorClient(f"http://{agent['pid'].split('@')[1]}") as client:
                command = {"value": "sh", "arguments": ["sh", "-c", "cat; exit 3"], "shell": False}
                async with client.output(
                    "LAUNCH_NESTED_CONTAINER_SESSION", container_id=own, command=command
                ) as output:
                    # First it sees whether it can attach, then it attaches.
                    assert await client.feed(own) == (200, "")
                    assert await client.feed(own, b"typed\n", b"") == (200, "")
                    assert (await output.all())["STDOUT"] == b"typed\n"
                # Once more, when it has ended: as if it had been in time.
                assert (await client.feed(own))[0] == 200
                waited = await client.get("WAIT_CONTAINER", container_id=own)
                assert waited == {"exit_status": 3 << 8}

        await cluster.run(Script(work))
