"""PyMesos's executor driver, unmodified, run by an agent for a scheduler of PyMesos's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cluster.local import LocalCluster, NodeProcess
from cluster.master.invariants import violations
from tests.pymesos.remote import LIMIT, Remote, Schedulers, data, executor, schedulers, task, text, value
from tests.system.harness import eventually, processes_with, sandbox


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1, resources="cpus:4;mem:1024") as cluster:
        yield cluster
        assert violations(cluster.master_node.master.state) == []


@pytest_asyncio.fixture
async def started(pymesos: Path, tmp_path: Path) -> AsyncIterator[Schedulers]:
    async with schedulers(pymesos, tmp_path) as started:
        yield started


class Run:
    """A scheduler whose tasks run in one executor."""

    def __init__(self, framework: Remote, agent_id: Any, executor_id: Any) -> None:
        self.framework = framework
        self.agent_id = agent_id
        self.executor_id = executor_id

    async def send(self, message: str) -> None:
        await self.framework.call("sendFrameworkMessage", self.executor_id, self.agent_id, data(message))

    async def pid(self) -> int:
        """The executor's process, which it tells in answer to any message."""
        await self.send("who")
        executor_id, agent_id, answer = await self.framework.event("frameworkMessage")
        assert (executor_id, agent_id) == (self.executor_id, self.agent_id)
        pid, _, rest = text(answer).partition(" ")
        assert rest == "got who"
        return int(pid)


async def launched(
    started: Schedulers, python: Path, master: str, *task_ids: str, options: Any = None
) -> Run:
    framework = await started.start(master, options=options)
    (offer,) = await framework.offers()
    info = executor(python)
    tasks = [task(offer, task_id, executor=info, data=data(f"of {task_id}")) for task_id in task_ids]
    await framework.call("launchTasks", offer["id"], tasks, {"refuse_seconds": 600})
    for task_id in task_ids:
        status = await framework.status(task_id, "TASK_RUNNING")
        assert status["agent_id"] == offer["agent_id"]
        assert status["executor_id"] == info["executor_id"]
        assert status["source"] == "SOURCE_EXECUTOR"
    return Run(framework, offer["agent_id"], info["executor_id"])


@pytest.mark.asyncio
async def test_tasks_messages_and_kill(cluster: LocalCluster, started: Schedulers, pymesos: Path) -> None:
    run = await launched(started, pymesos, cluster.master, "a", "b", "c")
    pid = await run.pid()
    assert Path(f"/proc/{pid}/exe").resolve() == pymesos.resolve()
    assert Path(f"/proc/{pid}/cwd").resolve() == sandbox(cluster, "main").resolve()
    # It ends its process group when it has lost its agent: there must be nothing else of ours in that.
    assert os.getpgid(pid) == pid
    await run.framework.call("killTask", value("a"))
    status = await run.framework.status("a", "TASK_KILLED")
    assert status["uuid"]
    await run.send("TASK_FINISHED b")
    await run.framework.status("b", "TASK_FINISHED")
    await run.send("TASK_FAILED c")
    await run.framework.status("c", "TASK_FAILED")
    # It lives on without a task.
    assert await run.pid() == pid
    await run.framework.call("stop")
    await run.framework.end()
    await eventually(lambda: not Path(f"/proc/{pid}").exists())
    said = (sandbox(cluster, "main") / "stderr").read_text()
    assert "'data': '" + data("of a") + "'" in said
    assert "killTask {'value': 'a'}" in said
    assert "shutdown" in said
    assert "Traceback" not in said


@pytest.mark.asyncio
async def test_a_group(cluster: LocalCluster, started: Schedulers, pymesos: Path) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    group = {
        "type": "LAUNCH_GROUP",
        "launch_group": {
            "executor": {"type": "CUSTOM", **executor(pymesos)},
            "task_group": {"tasks": [task(offer, "a"), task(offer, "b")]},
        },
    }
    await framework.call("acceptOffers", [offer["id"]], [group])
    for task_id in ("a", "b"):
        await framework.status(task_id, "TASK_RUNNING")
    assert "launchTaskGroup" in (sandbox(cluster, "main") / "stderr").read_text()
    # What else ends with one of the group is for the executor to say: this one ends it alone.
    for task_id in ("a", "b"):
        await framework.call("killTask", value(task_id))
        await framework.status(task_id, "TASK_KILLED")


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [0, 7])
async def test_an_executor_that_ends_by_itself(
    cluster: LocalCluster, started: Schedulers, pymesos: Path, status: int
) -> None:
    run = await launched(started, pymesos, cluster.master, "a", "b")
    await run.send(f"exit {status}")
    for task_id in ("a", "b"):
        told = await run.framework.status(task_id, "TASK_FAILED")
        assert told["reason"] == "REASON_EXECUTOR_TERMINATED"
    # The status is what waitpid(2) says.
    assert await run.framework.event("executorLost") == [run.executor_id, run.agent_id, status << 8]
    assert run.framework.heard("slaveLost") == []
    # The same one can be started again.
    await run.framework.call("reviveOffers")
    (offer,) = await run.framework.offers()
    again = task(offer, "c", executor=executor(pymesos), data=data("quick"))
    await run.framework.call("launchTasks", offer["id"], [again])
    await run.framework.status("c", "TASK_FINISHED")


