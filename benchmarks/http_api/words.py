"""What the process that measures and the one with the clients say to each other: JSON lines, one answer to each.

All times are of `time.monotonic`, which on Linux is one clock for the whole machine.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "Accepts",
    "Answer",
    "Await",
    "Command",
    "Declines",
    "Drop",
    "Kind",
    "Latencies",
    "Stall",
    "Subscribe",
]

Kind = Literal["json", "protobuf", "native", "bare", "operator"]
"""Who is told: a framework by the scheduler API in JSON or protobuf, one that speaks the actors' protocol, a client of
a plain aiohttp server, a client of the operator API in JSON."""


class Subscribe(msgspec.Struct, frozen=True, tag=True):
    """Be so many subscribers of the master, or the server, at HOST:PORT."""

    kind: Kind
    address: str
    count: int


class Await(msgspec.Struct, frozen=True, tag=True):
    """Read until each has so many events since it subscribed; the answer gives the time of the last in `seconds`."""

    events: int


class Stall(msgspec.Struct, frozen=True, tag=True):
    """The first of them reads no more."""


class Latencies(msgspec.Struct, frozen=True, tag=True):
    """The answer gives the age of each event that came to all but the first, since the last time this was asked."""


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """Wait for so many offers, and make ready what can be done with them, so many `at_once`.

    `bare`: calls that are much the same.
    """

    offers: int
    at_once: int


class Accepts(msgspec.Struct, frozen=True, tag=True):
    """Accept them all, with a task on each.

    The answer gives for each the seconds until the task was told to run; the last is the time that all took.
    """


class Declines(msgspec.Struct, frozen=True, tag=True):
    """Decline them all, each by itself. The answer gives the time that all took."""


class Drop(msgspec.Struct, frozen=True, tag=True):
    """Subscribe no more: close the connections, and end native frameworks."""


Command = Subscribe | Await | Stall | Latencies | Prepare | Accepts | Declines | Drop


class Answer(msgspec.Struct, frozen=True):
    """What was asked for, if anything was."""

    seconds: list[float] = []
