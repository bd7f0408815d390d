"""Recovery when not all is well: shims and zygotes killed, records that are torn or forged, other users."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop

from isolation import Exit, LauncherClosedError
from isolation.outcome import LOST
from isolation.proc import read_stat
from isolation.records import parse_record
from isolation.zygote.journal import Journal
from isolation.zygote.lines import encode_line

from .box import Box, eventually
from .owner import (
    DAEMON,
    DESTROYED,
    alive,
    cleanly,
    kill_together,
    owning,
    record,
    recover,
    start_owner,
)


@pytest.mark.asyncio
async def test_a_shim_that_is_killed_while_there_is_no_owner(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"a": DAEMON, "b": DAEMON, "c": DAEMON})
        await owner.kill()
        os.kill(owner.pids["a"][1], signal.SIGKILL)
        os.kill(owner.pids["b"][1], signal.SIGSTOP)
        await eventually(lambda: len(box.processes()) == 6)
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert (await found["a"].wait(), await found["b"].wait()) == (LOST, LOST)
            assert not found["c"].ended
            # And while there is a new one.
            os.kill(found["c"].keeper_pid, signal.SIGKILL)
            assert await found["c"].wait() == LOST
            assert box.processes() == []


@pytest.mark.asyncio
async def test_shim_and_zygote_both_killed(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    """What they would have adopted is found by its session, its parents, and its environment."""
    lines = {"a": DAEMON, "b": f"env -i {DAEMON}", "c": "exit 6"}
    async with cleanly(box):
        owner = await start_owner(box, lines)
        await eventually(lambda: len(box.processes()) >= 11)
        await owner.kill()
        kill_together(owner.zygote, owner.pids["a"][1], owner.pids["b"][1])
        assert box.processes()
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert {name: await container.wait() for name, container in found.items()} == {
                "a": LOST,
                "b": LOST,
                "c": Exit(code=6),
            }
            assert box.processes() == []


@pytest.mark.asyncio
async def test_the_zygote_alone_is_killed(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"a": DAEMON, "b": DAEMON})
        await owner.kill()
        os.kill(owner.zygote, signal.SIGSTOP)
        os.kill(owner.pids["b"][1], signal.SIGSTOP)
        os.kill(owner.zygote, signal.SIGKILL)
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert (await found["a"].wait(), await found["b"].wait()) == (DESTROYED, DESTROYED)
            assert box.processes() == []


async def recover_from_a_lost_zygote(box: Box) -> set[Exit]:
    async with cleanly(box):
        owner = await start_owner(box, {"a": DAEMON, "b": DAEMON, "c": DAEMON})
        await owner.kill()
        os.kill(owner.zygote, signal.SIGSTOP)
        os.kill(owner.pids["a"][1], signal.SIGSTOP)
        kill_together(owner.zygote, owner.pids["b"][1])
        async with owning(box) as launcher:
            return {await container.wait() for container in await launcher.recover()}


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_on_both_event_loops(box: Box, run: Any) -> None:
    assert run(recover_from_a_lost_zygote(box)) == {LOST}
    assert box.processes() == []


@pytest.mark.asyncio
async def test_the_zygote_of_recovered_containers_is_killed(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"a": DAEMON, "b": DAEMON})
        await owner.kill()
        async with owning(box) as launcher:
            found = await recover(launcher)
            kill_together(owner.zygote, owner.pids["a"][1])
            assert (await found["a"].wait(), await found["b"].wait()) == (LOST, DESTROYED)
            assert box.processes() == []


def forge(box: Box, *lines: bytes, name: str = "forged") -> Path:
    folder = box.state / "old.0123456789abcdef"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.container"
    path.write_bytes(b"".join(lines))
    return path


BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.asyncio
@pytest.mark.parametrize("late", [1, -1])
async def test_a_process_that_has_the_number_of_another_is_left_alone(box: Box, late: int) -> None:
    async with cleanly(box):
        innocent = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
        stat = read_stat(innocent.pid)
        assert stat is not None
        wrong = stat.start_ticks + late
        forge(
            box,
            encode_line("begun", "1", BOOT, 1, innocent.pid, wrong),
            encode_line("started", innocent.pid, wrong),
        )
        async with owning(box) as launcher:
            (container,) = await launcher.recover()
            assert await container.wait() == LOST
        assert innocent.returncode is None
        assert alive(innocent.pid)
        # With the right start it is not.
        forge(
            box,
            encode_line("begun", "1", BOOT, 1, innocent.pid, wrong),
            encode_line("started", innocent.pid, stat.start_ticks),
        )
        async with owning(box) as launcher:
            (container,) = await launcher.recover()
            assert await container.wait() == LOST
        assert await innocent.wait() == -signal.SIGKILL


@pytest.mark.asyncio
async def test_another_boot(box: Box) -> None:
    async with cleanly(box):
        innocent = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
        stat = read_stat(innocent.pid)
        assert stat is not None
        begun = encode_line("begun", "1", "another-boot", 1, innocent.pid, stat.start_ticks)
        started = encode_line("started", innocent.pid, stat.start_ticks)
        forge(box, begun, started)
        forge(box, begun, started, encode_line("exited", 256, 0, "0.1", "0.2"), name="ended")
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert all(container.ended for container in found.values())
            assert await found["forged"].wait() == LOST
            # That it had ended, and how, stays true.
            assert await found["ended"].wait() == Exit(code=1)
        assert alive(innocent.pid)
        innocent.kill()
        await innocent.wait()


@pytest.mark.asyncio
@pytest.mark.parametrize("kept", [0, 20, -1, "started"])
@pytest.mark.parametrize("zygote", ["alive", "killed"])
async def test_a_record_that_is_torn(
    box: Box, kept: int | str, zygote: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"torn": DAEMON, "whole": DAEMON})
        await eventually(lambda: len(box.processes()) == 12)
        await owner.kill()
        path = record(box, "torn")
        whole = path.read_bytes()
        path.write_bytes(whole[:kept] if isinstance(kept, int) else whole.replace(b"started", b"stared"))
        if zygote == "killed":
            kill_together(owner.zygote, owner.pids["torn"][1])
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert await found["torn"].wait() == LOST
            assert "container torn: its record is not whole" in caplog.text
            if zygote == "alive":
                await eventually(lambda: len(box.processes()) == 6)
                assert not found["whole"].ended
            await found["whole"].destroy()
            assert box.processes() == []


@pytest.mark.asyncio
async def test_what_is_not_on_record_does_not_live_on(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"gone": DAEMON, "there": DAEMON})
        await owner.kill()
        record(box, "gone").unlink()
        async with owning(box) as launcher:
            (there,) = await launcher.recover()
            await eventually(lambda: len(box.processes()) == 6)
            assert not there.ended


def test_a_command_starts_only_while_its_record_can_begin(tmp_path: Path) -> None:
    (tmp_path / "live.e").mkdir()
    state = os.open(tmp_path, os.O_RDONLY)
    journal = Journal(state, "e")
    try:
        first = journal.begin("first", 1)
        (tmp_path / "live.e").rename(tmp_path / "old.e")
        with pytest.raises(FileNotFoundError):
            journal.begin("second", 2)
        # What began goes on where it is.
        assert first.add("started", 5, 6)
        record = parse_record((tmp_path / "old.e" / "first.container").read_bytes())
        assert (record.number, record.shim_pid, record.pid, record.start) == (1, os.getpid(), 5, 6)
        assert (record.boot, record.trouble) == (BOOT, "")
        first.withdraw()
        assert list((tmp_path / "old.e").iterdir()) == []
    finally:
        os.close(journal.fd)
        os.close(state)


NOBODY = """
import os, socket, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.chmod(fd, 0o755)
os.chmod("zygote", 0o666, dir_fd=fd)
os.setresuid(65534, 65534, 65534)
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect(f"/proc/self/fd/{fd}/zygote")
print(connection.recv(100))
"""


@pytest.mark.asyncio
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
async def test_another_user_is_no_owner(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"a": DAEMON})
        await owner.kill()
        other = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", NOBODY, str(record(box, "a").parent)), stdout=asyncio.subprocess.PIPE
        )
        assert (await other.communicate())[0] == b"b''\n"
        async with owning(box) as launcher:
            (container,) = await launcher.recover()
            assert not container.ended


@pytest.mark.asyncio
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
async def test_another_user_is_no_zygote(box: Box) -> None:
    async with cleanly(box):
        folder = forge(box, encode_line("begun", "1", BOOT, 1, 1, 1)).parent
        folder.chmod(0o777)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = os.open(folder, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{fd}/zygote")
        os.seteuid(65534)
        try:
            listener.listen()
        finally:
            os.seteuid(0)
        with listener:
            async with owning(box) as launcher:
                with pytest.raises(LauncherClosedError, match="of user 65534"):
                    await launcher.recover()
        os.close(fd)
        async with owning(box) as launcher:
            (container,) = await launcher.recover()
            assert await container.wait() == LOST
