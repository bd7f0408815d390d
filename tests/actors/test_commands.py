"""Programs that are run and awaited: their ends are known, their output is bounded, none is left over."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

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
        while alive(pid):
            await asyncio.sleep(0.01)


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
    with pytest.raises(TimeoutError):
        await run_command([*SHELL, f"sleep 60 & echo $! $$ > {pids}; wait"], timeout=0.2)
    for pid in pids.read_text().split():
        await gone(int(pid))


@pytest.mark.asyncio
async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match="/no/such/program"):
        await run_command(["/no/such/program"])


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
