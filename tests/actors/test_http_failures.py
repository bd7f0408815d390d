"""HTTP that fails, on either side: answered, logged, and nobody else is disturbed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from actors import UPID, ActorSystem, PausedClock
from actors.testing import advance

from .probes import Echo, Hold, Probe


class Pages(Probe):
    def initialize(self) -> None:
        self.route("/plain", self.plain)
        self.route("/slow", self.slow)
        self.route("/after", self.after_turn)
        self.route("/teapot", self.teapot)
        self.route("/nothing", lambda _request: None)
        self.route("/gone", self.gone)
        self.route("/long", self.long)
        self.route("/body", self.body, methods=("POST",))
        self.left = asyncio.Event()

    def plain(self, _request: web.Request) -> web.Response:
        raise LookupError("a plain bug")

    async def slow(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        raise LookupError("a slow bug")

    def after_turn(self, _request: web.Request) -> object:
        async def respond() -> web.Response:
            raise LookupError("a bug after the turn")

        return respond

    def long(self, _request: web.Request) -> object:
        async def respond() -> web.Response:
            self.holding.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.left.set()

        return respond

    async def body(self, request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def teapot(self, _request: web.Request) -> web.Response:
        raise Teapot

    async def gone(self, _request: web.Request) -> web.Response:
        await self.ask(UPID.at("nobody", self.upid.address), Echo())
        raise AssertionError("nobody answered")


class Teapot(web.HTTPClientError):
    status_code = 418


@pytest_asyncio.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem() as system:
        await system.call(system.spawn(Pages(), "pages"), lambda: None)
        yield system


async def raw(system: ActorSystem, data: bytes) -> bytes:
    """Send bytes, return what comes until the other end closes."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*system.address)
        writer.write(data)
        answer = await reader.read()
        writer.close()
        return answer


async def get(system: ActorSystem, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, str]:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    head_back, _, text = (await raw(system, head.encode() + body)).partition(b"\r\n\r\n")
    return int(head_back.split()[1]), text.decode()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "bug"),
    [("plain", "a plain bug"), ("slow", "a slow bug"), ("after", "a bug after the turn"), ("nothing", "")],
)
async def test_a_bug_in_a_route_is_a_500_with_its_traceback_in_the_log(
    system: ActorSystem, caplog: pytest.LogCaptureFixture, path: str, bug: str
) -> None:
    status, text = await get(system, f"/pages/{path}")
    assert status == 500
    # The text may hold secrets: it is for the log.
    assert not bug or bug not in text
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.name == "ostrom.actors.http"
    assert f"/pages/{path}" in record.getMessage()
    assert "Traceback" in caplog.text
    assert bug in caplog.text
    assert system.counters["http_failures"] == 1
    assert system.counters["handler_failures"] == 0
    assert system.hosts(UPID.at("pages", system.address))
    assert "ostrom_http_failures_total 1.0" in (await get(system, "/metrics"))[1]


@pytest.mark.asyncio
async def test_an_http_error_that_is_raised_is_the_response(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await get(system, "/pages/teapot"))[0] == 418
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert system.counters["http_failures"] == 0


@pytest.mark.asyncio
async def test_a_route_whose_own_ask_finds_nobody_is_unavailable(system: ActorSystem) -> None:
    assert (await get(system, "/pages/gone"))[0] == 503


@pytest.mark.asyncio
async def test_a_request_that_waits_for_an_actor_that_ends_is_unavailable(system: ActorSystem) -> None:
    upid = UPID.at("pages", system.address)
    (pages,) = system.actors
    assert isinstance(pages, Pages)
    async with asyncio.timeout(20):
        system.send(upid, Hold())
        await pages.holding.wait()
        waiting = asyncio.ensure_future(get(system, "/pages/plain"))
        while not system.processes()[0].mailbox:
            await asyncio.sleep(0)
        system.terminate(upid)
        assert (await waiting)[0] == 503


