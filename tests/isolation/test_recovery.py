"""Containers that outlive their owner: how the next one finds them again, each with the truth about its end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from isolation import Container, Exit, Launcher, LauncherClosedError, StateInUseError
from isolation.outcome import LOST
from isolation.proc import read_stat
from isolation.zygote.lines import encode_line

from .box import Box, eventually
from .owner import alive, cleanly, kill_together, launch_until_killed, parent, record, start_owner

DESTROYED = Exit(signal=9, destroyed=True)
DAEMON = "setsid sleep 600 & (setsid sh -c '(sleep 600 &) ; sleep 600' &) ; sleep 600; :"
"""Six processes."""


def owning(box: Box, recovery_timeout: float = 60) -> Launcher:
    return Launcher(state_dir=box.state, recovery_timeout=recovery_timeout)


async def recover(launcher: Launcher) -> dict[str, Container]:
    return {container.id: container for container in await launcher.recover()}


@pytest.mark.asyncio
@pytest.mark.parametrize("then", ["kill", "detach"])
async def test_what_runs_what_ended_and_what_ends_later(box: Box, then: str) -> None:
    lines = {
        "daemon": DAEMON,
        "before": "exit 3",
        "between": "while [ ! -e go ]; do sleep 0.01; done; exit 4",
        "later": "trap 'exit 5' USR1; echo ready; while :; do sleep 0.01; done",
    }
    async with cleanly(box):
        owner = await start_owner(box, lines, then="wait" if then == "kill" else "detach")
        await eventually(lambda: (box.path / "later.out").read_text() and len(box.processes()) >= 8)
        if then == "kill":
            owner.process.kill()
        await owner.process.wait()
        (box.path / "go").touch()
        await eventually(lambda: not alive(owner.pids["between"][1]))
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert found.keys() == lines.keys()
            assert {name for name, container in found.items() if container.ended} == {"before", "between"}
            assert await found["before"].wait() == Exit(code=3)
            assert await found["between"].wait() == Exit(code=4)
            daemon, later = found["daemon"], found["later"]
            assert [later.pid, later.keeper_pid] == owner.pids["later"]
            assert daemon.usage().processes == 6
            later.signal(signal.SIGUSR1)
            assert await later.wait() == Exit(code=5)
            assert later.usage().user_seconds + later.usage().system_seconds > 0
            assert await daemon.destroy() == DESTROYED
            assert box.processes() == []
            assert list(launcher.containers) == []
            for container in found.values():
                container.forget()
        assert not list(box.state.glob("*/*.container"))


@pytest.mark.asyncio
async def test_an_owner_that_dies_after_it_heard_the_end_finds_it_again(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"a": "exit 7", "b": DAEMON})
        await owner.kill()
        for _ in range(3):
            async with owning(box) as launcher:
                found = await recover(launcher)
                assert await found["a"].wait() == Exit(code=7)
                assert await found["b"].destroy() == DESTROYED
        async with owning(box) as launcher:
            for container in await launcher.recover():
                container.forget()
                container.forget()
            assert await launcher.recover() == []
        async with owning(box) as launcher:
            assert await launcher.recover() == []
        assert {entry.name for entry in box.state.iterdir()} == {"lock", "log"}
        assert (box.state / "log").read_bytes() == b""


@pytest.mark.asyncio
async def test_several_owners_one_after_the_other(box: Box) -> None:
    """Each finds what all before it left behind, by several zygotes."""
    async with cleanly(box):
        for number in range(4):
            owner = await start_owner(box, {f"c{number}": DAEMON})
            assert owner.pids.keys() == {f"c{earlier}" for earlier in range(number + 1)}
            await owner.kill()
        async with owning(box) as launcher:
            found = await launcher.recover()
            assert len({parent(container.keeper_pid) for container in found}) == 4
            assert not any(container.ended for container in found)
            own = await launcher.launch(box.shell("exit 2"))
            assert await own.wait() == Exit(code=2)
            # Closing destroys what was recovered, too.
        assert {await container.wait() for container in found} == {DESTROYED}
        assert box.processes() == []


@pytest.mark.asyncio
async def test_a_launcher_that_lets_go_and_another_in_the_same_process(box: Box) -> None:
    async with cleanly(box):
        first = owning(box)
        container = await first.launch(box.shell(DAEMON))
        waiting = asyncio.ensure_future(container.wait())
        await asyncio.sleep(0)
        await first.detach()
        with pytest.raises(LauncherClosedError):
            await waiting
        with pytest.raises(LauncherClosedError):
            await first.launch(box.shell("true"))
        container.forget()
        await first.close()
        async with owning(box) as second:
            (same,) = await second.recover()
            assert (same.id, same.pid, same.ended) == ("c", container.pid, False)
            with pytest.raises(ValueError, match="on record"):
                await second.launch(box.shell("true"))
            with pytest.raises(ValueError, match="not ended"):
                same.forget()
            await same.destroy()
            with pytest.raises(ValueError, match="on record"):
                await second.launch(box.shell("true"))
            same.forget()
            assert await (await second.launch(box.shell("exit 1"))).wait() == Exit(code=1)


@pytest.mark.asyncio
async def test_a_second_owner_is_refused_while_the_first_lives_be_it_stopped(box: Box) -> None:
    lines = {"a": DAEMON, "b": "while [ ! -e go ]; do sleep 0.01; done; exit 4"}
    async with cleanly(box):
        owner = await start_owner(box, lines, recovery_timeout=0.001)
        for stop in (False, True):
            if stop:
                owner.process.send_signal(signal.SIGSTOP)
                (box.path / "go").touch()
            with pytest.raises(
                StateInUseError, match=rf"{box.state} is in use by process {owner.process.pid}"
            ):
                await owning(box).start()
        await eventually(lambda: b"exited" in record(box, "b").read_bytes())
        assert len(box.processes()) == 6
        owner.process.send_signal(signal.SIGCONT)
        await owner.kill()
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert await found["b"].wait() == Exit(code=4)
            assert await found["a"].wait() == DESTROYED


@pytest.mark.asyncio
async def test_what_nobody_recovers_destroys_itself(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {"a": DAEMON, "b": "exec sleep 600"}, recovery_timeout=0.05)
        await owner.kill()
        await eventually(lambda: not box.processes() and not alive(owner.zygote))
        async with owning(box) as launcher:
            assert {container.id: container.ended for container in await launcher.recover()} == {
                "a": True,
                "b": True,
            }
            for container in await launcher.recover():
                assert await container.wait() == DESTROYED


@pytest.mark.asyncio
async def test_an_owner_that_launches_when_it_is_killed(box: Box) -> None:
    """Whenever that is: what runs is found, and what is not found does not run."""
    ended = running = 0
    async with cleanly(box):
        for number in range(12):
            await launch_until_killed(box, f"r{number}-", number * 4 + 1)
            async with owning(box) as launcher:
                found = await launcher.recover()
                pids = {container.pid for container in found if not container.ended}
                assert set(box.processes()) == pids
                running += len(pids)
                ended += len(found) - len(pids)
                for container in found:
                    await container.destroy()
                    container.forget()
                assert box.processes() == []
    assert running
    assert not ended


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
        assert len(box.processes()) >= 11
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
                assert len(box.processes()) == 6
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


@pytest.mark.asyncio
async def test_a_launch_that_failed_or_was_cancelled_leaves_no_record(box: Box) -> None:
    async with cleanly(box):
        async with owning(box) as launcher:
            with pytest.raises(Exception, match="No such file"):
                await launcher.launch(box.spec("no-such-program"))
            for turns in range(12):
                launch = asyncio.ensure_future(launcher.launch(box.shell(DAEMON, id=f"c{turns}")))
                for _ in range(turns):
                    await asyncio.sleep(0)
                launch.cancel()
                await asyncio.gather(launch, return_exceptions=True)
            await eventually(lambda: not launcher.containers)
            assert not list(box.state.glob("*/*.container"))
            assert await (await launcher.launch(box.shell("true", id="c0"))).wait() == Exit(code=0)
        async with owning(box) as launcher:
            (c0,) = await launcher.recover()
            assert await c0.wait() == Exit(code=0)


@pytest.mark.asyncio
async def test_a_long_path_an_odd_id_and_a_marker(box: Box) -> None:
    async with cleanly(box):
        box.path = box.path / ("long" * 50)
        box.path.mkdir()
        owner = await start_owner(
            box, {"x" * 200: "echo $OSTROM_CONTAINER", ".": "exit 1", "-.new": "sleep 600"}
        )
        await owner.kill()
        async with owning(box) as launcher:
            found = await recover(launcher)
            assert await found["."].wait() == Exit(code=1)
            assert await found["x" * 200].wait() == Exit(code=0)
            epoch = record(box, ".").parent.name.partition(".")[2]
            assert (box.path / f"{'x' * 200}.out").read_text() == f"{epoch}/{'x' * 200}\n"
            assert not found["-.new"].ended


@pytest.mark.asyncio
async def test_what_needs_a_state_dir_and_what_it_cannot_be(box: Box) -> None:
    async with Launcher() as launcher:
        for work in (launcher.recover(), launcher.detach()):
            with pytest.raises(ValueError, match="state_dir"):
                await work
    with pytest.raises(ValueError, match="recovery_timeout"):
        Launcher(state_dir=box.path, recovery_timeout=-1)
    (box.path / "file").touch()
    with pytest.raises(LauncherClosedError, match="state_dir"):
        await Launcher(state_dir=box.path / "file").start()
