"""HTTP by hand, for clients that are to cost little: a stream of records, and calls one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

__all__ = ["Caller", "Stream", "request"]


def request(address: str, path: str, media: str, body: bytes, headers: str = "") -> bytes:
    """A POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {media}\r\nAccept: {media}\r\n"
    return f"{head}{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Stream(asyncio.Protocol):
    """Reads the answer to a request: chunks of one record each, which are handed to `record`.

    RuntimeError in `lost` if it is no such stream.
    """

    def __init__(self, request: bytes, record: Callable[[bytes], None]) -> None:
        self.head = ""
        self.transport: asyncio.Transport
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._record = record
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        # uvloop's are no subclass of it.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take it apart."""
        self._buffer += data
        buffer = self._buffer
        if not self.head:
            head, found, _ = bytes(buffer).partition(b"\r\n\r\n")
            if not found:
                return
            self.head = head.decode()
            if not self.head.startswith("HTTP/1.1 200 "):
                self.lost.set_exception(RuntimeError(bytes(buffer).decode(errors="replace")))
                self.transport.close()
                return
            del buffer[: len(head) + 4]
        place = 0
        while (end := buffer.find(b"\r\n", place)) >= 0:
            size = int(buffer[place:end], 16)
            if len(buffer) < end + size + 4:
                break
            self._record(bytes(buffer[buffer.index(b"\n", end + 2) + 1 : end + 2 + size]))
            place = end + size + 4
        del buffer[:place]


class Caller(asyncio.Protocol):
    """One connection for calls. RuntimeError for an answer that is not 202."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    @classmethod
    async def connect(cls, address: str) -> Caller:
        """Connect to HOST:PORT."""
        host, _, port = address.rpartition(":")
        _, caller = await asyncio.get_running_loop().create_connection(cls, host, int(port))
        return caller

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will be answered."""
        self._end(RuntimeError("the connection was closed"))

    def call(self, request: bytes) -> asyncio.Future[None]:
        """Make one; not before the one before is answered."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one; those with 202 have no body."""
        self._buffer += data
        if self._buffer.endswith(b"\r\n\r\n") and self._buffer.startswith(b"HTTP/1.1 202 "):
            self._buffer = b""
            self._end(None)
        elif not self._buffer.startswith(b"HTTP/1.1 202"[: len(self._buffer)]):
            self._end(RuntimeError(self._buffer.decode(errors="replace")))

    def _end(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            if error is None:
                self._answer.set_result(None)
            else:
                self._answer.set_exception(error)
