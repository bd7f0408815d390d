"""A standby that carries requests to the leader: real sockets, and a leader that does what the test says."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from actors import UPID, Actor, ActorSystem
from cluster import messages as m
from cluster.http.carrying import CARRIED
from cluster.http.standby import Standby
from cluster.http.v1.stream import LostStreams, reset
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import JSON, PROTOBUF, Client

WITHIN = 10.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Detected:
    """A detector whose leader the test says."""

    spread = 0.0

    def __init__(self) -> None:
        self.change: Callable[[UPID | None], None] = lambda _: None
        self.leader: UPID | None = None

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        self.change = changed
        changed(self.leader)

    async def on_this_machine(self) -> bool:
        return True

    def close(self) -> None:
        pass


class Leader(Actor):
    """Answers whatever is asked by `handler`."""

    def __init__(self) -> None:
        self.handler: Handler = echo
        self.requests = 0
        self.over = asyncio.Event()

    def initialize(self) -> None:
        methods = ("GET", "HEAD", "POST", "PUT", "DELETE")
        self.route("/", lambda request: lambda: self._answer(request), methods=methods)
        self.system.http.root = self.upid

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        try:
            return await self.handler(request)
        finally:
            self.over.set()


async def echo(request: web.Request) -> web.StreamResponse:
    """What came, as JSON."""
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": [[name.lower(), value] for name, value in request.headers.items()],
            "body": (await request.read()).decode(),
        },
        status=202,
        headers={"X-Answer": "yes", "Connection": "X-Private", "X-Private": "1", "Mesos-Stream-Id": "s"},
    )


class Pair:
    """A leader, and a standby with its address `url`."""

    def __init__(self) -> None:
        self.leader = Leader()
        self.detected = Detected()
        self.standby = Standby(self.detected, carries=True)
        self.leading = ActorSystem("127.0.0.1", 0)
        self.standing_by = ActorSystem("127.0.0.1", 0)
        self.url = ""

    async def __aenter__(self) -> Pair:
        await self.leading.start()
        await self.standing_by.start()
        self.leading.spawn(self.leader, "master")
        self.detected.leader = self.leader.upid
        self.standing_by.spawn(self.standby, "standby")
        host, port = self.standing_by.address
        self.url = f"http://{host}:{port}"
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        await self.until(lambda: self.standby.leader is not None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self.standing_by.close()
        await self.leading.close()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN):
            while not condition():
                await asyncio.sleep(0.005)

    @asynccontextmanager
    async def streaming(self, handler: Handler) -> AsyncIterator[aiohttp.ClientResponse]:
        """A stream that was begun through the standby."""
        self.leader.handler = handler
        response = await self.http.post(f"{self.url}/api/v1/scheduler", data=b"{}")
        try:
            yield response
        finally:
            response.close()


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[Pair]:
    async with Pair() as pair:
        yield pair


async def begun(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Mesos-Stream-Id": "abc", "Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    """One record, and no end."""
    response = await begun(request)
    await response.write(b"1\nx")
    await asyncio.get_running_loop().create_future()
    return response


async def chunk(response: aiohttp.ClientResponse) -> bytes:
    """The next whole chunk."""
    held = b""
    async with asyncio.timeout(WITHIN):
        while True:
            data, whole = await response.content.readchunk()
            held += data
            if whole or not data:
                return held


@pytest.mark.asyncio
async def test_a_request_arrives_as_it_was_and_so_does_its_answer(pair: Pair) -> None:
    headers = [
        ("Accept", "a/b"),
        ("Accept", "c/d"),
        ("Authorization", "Basic eDp5"),
        ("Mesos-Stream-Id", "1"),
    ]
    headers += [("Connection", "X-Mine"), ("X-Mine", "1"), ("TE", "trailers"), ("X-Other", "2")]
    async with pair.http.post(
        aiohttp.client.URL(f"{pair.url}/a%2Fb/c?d=%20e&f", encoded=True), data=b'{"x":1}', headers=headers
    ) as response:
        told = await response.json()
        assert response.status == 202
        assert response.headers["X-Answer"] == "yes"
        assert response.headers["Mesos-Stream-Id"] == "s"
        assert "X-Private" not in response.headers
    assert (told["method"], told["path"], told["body"]) == ("POST", "/a%2Fb/c?d=%20e&f", '{"x":1}')
    arrived = [(name, value) for name, value in told["headers"]]
    assert [value for name, value in arrived if name == "accept"] == ["a/b", "c/d"]
    names = {name for name, _ in arrived}
    assert {("authorization", "Basic eDp5"), ("mesos-stream-id", "1"), ("x-other", "2")} <= set(arrived)
    assert names.isdisjoint({"x-mine", "te"})
    host, port = pair.leading.address
    assert ("host", f"{host}:{port}") in arrived
    assert (CARRIED.lower(), pair.url.removeprefix("http://")) in arrived


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_every_method_and_its_status(pair: Pair, method: str) -> None:
    async with pair.http.request(method, f"{pair.url}/x") as response:
        assert response.status == 202
        told = await response.read()
    assert (f'"method": "{method}"'.encode() in told) == (method != "HEAD")


@pytest.mark.asyncio
async def test_a_redirect_of_the_leader_is_the_clients_to_follow(pair: Pair) -> None:
    async def elsewhere(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "http://elsewhere/"})

    pair.leader.handler = elsewhere
    async with pair.http.get(f"{pair.url}/x", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "http://elsewhere/")


@pytest.mark.asyncio
async def test_its_own_pages_stay_its_own(pair: Pair) -> None:
    host, port = pair.leading.address
    async with pair.http.get(f"{pair.url}/leader") as response:
        assert await response.json() == {"leader": f"{host}:{port}", "leads": False}
    async with pair.http.get(f"{pair.url}/redirect", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, f"//{host}:{port}")
    async with pair.http.get(f"{pair.url}/health") as response:
        assert response.status == 200
    assert pair.leader.requests == 0


@pytest.mark.asyncio
async def test_request_bodies_are_carried_in_chunks_and_bounded(pair: Pair) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"0123456789"

    async with pair.http.post(f"{pair.url}/x", data=pieces()) as response:
        assert (await response.json())["body"] == "0123456789" * 1000
    async with pair.http.post(f"{pair.url}/x", data=io.BytesIO(bytes(5 * 2**20))) as response:
        assert response.status == 413
    assert pair.leader.requests == 1


@pytest.mark.asyncio
async def test_a_chunk_stays_a_chunk(pair: Pair) -> None:
    sizes = [1, 2, 300_000, 1, 70_000, *range(1, 400), 2_000_000, 5]

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begun(request)
        for number, size in enumerate(sizes):
            await response.write(bytes([number % 256]) * size)
        return response

    async with pair.streaming(handler) as response:
        assert response.headers["Mesos-Stream-Id"] == "abc"
        assert response.headers["Content-Type"] == "application/json"
        assert [await chunk(response) for _ in sizes] == [
            bytes([number % 256]) * size for number, size in enumerate(sizes)
        ]
        assert await chunk(response) == b""


@pytest.mark.asyncio
async def test_what_is_written_is_there_at_once(pair: Pair) -> None:
    more = asyncio.Queue[bytes]()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begun(request)
        while record := await more.get():
            await response.write(record)
        return response

    more.put_nowait(b"2\n{}")
    async with pair.streaming(handler) as response:
        for number in range(20):
            assert await chunk(response) == (b"2\n{}" if number == 0 else b"1\n%d" % (number % 10))
            more.put_nowait(b"1\n%d" % ((number + 1) % 10))
        more.put_nowait(b"")


@pytest.mark.asyncio
async def test_answers_with_a_length_keep_it(pair: Pair) -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(3 * 2**20))

    pair.leader.handler = handler
    async with pair.http.get(f"{pair.url}/files/download") as response:
        assert response.headers["Content-Length"] == str(3 * 2**20)
        assert "Transfer-Encoding" not in response.headers
        assert await response.read() == bytes(3 * 2**20)


@pytest.mark.asyncio
async def test_a_client_that_does_not_read_holds_up_the_leader_which_cuts_it_off(pair: Pair) -> None:
    written = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = await begun(request)
        try:
            async with asyncio.timeout(1.0):
                while True:
                    await response.write(bytes(2**16))
                    written += 2**16
        except TimeoutError:
            assert request.transport is not None
            reset(request.transport)
        return response

    async with pair.streaming(handler) as response:
        assert response.connection is not None
        transport = response.connection.transport
        assert transport is not None
        transport.pause_reading()
        async with asyncio.timeout(WITHIN):
            await pair.leader.over.wait()
        # Kernels hold some MiB on each of the two ways, the standby next to nothing.
        assert written < 40 * 2**20
        # While nobody reads on either side, the standby has seen it.
        assert pair.standby._carrier is not None
        await pair.until(lambda: not pair.standby._carrier._carried)
        transport.resume_reading()
        with pytest.raises(aiohttp.ClientError):
            await response.read()


@pytest.mark.asyncio
async def test_the_leader_sees_a_client_go_at_once(pair: Pair) -> None:
    async with pair.streaming(endless) as response:
        assert await chunk(response) == b"1\nx"
        response.close()
        async with asyncio.timeout(WITHIN):
            await pair.leader.over.wait()


@pytest.mark.asyncio
async def test_the_leader_sees_a_client_go_before_it_has_answered(pair: Pair) -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    pair.leader.handler = handler
    asking = asyncio.ensure_future(pair.http.post(f"{pair.url}/x", data=b"{}"))
    await pair.until(lambda: pair.leader.requests)
    asking.cancel()
    async with asyncio.timeout(WITHIN):
        await pair.leader.over.wait()


@pytest.mark.asyncio
@pytest.mark.parametrize("change", ["none", "same", "other", "mine"])
async def test_a_stream_ends_when_another_leads(pair: Pair, change: str) -> None:
    leaders = {
        "none": None,
        "same": pair.leader.upid,
        "other": UPID("master", "127.0.0.1", 1),
        "mine": UPID("master", *pair.standing_by.address),
    }
    async with pair.streaming(endless) as response:
        assert await chunk(response) == b"1\nx"
        pair.detected.change(leaders[change])
        # Not as if that were all of it.
        with pytest.raises(aiohttp.ClientPayloadError):
            await chunk(response)
        async with asyncio.timeout(WITHIN):
            await pair.leader.over.wait()


@pytest.mark.asyncio
async def test_what_waits_for_an_answer_is_refused_when_another_leads(pair: Pair) -> None:
    async def handler(_request: web.Request) -> web.StreamResponse:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    pair.leader.handler = handler
    asking = asyncio.ensure_future(pair.http.post(f"{pair.url}/x", data=b"{}"))
    await pair.until(lambda: pair.leader.requests)
    pair.detected.change(None)
    async with await asking as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert (await response.text()).endswith("did not answer: it leads no longer\n")


@pytest.mark.asyncio
async def test_a_stream_ends_when_the_leader_does(pair: Pair) -> None:
    async with pair.streaming(endless) as response:
        assert await chunk(response) == b"1\nx"
        await pair.leading.close()
        with pytest.raises(aiohttp.ClientPayloadError):
            await chunk(response)
    # It is not known yet that nobody leads.
    async with pair.http.get(f"{pair.url}/x") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert "did not answer" in await response.text()


@pytest.mark.asyncio
async def test_a_stream_ends_when_the_standby_is_to_lead(pair: Pair) -> None:
    async with pair.streaming(endless) as response:
        assert await chunk(response) == b"1\nx"
        pair.standing_by.terminate(pair.standby.upid)
        with pytest.raises(aiohttp.ClientPayloadError):
            await chunk(response)


@pytest.mark.asyncio
@pytest.mark.parametrize("mine", [True, False])
async def test_without_a_leader_it_is_unavailable(pair: Pair, mine: bool) -> None:
    pair.detected.change(UPID("master", *pair.standing_by.address) if mine else None)
    async with pair.http.post(f"{pair.url}/api/v1/scheduler", data=b"{}") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert await response.text() == "no master leads now\n"
    assert pair.leader.requests == 0


@pytest.mark.asyncio
async def test_calls_of_a_stream_get_no_answer_when_its_leader_is_gone(pair: Pair) -> None:
    """PyMesos stops for any answer but 2xx; that a connection breaks it takes for what it is."""

    async def call(stream_id: str) -> int:
        headers = {"Mesos-Stream-Id": stream_id}
        async with pair.http.post(f"{pair.url}/api/v1/scheduler", data=b"{}", headers=headers) as response:
            return response.status

    async with pair.streaming(endless) as response:
        assert await chunk(response) == b"1\nx"
        pair.leader.handler = echo
        assert await call("abc") == 202
        pair.detected.change(None)
        with pytest.raises(aiohttp.ClientPayloadError):
            await chunk(response)
    for stream_id in ("abc", "another's"):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await call(stream_id)
    pair.detected.change(pair.leader.upid)
    await pair.until(lambda: pair.standby.leader)
    asked = pair.leader.requests
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await call("abc")
    assert pair.leader.requests == asked
    # It may be of this leader's, through another standby.
    assert await call("another's") == 202
    pair.leader.handler = hang
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await call("a third")


async def hang(request: web.Request) -> web.StreamResponse:
    """Break the connection."""
    assert request.transport is not None
    reset(request.transport)
    return web.Response()


class AfterAnother(Served):
    """A master that has stood by before, and carried streams."""

    lost = LostStreams()


@pytest.mark.asyncio
async def test_calls_of_lost_streams_that_come_to_who_leads_now_get_no_answer() -> None:
    async with AfterAnother() as served, Client(served.url) as client:
        AfterAnother.lost.add("lost")
        await client.subscribe()
        lost = {"Mesos-Stream-Id": "lost"}
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.call("REVIVE", headers=lost)
        assert (await client.call("REVIVE", headers={"Mesos-Stream-Id": "other"}))[0] == 400
        await client.done("REVIVE")


def test_only_the_last_lost_streams_are_kept() -> None:
    lost = LostStreams()
    for number in range(10_001):
        lost.add(str(number))
    assert ("0" in lost, "1" in lost, "10000" in lost) == (False, True, True)


@pytest.mark.asyncio
async def test_standbys_that_take_each_other_for_the_leader_do_not_go_round(pair: Pair) -> None:
    async with Pair() as other:
        pair.detected.change(UPID("standby", *other.standing_by.address))
        other.detected.change(UPID("standby", *pair.standing_by.address))
        async with pair.http.get(f"{pair.url}/x") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            place = pair.url.removeprefix("http://")
            assert await response.text() == f"{place} sent this here, and this master does not lead either\n"
        assert pair.leader.requests == other.leader.requests == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("media", [JSON, PROTOBUF])
async def test_a_framework_that_knows_a_standby_only(pair: Pair, media: str) -> None:
    async with Served() as served:
        host, _, port = served.url.removeprefix("http://").rpartition(":")
        pair.detected.change(UPID("master", host, int(port)))
        async with Client(pair.url, media) as client:
            await client.subscribe()
            agent = await served.agent()
            (offer,) = await client.offers()
            await client.launch(offer, "t-1")
            (run,) = agent.take(m.RunTask)
            assert run.task.task_id == "t-1"
            assert served.master.state.frameworks[client.id].connected
            client.close()
            await pair.until(lambda: not served.master.state.frameworks[client.id].connected)
            # And comes back.
            await client.subscribe()
            await client.done("TEARDOWN")
            await client.end()
