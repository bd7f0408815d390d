"""Command tasks, run for real by an agent inside this process."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from cluster import CommandInfo, KillPolicy, LocalCluster, Reason, TaskFailedError, TaskInfo, TaskState
from tests.system.harness import Script, command, eventually, processes_with, run_script, sandbox


@pytest.mark.asyncio
async def test_the_states_of_a_command_and_its_output() -> None:
    async def work(script: Script) -> None:
        status = await script.submit(command("echo to-out; echo to-err >&2; pwd", "t"))
        assert (status.state, status.exit_code) == (TaskState.FINISHED, 0)
        box = sandbox(cluster, "t")
        assert (box / "stdout").read_text().splitlines() == ["to-out", str(box.resolve())]
        assert (box / "stderr").read_text() == "to-err\n"

    async with LocalCluster(agents=1) as cluster:
        script = await run_script(work, cluster)
    assert [status.state for status in script.statuses] == [TaskState.RUNNING, TaskState.FINISHED]


@pytest.mark.asyncio
async def test_argv_without_a_shell_environment_and_working_directory() -> None:
    info = CommandInfo(
        "printenv",
        ("printenv", "GREETING", "OSTROM_TASK_ID", "PWD"),
        shell=False,
        environment={"GREETING": "hello $HOME; exit 3"},
        working_directory="/",
    )

    async def work(script: Script) -> None:
        status = await script.submit(TaskInfo("t", command("", "x").resources, command=info))
        # printenv exits with 1, as PWD is a shell's variable and there is no shell.
        assert (status.state, status.exit_code) == (TaskState.FAILED, 1)
        assert (sandbox(cluster, "t") / "stdout").read_text() == "hello $HOME; exit 3\nt\n"

    async with LocalCluster(agents=1) as cluster:
        await run_script(work, cluster)


@pytest.mark.asyncio
async def test_a_command_that_fails_says_how() -> None:
    async def work(script: Script) -> None:
        status = await script.submit(command("exit 3", "t"))
        assert (status.state, status.exit_code) == (TaskState.FAILED, 3)
        assert status.message == "the command exited with status 3"
        status = await script.submit(command("kill -SEGV $$", "u"))
        assert (status.state, status.exit_code) == (TaskState.FAILED, None)
        assert "SIGSEGV" in status.message
        with pytest.raises(TaskFailedError, match="TASK_FAILED: the command exited with status 4"):
            await script.submit(command("exit 4", "v")).result()

    await run_script(work)


@pytest.mark.asyncio
async def test_a_command_that_does_not_exist() -> None:
    info = CommandInfo("no-such-program", shell=False)

    async def work(script: Script) -> None:
        status = await script.submit(TaskInfo("t", command("", "x").resources, command=info))
        assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED)
        assert "no-such-program" in status.message
        assert "No such file or directory" in status.message
        # The resources are back, the agent goes on.
        assert (await script.submit(command("true", "u", "cpus:2;mem:1024"))).state is TaskState.FINISHED

    await run_script(work)


@pytest.mark.asyncio
async def test_a_working_directory_that_does_not_exist() -> None:
    async def work(script: Script) -> None:
        info = CommandInfo("true", working_directory="/no/such/directory")
        status = await script.submit(TaskInfo("t", command("", "x").resources, command=info))
        assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED)
        assert "/no/such/directory" in status.message

    await run_script(work)


@pytest.mark.asyncio
async def test_kill_is_sigterm_and_the_task_may_clean_up() -> None:
    line = "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.01; done"

    async def work(script: Script) -> None:
        handle = script.submit(command(line, "t"))
        await handle.reached(TaskState.RUNNING)
        out = sandbox(cluster, "t") / "stdout"
        await eventually(lambda: out.read_text() == "ready\n")
        script.kill("t")
        status = await handle
        assert status.state is TaskState.KILLED
        assert out.read_text() == "ready\ncleaned\n"

    async with LocalCluster(agents=1) as cluster:
        await run_script(work, cluster)


@pytest.mark.asyncio
async def test_what_ignores_sigterm_is_killed_after_the_grace_period_with_all_it_started() -> None:
    marker = uuid.uuid4().hex
    line = f"trap '' TERM; setsid sh -c ': {marker}; while :; do sleep 1; done' & echo ready; wait; wait"

    async def work(script: Script) -> None:
        handle = script.submit(command(line, "t", kill_policy=KillPolicy(0.2)))
        await handle.reached(TaskState.RUNNING)
        out = sandbox(cluster, "t") / "stdout"
        await eventually(lambda: out.read_text() == "ready\n")
        assert processes_with(marker)
        script.kill("t")
        status = await handle
        assert status.state is TaskState.KILLED
        assert processes_with(marker) == []

    async with LocalCluster(agents=1) as cluster:
        await run_script(work, cluster)


@pytest.mark.asyncio
async def test_what_a_task_leaves_behind_ends_with_it() -> None:
    marker = uuid.uuid4().hex

    async def work(script: Script) -> None:
        status = await script.submit(command(f"setsid sh -c ': {marker}; sleep 600' & exit 0", "t"))
        assert status.state is TaskState.FINISHED
        assert processes_with(marker) == []

    await run_script(work)


@pytest.mark.asyncio
async def test_the_tasks_of_a_framework_that_stops_are_killed() -> None:
    marker = uuid.uuid4().hex

    async def work(script: Script) -> None:
        await script.submit(command(f": {marker}; sleep 600; :", "t")).reached(TaskState.RUNNING)

    async with LocalCluster(agents=1) as cluster:
        await run_script(work, cluster)
        async with asyncio.timeout(20):
            await eventually(lambda: not processes_with(marker))


@pytest.mark.asyncio
async def test_a_task_killed_while_it_waits_never_runs() -> None:
    async def work(script: Script) -> None:
        handle = script.submit(command("true", "t", "cpus:1000"))
        script.kill("t")
        assert (await handle).state is TaskState.KILLED

    script = await run_script(work)
    assert [status.state for status in script.statuses] == []


@pytest.mark.asyncio
async def test_many_more_tasks_than_fit_all_run() -> None:
    async def work(script: Script) -> None:
        handles = [script.submit(command("true", f"t{number}", "cpus:1;mem:100")) for number in range(40)]
        assert {(await handle).state for handle in handles} == {TaskState.FINISHED}

    async with LocalCluster(agents=3) as cluster:
        await run_script(work, cluster)


@pytest.mark.asyncio
async def test_a_name_in_a_task_id_cannot_leave_the_sandboxes() -> None:
    async def work(script: Script) -> None:
        status = await script.submit(command("true", "../../escape"))
        assert status.state is TaskState.ERROR
        assert "task_id" in status.message

    await run_script(work)
