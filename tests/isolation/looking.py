"""For tests of isolators that look: timers that a test lets run out, containers that are made up, a fake /proc."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from isolation.limits import Limitation
from isolation.proc import PAGE


@dataclass(eq=False)
class FakeTimer:
    seconds: float
    act: Callable[[], None]
    timers: list[FakeTimer]

    def cancel(self) -> None:
        self.timers.remove(self)


@dataclass
class Timers:
    """Stands for a loop's call_later."""

    waiting: list[FakeTimer] = field(default_factory=list)

    def __call__(self, seconds: float, act: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(seconds, act, self.waiting)
        self.waiting.append(timer)
        return timer

    async def next(self) -> None:
        """Let the only timer run out; return when the next is set."""
        (timer,) = self.waiting
        self.waiting.clear()
        timer.act()
        async with asyncio.timeout(30):
            while not self.waiting:
                await asyncio.sleep(0.001)


@dataclass
class FakeContainer:
    id: str
    keeper_pid: int = 0
    reported: list[Limitation] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.reported]


@dataclass
class FakeProc:
    """A /proc of made up processes."""

    path: Path

    def put(
        self,
        pid: int,
        parent: int,
        rss: int = 0,
        *,
        pss: int | None = None,
        start: int = 1,
        state: str = "S",
        name: str = "a (b) c",
    ) -> None:
        """A process; sizes are bytes. Without `pss` its smaps_rollup may not be read."""
        directory = self.path / str(pid)
        directory.mkdir(parents=True, exist_ok=True)
        tail = [state, parent, *[0] * 17, start, 0, rss // PAGE, *[0] * 28]
        (directory / "stat").write_text(f"{pid} ({name}) {' '.join(map(str, tail))}\n")
        if pss is not None:
            (directory / "smaps_rollup").write_text(f"0-1 ---p\nRss: 9 kB\nPss: {pss // 1024} kB\n")

    def end(self, pid: int) -> None:
        for each in (self.path / str(pid)).iterdir():
            each.unlink()
        (self.path / str(pid)).rmdir()
