"""Request bodies that do not come, on real connections, in paused time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiohttp import StreamReader, web

from actors import Actor, ActorSystem, PausedClock
from actors.slow_bodies import STALL, long_body
from actors.testing import advance

LIMIT = 5.0


class Reader(Actor):
    """Reads bodies: after its turn, in its turn, not at all, or for as long as they come."""

    def __init__(self) -> None:
        self.came = 0
        self.content: StreamReader
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    def initialize(self) -> None:
        self.route("/later", lambda request: lambda: self.whole(request), methods=("POST",))
        self.route("/turn", self.whole, methods=("POST",))
        self.route("/none", lambda _: web.Response(text="unread"), methods=("POST",))
        self.route("/long", lambda request: lambda: self.each(request), methods=("POST",))

    async def whole(self, request: web.Request) -> web.Response:
        self.came += 1
        self.content = request.content
        return web.Response(text=f"{len(await request.read())} bytes")

    async def each(self, request: web.Request) -> web.Response:
        long_body(request)
        self.came += 1
        while piece := await request.content.readany():
            self.pieces.put_nowait(piece)
        return web.Response(text="ended")


class World:
    def __init__(self) -> None:
        self.clock = PausedClock()
        self.system = ActorSystem(clock=self.clock)
        self.reader = Reader()
        self.writers: list[asyncio.StreamWriter] = []

    async def send(
        self, path: str, data: bytes, length: str = "Content-Length: 1000"
    ) -> asyncio.StreamReader:
        """Begin a request of which this has come."""
        reader, writer = await asyncio.open_connection(*self.system.address)
        self.writers.append(writer)
        writer.write(f"POST /reader{path} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode() + data)
        return reader

    async def arrived(self, number: int = 1) -> None:
        await until(lambda: self.reader.came == number)

    async def piece(self) -> bytes:
        async with asyncio.timeout(LIMIT):
            return await self.reader.pieces.get()

    async def advance(self, seconds: float) -> None:
        await advance(self.clock, seconds, self.system)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)


async def answer(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Status and body."""
    async with asyncio.timeout(LIMIT):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(line for line in head.splitlines() if line.lower().startswith("content-length"))
        return head.split()[1], (await reader.readexactly(int(length.split()[1]))).decode()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.system:
        world.system.spawn(world.reader, "reader")
        await world.system.call(world.reader.upid, lambda: None)
        yield world
        for writer in world.writers:
            writer.transport.abort()


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/later", "/turn"])
@pytest.mark.parametrize(
    ("length", "data"),
    [
        ("Content-Length: 1000", b"abc"),
        ("Transfer-Encoding: chunked", b"3\r\nabc\r\n"),
        ("Content-Length: 9", b""),
    ],
)
async def test_a_body_that_does_not_come_is_408(
    world: World, path: str, length: str, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader = await world.send(path, data, length)
    await world.arrived()
    await world.advance(STALL - 1)
    assert not reader.at_eof()
    await world.advance(STALL)
    count = 3 if data else 0
    assert await answer(reader) == ("408", f"nothing more of the body came for 30 s, after {count} bytes\n")
    # The actor is free again, and nothing was an accident.
    assert await answer(await world.send("/turn", b"xyz", "Content-Length: 3")) == ("200", "3 bytes")
    assert caplog.records == []


@pytest.mark.asyncio
async def test_a_body_that_comes_slowly_is_read(world: World) -> None:
    reader = await world.send("/later", b"a", "Content-Length: 6")
    await world.arrived()
    for count in range(2, 7):
        await world.advance(STALL - 1)
        world.writers[-1].write(b"b")
        await until(lambda count=count: world.reader.content.total_bytes == count)
    assert await answer(reader) == ("200", "6 bytes")


@pytest.mark.asyncio
async def test_a_body_that_is_not_read_holds_nothing_up(world: World) -> None:
    assert await answer(await world.send("/none", b"abc")) == ("200", "unread")


@pytest.mark.asyncio
async def test_a_long_body_may_be_silent(world: World) -> None:
    reader = await world.send("/long", b"3\r\nabc\r\n", "Transfer-Encoding: chunked")
    assert await world.piece() == b"abc"
    await world.advance(10 * STALL)
    world.writers[-1].write(b"2\r\nde\r\n")
    assert await world.piece() == b"de"
    await world.advance(10 * STALL)
    world.writers[-1].write(b"0\r\n\r\n")
    assert await answer(reader) == ("200", "ended")
