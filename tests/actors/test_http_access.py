"""Who may ask what over HTTP: forbidden paths, authentication."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from actors import Actor, ActorSystem
from actors.http import any_auth, basic_auth, bearer_auth, principal_of


class Site(Actor):
    def initialize(self) -> None:
        self.route("/state", self.state, methods=("GET", "POST"))
        self.route("/open", self.state)

    def state(self, _request: web.Request) -> web.Response:
        return web.Response(text="secret")


@pytest_asyncio.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with asyncio.timeout(20), ActorSystem() as system:
        system.http.root = system.spawn(Site(), "site")
        await system.call(system.http.root, lambda: None)
        yield system


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


async def status(system: ActorSystem, path: str, method: str = "GET", auth: str | None = None) -> int:
    url = "http://{}:{}{}".format(*system.address, path)
    headers = (
        {"Authorization": auth.encode("utf-8") if isinstance(auth, aiohttp.BasicAuth) else auth}
        if auth
        else {}
    )
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
        return response.status


@pytest.mark.asyncio
async def test_forbidden_paths_under_all_their_names(system: ActorSystem) -> None:
    system.http.forbid("/site/state*")
    system.http.forbid("/logging/*")
    for path in (
        "/site/state",
        "/site/state/",
        "/site/state/deeper",
        "/state",
        "/state/deeper",
        "/site/%73tate",
    ):
        assert await status(system, path) == 403, path
        assert await status(system, path, "POST") == 403, path
    assert await status(system, "/logging/toggle?level=DEBUG", "POST") == 403
    assert await status(system, "/logging/toggle/?level=DEBUG", "POST") == 403
    assert await status(system, "/site/open") == 200
    assert await status(system, "/health") == 200


@pytest.mark.asyncio
async def test_basic_authentication(system: ActorSystem) -> None:
    system.http.authenticate = basic_auth({"ops": "pässwort", "empty": ""})
    assert await status(system, "/state", auth=basic("ops", "pässwort")) == 200
    for auth in (
        None,
        basic("ops", "passwort"),
        basic("ops", ""),
        basic("nobody", ""),
        basic("nobody", "pässwort"),
        "Bearer token",
        "Basic !!!",
        "Basic",
    ):
        assert await status(system, "/state", auth=auth) == 401, auth
        assert await status(system, "/metrics", auth=auth) == 401, auth
        assert await status(system, "/site/Anything", "POST", auth=auth) == 401, auth
    # For a load balancer that knows no password.
    assert await status(system, "/health") == 200
    assert await status(system, "/site/health") == 200
    # But an actor's own page is like any other.
    upid = next(iter(system.actors)).upid
    system.http.add_route(upid, "/health", lambda _: web.Response(), ("GET",), "", False)
    assert await status(system, "/site/health") == 401


@pytest.mark.asyncio
async def test_health_is_forbidden_under_all_its_names(system: ActorSystem) -> None:
    system.http.forbid("/health")
    assert await status(system, "/health") == 403
    assert await status(system, "/site/health") == 403


@pytest.mark.asyncio
async def test_an_authenticator_of_ones_own_may_wait(system: ActorSystem) -> None:
    async def authenticate(request: web.Request) -> bool:
        await asyncio.sleep(0)
        return request.headers.get("Authorization") == "Bearer good"

    system.http.authenticate = authenticate
    assert await status(system, "/state", auth="Bearer good") == 200
    assert await status(system, "/state", auth="Bearer bad") == 401


class Names(Actor):
    def initialize(self) -> None:
        self.route("/me", lambda request: web.Response(text=str(principal_of(request))))
        self.route("/public", lambda request: web.Response(text=str(principal_of(request))), public=True)


async def ask(system: ActorSystem, path: str, auth: str | None = None) -> tuple[int, str, list[str]]:
    """Status, body, and the challenges."""
    url = "http://{}:{}/names{}".format(*system.address, path)
    headers = {} if auth is None else {"Authorization": auth}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.text(), response.headers.getall("WWW-Authenticate", [])


BASIC = 'Basic realm="ostrom"'
BEARER = 'Bearer realm="ostrom"'


@pytest.mark.asyncio
async def test_authenticators_say_who_it_is(system: ActorSystem) -> None:
    system.spawn(Names(), "names")
    http = system.http
    assert await ask(system, "/me", basic("ops", "a")) == (200, "None", [])
    http.authenticate = basic_auth({"ops": "a", "é:": "b"})
    assert await ask(system, "/me", basic("ops", "a")) == (200, "ops", [])
    assert await ask(system, "/me", basic("é:", "b")) == (200, "é:", [])
    assert await ask(system, "/me") == (401, "who are you?\n", [BASIC])
    http.authenticate = bearer_auth({"t1": "eng", "t2": "ops"})
    assert await ask(system, "/me", "Bearer t1") == (200, "eng", [])
    assert await ask(system, "/me", "bearer  t2 ") == (200, "ops", [])
    for auth in (None, "Bearer", "Bearer t3", "Bearer t1 t2", "Basic t1", "t1", "Bearer tü"):
        assert await ask(system, "/me", auth) == (401, "who are you?\n", [BEARER]), auth
    http.authenticate = any_auth(basic_auth({"ops": "a"}), http.authenticate)
    assert await ask(system, "/me", basic("ops", "a")) == (200, "ops", [])
    assert await ask(system, "/me", "Bearer t1") == (200, "eng", [])
    assert await ask(system, "/me") == (401, "who are you?\n", [BASIC, BEARER])
    assert await ask(system, "/public") == (200, "None", [])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("found", "status_"), [("me", 200), ("", 200), (True, 200), (False, 401), (None, 401)]
)
@pytest.mark.parametrize("waits", [True, False])
async def test_what_an_authenticator_may_find(
    system: ActorSystem, found: str | bool | None, status_: int, waits: bool
) -> None:
    async def later(_request: web.Request) -> str | bool | None:
        return found

    system.spawn(Names(), "names")
    system.http.authenticate = later if waits else lambda _: found
    status_found, text, _ = await ask(system, "/me")
    assert status_found == status_
    if status_ == 200:
        assert text == str(None if found is True else found)
