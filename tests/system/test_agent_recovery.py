"""Agents that are killed and started again, with real processes: what runs lives on, executors come back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cluster import (
    CommandInfo,
    ExecutorInfo,
    LocalCluster,
    Resources,
    TaskInfo,
    TaskState,
    python_command,
)
from cluster.local import NodeProcess
from tests.system.harness import LIMIT, Script, eventually

EXECUTOR = ExecutorInfo("e", python_command("tests.system.program"), Resources.of(cpus=0.5, mem=64))


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with LocalCluster(agents=1, processes=True, checkpoint=True) as cluster:
        yield cluster


def agent_of(cluster: LocalCluster) -> NodeProcess:
    (agent,) = cluster.agents
    assert isinstance(agent, NodeProcess)
    return agent


async def run(cluster: LocalCluster, work: Callable[[Any], Awaitable[None]], **options: Any) -> Script:
    script = Script(work, **options)
    async with asyncio.timeout(LIMIT):
        await cluster.run(script)
    return script


def writes(path: Path) -> TaskInfo:
    """A task that says that it began, and when it is told to end, that it ended."""
    line = f"echo begun $$ >> {path}; while ! test -e {path}.end; do sleep 0.05; done; echo ended >> {path}; exit 7"
    return TaskInfo(path.name, Resources.of(cpus=0.25, mem=16), command=CommandInfo(line))


@pytest.mark.asyncio
@pytest.mark.parametrize("meanwhile", [False, True])
async def test_a_command_lives_on(cluster: LocalCluster, tmp_path: Path, *, meanwhile: bool) -> None:
    """It ends while there is no agent, or afterwards: its exit status is the same."""
    agent = agent_of(cluster)

    async def work(script: Script) -> None:
        handle = script.submit(writes(tmp_path / "t"))
        await handle.reached(TaskState.RUNNING)
        await eventually((tmp_path / "t").exists)
        agent.kill()
        await agent.wait()
        if meanwhile:
            (tmp_path / "t.end").touch()
            await eventually(lambda: "ended" in (tmp_path / "t").read_text())
        await agent.restart()
        (tmp_path / "t.end").touch()
        status = await handle
        assert (status.state, status.exit_code) == (TaskState.FAILED, 7)
        assert [word for word in (tmp_path / "t").read_text().split() if word.isalpha()] == ["begun", "ended"]

    script = await run(cluster, work)
    assert script.lost_agents == []


@pytest.mark.asyncio
async def test_an_executor_comes_back_with_its_tasks(cluster: LocalCluster) -> None:
    agent = agent_of(cluster)

    async def work(script: Script) -> None:
        first = script.submit(executor=EXECUTOR, data=b"for-ever", cpus=0.25)
        await first.reached(TaskState.RUNNING)
        agent.kill()
        await agent.restart()
        # The same process takes the next task, and messages and kills find the first.
        second = script.submit(executor=EXECUTOR, data=b"pid", cpus=0.25)
        third = script.submit(executor=EXECUTOR, data=b"pid", cpus=0.25)
        assert await second.result() == await third.result()
        script.kill(first.task_id)
        assert (await first).state is TaskState.KILLED

    script = await run(cluster, work)
    assert script.lost_executors == []


@pytest.mark.asyncio
async def test_sigterm_leaves_what_runs_and_sigusr1_does_not(cluster: LocalCluster, tmp_path: Path) -> None:
    agent = agent_of(cluster)

    async def work(script: Script) -> None:
        handle = script.submit(writes(tmp_path / "t"))
        await handle.reached(TaskState.RUNNING)
        await eventually(lambda: (tmp_path / "t").exists() and (tmp_path / "t").read_text().split()[1:])
        pid = int((tmp_path / "t").read_text().split()[1])
        os.kill(agent.pid, signal.SIGTERM)
        assert await agent.wait() == 0
        os.kill(pid, 0)
        await agent.restart()
        os.kill(agent.pid, signal.SIGUSR1)
        assert await agent.wait() == 0
        await eventually(lambda: not Path(f"/proc/{pid}").exists())
        assert (await handle).state is TaskState.LOST

    await run(cluster, work)


def said(output: bytes) -> str:
    """What a command said, without the box around it."""
    return " ".join(output.decode().replace("│", " ").split())


@pytest.mark.asyncio
async def test_another_agent_cannot_take_the_work_directory(cluster: LocalCluster) -> None:
    agent = agent_of(cluster)
    process = await asyncio.create_subprocess_exec(
        *agent.command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stderr = said((await process.communicate())[1])
    assert process.returncode == 1
    assert "another agent uses it" in stderr


@pytest.mark.asyncio
async def test_an_agent_that_changed_says_what_and_what_to_do(cluster: LocalCluster) -> None:
    agent = agent_of(cluster)
    agent.kill()
    await agent.wait()
    more = [word.replace("cpus:2", "cpus:3") for word in agent.command]
    process = await asyncio.create_subprocess_exec(
        *more, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stderr = said((await process.communicate())[1])
    assert process.returncode == 1
    assert "--reconfiguration-policy" in stderr
    assert "Traceback" not in stderr
    agent.add_arguments("--reconfiguration-policy", "any")
    await agent.restart()


@pytest.mark.asyncio
async def test_what_runs_is_not_forgotten_by_mistake(cluster: LocalCluster, tmp_path: Path) -> None:
    agent = agent_of(cluster)

    async def work(script: Script) -> None:
        handle = script.submit(writes(tmp_path / "t"))
        await handle.reached(TaskState.RUNNING)
        agent.kill()
        await agent.wait()
        forgetful = [word.replace("--checkpoint", "--no-checkpoint") for word in agent.command]
        process = await asyncio.create_subprocess_exec(
            *forgetful, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        stderr = said((await process.communicate())[1])
        assert process.returncode == 1
        assert "1 executors or command tasks" in stderr
        await agent.restart()
        (tmp_path / "t.end").touch()
        assert (await handle).exit_code == 7

    await run(cluster, work)


@pytest.mark.asyncio
async def test_a_master_that_is_started_again_finds_all(cluster: LocalCluster, tmp_path: Path) -> None:
    master = cluster.master_node
    assert isinstance(master, NodeProcess)

    async def work(script: Script) -> None:
        handles = [script.submit(writes(tmp_path / f"t{number}")) for number in range(4)]
        for handle in handles:
            await handle.reached(TaskState.RUNNING)
        master.kill()
        await master.restart()
        for number in range(4):
            (tmp_path / f"t{number}.end").touch()
        assert [(await handle).exit_code for handle in handles] == [7] * 4

    script = await run(cluster, work, failover_timeout=60.0)
    ends = [status for status in script.statuses if status.state.terminal]
    assert {status.task_id for status in ends} == {f"t{number}" for number in range(4)}
