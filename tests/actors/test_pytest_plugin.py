"""The fixtures that whoever installs ostrom has: each test here is a run of pytest in a project of its own."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from actors.leaks import LeakError, no_leaks

PRELUDE = """
import asyncio, socket
import pytest
from actors import Actor, ActorSystem, Message, handles
from actors.testing import advance

class Add(Message):
    amount: int

class Total(Message):
    value: int

class Counter(Actor):
    value = 0

    @handles(Add)
    def add(self, message):
        self.value += message.amount
        return Total(self.value)
"""


def run_pytest(directory: Path, test: str, *options: str, ini: str = "") -> str:
    (directory / "pytest.ini").write_text(f"[pytest]\nasyncio_default_fixture_loop_scope = function\n{ini}\n")
    (directory / "test_it.py").write_text(PRELUDE + test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:cov", *options],
        cwd=directory,
        env={**os.environ, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_system_in_paused_time_and_a_second_one(tmp_path: Path) -> None:
    said = run_pytest(
        tmp_path,
        """
@pytest.mark.asyncio
async def test_it(actor_system, start_actor_system, paused_clock):
    counter = actor_system.spawn(Counter())
    actor_system.every(counter, 60, lambda: actor_system.send(counter, Add(1)))
    other = await start_actor_system(name="other")
    await advance(paused_clock, 3600, actor_system, other)
    assert await other.ask(counter, Add(0)) == Total(60)
    real = await start_actor_system(transport=None, clock=None)
    assert await real.ask(real.spawn(Counter()), Add(1)) == Total(1)

@pytest.mark.asyncio
async def test_none_is_left_over(actor_system):
    assert list(actor_system.actors) == []
""",
    )
    assert "2 passed" in said, said


LEAKS = """
kept = []

@pytest.mark.asyncio
async def test_task():
    kept.append(asyncio.create_task(asyncio.sleep(3600), name="forgotten"))

@pytest.mark.asyncio
async def test_socket():
    kept.append(socket.create_server(("127.0.0.1", 0)))

@pytest.mark.asyncio
async def test_system():
    kept.append(await ActorSystem().start())

@pytest.mark.asyncio
async def test_clean():
    async with ActorSystem() as one, ActorSystem() as other:
        assert await other.ask(one.spawn(Counter()), Add(1)) == Total(1)
    assert all(task is asyncio.current_task() for task in asyncio.all_tasks())

def test_plain():
    pass
"""


def test_what_a_test_leaves_behind_fails_it(tmp_path: Path) -> None:
    said = run_pytest(tmp_path, LEAKS, ini="actor_leaks = true")
    assert "5 passed, 3 errors" in said, said
    for test, what in (
        ("task", "task forgotten: <coroutine object sleep"),
        ("socket", "socket"),
        ("system", "socket"),
    ):
        assert re.search(rf"ERROR .*test_{test} - Failed: left behind: {what}", said), said


def test_it_is_not_looked_for_unasked(tmp_path: Path) -> None:
    assert "5 passed" in run_pytest(tmp_path, LEAKS, "-W", "ignore")


def test_one_that_asks_for_it_is_watched(tmp_path: Path) -> None:
    said = run_pytest(
        tmp_path,
        """
@pytest.mark.asyncio
async def test_it(actor_system):
    asyncio.get_running_loop().forgotten = asyncio.create_task(asyncio.sleep(3600))
""",
    )
    assert "1 passed, 1 error" in said, said


def test_without_pytest_asyncio_it_says_what_is_missing(tmp_path: Path) -> None:
    # As if it were not installed.
    (tmp_path / "pytest_asyncio.py").write_text("raise ImportError('none')")
    said = run_pytest(
        tmp_path,
        """
def test_it(actor_system):
    pass

def test_clock(paused_clock):
    assert paused_clock.monotonic() >= 0
""",
        "-p",
        "no:asyncio",
        "-W",
        "ignore",
    )
    assert "the fixture actor_system needs pytest-asyncio" in said, said
    assert "1 passed, 1 error" in said, said


@pytest.mark.asyncio
async def test_without_pytest() -> None:
    with pytest.raises(LeakError, match="left behind: task forgotten"):
        async with no_leaks():
            task = asyncio.create_task(asyncio.sleep(3600), name="forgotten")
    assert task.cancelled()
    with socket.socket() as opened, pytest.raises(LeakError, match="left behind: socket"):
        async with no_leaks():
            opened = socket.socket()
    opened.close()


async def leak_and_fail() -> None:
    async with no_leaks():
        asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(0.1))
        raise LookupError("first")


@pytest.mark.asyncio
async def test_an_error_from_inside_is_not_hidden() -> None:
    with pytest.raises(LookupError, match="first"):
        await leak_and_fail()
    await asyncio.get_running_loop().kept
