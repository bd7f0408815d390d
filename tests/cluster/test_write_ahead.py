"""What is told waits for what it rests on, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import pytest

from cluster.write_ahead import WriteAhead


class Disk:
    """Notes what happens; a write waits for `release`."""

    def __init__(self, *, sync: bool = False) -> None:
        self.sync = sync
        self.happened: list[str] = []
        self.gates: list[asyncio.Future[None]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.ahead = WriteAhead[str, str](
            self.write, self.act, lambda c: self.tasks.append(asyncio.ensure_future(c))
        )

    def write(self, changes: Sequence[str]) -> Awaitable[None] | None:
        self.happened.append(f"write {'+'.join(changes)}")
        if self.sync:
            return None
        self.gates.append(asyncio.get_running_loop().create_future())
        return self.gates[-1]

    def act(self, actions: Sequence[str]) -> None:
        self.happened += [f"tell {action}" for action in actions]

    async def release(self) -> None:
        self.gates.pop(0).set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)


def test_without_changes_it_is_told_at_once() -> None:
    disk = Disk()
    disk.ahead.put([], ["a"])
    assert disk.happened == ["tell a"]
    assert disk.ahead.idle


def test_what_is_durable_at_once_is_told_at_once() -> None:
    disk = Disk(sync=True)
    disk.ahead.put(["x"], ["a"])
    assert disk.happened == ["write x", "tell a"]


@pytest.mark.asyncio
async def test_what_comes_meanwhile_waits_and_is_written_in_one_go() -> None:
    disk = Disk()
    disk.ahead.put(["x"], ["a"])
    disk.ahead.put([], ["b"])
    disk.ahead.put(["y"], ["c"])
    disk.ahead.put(["z"], [])
    await asyncio.sleep(0)
    assert (disk.happened, disk.ahead.idle) == (["write x"], False)
    await disk.release()
    # b was put before y: it need not wait for it, but may.
    assert disk.happened == ["write x", "tell a", "write y+z"]
    await disk.release()
    assert disk.happened == ["write x", "tell a", "write y+z", "tell b", "tell c"]
    assert disk.ahead.idle


@pytest.mark.asyncio
async def test_after_a_write_that_fails_nothing_is_told_any_more() -> None:
    disk = Disk()
    disk.ahead.put(["x"], ["a"])
    await asyncio.sleep(0)
    disk.gates[0].set_exception(OSError("full"))
    with pytest.raises(OSError, match="full"):
        await disk.tasks[0]
    disk.ahead.put([], ["b"])
    disk.ahead.put(["y"], ["c"])
    assert disk.happened == ["write x"]
    assert not disk.ahead.idle
