"""HTTP on the same port: pages, routes in the actor's turn, messages posted."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from actors import ActorSystem, Message, PausedClock, RefusedError, handles

from .probes import Echo, Hold, Probe


class Greet(Message):
    name: str
    times: int = 1


class Greeting(Message):
    text: str


class Greeter(Probe):
    def initialize(self) -> None:
        self.route("/state", self.state, help="what it knows")
        self.route("/bad", self.bad)
        self.route("/http-error", self.http_error)
        self.route("/slow", self.slow)
        self.route("/later", self.later, methods=("GET", "POST"))

    @handles(Greet)
    def greet(self, message: Greet) -> Greeting:
        if not message.name:
            raise RefusedError("name is empty")
        return Greeting(f"Hello, {message.name}." * message.times)

    def state(self, request: web.Request) -> web.Response:
        return web.json_response({"path": request.path, "notes": len(self.notes)})

    def bad(self, _request: web.Request) -> web.Response:
        raise ValueError("a bug")

    def http_error(self, _request: web.Request) -> web.Response:
        raise web.HTTPConflict(text="not now")

    async def slow(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.Response(text="slow")

    def later(self, _request: web.Request) -> object:
        async def respond() -> web.StreamResponse:
            # Outside of the turn: the actor can be asked.
            reply = await self.ask(self.upid, Echo("meanwhile"))
            return web.Response(text=reply.text)

        return respond


@pytest_asyncio.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with asyncio.timeout(20), ActorSystem() as system:
        system.spawn(Greeter(), "greeter")
        await system.call(next(iter(system.actors)).upid, lambda: None)
        yield system


async def fetch(
    system: ActorSystem, path: str, method: str = "GET", data: bytes | io.BytesIO | None = None
) -> tuple[int, str]:
    url = "http://{}:{}{}".format(*system.address, path)
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data) as response:
        return response.status, await response.text()


@pytest.mark.asyncio
async def test_pages_that_every_system_has(system: ActorSystem) -> None:
    assert await fetch(system, "/health") == (200, '{"healthy": true}')
    status, text = await fetch(system, "/metrics")
    assert status == 200
    assert "ostrom_actors 1.0" in text
    assert '"ostrom_actors": 1' in (await fetch(system, "/metrics/snapshot"))[1]
    assert '"id": "greeter"' in (await fetch(system, "/__processes__"))[1]
    status, text = await fetch(system, "/help")
    assert status == 200
    assert "/greeter/state" in text
    assert "what it knows" in text


@pytest.mark.asyncio
async def test_an_actors_health_is_the_systems(system: ActorSystem) -> None:
    upid = next(iter(system.actors)).upid
    system.http.add_alias("also(1)", upid)
    for path in ("/greeter/health", "/greeter/health/", "/also(1)/health", "/also%281%29/health"):
        assert await fetch(system, path) == (200, '{"healthy": true}'), path
    for path in (
        "/nobody/health",
        "/greeter/health/deeper",
        "/greeter/more/health",
        "//health",
        "/%00/health",
    ):
        assert (await fetch(system, path))[0] == 404, path


@pytest.mark.asyncio
async def test_an_actors_own_health_comes_first(system: ActorSystem) -> None:
    upid = next(iter(system.actors)).upid
    system.http.add_route(upid, "/health", lambda _: web.Response(text="sick"), ("GET",), "", public=False)
    assert await fetch(system, "/greeter/health") == (200, "sick")
    assert await fetch(system, "/health") == (200, '{"healthy": true}')


@pytest.mark.asyncio
async def test_a_route_is_served_in_its_actors_turn(system: ActorSystem) -> None:
    assert await fetch(system, "/greeter/state") == (200, '{"path": "/greeter/state", "notes": 0}')
    assert await fetch(system, "/greeter/slow") == (200, "slow")
    assert (await fetch(system, "/greeter/state", "POST"))[0] in (404, 405)
    probe = next(iter(system.actors))
    assert isinstance(probe, Greeter)
    system.send(probe.upid, Hold())
    waiting = asyncio.ensure_future(fetch(system, "/greeter/state"))
    await probe.holding.wait()
    assert (await fetch(system, "/health"))[0] == 200
    assert not waiting.done()
    probe.gate.set()
    assert (await waiting)[0] == 200


@pytest.mark.asyncio
async def test_what_takes_time_may_follow_after_the_turn(system: ActorSystem) -> None:
    assert await fetch(system, "/greeter/later") == (200, "meanwhile")


@pytest.mark.asyncio
async def test_a_handler_that_raises_is_a_500_and_its_actor_lives(system: ActorSystem) -> None:
    assert (await fetch(system, "/greeter/bad"))[0] == 500
    assert await fetch(system, "/greeter/http-error") == (409, "not now")
    assert (await fetch(system, "/greeter/state"))[0] == 200
    assert system.counters["handler_failures"] == 0


@pytest.mark.asyncio
async def test_an_alias_answers_as_long_as_its_actor_lives(system: ActorSystem) -> None:
    (greeter,) = system.actors
    system.http.add_alias("other(1)", greeter.upid)
    for path in ("/other(1)/state", "/other%281%29/state", "/other(1)/state/deeper", "/greeter/state"):
        assert (await fetch(system, path))[0] == 200, path
    for path in ("/other/state", "/other(1)", "/other(1)/", "/other(1)/no", "/x/other(1)/state"):
        assert (await fetch(system, path))[0] == 404, path
    # What is for other methods, and is no message, says for which.
    assert (await fetch(system, "/other(1)/state", "POST"))[0] == 405
    system.terminate(greeter.upid)
    await system.wait(greeter.upid)
    system.spawn(Greeter(), "greeter")
    assert (await fetch(system, "/other(1)/state"))[0] == 404


@pytest.mark.asyncio
async def test_the_root_answers_without_its_name(system: ActorSystem) -> None:
    assert (await fetch(system, "/state"))[0] == 404
    system.http.root = next(iter(system.actors)).upid
    assert (await fetch(system, "/state"))[0] == 200


@pytest.mark.asyncio
async def test_while_there_is_no_root_but_will_be(system: ActorSystem) -> None:
    system.http.unready = lambda _: web.Response(status=503, text="not yet\n")
    assert await fetch(system, "/state") == (503, "not yet\n")
    assert await fetch(system, "/state", "POST") == (503, "not yet\n")
    # What is there is there.
    assert (await fetch(system, "/greeter/state"))[0] == 200
    assert (await fetch(system, "/greeter/Greet", "POST", b'{"name": "world"}'))[0] == 202
    assert (await fetch(system, "/health"))[0] == 200
    greeter = next(iter(system.actors)).upid
    system.http.root = greeter
    assert (await fetch(system, "/nothing"))[0] == 404
    system.terminate(greeter)
    await system.wait(greeter)
    assert await fetch(system, "/state") == (503, "not yet\n")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/greeter/Greet", b'{"name": "world"}', 202, ""),
        ("/greeter/Greet?ask", b'{"name": "world", "times": 2}', 200, "Hello, world.Hello, world."),
        ("/greeter/Greet?ask", b'{"name": ""}', 422, "name is empty"),
        ("/greeter/Greet", b'{"name": 5}', 400, "name"),
        ("/greeter/Greet", b"{", 400, "Greet"),
        ("/greeter/Greet", b"[1]", 400, "Greet"),
        ("/greeter/Greet", b"[" * 100_000, 400, "Greet"),
        ("/greeter/Nonsense", b"{}", 404, "no route"),
        ("/nobody/Greet", b"{}", 404, "no route"),
    ],
)
async def test_posting_a_message(system: ActorSystem, path: str, body: bytes, status: int, text: str) -> None:
    got, answer = await fetch(system, path, "POST", body)
    assert got == status
    assert text in answer
    assert (await fetch(system, "/greeter/state"))[0] == 200


@pytest.mark.asyncio
async def test_a_body_that_is_too_large_is_refused(system: ActorSystem) -> None:
    assert (await fetch(system, "/greeter/Greet", "POST", io.BytesIO(b"x" * 5_000_000)))[0] == 413


@pytest.mark.asyncio
async def test_the_log_level_is_put_back(system: ActorSystem) -> None:
    assert (await fetch(system, "/logging/toggle"))[0] == 405
    for query in ("level=NONSENSE", "seconds=x", "seconds=0", "seconds=nan"):
        assert (await fetch(system, f"/logging/toggle?{query}", "POST"))[0] == 400
    assert (await fetch(system, "/logging/toggle?level=WARNING&seconds=0.001", "POST"))[0] == 200


@pytest.mark.asyncio
async def test_the_log_level_by_a_program() -> None:
    clock = PausedClock()
    async with ActorSystem(clock=clock) as system:
        before = logging.getLogger("ostrom").level
        usual = system.http.log_level
        system.http.set_log_level(logging.DEBUG, 10)
        system.http.set_log_level(logging.ERROR, 5)
        assert system.http.log_level == logging.ERROR
        clock.step_to(clock.monotonic() + 4.9)
        assert system.http.log_level == logging.ERROR
        clock.step_to(clock.monotonic() + 0.2)
        assert system.http.log_level == usual
        assert logging.getLogger("ostrom").level == before


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "data",
    [
        b"GET /health HTTP/1.1\r\nHost: x\r\n",
        b"GET\r\n\r\n",
        b"G",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_half_a_request_disturbs_nobody(system: ActorSystem, data: bytes) -> None:
    _, writer = await asyncio.open_connection(*system.address)
    writer.write(data)
    await writer.drain()
    assert (await fetch(system, "/health"))[0] == 200
    upid = next(iter(system.actors)).upid
    async with ActorSystem() as other:
        assert await other.ask(upid, Echo("x")) == Echo("x")
    writer.close()


@pytest.mark.asyncio
async def test_the_routes_of_an_ended_actor_are_gone(system: ActorSystem) -> None:
    upid = next(iter(system.actors)).upid
    system.terminate(upid)
    await system.wait(upid)
    assert (await fetch(system, "/greeter/state"))[0] == 404
