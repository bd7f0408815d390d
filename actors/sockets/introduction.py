"""Who is at the other end of a connection: what it says, what is known, and whether it is let in."""

from __future__ import annotations

import hmac
import socket
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from actors.upid import Address
from actors.wire import Hello

__all__ = ["Introduction", "PeerAuthenticator", "check_credentials", "introduce", "same_credentials"]


class Introduction(NamedTuple):
    """Another system as it introduced itself by its hello. What it says is `address`, `incarnation`, `credentials`.

    What is known, and not by its word: `dialled`, the address at which it was dialled, if it was; `socket`, where its
    socket is (`(host, port)`, empty for a Unix socket); `certificate`, verified, as `ssl.SSLSocket.getpeercert` gives
    it, None without TLS; `uid`, the user that it runs as, at a Unix socket.
    """

    address: Address
    incarnation: str
    credentials: str
    dialled: Address | None
    socket: tuple[Any, ...]
    certificate: dict[str, Any] | None
    uid: int | None


MAX_CREDENTIALS = 2048
"""Bytes of credentials at most: a hello has room for no more."""
PeerAuthenticator = Callable[[Introduction], bool]
"""Says whether another system is let in. It must not wait. A connection whose question raises is closed."""


def check_credentials(credentials: str) -> None:
    """ValueError if no hello has room for them."""
    size = len(credentials.encode())
    if size > MAX_CREDENTIALS:
        raise ValueError(f"credentials: {size} bytes, the limit is {MAX_CREDENTIALS}")


def same_credentials(own: str) -> PeerAuthenticator:
    """Let in whoever shows the same credentials: a secret that all systems share."""

    def authenticate(peer: Introduction) -> bool:
        return hmac.compare_digest(peer.credentials.encode(), own.encode())

    return authenticate


def introduce(hello: Hello, dialled: Address | None, extra: Callable[[str], Any]) -> Introduction:
    """Put a hello together with what the transport's `get_extra_info` knows of its connection."""
    peername = extra("peername")
    sock = extra("socket")
    uid = None
    if sock is not None and sock.family == socket.AF_UNIX:
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", credentials)
    return Introduction(
        (hello.host, hello.port),
        hello.incarnation,
        hello.credentials,
        dialled,
        tuple(peername) if isinstance(peername, tuple) else (),
        extra("peercert") or None,
        uid,
    )
