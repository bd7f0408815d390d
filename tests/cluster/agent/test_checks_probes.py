"""Probes: real servers on the loopback address, whatever they answer. Time-outs are by the paused clock."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from actors import PausedClock
from cluster.agent.checks import ProbeResult, probe
from cluster.agent.checks.probes import MAX_BODY, MAX_TEXT, RunCommand, connects
from cluster.messages.checks import (
    Check,
    CheckKind,
    CheckStatusInfo,
    CommandCheck,
    HealthCheck,
    HTTPCheck,
    TCPCheck,
)
from isolation import LauncherClosedError, LaunchError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def no_command(argv: tuple[str, ...], environment: Mapping[str, str], timeout: float | None) -> int:
    raise AssertionError("no command is to be run")


async def look(check: Check | HealthCheck, run_command: RunCommand = no_command) -> ProbeResult:
    clock = PausedClock()
    result = await probe(check, clock=clock, run_command=run_command)
    assert clock.next_timer() is None
    assert result is not None
    return result


@asynccontextmanager
async def http_server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app, host="127.0.0.1", scheme="https" if tls else "http")
    await server.start_server(ssl=tls)
    try:
        assert server.port is not None
        yield server.port
    finally:
        await server.close()


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[int]:
    """Answers by bytes; every connection is closed when `talk` returns."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.clear()
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
            done.set()

    done = asyncio.Event()
    done.set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await done.wait()


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def http(port: int, path: str = "/", **fields: object) -> Check:
    return Check(http=HTTPCheck(port, path, **fields))  # type: ignore[arg-type]


def seen(status: int | None) -> CheckStatusInfo:
    return CheckStatusInfo(CheckKind.HTTP, status_code=status)


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (204, True), (304, True), (404, False), (500, False)]
)
@pytest.mark.asyncio
async def test_the_status_decides(status: int, ok: bool) -> None:
    requests: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append((request.method, request.raw_path))
        return web.Response(status=status)

    async with http_server(answer) as port:
        assert await look(http(port, "/health?deep=1%202")) == ProbeResult(ok, seen(status), f"HTTP {status}")
    assert requests == [("GET", "/health?deep=1%202")]


@pytest.mark.asyncio
async def test_statuses_say_what_is_a_success() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=404)

    async with http_server(answer) as port:
        result = await look(http(port, statuses=(404,)))
    assert (result.ok, result.status) == (True, seen(404))


@pytest.mark.asyncio
async def test_a_certificate_is_not_verified() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("somewhere.example").configure_cert(tls)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.secure else 500)

    async with http_server(answer, tls) as port:
        assert (await look(http(port, scheme="https"))).status == seen(200)
        assert (await look(http(port))).ok is False


@pytest.mark.asyncio
async def test_http_spoken_where_tls_is_expected() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response()

    async with http_server(answer) as port:
        result = await look(http(port, scheme="https"))
    assert (result.ok, result.status) == (False, seen(None))


@pytest.mark.asyncio
async def test_redirects_are_followed() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/end":
            return web.Response(status=500)
        raise web.HTTPFound("/end" if request.path == "/9" else f"/{int(request.path[1:]) + 1}")

    async with http_server(answer) as port:
        assert (await look(http(port, "/0"))).status == seen(500)


@pytest.mark.asyncio
async def test_a_redirect_to_another_port_of_the_task_is_followed() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async with http_server(answer) as port:
        for host in (b"127.0.0.1", b"localhost"):
            assert (await redirect(b"http://%s:%d/" % (host, port))).status == seen(503)


@pytest.mark.asyncio
async def test_a_circle_of_redirects_ends() -> None:
    count = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        raise web.HTTPFound("/")

    async with http_server(answer) as port:
        result = await look(http(port))
    assert (result.ok, result.status, count) == (False, seen(None), 51)


