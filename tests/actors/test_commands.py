"""Programs that are run and awaited: their ends are known, their output is bounded, none is left over."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from actors import Actor, ActorSystem, Message, handles, reap, run_command
from actors.simulation import Simulation, SimulationError

SHELL = ["/bin/sh", "-c"]


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int) -> None:
    async with asyncio.timeout(10):
        await reap(pid)


@pytest.mark.asyncio
async def test_status_and_both_outputs() -> None:
    done = await run_command([*SHELL, "cat; echo oops >&2; exit 3"], input=b"hello")
    assert done == (3, b"hello", b"oops\n", False)
    assert (await run_command([*SHELL, "kill -9 $$"])).status == -signal.SIGKILL


@pytest.mark.asyncio
async def test_directory_and_environment(tmp_path: Path) -> None:
    done = await run_command([*SHELL, "pwd; echo $WHO"], cwd=tmp_path, env={"WHO": "me"})
    assert done.stdout.decode().split() == [str(tmp_path), "me"]


@pytest.mark.asyncio
async def test_more_input_and_output_than_a_pipe_holds() -> None:
    data = os.urandom(1 << 20)
    assert (await run_command(["/bin/cat"], input=data)).stdout == data
    assert (await run_command(["/bin/true"], input=data)).status == 0


@pytest.mark.asyncio
async def test_what_exceeds_the_limit_is_dropped_and_said() -> None:
    done = await run_command([*SHELL, "head -c 3000000 /dev/zero; echo done >&2"], limit=1000)
    assert done == (0, bytes(1000), b"done\n", True)
    assert not (await run_command([*SHELL, "head -c 1000 /dev/zero"], limit=1000)).truncated


@pytest.mark.asyncio
async def test_after_its_time_it_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(TimeoutError, match=r"/bin/sh did not end within 0\.2 s"):
        await run_command([*SHELL, f"sleep 60 & echo $! $$ > {pids}; wait"], timeout=0.2)
    for pid in pids.read_text().split():
        await gone(int(pid))


@pytest.mark.asyncio
async def test_who_leaves_the_group_and_holds_the_output_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await run_command([*SHELL, f"setsid sleep 60 & echo $! > {pid}; wait"], timeout=0.2)
    os.kill(int(pid.read_text()), 9)


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
def test_programs_that_end_at_once_and_many_together(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Whether they have read their input or not: on uvloop a pipe that is closed refuses to be written to."""

    async def main() -> None:
        for data in (b"", b"x" * 10, b"x" * 1_000_000):
            for _ in range(5):
                ends = await asyncio.gather(*(run_command(["/bin/true"], input=data) for _ in range(8)))
                assert {end.status for end in ends} == {0}
        many = await asyncio.gather(*(run_command(["/bin/cat"], input=b"x" * 300_000) for _ in range(8)))
        assert {len(end.stdout) for end in many} == {300_000}

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
def test_what_cannot_be_started_is_named(
    loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path
) -> None:
    async def main() -> None:
        with pytest.raises(FileNotFoundError, match="/no/such/program"):
            await run_command(["/no/such/program", "-x"])
        with pytest.raises(FileNotFoundError, match=f"{tmp_path}/none"):
            await run_command(["/bin/true"], cwd=tmp_path / "none")
        with pytest.raises(PermissionError, match=str(tmp_path)):
            await run_command([tmp_path])
        with pytest.raises(TypeError, match="'ls -l', not a list"):
            await run_command("ls -l")

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


class Run(Message):
    pass


@pytest.mark.asyncio
async def test_it_ends_with_the_actor_whose_handler_waits(system: ActorSystem, tmp_path: Path) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)

    class Runner(Actor):
        @handles(Run)
        async def run(self, _message: Run) -> None:
            await run_command([*SHELL, f"echo $$ > {fifo}; exec sleep 60"])

    upid = system.spawn(Runner())
    system.send(upid, Run())
    pid = int(await asyncio.to_thread(fifo.read_text))
    system.terminate(upid)
    await system.wait(upid)
    assert not alive(pid)


@pytest.mark.asyncio
@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill $$", -15)])
async def test_reaping_a_child(script: str, status: int) -> None:
    pid = os.posix_spawn(SHELL[0], [*SHELL, script], os.environ)  # noqa: ASYNC221 - it is awaited by what is tested
    assert await reap(pid) == status
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.asyncio
async def test_reaping_what_is_no_child() -> None:
    done = await run_command([*SHELL, "sleep 0.2 > /dev/null 2>&1 & echo $!"])
    pid = int(done.stdout)
    assert alive(pid)
    assert await reap(pid) is None
    assert not alive(pid)
    assert await reap(pid) is None


@pytest.mark.asyncio
async def test_an_impossible_pid_is_an_error() -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        await reap(-1)


def test_a_simulation_runs_no_programs() -> None:
    async def scenario(_simulation: Simulation) -> None:
        with pytest.raises(SimulationError, match="a subprocess"):
            await run_command(["/bin/true"])
        with pytest.raises(SimulationError, match="a file descriptor"):
            await reap(os.getpid())

    Simulation(1).run(scenario)
