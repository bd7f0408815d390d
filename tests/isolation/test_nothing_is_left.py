"""The promise: when wait or destroy returns, no process of the container is left, whatever it did."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from isolation import Container, Exit, Launcher, LaunchError

from .box import Box, eventually

DESTROYED = Exit(signal=9, destroyed=True)

TREES = {
    "one": "exec sleep 600",
    "children": "sleep 600 & sleep 600 & wait",
    "another session": "setsid sh -c 'sleep 600' & sleep 600",
    "a double fork": "(setsid sh -c '(sleep 600 &) ; sleep 600' &) ; sleep 600",
    "deaf": "trap '' TERM INT HUP; (trap '' TERM; while :; do sleep 1; done) & while :; do sleep 1; done",
    "stopped": "sleep 600 & kill -STOP $!; setsid sh -c 'kill -STOP $$' & kill -STOP $$",
    "deep": "(sleep 600 & setsid sh -c '(sleep 600 & setsid sh -c \"(sleep 600 & sleep 600) & wait\") & wait') & wait",
}


async def up(box: Box, least: int = 1) -> None:
    await eventually(lambda: len(box.processes()) >= least)


@pytest.mark.asyncio
@pytest.mark.parametrize("line", TREES.values(), ids=TREES.keys())
async def test_destroy(launcher: Launcher, box: Box, line: str) -> None:
    container = await launcher.launch(box.shell(line))
    await up(box, 1 if line.startswith("exec") else 3)
    assert await container.destroy() == DESTROYED
    assert box.processes() == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "line",
    [
        "sleep 600 &",
        "setsid sleep 600 &",
        "(setsid sh -c '(sleep 600 &)' &)",
        "trap '' TERM; setsid sleep 600 & kill -9 $$",
    ],
)
async def test_what_outlives_the_main_process_ends_with_it(launcher: Launcher, box: Box, line: str) -> None:
    container = await launcher.launch(box.shell(line))
    await container.wait()
    assert box.processes() == []


@pytest.mark.asyncio
async def test_what_forks_without_end(launcher: Launcher, box: Box) -> None:
    """Each process starts another in a session of its own and ends: a list of what to kill is old when it is read."""
    program = (
        "import os\n"
        "for runner in range(4):\n"
        "    if os.fork() == 0: break\n"
        "while True:\n"
        "    if os.fork(): os._exit(0)\n"
        "    os.setsid()\n"
    )
    container = await launcher.launch(box.shell(f'{sys.executable} -c "{program}"; sleep 600'))
    await up(box, 5)
    assert await container.destroy() == DESTROYED
    assert box.processes() == []


@pytest.mark.asyncio
async def test_threads_that_fork(launcher: Launcher, box: Box) -> None:
    program = (
        "import subprocess, threading, time\n"
        "start = lambda: subprocess.Popen(['sleep', '600'], start_new_session=True).wait()\n"
        "[threading.Thread(target=start).start() for _ in range(5)]\n"
    )
    container = await launcher.launch(box.spec(sys.executable, "-c", program))
    await up(box, 6)
    assert container.usage().processes == 6
    assert await container.destroy() == DESTROYED
    assert box.processes() == []


@pytest.mark.asyncio
async def test_signals_go_to_the_group_and_have_no_effect_at_the_end(launcher: Launcher, box: Box) -> None:
    line = "trap 'echo told; exit 4' USR1; echo ready; while :; do sleep 0.01; done"
    container = await launcher.launch(box.shell(line))
    await eventually(lambda: (box.path / "stdout").exists() and box.out == "ready\n")
    container.signal(signal.SIGUSR1)
    assert await container.wait() == Exit(code=4)
    assert box.out == "ready\ntold\n"
    container.signal(signal.SIGTERM)
    with pytest.raises(ValueError, match="9999"):
        container.signal(9999)


@pytest.mark.asyncio
async def test_a_signal_for_what_has_ended_does_not_hit_the_next(launcher: Launcher, box: Box) -> None:
    """The shim is the same: frames for the first container must not reach the second."""
    for _ in range(50):
        first = await launcher.launch(box.spec("true"))
        await asyncio.sleep(0)
        first.signal(signal.SIGTERM)
        first.doom()
        await first.wait()
        second = await launcher.launch(box.spec("true", id="second"))
        assert await second.wait() == Exit(code=0)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_shim_that_is_killed_or_stopped(launcher: Launcher, box: Box, number: int) -> None:
    container = await launcher.launch(box.shell("setsid sleep 600 & sleep 600; :"))
    await up(box, 3)
    os.kill(container.keeper_pid, number)
    assert await container.wait() == DESTROYED
    assert box.processes() == []
    assert await (await launcher.launch(box.spec("true"))).wait() == Exit(code=0)


@pytest.mark.asyncio
async def test_a_task_that_kills_its_own_shim(launcher: Launcher, box: Box) -> None:
    line = "setsid sleep 600 & while [ ! -e go ]; do sleep 0.01; done; kill -9 $PPID; sleep 600"
    container = await launcher.launch(box.shell(line))
    (box.path / "go").touch()
    assert await container.wait() == DESTROYED
    assert box.processes() == []


@pytest.mark.asyncio
async def test_a_task_that_kills_its_own_shim_before_that_can_report(launcher: Launcher, box: Box) -> None:
    """It is a launch that failed or a container that was destroyed, and in both cases nothing is left."""
    failures = set()
    for _ in range(20):
        try:
            container = await launcher.launch(box.shell("setsid sleep 600 & kill -9 $PPID; sleep 600"))
        except LaunchError as error:
            failures.add(error.text)
        else:
            assert await container.wait() == DESTROYED
        assert box.processes() == []
    assert failures <= {"the process that was to start it was killed"}


@pytest.mark.asyncio
async def test_an_idle_shim_that_is_killed_is_not_used(launcher: Launcher, box: Box) -> None:
    container = await launcher.launch(box.shell("echo $PPID"))
    await container.wait()
    os.kill(int(box.out), signal.SIGKILL)
    for _ in range(20):
        try:
            container = await launcher.launch(box.spec("true"))
        except LaunchError:
            # The news of its end was still on its way.
            continue
        assert await container.wait() == Exit(code=0)


@pytest.mark.asyncio
async def test_a_zygote_that_is_killed_takes_its_containers_along_and_is_replaced(
    launcher: Launcher, box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    running = [
        await launcher.launch(box.shell("setsid sleep 600 & sleep 600; :", id=f"c{n}")) for n in range(3)
    ]
    await up(box, 9)
    os.kill(parent(running[0].keeper_pid), signal.SIGKILL)
    assert {await container.wait() for container in running} == {DESTROYED}
    await eventually(lambda: not box.processes())
    assert "helper process ended" in caplog.text
    assert await (await launcher.launch(box.spec("true"))).wait() == Exit(code=0)


@pytest.mark.asyncio
async def test_close_destroys_what_runs(box: Box) -> None:
    async with asyncio.timeout(30):
        launcher = Launcher()
        running = [
            await launcher.launch(box.shell(line, id=f"c{n}")) for n, line in enumerate(TREES.values())
        ]
        await up(box, 10)
        await launcher.close()
        assert {await container.wait() for container in running} == {DESTROYED}
        assert box.processes() == []


@pytest.mark.asyncio
async def test_a_launch_that_is_cancelled_leaves_nothing(launcher: Launcher, box: Box) -> None:
    for turns in range(12):
        launch = asyncio.ensure_future(launcher.launch(box.shell("setsid sleep 600 & sleep 600; :")))
        for _ in range(turns):
            await asyncio.sleep(0)
        launch.cancel()
        results = await asyncio.gather(launch, return_exceptions=True)
        if isinstance(results[0], Container):
            await results[0].destroy()
    await eventually(lambda: not launcher.containers)
    await eventually(lambda: not box.processes())
    assert await (await launcher.launch(box.spec("true"))).wait() == Exit(code=0)


OWNER = """
import asyncio, sys
from pathlib import Path
from isolation import ContainerSpec, Launcher

