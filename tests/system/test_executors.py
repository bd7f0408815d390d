"""Custom executors: Python programs in processes of their own."""

from __future__ import annotations

import asyncio
import os

import pytest

from cluster import CommandInfo, ExecutorInfo, LocalCluster, Reason, Resources, TaskState, python_command
from tests.system.harness import Script, run_script

RESOURCES = Resources.of(cpus=0.2, mem=32)


def program(mode: str, executor_id: str = "e") -> ExecutorInfo:
    return ExecutorInfo(executor_id, python_command("tests.system.program", mode), RESOURCES)


@pytest.mark.asyncio
async def test_several_tasks_in_one_executor_and_their_results() -> None:
    async def work(script: Script) -> None:
        handles = [
            script.submit(executor=program("work"), data=b"pid:%d" % number, cpus=0.2, mem=16)
            for number in range(3)
        ]
        results = [(await handle.result()).decode().split() for handle in handles]
        assert [name for name, _ in results] == ["pid:0", "pid:1", "pid:2"]
        assert len({pid for _, pid in results}) == 1
        assert int(results[0][1]) != os.getpid()

    await run_script(work)


@pytest.mark.asyncio
async def test_a_task_that_raises_fails_with_the_text_and_the_others_go_on() -> None:
    async def work(script: Script) -> None:
        bad = script.submit(executor=program("work"), data=b"raise", cpus=0.1)
        good = script.submit(executor=program("work"), data=b"fine", cpus=0.1)
        status = await bad
        assert (status.state, status.message) == (TaskState.FAILED, "ValueError: as asked")
        assert (await good).state is TaskState.FINISHED

    await run_script(work)


@pytest.mark.asyncio
async def test_messages_both_ways() -> None:
    async def work(script: Script) -> None:
        handle = script.submit(executor=program("work"), data=b"until-message", cpus=0.1)
        status = await handle.reached(TaskState.RUNNING)
        script.send_message(status.agent_id, "e", b"ping")
        await script.until(lambda: script.messages)
        assert script.messages == [b"got ping"]
        assert (await handle.result()).startswith(b"until-message")

    await run_script(work)


@pytest.mark.asyncio
async def test_kill_cancels_the_task_and_the_executor_lives_on() -> None:
    async def work(script: Script) -> None:
        handle = script.submit(executor=program("work"), data=b"for-ever", cpus=0.1)
        await handle.reached(TaskState.RUNNING)
        script.kill(handle.task_id)
        assert (await handle).state is TaskState.KILLED
        assert (
            await script.submit(executor=program("work"), data=b"x", cpus=0.1)
        ).state is TaskState.FINISHED
        assert script.lost_executors == []

    await run_script(work)


@pytest.mark.asyncio
@pytest.mark.parametrize("line", ["exit 5", "kill -9 $$"])
async def test_an_executor_that_exits_at_once(line: str) -> None:
    executor = ExecutorInfo("e", CommandInfo(line), RESOURCES)

    async def work(script: Script) -> None:
        status = await script.submit(executor=executor, cpus=0.1)
        assert (status.state, status.reason) == (TaskState.FAILED, Reason.EXECUTOR_TERMINATED)
        assert ("status 5" if "5" in line else "SIGKILL") in status.message
        await script.until(lambda: script.lost_executors)
        assert script.lost_executors == ["e"]
        # All of the agent is free again.
        resources = "cpus:2;mem:1024"
        assert (await script.submit("true", resources=resources)).state is TaskState.FINISHED

    await run_script(work)


@pytest.mark.asyncio
async def test_an_executor_whose_program_does_not_exist() -> None:
    executor = ExecutorInfo("e", CommandInfo("no-such-program", shell=False), RESOURCES)

    async def work(script: Script) -> None:
        status = await script.submit(executor=executor, cpus=0.1)
        assert status.state is TaskState.FAILED
        assert "no-such-program" in status.message
        assert (await script.submit("true", resources="cpus:2;mem:1024")).state is TaskState.FINISHED

    await run_script(work)


@pytest.mark.asyncio
async def test_an_executor_that_dies_with_its_tasks() -> None:
    async def work(script: Script) -> None:
        first = script.submit(executor=program("work"), data=b"for-ever", cpus=0.1)
        await first.reached(TaskState.RUNNING)
        second = script.submit(executor=program("work"), data=b"exit", cpus=0.1)
        for handle in (first, second):
            status = await handle
            assert (status.state, status.reason) == (TaskState.FAILED, Reason.EXECUTOR_TERMINATED)

    await run_script(work)


@pytest.mark.asyncio
async def test_shutting_an_executor_down() -> None:
    async def work(script: Script) -> None:
        handle = script.submit(executor=program("work"), data=b"for-ever", cpus=0.1)
        status = await handle.reached(TaskState.RUNNING)
        script.shutdown_executor(status.agent_id, "e")
        assert (await handle).state.terminal
        await script.until(lambda: script.lost_executors)

    await run_script(work)


@pytest.mark.asyncio
async def test_a_callback_that_waits_for_a_later_one_does_not_lock() -> None:
    class Waiting(Script):
        async def status(self, status: object) -> None:
            await super().status(status)
            # Waits in a callback for what only later callbacks bring.
            await self.until(lambda: any(s.state is TaskState.FINISHED for s in self.statuses))

    async def work(script: Script) -> None:
        assert (await script.submit("true", cpus=0.1)).state is TaskState.FINISHED

    async with asyncio.timeout(30), LocalCluster(agents=1) as cluster:
        await cluster.run(Waiting(work))


@pytest.mark.asyncio
async def test_a_callback_that_raises_ends_the_framework_with_its_error() -> None:
    async def work(script: Script) -> None:
        await script.submit("sleep 600", cpus=0.1).reached(TaskState.RUNNING)
        raise LookupError("as asked")

    with pytest.raises(LookupError, match="as asked"):
        await run_script(work)