async def redirect(location: bytes) -> ProbeResult:
    """What is seen where a request is answered with a redirect there."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
        await reader.read()

    async with raw_server(talk) as port:
        return await look(http(port))


@pytest.mark.parametrize(
    "location",
    [
        b"http://ostrom.invalid/",
        b"//127.0.0.2/",
        b"http://127.0.0.1@127.0.0.2/",
        b"http://" + b"a" * 64 + b"/",
        b"ftp://127.0.0.1/" + b"x" * 3000,
        b"javascript:alert(1)",
    ],
)
@pytest.mark.asyncio
async def test_a_redirect_away_from_the_task_is_not_followed(location: bytes) -> None:
    assert await redirect(location) == ProbeResult(True, seen(302), "HTTP 302")


@pytest.mark.parametrize(
    "location",
    [
        b"http://127.0.0.1:99999/",
        b"http://127.0.0.1:" + b"9" * 3000 + b"/",
        b"http://[::1/",
        b"http://\xff\xfe/",
        b"\xff" * 3000,
        b"http://127.0.0.1:1/\xff",
    ],
)
@pytest.mark.asyncio
async def test_a_redirect_to_nowhere_is_a_failure_that_can_be_told(location: bytes) -> None:
    result = await redirect(location)
    assert (result.ok, result.status) == (False, seen(None))
    assert 0 < len(result.text) <= MAX_TEXT
    result.text.encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 9999 \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
)
@pytest.mark.asyncio
async def test_what_is_no_whole_answer_is_a_failure(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with raw_server(talk) as port:
        result = await look(http(port))
    assert (result.ok, result.status) == (False, seen(None))
    assert result.text


@pytest.mark.asyncio
async def test_of_an_endless_answer_the_status_is_enough() -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with raw_server(talk) as port:
        result = await look(http(port))
    assert (result.ok, result.status) == (True, seen(200))
    assert sent >= MAX_BODY / 2


@pytest.mark.asyncio
async def test_nobody_listens() -> None:
    port = closed_port()
    result = await look(http(port))
    assert (result.ok, result.status) == (False, seen(None))
    assert str(port) in result.text
    result = await look(Check(tcp=TCPCheck(port)))
    assert (result.ok, result.status) == (False, CheckStatusInfo(CheckKind.TCP, succeeded=False))
    assert "refused" in result.text.lower()


@pytest.mark.asyncio
async def test_a_connection_is_enough_for_tcp() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""

    async with raw_server(talk) as port:
        result = await look(Check(tcp=TCPCheck(port)))
    assert result == ProbeResult(True, CheckStatusInfo(CheckKind.TCP, succeeded=True), "connected")


@pytest.mark.asyncio
async def test_a_socket_connected_to_itself_is_nobody() -> None:
    # What happens now and then when the port is one that the kernel gives to callers.
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        assert not await connects(sock, sock.getsockname())


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[int, asyncio.Event, asyncio.Event]]:
    """Takes requests and never answers: the port, that it was asked, that the asker has gone."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        gone.set()

    async with raw_server(talk) as port:
        yield port, asked, gone


@pytest.mark.parametrize("kind", [Check, HealthCheck])
@pytest.mark.asyncio
async def test_a_time_out_is_a_failure_without_a_status(kind: type[Check | HealthCheck]) -> None:
    clock = PausedClock()
    async with silent_server() as (port, asked, gone):
        check = kind(http=HTTPCheck(port), timeout_seconds=2.5)
        task = asyncio.create_task(probe(check, clock=clock, run_command=no_command))
        await asked.wait()
        assert clock.next_timer() == clock.monotonic() + 2.5
        clock.step_to(clock.monotonic() + 2.4)
        await asyncio.sleep(0)
        assert not task.done()
        clock.step_to(clock.monotonic() + 0.2)
        assert await task == ProbeResult(False, seen(None), "timed out after 2.5 s")
        await gone.wait()
    assert clock.next_timer() is None


@pytest.mark.asyncio
async def test_a_time_out_of_0_is_none() -> None:
    clock = PausedClock()
    async with silent_server() as (port, asked, gone):
        check = Check(http=HTTPCheck(port), timeout_seconds=0)
        task = asyncio.create_task(probe(check, clock=clock, run_command=no_command))
        await asked.wait()
        assert clock.next_timer() is None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()


# Commands.


def command(**fields: object) -> Check:
    return Check(command=CommandCheck("test -e ready", environment={"A": "b"}), **fields)  # type: ignore[arg-type]


def ended(code: int | None) -> CheckStatusInfo:
    return CheckStatusInfo(CheckKind.COMMAND, exit_code=code)


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (0, ProbeResult(True, ended(0), "exited with status 0")),
        (3, ProbeResult(False, ended(3), "exited with status 3")),
        (-9, ProbeResult(False, ended(None), "killed by signal 9")),
        (TimeoutError(), ProbeResult(False, ended(None), "timed out after 7 s")),
        (
            LaunchError("c", 2, "exec"),
            ProbeResult(False, ended(None), "container c cannot be started: exec: No such file or directory"),
        ),
        (OSError(28, "No space left"), ProbeResult(False, ended(None), "[Errno 28] No space left")),
        (OSError("x" * 1000), ProbeResult(False, ended(None), "x" * MAX_TEXT)),
        (ValueError("argv"), ProbeResult(False, ended(None), "argv")),
        (LauncherClosedError("closed"), None),
    ],
)
@pytest.mark.asyncio
async def test_a_commands_end_is_what_is_seen(outcome: int | Exception, result: ProbeResult | None) -> None:
    calls = []

    async def run(argv: tuple[str, ...], environment: Mapping[str, str], timeout: float | None) -> int:
        calls.append((argv, environment, timeout))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    check = command(timeout_seconds=7)
    assert await probe(check, clock=PausedClock(), run_command=run) == result
    assert calls == [(("/bin/sh", "-c", "test -e ready"), {"A": "b"}, 7)]


@pytest.mark.asyncio
async def test_a_command_without_a_time_out() -> None:
    async def run(argv: tuple[str, ...], environment: Mapping[str, str], timeout: float | None) -> int:
        return 0 if timeout is None else 1

    assert (await look(command(timeout_seconds=0), run)).ok


@pytest.mark.asyncio
async def test_an_error_of_ours_is_not_the_tasks() -> None:
    async def run(argv: tuple[str, ...], environment: Mapping[str, str], timeout: float | None) -> int:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        await look(command(), run)
