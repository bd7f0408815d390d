"""Containers that outlive their owner: how the next one finds them again, each with the truth about its end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal

import pytest

from isolation import Container, Exit, Launcher, LauncherClosedError, StateInUseError
from isolation.outcome import LOST
from isolation.zygote.lines import encode_line

from .box import Box, eventually
from .owner import (
    DAEMON,
    DESTROYED,
    alive,
    cleanly,
    launch_until_killed,
    owning,
    parent,
    record,
    recover,
    start_owner,
)


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
            await eventually(lambda: daemon.usage().processes == 6)
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
        await eventually(lambda: len(box.processes()) == 6)
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
async def test_records_that_just_begin_are_waited_for(box: Box) -> None:
    """The kernel may have looked the path of a record up before it went away, and make it afterwards."""
    (box.state / "live.e").mkdir(parents=True)
    fd = os.open(box.state / "live.e", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    async with cleanly(box):
        launcher = owning(box)
        starting = asyncio.ensure_future(launcher.start())
        await eventually(lambda: (box.state / "old.e").exists())
        (box.state / "old.e" / "late.container").write_bytes(encode_line("lost"))
        assert not starting.done()
        os.close(fd)
        await starting
        (late,) = await launcher.recover()
        assert (late.id, await late.wait()) == ("late", LOST)
        await launcher.close()


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
async def test_two_launches_of_one_id_at_once(box: Box) -> None:
    async with cleanly(box), owning(box) as launcher:
        results = await asyncio.gather(
            *(launcher.launch(box.shell("exec sleep 600")) for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [Container, ValueError, ValueError]
        assert len(launcher.containers) == 1


@pytest.mark.asyncio
async def test_an_owner_that_closes_while_it_recovers(box: Box) -> None:
    async with cleanly(box):
        owner = await start_owner(box, {f"c{number}": "sleep 600; :" for number in range(5)})
        await owner.kill()
        launcher = owning(box)
        await launcher.start()
        recovering = asyncio.ensure_future(launcher.recover())
        await asyncio.sleep(0)
        await launcher.close()
        assert box.processes() == []
        assert {await container.wait() for container in await recovering} == {DESTROYED}


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
