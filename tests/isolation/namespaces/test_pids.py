"""A PID namespace for each container: with its death everything in it dies."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from isolation import (
    CgroupIsolator,
    Exit,
    Launcher,
    LaunchError,
    Limits,
    Mount,
    NamespaceIsolator,
    Setup,
    isolators_named,
)
from tests.isolation.box import Box, eventually
from tests.isolation.namespaces.setups import Made, run, said

PID = Setup(namespaces=frozenset({"pid", "mount"}), mounts=(Mount(target=Path("/proc"), kind="proc"),))


@pytest.mark.asyncio
async def test_it_sees_only_its_own_processes(box: Box) -> None:
    told = await said(
        box, PID, "echo $$; cd /proc; ls -d [0-9]*; cat 1/comm; ls 1/fd >/dev/null 2>&1 || echo closed"
    )
    main, *rest = told.splitlines()
    assert (main, rest[:2]) == ("2", ["1", "2"])
    assert len(rest) <= 5
    assert "ostrom-init" in rest


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("exit 0", Exit(code=0)),
        ("exit 255", Exit(code=255)),
        ("kill -TERM $$", Exit(signal=15)),
        ("kill -KILL $$", Exit(signal=9)),
        ("ulimit -c 0; kill -SEGV $$", Exit(signal=11)),
        ("(setsid sleep 600 &) ; true & wait; exit 7", Exit(code=7)),
        ("kill -KILL 1; exit 8", Exit(code=8)),
    ],
)
async def test_how_it_ended(box: Box, line: str, end: Exit) -> None:
    assert await run(box, PID, line) == end
    assert box.processes() == []


@pytest.mark.asyncio
async def test_many_by_one_launcher(box: Box) -> None:
    made = Made(PID)
    async with asyncio.timeout(60), Launcher([made]) as launcher:
        for code in range(20):
            made._setup = PID if code % 2 else Setup()
            assert (await (await launcher.launch(box.shell(f"exit {code}"))).wait()).code == code
        ours = str(Path("/proc/self/ns/pid").readlink())
        made._setup = Setup()
        await (await launcher.launch(box.shell("readlink /proc/self/ns/pid"))).wait()
        assert box.out == f"{ours}\n"


@pytest.mark.asyncio
async def test_signals_reach_the_group_and_the_pid_is_the_hosts(box: Box) -> None:
    line = "trap 'echo got; exit 5' TERM; sleep 600 & echo ready; wait"
    async with asyncio.timeout(30), Launcher([Made(PID)]) as launcher:
        container = await launcher.launch(box.shell(line))
        await eventually(lambda: box.out)
        assert box.marker.encode() in Path(f"/proc/{container.pid}/environ").read_bytes()
        assert os.getsid(container.pid) == container.pid
        container.signal(signal.SIGTERM)
        assert (await container.wait()).code == 5
        assert box.out == "ready\ngot\n"
        assert box.processes() == []


@pytest.mark.asyncio
async def test_destroy_leaves_nothing(box: Box) -> None:
    line = "trap '' TERM; for i in 1 2 3 4 5; do (setsid setsid sleep 600 &); done; echo ready; sleep 600"
    async with asyncio.timeout(30), Launcher([Made(PID)]) as launcher:
        container = await launcher.launch(box.shell(line))
        await eventually(lambda: box.out)
        assert await container.destroy() == Exit(signal=9, destroyed=True)
        assert box.processes() == []


@pytest.mark.asyncio
async def test_no_foreign_descriptors_and_signals_as_ever(box: Box) -> None:
    line = "cat /dev/stdin; ls /proc/$$/fd; grep SigIgn /proc/$$/status; ps -o pid=,pgid=,sid= -p $$"
    *fds, ignored, ids = (await said(box, PID, line)).splitlines()
    assert fds == ["0", "1", "2"]
    assert int(ignored.split()[1], 16) & ~(0b11 << 31) == 0
    assert ids.split() == ["2"] * 3


@pytest.mark.asyncio
async def test_what_cannot_be_started(box: Box) -> None:
    made = Made(PID)
    async with asyncio.timeout(30), Launcher([made]) as launcher:
        with pytest.raises(LaunchError, match="command no-such-program"):
            await launcher.launch(box.spec("no-such-program"))
        with pytest.raises(LaunchError, match="working directory /no-such"):
            await launcher.launch(box.shell("true", cwd=Path("/no-such")))
        assert (await (await launcher.launch(box.shell("exit 3"))).wait()).code == 3


@pytest.mark.asyncio
async def test_a_killed_shim_leaves_nothing(box: Box) -> None:
    async with asyncio.timeout(30), Launcher([Made(PID)]) as launcher:
        container = await launcher.launch(box.shell("(setsid sleep 600 &); echo ready; sleep 600"))
        await eventually(lambda: box.out)
        os.kill(container.keeper_pid, signal.SIGKILL)
        await container.wait()
        assert box.processes() == []


@pytest.mark.asyncio
async def test_it_outlives_its_launcher_and_is_found_again(box: Box) -> None:
    async with asyncio.timeout(30):
        first = Launcher([Made(PID)], state_dir=box.state)
        line = "trap 'exit 6' TERM; echo ready; sleep 600 & wait"
        container = await first.launch(box.shell(line))
        quick = await first.launch(box.shell("exit 4", id="quick"))
        await eventually(lambda: "ready" in box.out)
        await first.detach()
        async with Launcher([Made(PID)], state_dir=box.state) as second:
            found = {each.id: each for each in await second.recover()}
            assert found["c"].pid == container.pid
            assert found["quick"].pid == quick.pid
            assert (await found["quick"].wait()).code == 4
            found["c"].signal(signal.SIGTERM)
            assert (await found["c"].wait()).code == 6
            assert box.processes() == []


@pytest.mark.asyncio
async def test_what_has_lost_shim_and_zygote_dies_by_itself(box: Box) -> None:
    async with asyncio.timeout(30):
        first = Launcher([Made(PID)], state_dir=box.state)
        container = await first.launch(box.shell("(setsid sleep 600 &); echo ready; sleep 600"))
        await eventually(lambda: box.out)
        shim = container.keeper_pid
        zygote = int(Path(f"/proc/{shim}/stat").read_text().rpartition(")")[2].split()[1])
        await first.detach()
        os.kill(zygote, signal.SIGSTOP)
        os.kill(shim, signal.SIGKILL)
        os.kill(zygote, signal.SIGKILL)
        # Nobody is told to kill it: it is init that sees the end of the shim.
        await eventually(lambda: not box.processes())


@pytest.mark.asyncio
async def test_an_end_of_output_is_seen_while_it_runs(box: Box) -> None:
    fifo = box.path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        async with asyncio.timeout(30), Launcher([Made(PID)]) as launcher:
            container = await launcher.launch(box.shell("exec >&- 2>&-; sleep 600", stdout=fifo))
            await eventually(lambda: _at_end(reader))
            await container.destroy()
    finally:
        os.close(reader)


@pytest.mark.asyncio
async def test_with_control_groups(box: Box) -> None:
    isolators = [CgroupIsolator(f"ostrom-test-{box.marker[:12]}"), NamespaceIsolator(pid=True)]
    async with asyncio.timeout(60), Launcher(isolators) as launcher:
        line = "sleep 600 & x=x; while :; do x=$x$x; done"
        container = await launcher.launch(box.shell(line, limits=Limits(memory=32 << 20, pids=20)))
        end = await container.wait()
        assert end.limitation is not None
        assert end.limitation.kind == "memory"
        frozen = await launcher.launch(box.shell("echo $$; sleep 600 & wait"))
        await eventually(lambda: box.out)
        isolators[0].freeze(frozen)  # type: ignore[attr-defined]
        assert (await frozen.destroy()).destroyed
        assert box.processes() == []


@pytest.mark.asyncio
async def test_processor_time_of_what_ended_is_known(box: Box) -> None:
    async with asyncio.timeout(60), Launcher([Made(PID)]) as launcher:
        container = await launcher.launch(box.shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"))
        await container.wait()
        assert container.usage().user_seconds + container.usage().system_seconds > 0.05


def test_by_name() -> None:
    (isolator,) = isolators_named("namespaces-pid", "x")
    assert isolator.support()["process ids"] is None
    with pytest.raises(ValueError, match="has namespaces twice"):
        isolators_named("namespaces,namespaces-pid", "x")
    with pytest.raises(ValueError, match="takes one of mounts, for its /proc"):
        Setup(namespaces=frozenset({"pid"}))


def _at_end(fd: int) -> bool:
    try:
        return os.read(fd, 10) == b""
    except BlockingIOError:
        return False
