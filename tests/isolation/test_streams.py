"""Input, named pipes, and terminals that a command has for its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from isolation import Exit, Launcher, LaunchError

from .box import Box

pytestmark = pytest.mark.asyncio

LIMITS = [{}, {"core": (0, 0)}]
"""Commands with limits are started in another way than those without."""


@pytest.fixture
def terminal() -> Iterator[tuple[int, Path]]:
    master, slave = os.openpty()
    os.set_blocking(master, False)
    yield master, Path(os.ttyname(slave))
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("rlimits", LIMITS)
async def test_input_from_a_file(launcher: Launcher, box: Box, rlimits: dict[str, tuple[int, int]]) -> None:
    (box.path / "stdin").write_text("input")
    spec = box.shell("cat; echo :; ls /proc/$$/fd", stdin=box.path / "stdin", rlimits=rlimits)
    assert await (await launcher.launch(spec)).wait() == Exit(code=0)
    assert box.out.splitlines() == ["input:", "0", "1", "2"]


@pytest.mark.parametrize("rlimits", LIMITS)
async def test_named_pipes(launcher: Launcher, box: Box, rlimits: dict[str, tuple[int, int]]) -> None:
    paths = [box.path / name for name in ("in", "out", "err")]
    for path in paths:
        os.mkfifo(path)
    # A reader of our own lets us open our end for writing, until the command has its one.
    held = os.open(paths[0], os.O_RDONLY | os.O_NONBLOCK)
    feed = os.open(paths[0], os.O_WRONLY | os.O_NONBLOCK)
    out, err = (os.open(path, os.O_RDONLY | os.O_NONBLOCK) for path in paths[1:])
    spec = box.shell("cat; echo wrong >&2", stdin=paths[0], stdout=paths[1], stderr=paths[2], rlimits=rlimits)
    container = await launcher.launch(spec)
    os.close(held)
    os.write(feed, b"one two")
    os.close(feed)
    assert await container.wait() == Exit(code=0)
    assert (os.read(out, 100), os.read(err, 100)) == (b"one two", b"wrong\n")
    assert (os.read(out, 100), os.read(err, 100)) == (b"", b"")
    os.close(out)
    os.close(err)


@pytest.mark.parametrize("rlimits", LIMITS)
async def test_a_terminal_of_its_own(
    launcher: Launcher, box: Box, terminal: tuple[int, Path], rlimits: dict[str, tuple[int, int]]
) -> None:
    master, path = terminal
    line = "read word; test -t 0 && test -t 1 && test -t 2 && echo $word >/dev/tty; ls /proc/$$/fd; exit 3"
    container = await launcher.launch(box.shell(line, terminal=path, rlimits=rlimits))
    os.write(master, b"word\n")
    assert await container.wait() == Exit(code=3)
    # The terminal echoes what is typed, and ls writes columns to one.
    assert os.read(master, 1000).split() == [b"word", b"word", b"0", b"1", b"2"]
    assert not (box.path / "stdout").exists()


async def test_what_is_typed_can_end_it(launcher: Launcher, box: Box, terminal: tuple[int, Path]) -> None:
    master, path = terminal
    container = await launcher.launch(box.spec("sleep", "1000", terminal=path))
    os.write(master, b"\x03")
    async with asyncio.timeout(20):
        assert await container.wait() == Exit(signal=2)


@pytest.mark.parametrize(
    ("field", "name", "text"),
    [
        ("stdin", "missing", "stdin .*missing"),
        ("stdin", "link", "stdin .*link"),
        ("terminal", "missing", "terminal .*missing"),
        ("terminal", "file", "terminal .*file"),
    ],
)
async def test_what_cannot_be(launcher: Launcher, box: Box, field: str, name: str, text: str) -> None:
    (box.path / "file").touch()
    (box.path / "link").symlink_to("file")
    with pytest.raises(LaunchError, match=text):
        await launcher.launch(box.shell("true", **{field: box.path / name}))
    assert not box.processes()


@pytest.mark.parametrize("field", ["stdin", "terminal"])
async def test_paths_are_absolute(box: Box, field: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: 'x' must be an absolute path"):
        box.shell("true", **{field: Path("x")})