async def main():
    box = Path(sys.argv[1])
    async with Launcher() as launcher:
        for n in range(3):
            spec = ContainerSpec(id=f"c{n}", argv=("sh", "-c", "setsid sleep 600 & sleep 600; :"),
                                 env={"PATH": "/usr/bin:/bin", "MARKER": sys.argv[2]},
                                 cwd=box, stdout=box / "o", stderr=box / "e")
            await launcher.launch(spec)
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.asyncio
async def test_an_owner_that_is_killed_takes_all_along(box: Box) -> None:
    async with asyncio.timeout(30):
        owner = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OWNER, str(box.path), box.marker, stdout=asyncio.subprocess.PIPE
        )
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"ready\n"
        await up(box, 9)
        owner.kill()
        await owner.wait()
        await eventually(lambda: len(box.processes()) == 0)


@pytest.mark.asyncio
async def test_usage_while_it_runs_and_after(launcher: Launcher, box: Box) -> None:
    work = (
        "x=0; while [ $x -lt 30000 ]; do x=$((x+1)); done; echo worked; (setsid sleep 600 &); exec sleep 600"
    )
    container = await launcher.launch(box.shell(work))
    await eventually(
        # Not by the marker: the subshell that starts the second has it as well.
        lambda: (box.path / "stdout").exists() and "worked" in box.out and container.usage().processes == 2
    )
    usage = container.usage()
    assert (usage.processes, usage.threads) == (2, 2)
    assert usage.rss_bytes > 100_000
    assert usage.user_seconds + usage.system_seconds > 0
    await container.destroy()
    after = container.usage()
    assert after.processes == 0
    assert after.user_seconds + after.system_seconds > 0
    # The shim serves the next one, whose usage begins at nothing.
    small = await launcher.launch(box.spec("true", id="small"))
    await small.wait()
    assert small.usage().user_seconds < after.user_seconds + after.system_seconds
