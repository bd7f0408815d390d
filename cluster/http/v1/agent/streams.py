"""The answers that are streams: what comes out of a container, one record for each piece."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import HttpVersion11, web

from actors import Clock
from cluster.agent.nested import Stream
from cluster.http import files
from cluster.v1 import recordio
from cluster.v1 import types as v1
from cluster.v1.types.agent import ProcessIO

from .media import StreamMedia

__all__ = ["HEARTBEAT_INTERVAL", "FollowedFiles", "serve_output"]

log = logging.getLogger("ostrom.http")

HEARTBEAT_INTERVAL = 30.0
"""Seconds, as in Mesos."""
POLL = 0.1
CHUNK = 65536
KINDS = {Stream.STDOUT: ProcessIO.Data.Type.STDOUT, Stream.STDERR: ProcessIO.Data.Type.STDERR}
HEARTBEAT = ProcessIO(
    type=ProcessIO.Type.CONTROL,
    control=ProcessIO.Control(
        type=ProcessIO.Control.Type.HEARTBEAT,
        heartbeat=ProcessIO.Control.Heartbeat(
            interval=v1.DurationInfo(nanoseconds=int(HEARTBEAT_INTERVAL * 10**9))
        ),
    ),
)


class Source(Protocol):
    """Where output comes from. A Viewer is one."""

    async def get(self) -> tuple[Stream, bytes] | None:
        """The next piece, None at the end. What is cancelled takes nothing."""


async def serve_output(
    request: web.Request,
    media: StreamMedia,
    source: Source,
    clock: Clock,
    started: Callable[[], None] = lambda: None,
) -> web.StreamResponse:
    """Answer with what comes out, until its end or that of the connection.

    The next piece is taken when the last is sent: a client that does not read holds up whom it reads from. `started` is
    called when the client has the head of the answer.
    """
    response = web.StreamResponse(headers={**media.headers, "Cache-Control": "no-store"})
    if request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        started()
        async with contextlib.aclosing(_pieces(source, clock)) as pieces:
            async for piece in pieces:
                # One record is one chunk: there are clients that read no others.
                await response.write(recordio.encode(media.records.encode(piece)))
        await response.write_eof()
    except ConnectionError as error:
        log.debug("output of a container: %s", error)
    return response


async def _pieces(source: Source, clock: Clock) -> AsyncGenerator[ProcessIO, None]:
    """What comes out as records, and a heartbeat whenever nothing has for a while."""
    while True:
        getting: asyncio.Future[tuple[Stream, bytes] | None] = asyncio.ensure_future(source.get())
        try:
            while not getting.done():
                beat: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                timer = clock.call_at(clock.monotonic() + HEARTBEAT_INTERVAL, _set, beat)
                try:
                    waits: set[asyncio.Future[Any]] = {getting, beat}
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    timer.cancel()
                if beat.done() and not getting.done():
                    yield HEARTBEAT
            piece = getting.result()
        finally:
            getting.cancel()
        if piece is None:
            return
        stream, data = piece
        yield ProcessIO(type=ProcessIO.Type.DATA, data=ProcessIO.Data(type=KINDS[stream], data=data))


class FollowedFiles:
    """The output of what writes into `stdout` and `stderr` of its directory, from now on, until `ended`."""

    def __init__(self, directory: Path, ended: Callable[[], bool], clock: Clock) -> None:
        self._directory = directory
        self._ended = ended
        self._clock = clock
        self._offsets: dict[Stream, int] | None = None

    async def begin(self) -> None:
        """Overlook what there is by now."""
        offsets = {}
        for stream in Stream:
            piece = await asyncio.to_thread(files.read, self._directory, stream.value, 0, 0)
            offsets[stream] = 0 if piece is None else piece.size
        self._offsets = offsets

    async def get(self) -> tuple[Stream, bytes] | None:
        """The next piece, None at the end."""
        if self._offsets is None:
            await self.begin()
        offsets = self._offsets or {}
        while True:
            # Asked before: what ended before a file is read cannot make it grow after.
            ended = self._ended()
            for stream, offset in offsets.items():
                piece = await asyncio.to_thread(files.read, self._directory, stream.value, offset, CHUNK)
                if piece is not None and piece.data:
                    offsets[stream] = offset + len(piece.data)
                    return stream, piece.data
            if ended:
                return None
            await self._pause()

    async def _pause(self) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._clock.call_at(self._clock.monotonic() + POLL, _set, over)
        try:
            await over
        finally:
            timer.cancel()


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
