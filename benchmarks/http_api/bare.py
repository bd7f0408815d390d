"""The reference: a plain aiohttp server that writes records which are ready, as the streams are written."""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import web

__all__ = ["BareServer"]

AT_ONCE = 64


class BareServer:
    """Answers a SUBSCRIBE with a stream of what is `put`, and all else with 202."""

    def __init__(self) -> None:
        self.address = ""
        self._streams: list[_Bare] = []

    async def __aenter__(self) -> BareServer:
        app = web.Application()
        app.router.add_post("/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def until(self, streams: int) -> None:
        """Wait until there are so many."""
        while len(self._streams) < streams:
            await asyncio.sleep(0.001)

    def put(self, number: int, record: bytes) -> None:
        """Have a record written to a stream."""
        stream = self._streams[number]
        stream.records.append(record)
        stream.changed.set()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if b"SUBSCRIBE" not in await request.read():
            return web.Response(status=202)
        stream = _Bare()
        self._streams.append(stream)
        try:
            return await stream.serve(request)
        finally:
            self._streams.remove(stream)


class _Bare:
    def __init__(self) -> None:
        self.records: deque[bytes] = deque()
        self.changed = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        sent = 0
        while True:
            while self.records:
                await response.write(self.records.popleft())
                sent += 1
                if sent % AT_ONCE == 0:
                    await asyncio.sleep(0)
            self.changed.clear()
            await self.changed.wait()
