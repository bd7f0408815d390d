"""Nested containers over the death of an agent's process: real ones, killed with SIGKILL."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cluster import LocalCluster, TaskState
from cluster.local import NodeProcess
from tests.system.harness import LIMIT, Script, eventually, processes_with

JSON = {"Content-Type": "application/json"}


@pytest.mark.asyncio
async def test_an_agent_that_is_killed_and_started_again(tmp_path: Path) -> None:
    """Nested containers run on and are found again; a session is ended, and what it left is cleaned up."""
    go, marker = tmp_path / "go", str(tmp_path / "marker")
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=1, processes=True, checkpoint=True) as cluster,
        aiohttp.ClientSession() as session,
    ):
        (agent,) = cluster.agents
        assert isinstance(agent, NodeProcess)

        async def call(kind: str, **part: Any) -> Any:
            url = f"http://{agent.address}/slave(1)/api/v1"
            body = json.dumps({"type": kind, kind.lower(): part})
            async with session.post(url, data=body, headers=JSON) as response:
                answer = await response.text()
                assert response.status == 200, answer
                return json.loads(answer)[kind.lower()] if answer else None

        async def work(script: Script) -> None:
            handle = script.submit(f"until test -e {go}.all; do sleep 0.02; done", cpus=0.1, mem=16)
            await handle.reached(TaskState.RUNNING)
            (found,) = (await call("GET_CONTAINERS"))["containers"]
            nested = {"value": "nested", "parent": found["container_id"]}
            line = f"until test -e {go}; do sleep 0.02; done; exit 3"
            await call("LAUNCH_NESTED_CONTAINER", container_id=nested, command={"value": line})
            part = {
                "container_id": {"value": "session", "parent": found["container_id"]},
                "command": {"value": f"echo ready; trap '' HUP PIPE TERM; MARKER={marker} sleep 1000"},
            }
            kind = "LAUNCH_NESTED_CONTAINER_SESSION"
            body = json.dumps({"type": kind, kind.lower(): part})
            async with session.post(f"http://{agent.address}/api/v1", data=body, headers=JSON) as response:
                await response.content.readline()
                await eventually(lambda: processes_with(marker))
                agent.kill()
                await agent.wait()
            # Nobody has said that it is to end, and nobody is there to see to it.
            assert processes_with(marker)
            await agent.restart()
            await eventually(lambda: not processes_with(marker))
            assert list(cluster.work_dir.glob("agent-*/streams/*")) == []
            waiting = asyncio.ensure_future(call("WAIT_NESTED_CONTAINER", container_id=nested))
            go.touch()
            assert await waiting == {"exit_status": 3 << 8}
            await call("REMOVE_NESTED_CONTAINER", container_id=nested)
            await call(
                "LAUNCH_NESTED_CONTAINER",
                container_id=nested,
                command={"value": f"MARKER={marker} sleep 1000"},
            )
            waiting = asyncio.ensure_future(call("WAIT_NESTED_CONTAINER", container_id=nested))
            Path(f"{go}.all").touch()
            assert (await handle).state is TaskState.FINISHED
            assert await waiting == {"exit_status": signal.SIGKILL}
            assert processes_with(marker) == []

        await cluster.run(Script(work))
