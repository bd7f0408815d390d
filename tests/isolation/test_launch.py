"""Starting commands: what they get, and what happens when they cannot be started."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path
from typing import Any

import pytest
import uvloop

from isolation import Exit, Launcher, LauncherClosedError, LaunchError, PosixIsolator
from isolation.fleet import MAX_IDLE

from .box import Box


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("exit 0", Exit(code=0)),
        ("exit 255", Exit(code=255)),
        ("kill -TERM $$", Exit(signal=15)),
        ("kill -KILL $$", Exit(signal=9)),
        ("kill -SEGV $$", Exit(signal=11)),
    ],
)
async def test_how_it_ended(launcher: Launcher, box: Box, line: str, end: Exit) -> None:
    container = await launcher.launch(box.shell(line))
    assert await container.wait() == end
    assert container.ended
    assert await container.wait() == end
    assert await container.destroy() == end


@pytest.mark.asyncio
async def test_output_is_appended(launcher: Launcher, box: Box) -> None:
    for word in ("one", "two"):
        await (await launcher.launch(box.shell(f"echo {word}; echo {word} >&2"))).wait()
    assert (box.out, box.err) == ("one\ntwo\n", "one\ntwo\n")
    assert (box.path / "stdout").stat().st_mode & 0o777 == 0o644


@pytest.mark.asyncio
async def test_the_environment_is_whole_and_arguments_are_taken_as_they_are(
    launcher: Launcher, box: Box
) -> None:
    env = {"A": "b c", "Ü": "ü\n2"}
    await (await launcher.launch(box.spec("/usr/bin/env", env=env))).wait()
    assert sorted(box.out.splitlines()) == sorted(["A=b c", "Ü=ü", "2"])
    (box.path / "stdout").unlink()
    odd = "a b\n$HOME;'\"ü" + os.fsdecode(b"\xff")
    await (await launcher.launch(box.spec("printf", "%s", odd))).wait()
    assert (box.path / "stdout").read_bytes() == os.fsencode(odd)


@pytest.mark.asyncio
async def test_a_session_of_its_own_no_stdin_no_foreign_descriptors(launcher: Launcher, box: Box) -> None:
    spec = box.shell("cat; ps -o pid=,pgid=,sid= -p $$; ls /proc/$$/fd", env={"PATH": "/usr/bin:/bin"})
    container = await launcher.launch(spec)
    assert await container.wait() == Exit(code=0)
    ids, *fds = box.out.splitlines()
    assert ids.split() == [str(container.pid)] * 3
    assert fds == ["0", "1", "2"]


@pytest.mark.asyncio
async def test_signals_are_as_a_new_process_has_them(launcher: Launcher, box: Box) -> None:
    await (await launcher.launch(box.spec("cat", "/proc/self/status"))).wait()
    sets = dict(line.split(":") for line in box.out.splitlines() if line.startswith("Sig"))
    # 32 and 33 are the C library's own; its posix_spawn leaves them ignored, as for every program it starts.
    its_own = 0b11 << 31
    assert {name: int(sets[name], 16) & ~its_own for name in ("SigBlk", "SigIgn", "SigCgt")} == {
        "SigBlk": 0,
        "SigIgn": 0,
        "SigCgt": 0,
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("limits", [{}, {"core": (0, 0)}], ids=["plain", "with limits"])
async def test_umask_and_directory_do_not_leak_into_the_next(
    launcher: Launcher, box: Box, limits: dict[str, tuple[int, int]]
) -> None:
    inner = box.path / "inner"
    inner.mkdir()
    for directory, umask in ((inner, 0o077), (box.path, 0o002)):
        spec = box.shell("umask; pwd; touch file", cwd=directory, umask=umask, rlimits=limits)
        assert await (await launcher.launch(spec)).wait() == Exit(code=0)
    assert box.out.split() == ["0077", str(inner), "0002", str(box.path)]
    assert (inner / "file").stat().st_mode & 0o777 == 0o600
    assert (box.path / "file").stat().st_mode & 0o777 == 0o664


@pytest.mark.asyncio
async def test_limits(launcher: Launcher, box: Box) -> None:
    spec = box.shell("ulimit -n; ulimit -Hn; ulimit -c", rlimits={"nofile": (64, 128), "core": (0, 0)})
    assert await (await launcher.launch(spec)).wait() == Exit(code=0)
    assert box.out.split() == ["64", "128", "0"]
    # They bind that command alone.
    await (await launcher.launch(box.shell("ulimit -n"))).wait()
    assert box.out.split()[-1] != "64"


@pytest.mark.asyncio
async def test_a_limit_above_what_we_may_set_is_refused(launcher: Launcher, box: Box) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 2**40 if hard == resource.RLIM_INFINITY else hard + 1
    with pytest.raises(LaunchError, match=r"limit nofile .*(not permitted|Invalid)"):
        await launcher.launch(box.spec("true", rlimits={"nofile": (wanted, wanted)}))


@pytest.mark.asyncio
async def test_the_operators_limits_are_for_specs_without(box: Box) -> None:
    isolator = PosixIsolator({"nofile": (50, 50), "core": (0, 0)})
    async with asyncio.timeout(20), Launcher([isolator]) as launcher:
        spec = box.shell("ulimit -n; ulimit -c", rlimits={"nofile": (40, 40)})
        await (await launcher.launch(spec)).wait()
    assert box.out.split() == ["40", "0"]


def unwritable(box: Box) -> dict[str, Any]:
    (box.path / "directory").mkdir()
    return {"stdout": box.path / "directory"}


def link(box: Box) -> dict[str, Any]:
    (box.path / "link").symlink_to(box.path / "target")
    return {"stderr": box.path / "link"}


def fifo(box: Box) -> dict[str, Any]:
    os.mkfifo(box.path / "fifo")
    return {"stdout": box.path / "fifo"}


def script(box: Box) -> dict[str, Any]:
    path = box.path / "script"
    path.write_text("no shebang")
    path.chmod(0o755)
    return {"argv": (str(path),)}


@pytest.mark.asyncio
@pytest.mark.parametrize("limits", [{}, {"core": (0, 0)}], ids=["plain", "with limits"])
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (lambda _: {"argv": ("no-such-program",)}, "command no-such-program: No such file"),
        (lambda _: {"argv": ("/no/such/program",)}, "command /no/such/program: No such file"),
        (lambda _: {"argv": ("/etc/passwd",)}, "command /etc/passwd: Permission denied"),
        (lambda _: {"argv": ("/",)}, "command /: Permission denied"),
        (script, "Exec format error"),
        (lambda _: {"argv": ("true",), "env": {"PATH": "/nowhere"}}, "command true: No such file"),
        (lambda _: {"argv": ("true", "x" * 200_000)}, "Argument list too long"),
        (lambda _: {"cwd": Path("/no/such/directory")}, "working directory /no/such/directory: No such file"),
        (lambda box: {"cwd": box.path / "gone" / "x"}, "working directory"),
        (lambda _: {"stdout": Path("/no/such/out")}, "stdout /no/such/out: No such file"),
        (unwritable, "stdout .*directory: Is a directory"),
        (link, "stderr .*link: Too many levels"),
        (fifo, "stdout .*fifo: "),
    ],
)
async def test_what_cannot_be_started(
    launcher: Launcher, box: Box, fields: Any, text: str, limits: dict[str, tuple[int, int]]
) -> None:
    values = {"argv": ("true",), **fields(box)}
    argv = values.pop("argv")
    with pytest.raises(LaunchError, match=text) as caught:
        await launcher.launch(box.spec(*argv, rlimits=limits, **values))
    assert caught.value.id == "c"
    assert launcher.containers == []
    assert not (box.path / "target").exists()
    # The next is not disturbed.
    assert await (await launcher.launch(box.spec("true", stdout=box.path / "o"))).wait() == Exit(code=0)


@pytest.mark.asyncio
async def test_a_large_order_passes(launcher: Launcher, box: Box) -> None:
    env = {"PATH": "/usr/bin:/bin", **{f"V{number}": "x" * 100_000 for number in range(12)}}
    assert await (await launcher.launch(box.spec("true", env=env))).wait() == Exit(code=0)


@pytest.mark.asyncio
async def test_many_at_once(launcher: Launcher, box: Box) -> None:
    async def one(number: int) -> Exit:
        container = await launcher.launch(box.shell(f"exit {number % 7}", id=f"c{number}"))
        return await container.wait()

    ends = await asyncio.gather(*(one(number) for number in range(200)))
    assert [end.code for end in ends] == [number % 7 for number in range(200)]
    assert launcher.containers == []


@pytest.mark.asyncio
async def test_descriptors_and_processes_do_not_add_up(launcher: Launcher, box: Box) -> None:
    async def some() -> None:
        containers = [await launcher.launch(box.spec("true", id=f"c{number}")) for number in range(50)]
        for container in containers:
            await container.wait()

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for _ in range(5):
        await some()
    # A connection to each shim that is kept for the next ones.
    assert descriptors() <= before + MAX_IDLE


@pytest.mark.asyncio
async def test_a_launcher_that_is_closed(box: Box) -> None:
    launcher = Launcher()
    await launcher.start()
    await launcher.close()
    await launcher.close()
    with pytest.raises(LauncherClosedError):
        await launcher.launch(box.spec("true"))
    with pytest.raises(LauncherClosedError):
        await launcher.start()


@pytest.mark.asyncio
async def test_two_launchers_know_nothing_of_each_other(launcher: Launcher, box: Box) -> None:
    async with Launcher() as other:
        mine = await launcher.launch(box.shell("exec sleep 600"))
        await other.launch(box.shell("exec sleep 600"))
    assert not mine.ended
    assert len(box.processes()) == 1
    await mine.destroy()


async def converse(box: Box) -> list[Exit]:
    async with asyncio.timeout(30), Launcher() as launcher:
        running = [
            await launcher.launch(box.shell(line, id=line[:4])) for line in ("exit 3", "exec sleep 600")
        ]
        return [await running[0].wait(), await running[1].destroy()]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_on_both_event_loops(box: Box, run: Any) -> None:
    assert run(converse(box)) == [Exit(code=3), Exit(signal=9, destroyed=True)]
    assert box.processes() == []
