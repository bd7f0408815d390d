"""Who asks over HTTP: by name and password, by a token, or as a function of one's own finds out."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

__all__ = [
    "BEARER",
    "Authenticator",
    "Challenging",
    "Known",
    "any_auth",
    "authenticate",
    "basic_auth",
    "bearer_auth",
    "given",
    "principal_of",
]

Known = str | bool | None
"""A principal's name; True for somebody without one; False or None for nobody who is known."""
Authenticator = Callable[[web.Request], Known | Awaitable[Known]]
"""Says of a request from whom it is, if from somebody who may ask; see `basic_auth`.

It may have `challenges`, what `WWW-Authenticate` tells who is not known; else that is basic authentication.
"""

PRINCIPAL = web.RequestKey("PRINCIPAL", str)
REALM = 'realm="ostrom"'
BASIC = f"Basic {REALM}"
BEARER = f"Bearer {REALM}"
"""The challenges of those two schemes."""


class Challenging:
    """An authenticator with what it tells who is not known."""

    def __init__(self, find: Authenticator, *challenges: str) -> None:
        self.challenges = challenges
        self._find = find

    def __call__(self, request: web.Request) -> Known | Awaitable[Known]:
        """Whatever that one finds."""
        return self._find(request)


def given(request: web.Request, scheme: str) -> bytes | None:
    """What a request gives in `Authorization` by a scheme (lower case), if it does."""
    name, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip().encode(errors="surrogateescape") if name.lower() == scheme else None


def basic_auth(users: Mapping[str, str]) -> Authenticator:
    """Know those who give a name and password of `users` by HTTP basic authentication. Over TLS only is that safe."""
    expected = {f"{name}:{password}".encode(): name for name, password in users.items()}

    def find(request: web.Request) -> str | None:
        token = given(request, "basic")
        if token is None:
            return None
        try:
            login = base64.b64decode(token, validate=True)
        except binascii.Error:
            return None
        return _match(login, expected)

    return Challenging(find, BASIC)


def bearer_auth(tokens: Mapping[str, str]) -> Authenticator:
    """Know those who give one of these tokens (`Authorization: Bearer ...`), which are their principals' names."""
    expected = {token.encode(): name for token, name in tokens.items()}

    def find(request: web.Request) -> str | None:
        token = given(request, "bearer")
        return None if token is None else _match(token, expected)

    return Challenging(find, BEARER)


def any_auth(*authenticators: Authenticator) -> Authenticator:
    """Know whom any of these knows; who is not known is told of all of them."""

    async def find(request: web.Request) -> Known:
        for each in authenticators:
            known = await _ask(each, request)
            if known is not None and known is not False:
                return known
        return None

    return Challenging(find, *(text for each in authenticators for text in _challenges(each)))


async def authenticate(authenticator: Authenticator, request: web.Request) -> None:
    """Find out from whom a request is, for `principal_of`. HTTPUnauthorized if that is not known."""
    known = await _ask(authenticator, request)
    if known is None or known is False:
        refusal = web.HTTPUnauthorized(text="who are you?\n")
        for text in _challenges(authenticator):
            refusal.headers.add("WWW-Authenticate", text)
        raise refusal
    if isinstance(known, str):
        request[PRINCIPAL] = known


def principal_of(request: web.Request) -> str | None:
    """From whom a request is; None if nobody was asked, or somebody is known without a name."""
    return request.get(PRINCIPAL)


async def _ask(authenticator: Authenticator, request: web.Request) -> Known:
    known = authenticator(request)
    return await known if isinstance(known, Awaitable) else known


def _challenges(authenticator: Authenticator) -> Sequence[str]:
    told: Sequence[str] = getattr(authenticator, "challenges", (BASIC,))
    return told


def _match(value: bytes, expected: Mapping[bytes, str]) -> str | None:
    # All are compared, each in a time that says nothing of how much of it was right.
    found = [name for each, name in expected.items() if hmac.compare_digest(value, each)]
    return found[0] if found else None
