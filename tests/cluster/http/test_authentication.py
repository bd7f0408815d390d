"""Who may ask a node, by the files that operators give it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.test_utils
import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from actors import ActorSystem
from actors.authenticators import authenticate, principal_of
from actors.http import bearer_auth
from cluster.http.authentication import authenticator_for, jwt_auth, load_credentials
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import PROTOBUF, Client
from tests.cluster.http.v1.executors import ServedAgent

KEY = b"0123456789abcdef0123456789abcdef"
BASIC, BEARER = 'Basic realm="ostrom"', 'Bearer realm="ostrom"'


# Files.


def test_credentials_as_mesos_has_them(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    entries = [{"principal": "ops", "secret": "a:b", "more": 1}, {"principal": "é", "secret": "x"}]
    file.write_text(json.dumps({"credentials": entries, "more": []}))
    assert load_credentials(file) == {"ops": "a:b", "é": "x"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "truncated"),
        ("ops secret", "malformed"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field `credentials`"),
        ('{"credentials": []}', "there are no credentials"),
        ('{"credentials": [{"principal": "ops"}]}', "missing required field `secret`"),
        ('{"credentials": [{"principal": "", "secret": "hidden"}]}', "principal ''"),
        ('{"credentials": [{"principal": "ops", "secret": ""}]}', "principal 'ops'"),
        ('{"credentials": [{"principal": "a:b", "secret": "hidden"}]}', "principal 'a:b'"),
        (
            '{"credentials": [{"principal": "a", "secret": "hidden"}, {"principal": "a", "secret": "hidden"}]}',
            "twice",
        ),
        ('{"credentials": [{"principal": "a", "secret": 5}]}', "Expected `str`"),
        (b"\xff", "malformed|UTF-8|utf-8"),
    ],
)
def test_credentials_that_are_none(tmp_path: Path, text: str | bytes, problem: str) -> None:
    file = tmp_path / "credentials"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=problem) as raised:
        load_credentials(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert "hidden" not in str(raised.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert authenticator_for(None, None) is None
    with pytest.raises(ValueError, match="nothing: No such file"):
        authenticator_for(tmp_path / "nothing", None)
    with pytest.raises(ValueError, match="nothing: No such file"):
        authenticator_for(None, tmp_path / "nothing")
    short = tmp_path / "short"
    short.write_bytes(KEY[:31] + b"\n")
    with pytest.raises(ValueError, match="short: a secret key of 31 bytes is too short"):
        authenticator_for(None, short)
    broken = tmp_path / "broken"
    broken.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(ValueError, match="broken: this is no public key"):
        authenticator_for(None, broken)


# Tokens.


def request(headers: dict[str, str]) -> web.Request:
    return aiohttp.test_utils.make_mocked_request("GET", "/", headers)


async def who(authenticator: Any, authorization: str) -> str | None:
    """Whom it finds; None for nobody."""
    asked = request({"Authorization": authorization})
    try:
        await authenticate(authenticator, asked)
    except web.HTTPUnauthorized:
        return None
    return principal_of(asked)


def token(claims: dict[str, Any], key: Any = KEY, algorithm: str = "HS256") -> str:
    return "Bearer " + jwt.encode(claims, key, algorithm)


@pytest.mark.asyncio
async def test_the_subject_of_a_token_is_the_principal() -> None:
    known = jwt_auth(KEY)
    now = time.time()
    assert await who(known, token({"sub": "eng"})) == "eng"
    assert await who(known, token({"uid": "ops", "exp": now + 60, "aud": "any"})) == "ops"
    assert await who(known, token({"sub": "eng", "uid": "ops"})) == "eng"
    assert await who(jwt_auth(2 * KEY), token({"sub": "eng"}, 2 * KEY, "HS512")) == "eng"


@pytest.mark.asyncio
async def test_tokens_that_show_nothing() -> None:
    known = jwt_auth(KEY)
    now = time.time()
    for claims in (
        {"sub": "eng", "exp": now - 1},
        {"sub": "eng", "nbf": now + 60},
        {},
        {"sub": ""},
        {"uid": 5},
        {"sub": "x" * 256},
        {"uid": None},
    ):
        assert await who(known, token(claims)) is None, claims
    good = token({"sub": "eng"})
    head, body, signature = good.removeprefix("Bearer ").split(".")
    unsigned = jwt.encode({"sub": "eng"}, None, "none")
    for given in (
        token({"sub": "eng"}, KEY[::-1]),
        f"Bearer {head}.{body}.",
        f"Bearer {head}.{body}.{signature[::-1]}",
        f"Bearer {unsigned}",
        "Bearer a.b.c",
        "Bearer ü.ü.ü",
        "Bearer",
        good.replace("Bearer", "Basic"),
    ):
        assert await who(known, given) is None, given


@pytest.mark.asyncio
async def test_tokens_of_a_public_key(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    file = tmp_path / "key.pem"
    file.write_bytes(public)
    known = authenticator_for(None, file)
    assert await who(known, token({"sub": "eng"}, private, "ES256")) == "eng"
    # Who knows the public key cannot sign with it.
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT"}')
    body = jwt.utils.base64url_encode(b'{"sub":"eng"}')
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        head + b"." + body, public
    )
    forged = b".".join([head, body, jwt.utils.base64url_encode(signature)]).decode()
    assert await who(known, f"Bearer {forged}") is None
    with pytest.raises(ValueError, match="a public key in PEM goes with"):
        jwt_auth(public)
    with pytest.raises(ValueError, match="not all for a secret"):
        jwt_auth(public, ["HS256", "ES256"])
    with pytest.raises(ValueError, match="not all for a secret"):
        jwt_auth(KEY, ["none"])


@pytest.mark.asyncio
async def test_both_files(tmp_path: Path) -> None:
    (tmp_path / "c").write_text('{"credentials": [{"principal": "ops", "secret": "x"}]}')
    (tmp_path / "k").write_bytes(KEY + b"\n")
    known = authenticator_for(tmp_path / "c", tmp_path / "k")
    assert await who(known, aiohttp.encode_basic_auth("ops", "x")) == "ops"
    assert await who(known, aiohttp.encode_basic_auth("ops", "y")) is None
    assert await who(known, token({"sub": "eng"})) == "eng"
    assert known is not None
    with pytest.raises(web.HTTPUnauthorized) as raised:
        await authenticate(known, request({}))
    assert raised.value.headers.getall("WWW-Authenticate") == [BASIC, BEARER]


# Nodes.


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


async def unasked(system: ActorSystem, url: str) -> set[str]:
    """The paths that are answered to who does not say who it is. All others say how to."""
    answered = set()
    async with aiohttp.ClientSession() as http:
        for route in system.http.routes():
            for method in route.methods:
                async with http.request(
                    method, url + route.path, data=b"{}", allow_redirects=False
                ) as response:
                    if response.status != 401:
                        answered.add(route.path)
                    else:
                        assert response.headers.getall("WWW-Authenticate") == [BEARER], route.path
    return answered


@pytest.mark.asyncio
async def test_a_master_asks_everybody(served: Served) -> None:
    served.system.http.authenticate = bearer_auth({"t": "ops"})
    assert await unasked(served.system, served.url) == {"/health", "/master/redirect", "/master/version"}
    for path in (
        "/api/v1",
        "/api/v1/operator",
        "/api/v1/scheduler",
        "/api/v1/x",
        "/master/api/v1/scheduler",
        "/x",
    ):
        status, text = await served.ask("POST", path, data=b"{}")
        assert (status, text) == (401, "who are you?\n"), path


@pytest.mark.asyncio
async def test_an_agent_asks_everybody_but_executors(tmp_path: Path) -> None:
    async with ServedAgent(tmp_path) as world:
        system = world.home
        assert system is not None
        system.http.authenticate = bearer_auth({"t": "ops"})
        answered = await unasked(system, world.url)
        assert answered == {"/health", "/agent/version", "/agent/api/v1/executor"}


@pytest.mark.asyncio
async def test_a_framework_with_a_token_is_its_principal(served: Served) -> None:
    served.system.http.authenticate = jwt_auth(KEY)
    async with Client(served.url, PROTOBUF) as client:
        client.headers = {"Authorization": token({"sub": "eng"})}
        await client.subscribe()
        assert served.master.state.frameworks[client.id].info.principal == "eng"
        await client.done("REVIVE")
        client.headers = {"Authorization": token({"sub": "ops"})}
        text = "the request is from 'ops', the framework's principal is 'eng'"
        assert await client.call("REVIVE") == (400, text)
