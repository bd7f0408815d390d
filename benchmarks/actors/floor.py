"""The floor: the least that does the same, by hand."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

import msgpack

__all__ = ["FloorActor", "FloorLink", "FloorRing", "FloorServer", "frame"]

BATCH = 64


class FloorActor:
    """A deque, one `call_soon` for a burst, a direct call."""

    __slots__ = ("count", "loop", "mailbox", "scheduled")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.mailbox: deque[Any] = deque()
        self.scheduled = False
        self.count = 0

    def send(self, message: Any) -> None:
        """Put it into the mailbox."""
        self.mailbox.append(message)
        if not self.scheduled:
            self.scheduled = True
            self.loop.call_soon(self.run)

    def run(self) -> None:
        """Handle a batch."""
        mailbox = self.mailbox
        left = BATCH
        while mailbox and left:
            left -= 1
            self.handle(mailbox.popleft())
        if mailbox:
            self.loop.call_soon(self.run)
        else:
            self.scheduled = False

    def handle(self, message: Any) -> None:
        """Count it; a future is a question."""
        self.count += 1
        if type(message) is not dict:
            message.set_result(None)


class FloorRing(FloorActor):
    """Hands a number on until it is 0."""

    __slots__ = ("done", "next")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.next: FloorRing = self
        self.done: asyncio.Future[None] | None = None

    def handle(self, message: Any) -> None:
        """Pass it on."""
        if message:
            self.next.send(message - 1)
        elif self.done is not None:
            self.done.set_result(None)


def frame(value: Any) -> bytes:
    """Four bytes of length, and MessagePack."""
    payload: bytes = msgpack.packb(value)
    return len(payload).to_bytes(4, "big") + payload


class FloorProtocol(asyncio.Protocol):
    """Cuts frames out of a stream."""

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Decode what is whole."""
        data = self.buffer + data if self.buffer else data
        start, end = 0, len(data)
        while end - start >= 4:
            length = int.from_bytes(data[start : start + 4], "big")
            if end - start - 4 < length:
                break
            self.message(msgpack.unpackb(data[start + 4 : start + 4 + length]))
            start += 4 + length
        self.buffer = data[start:]

    def message(self, value: Any) -> None:
        """Take one."""


class FloorServer(FloorProtocol):
    """Counts, and answers what has an `ask`."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def message(self, value: Any) -> None:
        """Count, answer."""
        self.count += 1
        if "ask" in value and self.transport is not None:
            self.transport.write(frame({"reply": value["ask"], "count": self.count}))


class FloorLink(FloorProtocol):
    """The client: one write for a turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.out: list[bytes] = []
        self.waiting: dict[int, asyncio.Future[Any]] = {}

    def send(self, value: Any) -> None:
        """Queue it."""
        if not self.out:
            self.loop.call_soon(self.flush)
        self.out.append(frame(value))

    def flush(self) -> None:
        """Write what this turn queued."""
        out, self.out = self.out, []
        if self.transport is not None:
            self.transport.write(b"".join(out))

    def ask(self, number: int, value: dict[str, Any]) -> asyncio.Future[Any]:
        """Send, and await the reply."""
        future = self.waiting[number] = self.loop.create_future()
        self.send({**value, "ask": number})
        return future

    def message(self, value: Any) -> None:
        """A reply."""
        self.waiting.pop(value["reply"]).set_result(value)
