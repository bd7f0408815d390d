"""A stream of events to one client: records that wait until they can be sent, in order, and no more than a bound."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import uuid
from collections import deque

from aiohttp import HttpVersion11, web

from actors import Clock, Timer
from cluster.v1 import recordio

__all__ = ["LAST_WORDS", "MAX_WAITING", "STREAM_ID", "EventStream", "LostStreams", "hang_up", "reset"]

log = logging.getLogger("ostrom.http")

STREAM_ID = "Mesos-Stream-Id"
MAX_WAITING = 64 * 2**20
"""Bytes that may wait for one client: the answer to who asks after all of 100,000 tasks at once."""
LAST_WORDS = 10.0
"""Seconds that a client has to read what waits when its stream has ended."""
MAX_LOST = 10_000
AT_ONCE = 64
"""Records that are sent before others have their turn."""


class EventStream:
    """What waits is at most `max_waiting` bytes, or one record, besides what the connection itself holds back."""

    def __init__(self, clock: Clock, max_waiting: int = MAX_WAITING) -> None:
        self.id = str(uuid.uuid4())
        """What calls give as `Mesos-Stream-Id`."""
        self.waiting = 0
        """Bytes that wait."""
        self._clock = clock
        self._max_waiting = max_waiting
        self._records: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self._over = False
        self._transport: asyncio.Transport | None = None
        self._timer: Timer | None = None

    def put(self, data: bytes) -> bool:
        """Send a record, after those that wait. False, and it is not, if too many do: the client does not read."""
        if self._ended:
            return True
        record = recordio.encode(data)
        if self._records and self.waiting + len(record) > self._max_waiting:
            return False
        self._records.append(record)
        self.waiting += len(record)
        self._changed.set()
        return True

    def end(self) -> None:
        """End the stream when what waits is sent, or after ten seconds."""
        if not self._ended:
            self._ended = True
            self._changed.set()
            if not self._over:
                self._timer = self._clock.call_at(self._clock.monotonic() + LAST_WORDS, self.cut)

    def cut(self) -> None:
        """End the stream at once, and the connection: what waits is lost."""
        self._ended = True
        self._records.clear()
        self.waiting = 0
        self._changed.set()
        if self._transport is not None:
            reset(self._transport)

    async def serve(self, request: web.Request, content_type: str) -> web.StreamResponse:
        """Answer a request with the stream, until its end or that of the connection."""
        headers = {"Content-Type": content_type, "Cache-Control": "no-store", STREAM_ID: self.id}
        response = web.StreamResponse(headers=headers)
        if request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        self._transport = request.transport
        try:
            await response.prepare(request)
            await self._send(response)
            await response.write_eof()
        except ConnectionError as error:
            log.debug("stream %s: %s", self.id, error)
        finally:
            self._over = True
            self._transport = None
            if self._timer is not None:
                self._timer.cancel()
        return response

    async def _send(self, response: web.StreamResponse) -> None:
        sent = 0
        while True:
            while self._records:
                record = self._records.popleft()
                self.waiting -= len(record)
                # One record is one chunk: there are clients that read no others.
                await response.write(record)
                sent += 1
                if sent % AT_ONCE == 0:
                    await asyncio.sleep(0)
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()


class LostStreams:
    """The last ten thousand streams that came through here and whose leader is gone, by id."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def add(self, stream_id: str) -> None:
        """One more."""
        self._ids[stream_id] = None
        if len(self._ids) > MAX_LOST:
            del self._ids[next(iter(self._ids))]

    def __contains__(self, stream_id: str) -> bool:
        return stream_id in self._ids


def hang_up(request: web.Request) -> web.Response:
    """End a request's connection without an answer; what is returned is not sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=503)


def reset(transport: asyncio.Transport) -> None:
    """Break a connection so that the other end is told at once, though it reads nothing, and nothing more is kept."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        # Else the kernel would hold what was not read, and say that this is the end only after it.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
