"""Messages and actors that many of these tests use."""

from __future__ import annotations

import asyncio
from typing import Any

from actors import UPID, Actor, FailurePolicy, Message, RefusedError, handles


class Note(Message):
    text: str = ""
    number: int = 0


class Echo(Message):
    text: str = ""
    payload: Any = None


class Fail(Message):
    text: str = "boom"


class Refuse(Message):
    text: str = "no"


class Hold(Message):
    """Holds the mailbox until the probe's gate opens."""


class Quiet(Message):
    """Is answered with None."""


class WhoAsks(Message):
    pass


class Who(Message):
    upid: UPID | None = None


class Stranger(Message):
    """Nobody handles it."""


class Probe(Actor):
    """Notes what comes in, and lets a test await it."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.senders: list[UPID | None] = []
        self.exits: list[tuple[UPID, str]] = []
        self.gate = asyncio.Event()
        self.holding = asyncio.Event()
        self._changed = asyncio.Event()

    async def until(self, count: int) -> list[Note]:
        """Await that many notes."""
        while len(self.notes) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.notes

    async def until_exits(self, count: int = 1) -> list[tuple[UPID, str]]:
        """Await that many ends of linked actors."""
        while len(self.exits) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.exits

    @handles(Note)
    def note(self, message: Note, sender: UPID | None) -> None:
        self.notes.append(message)
        self.senders.append(sender)
        self._changed.set()

    @handles(Echo)
    def echo(self, message: Echo) -> Echo:
        return message

    @handles(Fail)
    def fail(self, message: Fail) -> None:
        raise ValueError(message.text)

    @handles(Refuse)
    def refuse(self, message: Refuse) -> None:
        raise RefusedError(message.text)

    @handles(Hold)
    async def hold(self, _message: Hold) -> Note:
        self.holding.set()
        await self.gate.wait()
        return Note("held")

    @handles(Quiet)
    def quiet(self, _message: Quiet) -> None:
        pass

    @handles(WhoAsks)
    def who(self, _message: WhoAsks, sender: UPID | None) -> Who:
        return Who(sender)

    def exited(self, upid: UPID, reason: str) -> None:
        self.exits.append((upid, reason))
        self._changed.set()


class Tough(Probe):
    failure_policy = FailurePolicy.RESUME
