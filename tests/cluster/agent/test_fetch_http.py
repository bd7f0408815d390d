"""Downloads: what servers and networks do, and what the task is told of it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme
from aiohttp import web

from actors import PausedClock
from cluster.agent.fetching import Fetcher, FetchError
from cluster.agent.fetching.stall import Stall
from cluster.messages.uris import URI
from tests.cluster.agent.fetch_world import (
    PIECE,
    Server,
    listing,
    mode,
    pass_time,
    refusal,
    until,
)

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with Server().running() as server:
        yield server


@pytest_asyncio.fixture
async def fetcher(tmp_path: Path) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(tmp_path / "cache", backoff=0.0, max_size=4 * PIECE)
    yield fetcher
    await fetcher.close()


@pytest_asyncio.fixture
async def paused(tmp_path: Path, paused_clock: PausedClock) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(tmp_path / "cache", clock=paused_clock)
    yield fetcher
    await fetcher.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    path = tmp_path / "sandbox"
    path.mkdir()
    return path


async def test_files_come_with_their_names_and_modes(server: Server, fetcher: Fetcher, sandbox: Path) -> None:
    server.pages = {"/a": b"one", "/b%20c": b"two", "/b c": b"two", "/d": b"", "/e.tar": b"no archive"}
    uris = [
        URI(server.url("/a"), executable=True),
        URI(server.url("/b%20c")),
        URI(server.url("/d?query"), output_file="x/y/d"),
        URI(server.url("/e.tar#fragment"), extract=False),
    ]
    await fetcher.fetch(uris, sandbox)
    assert listing(sandbox) == {
        "a": b"one",
        "b c": b"two",
        "x/": "",
        "x/y/": "",
        "x/y/d": b"",
        "e.tar": b"no archive",
    }
    assert mode(sandbox / "a") == 0o755
    assert mode(sandbox / "b c") == 0o644
    assert mode(sandbox / "x") == 0o755


async def test_large_and_many(server: Server, fetcher: Fetcher, sandbox: Path) -> None:
    bodies = {f"/{number}": bytes([number]) * (PIECE + number) for number in range(20)}
    server.pages = dict(bodies)
    await fetcher.fetch([URI(server.url(path)) for path in bodies], sandbox)
    assert listing(sandbox) == {path[1:]: body for path, body in bodies.items()}


async def test_nothing_of_any_comes_if_one_does_not(server: Server, fetcher: Fetcher, sandbox: Path) -> None:
    server.pages = {"/good": b"good", "/held": server.held(b"x")}
    uris = [URI(server.url(path)) for path in ("/good", "/missing", "/held")]
    text = await refusal(fetcher, sandbox, *uris)
    assert text == f"cannot fetch {server.url('/missing')}: status 404 Not Found"


async def test_a_status_that_is_no_file(server: Server, fetcher: Fetcher, sandbox: Path) -> None:
    async def empty(request: web.Request) -> web.Response:
        return web.Response(status=204)

    server.pages = {"/empty": empty}
    assert "status 204 No Content" in await refusal(fetcher, sandbox, URI(server.url("/empty")))
    assert server.requests == ["/empty"]


def failing(times: int, status: int = 500) -> object:
    async def answer(request: web.Request) -> web.Response:
        nonlocal times
        times -= 1
        return web.Response(status=status) if times >= 0 else web.Response(body=b"at last")

    return answer


async def test_a_server_that_fails_is_asked_again_later(
    server: Server, paused: Fetcher, paused_clock: PausedClock, sandbox: Path
) -> None:
    server.pages = {"/x": failing(2)}
    start = paused_clock.monotonic()
    task = asyncio.create_task(paused.fetch([URI(server.url("/x"))], sandbox))
    for requests in (1, 2):
        # The pause is the next timer when the stall's, of a minute, is off.
        await until(lambda: (paused_clock.next_timer() or start + 60) - paused_clock.monotonic() < 30)
        assert len(server.requests) == requests
        pause = (paused_clock.next_timer() or 0) - paused_clock.monotonic()
        assert 0.5 * requests <= pause <= 1.0 * requests
        paused_clock.step_to(paused_clock.monotonic() + pause)
    await task
    assert listing(sandbox) == {"x": b"at last"}


async def test_a_server_that_goes_on_failing(server: Server, fetcher: Fetcher, sandbox: Path) -> None:
    server.pages = {"/x": failing(100, 503)}
    text = await refusal(fetcher, sandbox, URI(server.url("/x")))
    assert "status 503 Service Unavailable (3 attempts)" in text
    assert len(server.requests) == 3


async def test_an_answer_that_is_cut_off_is_fetched_again(
    server: Server, fetcher: Fetcher, sandbox: Path
) -> None:
    cut = 1

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal cut
        response = web.StreamResponse(headers={"Content-Length": "10"})
        await response.prepare(request)
        cut -= 1
        if cut >= 0:
            await response.write(b"bad")
            assert request.transport is not None
            request.transport.close()
        else:
            await response.write(b"0123456789")
        return response

    server.pages = {"/x": answer}
    await fetcher.fetch([URI(server.url("/x"))], sandbox)
    assert listing(sandbox) == {"x": b"0123456789"}
    (sandbox / "x").unlink()
    cut = 100
    text = await refusal(fetcher, sandbox, URI(server.url("/x")))
    assert "connection: " in text
    assert "(3 attempts)" in text


async def test_nobody_listens(fetcher: Fetcher, sandbox: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        text = await refusal(fetcher, sandbox, URI(f"http://127.0.0.1:{unused.getsockname()[1]}/x"))
    assert "connection: Cannot connect" in text
    assert "(3 attempts)" in text


async def test_a_host_that_cannot_be(fetcher: Fetcher, sandbox: Path) -> None:
    text = await refusal(fetcher, sandbox, URI(f"http://{'x' * 70}.invalid/x"))
    assert "cannot fetch http://xxx" in text


@pytest.mark.parametrize("begins", [True, False])
async def test_a_server_that_stalls(
    server: Server, paused: Fetcher, paused_clock: PausedClock, sandbox: Path, begins: bool
) -> None:
    async def silent(request: web.Request) -> web.Response:
        await server.release.wait()
        return web.Response()

    server.pages = {"/x": server.held(b"half") if begins else silent}
    task = asyncio.create_task(refusal(paused, sandbox, URI(server.url("/x"))))
    await until(lambda: server.requests)
    await pass_time(paused_clock, task, 61.0)
    assert task.result() == f"cannot fetch {server.url('/x')}: timeout: no byte for 60 s"
    await server.gone.wait()
    assert len(server.requests) == 1


async def test_a_slow_server_does_not_stall(
    server: Server, paused: Fetcher, paused_clock: PausedClock, sandbox: Path
) -> None:
    sent = asyncio.Semaphore(0)

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(5):
            await sent.acquire()
            await response.write(bytes(PIECE))
        return response

    server.pages = {"/x": slow}
    task = asyncio.create_task(paused.fetch([URI(server.url("/x"))], sandbox))
    for number in range(1, 6):
        sent.release()
        await until(lambda: any(p.stat().st_size >= number * PIECE for p in sandbox.glob(".fetching-*/0")))  # noqa: B023
        paused_clock.step_to(paused_clock.monotonic() + 59.0)
    await task
    assert (sandbox / "x").stat().st_size == 5 * PIECE


async def test_a_stall_and_a_cancel_at_once(paused_clock: PausedClock) -> None:
    async def wait() -> None:
        async with Stall(paused_clock, 5.0):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await until(paused_clock.next_timer)
    paused_clock.step_to(paused_clock.monotonic() + 5.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    task = asyncio.create_task(wait())
    await until(paused_clock.next_timer)
    paused_clock.step_to(paused_clock.monotonic() + 5.0)
    with pytest.raises(TimeoutError):
        await task
    assert task.cancelling() == 0


def redirect(to: str) -> object:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": to})

    return answer


async def test_redirects_are_followed_but_not_for_ever(
    server: Server, fetcher: Fetcher, sandbox: Path
) -> None:
    server.pages = {"/old": redirect("/new"), "/new": b"here", "/loop": redirect("/loop")}
    await fetcher.fetch([URI(server.url("/old"))], sandbox)
    assert listing(sandbox) == {"old": b"here"}
    (sandbox / "old").unlink()
    server.requests.clear()
    assert "more than 10 redirects" in await refusal(fetcher, sandbox, URI(server.url("/loop")))
    assert len(server.requests) == 10


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://host/x", "http://", "http://[::1/"])
async def test_redirects_to_what_is_no_server(
    server: Server, fetcher: Fetcher, sandbox: Path, to: str
) -> None:
    server.pages = {"/x": redirect(to)}
    text = await refusal(fetcher, sandbox, URI(server.url("/x")))
    assert server.url("/x") in text
    assert server.requests == ["/x"]


@pytest.mark.parametrize("kind", ["sha256", "sha512"])
async def test_checksums(server: Server, fetcher: Fetcher, sandbox: Path, kind: str) -> None:
    body = b"contents" * PIECE * 2
    body = body[: 3 * PIECE + 17]
    server.pages = {"/x": body}
    right = hashlib.new(kind, body).hexdigest()
    await fetcher.fetch([URI(server.url("/x"), checksum=f"{kind}:{right.upper()}")], sandbox)
    assert listing(sandbox) == {"x": body}
    (sandbox / "x").unlink()
    wrong = hashlib.new(kind, b"other").hexdigest()
    text = await refusal(fetcher, sandbox, URI(server.url("/x"), checksum=f"{kind}:{wrong}"))
    assert f"checksum: expected {kind}:{wrong}, found {kind}:{right}" in text
    assert server.requests == ["/x", "/x"]


@pytest.mark.parametrize("announced", [True, False])
async def test_too_large(server: Server, fetcher: Fetcher, sandbox: Path, announced: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Length": str(1 << 40)} if announced else {}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        while True:
            await response.write(bytes(PIECE))

    server.pages = {"/x": answer}
    text = await refusal(fetcher, sandbox, URI(server.url("/x")))
    assert f"larger than the limit of {4 * PIECE} bytes" in text
    await server.gone.wait()


async def test_what_a_server_encodes_is_stored_as_it_is(
    server: Server, fetcher: Fetcher, sandbox: Path
) -> None:
    body = gzip.compress(b"contents")

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    server.pages = {"/x": answer, "/y.gz": answer}
    await fetcher.fetch([URI(server.url("/x")), URI(server.url("/y.gz"))], sandbox)
    assert listing(sandbox) == {"x": body, "y": b"contents"}


async def test_cancelled_it_stops_and_leaves_nothing(server: Server, fetcher: Fetcher, sandbox: Path) -> None:
    server.pages = {"/x": server.held(bytes(PIECE)), "/y": b"whole"}
    task = asyncio.create_task(fetcher.fetch([URI(server.url("/x")), URI(server.url("/y"))], sandbox))
    await until(lambda: any(path.stat().st_size >= PIECE for path in sandbox.glob(".fetching-*/0")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert listing(sandbox) == {}
    await server.gone.wait()


async def test_closed_it_ends_what_is_under_way(server: Server, fetcher: Fetcher, sandbox: Path) -> None:
    server.pages = {"/x": server.held(bytes(PIECE))}
    uri = URI(server.url("/x"), cache=True)
    task = asyncio.create_task(refusal(fetcher, sandbox, uri))
    await until(lambda: server.requests)
    await fetcher.close()
    assert "the agent ends" in await task
    assert "the agent ends" in await refusal(fetcher, sandbox, uri)


async def test_what_is_wrong_is_said_before_anything_is_fetched(
    server: Server, fetcher: Fetcher, sandbox: Path
) -> None:
    server.pages = {"/x": b"", "/y/x": b""}
    text = await refusal(fetcher, sandbox, URI(server.url("/x")), URI(server.url("/y/x")))
    assert "would both be stored as 'x'" in text
    assert "uri.value 'ftp://x/y'" in await refusal(fetcher, sandbox, URI("ftp://x/y"))
    assert server.requests == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def test_https(authority: trustme.CA, tmp_path: Path, sandbox: Path) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with Server().running() as plain, Server().running(ours) as server:
        server.pages = {"/x": b"secret", "/down": redirect(plain.url("/x"))}
        plain.pages = {"/x": b"open", "/up": redirect(server.url("/x"))}
        fetcher = Fetcher(tmp_path / "cache", tls=trusting, backoff=0.0)
        await fetcher.fetch([URI(server.url("/x")), URI(plain.url("/up"))], sandbox)
        assert listing(sandbox) == {"x": b"secret", "up": b"secret"}
        with pytest.raises(FetchError, match="redirected from https to http"):
            await fetcher.fetch([URI(server.url("/down"))], sandbox)
        await fetcher.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example"])
async def test_https_of_somebody_else(
    authority: trustme.CA, tmp_path: Path, sandbox: Path, name: str
) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(ours)
    trusting = None
    if name != "127.0.0.1":
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
    async with Server().running(ours) as server:
        fetcher = Fetcher(tmp_path / "cache", tls=trusting, backoff=0.0)
        text = await refusal(fetcher, sandbox, URI(server.url("/x")))
        await fetcher.close()
        assert "certificate" in text
        assert "attempts" not in text
        assert server.requests == []
