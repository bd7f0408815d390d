"""What the processes of the benchmark tell the one that measures: JSON lines.

All times are of `time.monotonic`, which on Linux is one clock for the whole machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from actors import UPID
from cluster.election import Detector

__all__ = ["Event", "Following", "Kind", "Summary", "decode", "report", "tell"]

Kind = Literal["told", "taken", "offer"]
"""An agent or framework was told who leads; a master has taken it; a framework was made the first offer since."""


class Event(msgspec.Struct, frozen=True, tag="event"):
    """Something has happened to `member` (an agent or a framework), by `leader`, at `at`."""

    kind: Kind
    member: str
    leader: str
    at: float


class Summary(msgspec.Struct, frozen=True, tag="summary"):
    """The last line of a process: what became of its tasks.

    With each task, how often it was started (agents), or in how many states it was told to have ended (frameworks).
    `failed` are those that did not end well; `again` counts ends that were told once more.
    """

    tasks: dict[str, int]
    failed: int = 0
    again: int = 0


def decode(line: bytes) -> Event | Summary:
    """One line. msgspec.MsgspecError if it is none of ours."""
    return msgspec.json.decode(line, type=Event | Summary)


def tell(what: Event | Summary) -> None:
    """Print a line."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


def report(kind: Kind, member: str, leader: UPID) -> None:
    """Print that this happens now."""
    tell(Event(kind, member, str(leader), time.monotonic()))


class Following:
    """A detector that reports what it tells; `leader` is the last that it told."""

    def __init__(self, member: str, detector: Detector) -> None:
        self.leader: UPID | None = None
        self.spread = detector.spread
        self._member = member
        self._detector = detector

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """As the other's."""

        def noted(leader: UPID | None) -> None:
            self.leader = leader
            if leader is not None:
                report("told", self._member, leader)
            changed(leader)

        self._detector.watch(noted)

    async def on_this_machine(self) -> bool:
        """As the other's."""
        return await self._detector.on_this_machine()

    def close(self) -> None:
        """As the other's."""
        self._detector.close()
