"""What an election in etcd writes down."""

from __future__ import annotations

import msgspec

from actors import UPID

__all__ = ["Leader", "leader_key"]


class Leader(msgspec.Struct, frozen=True):
    """The value of the leader's key: its address."""

    upid: str

    def encode(self) -> bytes:
        """Itself as the value of the key."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, value: bytes) -> UPID:
        """Who leads. ValueError if that is not said."""
        return UPID.parse(msgspec.json.decode(value, type=cls).upid)


def leader_key(path: str) -> str:
    """The key of the election at a path."""
    return f"{path}/master"