@pytest.mark.asyncio
async def test_a_command_that_is_no_executor(
    cluster: LocalCluster, started: Schedulers, pymesos: Path
) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    wrong = {**executor(pymesos), "command": {"value": "exec no-such-program"}}
    await framework.call("launchTasks", offer["id"], [task(offer, "a", executor=wrong)])
    await framework.status("a", "TASK_FAILED")
    # The shell's word for that.
    assert (await framework.event("executorLost"))[2] == 127 << 8


@pytest.mark.asyncio
async def test_updates_of_an_executor_that_are_not_acknowledged(
    cluster: LocalCluster, started: Schedulers, pymesos: Path
) -> None:
    run = await launched(started, pymesos, cluster.master, "a", options={"implicit_acknowledgements": False})
    await run.send("TASK_FINISHED a")
    again = await run.framework.status("a", "TASK_RUNNING")
    assert run.framework.heard("statusUpdate") == []
    await run.framework.call("acknowledgeStatusUpdate", again)
    last = await run.framework.status("a", "TASK_FINISHED")
    await run.framework.call("acknowledgeStatusUpdate", last)
    await run.framework.call("stop")
    await run.framework.end()


@pytest.mark.asyncio
async def test_the_executor_goes_on_for_another_scheduler(
    cluster: LocalCluster, started: Schedulers, pymesos: Path
) -> None:
    run = await launched(started, pymesos, cluster.master, "a")
    pid = await run.pid()
    (framework_id, _) = await run.framework.event("registered")
    await run.framework.call("stop", failover=True)
    await run.framework.end()
    run.framework = await started.start(cluster.master, framework_id=framework_id["value"])
    await run.framework.event("reregistered")
    assert await run.pid() == pid
    await run.send("TASK_FINISHED a")
    await run.framework.status("a", "TASK_FINISHED")


@pytest.mark.asyncio
async def test_what_is_told_while_no_scheduler_is_there(
    cluster: LocalCluster, started: Schedulers, pymesos: Path
) -> None:
    run = await launched(started, pymesos, cluster.master, "a")
    (framework_id, _) = await run.framework.event("registered")
    # The message goes first: it arrives, and what it leads to is told to nobody.
    await run.send("TASK_FINISHED a")
    run.framework.kill()
    successor = await started.start(cluster.master, framework_id=framework_id["value"])
    await successor.event("reregistered")
    await successor.status("a", "TASK_FINISHED")


@pytest.mark.asyncio
async def test_a_killed_agent_comes_back_to_its_executor(
    started: Schedulers, pymesos: Path, tmp_path: Path
) -> None:
    """It checkpoints: the executor, which is told so, waits and connects again."""
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=1, processes=True, checkpoint=True, work_dir=tmp_path / "cluster") as cluster,
    ):
        run = await launched(started, pymesos, cluster.master, "a", "b")
        pid = await run.pid()
        (agent,) = cluster.agents
        assert isinstance(agent, NodeProcess)
        agent.kill()
        await agent.restart()
        said = sandbox(cluster, "main") / "stderr"
        await eventually(lambda: "reregistered" in said.read_text())
        assert await run.pid() == pid
        await run.send("TASK_FINISHED a")
        await run.framework.status("a", "TASK_FINISHED")
        await run.framework.call("killTask", value("b"))
        await run.framework.status("b", "TASK_KILLED")
        assert run.framework.heard("slaveLost") == []
        assert run.framework.heard("executorLost") == []
        await run.framework.call("stop")
        await run.framework.end()


@pytest.mark.asyncio
async def test_no_update_is_lost_with_an_agent(started: Schedulers, pymesos: Path, tmp_path: Path) -> None:
    """The agent has acknowledged two updates to the executor, the scheduler none of them to the agent."""
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=1, processes=True, checkpoint=True, work_dir=tmp_path / "cluster") as cluster,
    ):
        explicit = {"implicit_acknowledgements": False}
        run = await launched(started, pymesos, cluster.master, "a", options=explicit)
        await run.send("TASK_FINISHED a")
        said = sandbox(cluster, "main") / "stderr"
        await eventually(lambda: said.read_text().count("acknowledged a") == 2)
        (agent,) = cluster.agents
        assert isinstance(agent, NodeProcess)
        agent.kill()
        await agent.restart()
        first = await run.framework.status("a", "TASK_RUNNING")
        assert run.framework.heard("statusUpdate") == []
        await run.framework.call("acknowledgeStatusUpdate", first)
        last = await run.framework.status("a", "TASK_FINISHED")
        await run.framework.call("acknowledgeStatusUpdate", last)
        await run.framework.call("stop")
        await run.framework.end()


@pytest.mark.asyncio
async def test_an_executor_without_an_agent_ends_itself(
    started: Schedulers, pymesos: Path, tmp_path: Path
) -> None:
    """The agent does not checkpoint: the executor is told so, and does not wait for another."""
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=1, processes=True, work_dir=tmp_path / "cluster") as cluster,
    ):
        run = await launched(started, pymesos, cluster.master, "a")
        pid = await run.pid()
        (agent,) = cluster.agents
        assert isinstance(agent, NodeProcess)
        agent.kill()
        await run.framework.status("a", "TASK_LOST")
        assert await run.framework.event("slaveLost") == [run.agent_id]
        await eventually(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.asyncio
async def test_a_stopped_executor_is_killed(
    cluster: LocalCluster, started: Schedulers, pymesos: Path
) -> None:
    run = await launched(started, pymesos, cluster.master, "a")
    pid = await run.pid()
    os.kill(pid, signal.SIGSTOP)
    await run.framework.call("stop")
    await run.framework.end()
    await eventually(lambda: not processes_with(str(sandbox(cluster, "main"))))
