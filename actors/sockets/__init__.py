"""Messages over TCP or Unix sockets: one port for a system, one connection for each pair of systems, HTTP beside them.

A connection opens with a `Hello` each way. Whoever connects sends its messages only after the other's hello,
so that when two systems connect to each other at once one connection can be given up before anything was
sent on it: the one made by the lower address stays. Whoever connected confirms with an empty list that it
keeps the connection: it may find by the hello that it is connected already, under another name of the peer.
"""

from __future__ import annotations

from .connection import Batches
from .introduction import Introduction, PeerAuthenticator, check_credentials
from .transport import SocketTransport, addresses

__all__ = [
    "Batches",
    "Introduction",
    "PeerAuthenticator",
    "SocketTransport",
    "addresses",
    "check_credentials",
]
