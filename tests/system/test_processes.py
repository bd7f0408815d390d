"""Clusters whose nodes are processes: what kill -9 does, and that nothing is left running."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster import ExecutorInfo, LocalCluster, Reason, Resources, TaskState, python_command
from cluster.local import NodeProcess
from tests.system.harness import LIMIT, Script, eventually, processes_with, run_script


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=2, processes=True) as cluster:
        yield cluster


@pytest.mark.asyncio
async def test_kill_9_of_an_agent(cluster: LocalCluster) -> None:
    """The frameworks hear of it, nothing of its tasks is left, and a new agent is used at once."""
    marker = uuid.uuid4().hex
    executor = ExecutorInfo(
        "e",
        python_command("tests.system.program", environment={"MARKER": marker}),
        Resources.of(cpus=0.5, mem=64),
    )

    async def work(script: Script) -> None:
        mine = script.submit(
            executor=executor, data=b"for-ever", cpus=0.5, where=lambda o: o.agent_id == victim_id[0]
        )
        await mine.reached(TaskState.RUNNING)
        command = script.submit(
            f"setsid sh -c ': {marker}; sleep 600; :' & : {marker}; sleep 600; :",
            cpus=0.5,
            where=lambda o: o.agent_id == mine.agent_id,
        )
        await command.reached(TaskState.RUNNING)
        # The executor, the shell, and what it put into a session of its own.
        await eventually(lambda: len(processes_with(marker)) >= 3)
        victim.kill()
        for handle in (mine, command):
            status = await handle
            assert (status.state, status.reason) == (TaskState.LOST, Reason.AGENT_REMOVED)
        await script.until(lambda: script.lost_agents)
        assert script.lost_agents == [mine.agent_id]
        await eventually(lambda: not processes_with(marker))
        # What is left is one agent of two processors; a third task waits for the new one.
        handles = [script.submit("sleep 600", cpus=2) for _ in range(2)]
        first, _ = await asyncio.wait(
            [asyncio.ensure_future(handle.reached(TaskState.RUNNING)) for handle in handles],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert len(first) == 1
        await cluster.add_agent()
        agents = {(await handle.reached(TaskState.RUNNING)).agent_id for handle in handles}
        assert len(agents) == 2
        assert mine.agent_id not in agents

    victim = cluster.agents[0]
    assert isinstance(victim, NodeProcess)
    victim_id = [await agent_id_at(cluster, victim.address)]
    await run_script(work, cluster)


async def agent_id_at(cluster: LocalCluster, address: str) -> str:
    """The id of the agent at an address, as the master's page says."""
    output = await ostrom("agents", "--master", cluster.master, "--json")
    (found,) = [row["id"] for row in json.loads(output) if row["address"] == address]
    return str(found)


async def ostrom(*arguments: str) -> bytes:
    """Run the command to its end; return its output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cluster.cli", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output


async def ostrom_local(work_dir: Path, marker: str) -> asyncio.subprocess.Process:
    """Start `ostrom local` with two agents; it and its nodes are found again by the marker."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cluster.cli", "local", "--agents", "2", "--port", "0"),
        *("--work-dir", str(work_dir)),
        env={**os.environ, "MARKER": marker},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.asyncio
async def test_the_nodes_of_a_parent_that_is_killed_end(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    process = await ostrom_local(tmp_path, marker)
    async with asyncio.timeout(LIMIT):
        assert process.stdout is not None
        while b"Ctrl-C" not in await process.stdout.readline():
            pass
        assert len(processes_with(marker)) >= 4
        process.kill()
        await process.wait()
        await eventually(lambda: not processes_with(marker))


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_ostrom_local_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    marker = uuid.uuid4().hex
    process = await ostrom_local(tmp_path, marker)
    async with asyncio.timeout(LIMIT):
        assert process.stdout is not None
        assert process.stderr is not None
        while b"Ctrl-C" not in await process.stdout.readline():
            pass
        process.send_signal(number)
        assert await process.wait() == 0
        assert processes_with(marker) == []
        assert b"Traceback" not in await process.stderr.read()


@pytest.mark.asyncio
async def test_a_cluster_in_processes_runs_work(cluster: LocalCluster) -> None:
    async def work(script: Script) -> None:
        handles = [script.submit("true", cpus=0.5) for _ in range(20)]
        assert {(await handle).state for handle in handles} == {TaskState.FINISHED}
        assert {handle.agent_id for handle in handles} == {status.agent_id for status in script.statuses}

    await run_script(work, cluster)