@pytest.mark.asyncio
async def test_a_posted_ask_that_gets_no_reply_is_a_gateway_timeout(clock: PausedClock) -> None:
    async with asyncio.timeout(20), ActorSystem(clock=clock) as system:
        probe = Probe()
        system.spawn(probe, "probe")
        waiting = asyncio.ensure_future(get(system, "/probe/Hold?ask", "POST"))
        await probe.holding.wait()
        await advance(clock, 5, system)
        status, text = await waiting
        assert status == 504
        assert "did not reply within 5 s" in text


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [b"{", b"5", b'{"text": "\xff\xfe"}', b'{"text": 5}', b'{"text":' * 2000])
async def test_a_bad_body_is_a_400(system: ActorSystem, body: bytes) -> None:
    status, text = await get(system, "/pages/Echo?ask", "POST", body)
    assert status == 400
    assert text.startswith("Echo: ")


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/pages/body", "/pages/Echo"])
async def test_a_body_that_cannot_be_read_is_a_400(system: ActorSystem, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n"
    answer = await raw(system, head.encode() + b"{}")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"the body cannot be read: Can not decode content-encoding: gzip\n")
    assert system.counters["http_failures"] == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("data", [b"ABC\xff\xfe\r\n", b"A\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
async def test_what_begins_with_a_letter_and_is_no_http_is_a_400(system: ActorSystem, data: bytes) -> None:
    assert b" 400 " in (await raw(system, data)).partition(b"\r\n")[0]
    assert (await get(system, "/health"))[0] == 200


@pytest.mark.asyncio
async def test_a_head_that_comes_in_pieces_is_understood(system: ActorSystem) -> None:
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*system.address)
        for byte in b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert b'{"healthy": true}' in await reader.read()
        writer.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("data", [b"", b"\x00", b"G", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_who_opens_a_connection_and_says_no_more_is_cut_off_in_time(
    clock: PausedClock, data: bytes
) -> None:
    async with asyncio.timeout(20), ActorSystem(clock=clock) as system:
        upid = system.spawn(Probe())
        reader, writer = await asyncio.open_connection(*system.address)
        writer.write(data)
        await writer.drain()
        # A request that is answered came after it, and is not held up.
        assert (await get(system, "/health"))[0] == 200
        await advance(clock, 9.9, system)
        assert (await get(system, "/health"))[0] == 200
        assert not reader.at_eof()
        assert reader.exception() is None
        await advance(clock, 0.2, system)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        assert await system.ask(upid, Echo("x")) == Echo("x")
        writer.close()


@pytest.mark.asyncio
async def test_a_log_level_toggled_twice_goes_back_to_what_it_was(clock: PausedClock) -> None:
    logger = logging.getLogger("ostrom")
    before = logger.level
    try:
        logger.setLevel(logging.ERROR)
        async with asyncio.timeout(20), ActorSystem(clock=clock) as system:
            await get(system, "/logging/toggle?level=DEBUG&seconds=60", "POST")
            assert logger.level == logging.DEBUG
            await advance(clock, 30, system)
            await get(system, "/logging/toggle?level=INFO&seconds=60", "POST")
            await advance(clock, 59, system)
            assert logger.level == logging.INFO
            await advance(clock, 1, system)
            assert logger.level == logging.ERROR
            await get(system, "/logging/toggle", "POST")
            assert logger.level == logging.DEBUG
        # A system that closed can put nothing back later.
        assert logger.level == logging.ERROR
    finally:
        logger.setLevel(before)


@pytest.mark.asyncio
async def test_what_takes_time_is_cancelled_when_its_client_leaves() -> None:
    pages = Pages()
    async with asyncio.timeout(10), ActorSystem() as system:
        await system.call(system.spawn(pages, "pages"), lambda: None)
        _, writer = await asyncio.open_connection(*system.address)
        writer.write(b"GET /pages/long HTTP/1.1\r\nHost: x\r\n\r\n")
        await pages.holding.wait()
        assert not pages.left.is_set()
        writer.close()
        await pages.left.wait()
