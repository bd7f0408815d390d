"""Who may ask a node over HTTP: what operators keep in files, as Mesos's did."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from actors.authenticators import BEARER, Authenticator, Challenging, any_auth, basic_auth, given

__all__ = ["authenticator_for", "jwt_auth", "load_credentials"]

PEM = re.compile(rb"-----BEGIN [A-Z ]*PUBLIC KEY-----")
BY_SECRET = {"HS256": 32, "HS384": 48, "HS512": 64}
"""And the bytes that a secret has at least (RFC 7518): what is shorter can be found out from a token."""
BY_PUBLIC_KEY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
MAX_PRINCIPAL = 255


class Credential(msgspec.Struct):
    """One principal, and what shows that somebody is it."""

    principal: str
    secret: str


class Credentials(msgspec.Struct):
    """The file of `--http-credentials`, in Mesos's format."""

    credentials: list[Credential]


def load_credentials(path: Path) -> dict[str, str]:
    """Secrets by principal, of a file like `{"credentials": [{"principal": "ops", "secret": "..."}]}`.

    ValueError that names the file and what is wrong, and shows no secret.
    """
    try:
        found = msgspec.json.decode(_read(path), type=Credentials).credentials
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    secrets: dict[str, str] = {}
    for each in found:
        if not each.principal or ":" in each.principal or not each.secret:
            raise ValueError(
                f"{path}: principal {each.principal!r}: neither it nor its secret is empty, and it has no colon"
            )
        if each.principal in secrets:
            raise ValueError(f"{path}: principal {each.principal!r} is there twice")
        secrets[each.principal] = each.secret
    if not secrets:
        raise ValueError(f"{path}: there are no credentials in it")
    return secrets


def jwt_auth(key: bytes, algorithms: Sequence[str] = tuple(BY_SECRET)) -> Authenticator:
    """Know who gives a JSON web token, signed with this key and not expired: the principal is its `sub`, else `uid`.

    `key` is a secret of 32 bytes or more, or a public key in PEM with algorithms of that kind. Of one kind only: who
    knows a public key could sign with it as a secret. ValueError if that cannot be, ModuleNotFoundError without PyJWT.
    """
    import jwt  # an extra

    if not algorithms or not (set(algorithms) <= set(BY_SECRET) or set(algorithms) <= set(BY_PUBLIC_KEY)):
        raise ValueError(
            f"algorithms {', '.join(algorithms)} are not all for a secret, nor all for a public key"
        )
    public = algorithms[0] in BY_PUBLIC_KEY
    if public != bool(PEM.search(key)):
        raise ValueError("a public key in PEM goes with algorithms for one, a secret with those for a secret")
    if public:
        allowed = _usable(jwt, key, algorithms)
    else:
        allowed = [name for name in algorithms if len(key) >= BY_SECRET[name]]
        if not allowed:
            needed = min(BY_SECRET[name] for name in algorithms)
            raise ValueError(f"a secret key of {len(key)} bytes is too short, take {needed} or more")
    options: Any = {"verify_aud": False}

    def find(request: web.Request) -> str | None:
        token = given(request, "bearer")
        if token is None:
            return None
        try:
            claims = jwt.decode(token, key, algorithms=allowed, options=options)
        except jwt.PyJWTError:
            return None
        name = claims.get("sub", claims.get("uid"))
        return name if isinstance(name, str) and 0 < len(name) <= MAX_PRINCIPAL else None

    return Challenging(find, BEARER)


def authenticator_for(credentials: Path | None, token_key: Path | None) -> Authenticator | None:
    """Who is known by these two files; None without either, then everybody may ask. ValueError names a file."""
    known: list[Authenticator] = []
    if credentials is not None:
        known.append(basic_auth(load_credentials(credentials)))
    if token_key is not None:
        key = _read(token_key)
        public = bool(PEM.search(key))
        try:
            known.append(
                jwt_auth(key if public else key.strip(), BY_PUBLIC_KEY if public else tuple(BY_SECRET))
            )
        except ValueError as error:
            raise ValueError(f"{token_key}: {error}") from None
        except ModuleNotFoundError as error:
            raise ValueError(f"{token_key}: there is no {error.name}: pip install 'ostrom[jwt]'") from None
    return any_auth(*known) if known else None


def _usable(jwt: Any, key: bytes, algorithms: Sequence[str]) -> list[str]:
    """Those of the algorithms that this key is for. ValueError if it is none."""
    found = []
    for name in algorithms:
        try:
            jwt.get_algorithm_by_name(name).prepare_key(key)
        except (jwt.InvalidKeyError, NotImplementedError, TypeError, ValueError):
            continue
        found.append(name)
    if not found:
        raise ValueError("this is no public key that can be used (pip install cryptography)")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
