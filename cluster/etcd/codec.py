"""What goes to etcd's JSON gateway and comes back, in proto3's JSON: numbers as text, bytes in base64, zeros left out.

The names are those of etcd's rpc.proto and kv.proto. Nothing that comes back is trusted: NonsenseError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from .interface import Compare, Delete, Event, Get, KeyValue, Operation, Put, TxnResult

__all__ = [
    "AuthReply",
    "LeaseReply",
    "NonsenseError",
    "RangeReply",
    "RenewReply",
    "RevokeReply",
    "TxnReply",
    "WatchReply",
    "compare",
    "decode",
    "decode_key",
    "encode",
    "encode_key",
    "events",
    "operation",
    "prefix_end",
    "txn_result",
]

Natural = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
T = TypeVar("T")

TARGETS = {"create_revision": "CREATE", "mod_revision": "MOD", "version": "VERSION", "value": "VALUE"}


class NonsenseError(Exception):
    """What came is not what etcd sends."""


class _Header(msgspec.Struct):
    """ResponseHeader."""

    revision: Natural = 0


class _Item(msgspec.Struct):
    """mvccpb.KeyValue."""

    key: bytes
    value: bytes = b""
    create_revision: Natural = 0
    mod_revision: Natural = 0
    version: Natural = 0
    lease: Natural = 0

    def key_value(self) -> KeyValue:
        """As the interface has it."""
        return KeyValue(
            decode_key(self.key),
            self.value,
            self.create_revision,
            self.mod_revision,
            self.version,
            self.lease,
        )


class RangeReply(msgspec.Struct):
    """RangeResponse."""

    header: _Header
    kvs: list[_Item] = []
    more: bool = False


class _Found(msgspec.Struct):
    kvs: list[_Item] = []


class _Done(msgspec.Struct):
    response_range: _Found | None = None


class TxnReply(msgspec.Struct):
    """TxnResponse."""

    header: _Header
    succeeded: bool = False
    responses: list[_Done] = []


class LeaseReply(msgspec.Struct):
    """LeaseGrantResponse."""

    id: Positive = msgspec.field(name="ID")
    ttl: Positive = msgspec.field(name="TTL")


class _Renewed(msgspec.Struct):
    id: Positive = msgspec.field(name="ID")
    ttl: Natural = msgspec.field(name="TTL", default=0)


class RenewReply(msgspec.Struct):
    """LeaseKeepAliveResponse, in a stream."""

    result: _Renewed


class RevokeReply(msgspec.Struct):
    """LeaseRevokeResponse."""

    header: _Header


class AuthReply(msgspec.Struct):
    """AuthenticateResponse. The token goes in a header."""

    token: Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,10000}\Z")]


class _Happened(msgspec.Struct):
    kv: _Item
    type: str = "PUT"

    def event(self) -> Event:
        """As the interface has it."""
        if self.type == "DELETE":
            return Event(decode_key(self.kv.key), None, self.kv.mod_revision)
        item = self.kv.key_value()
        return Event(item.key, item, item.mod_revision)


class _Watched(msgspec.Struct):
    created: bool = False
    canceled: bool = False
    cancel_reason: str = ""
    compact_revision: Natural = 0
    events: list[_Happened] = []


class WatchReply(msgspec.Struct):
    """WatchResponse, in a stream: else there is a failure in it."""

    result: _Watched


def events(reply: WatchReply) -> Sequence[Event]:
    """What happened."""
    return [each.event() for each in reply.result.events]


def encode(body: dict[str, Any]) -> bytes:
    """The JSON of a request."""
    return msgspec.json.encode(body)


def decode(data: bytes | bytearray, type_: type[T]) -> T:
    """A reply of that type. NonsenseError, without a word of what came."""
    try:
        return msgspec.json.decode(data, type=type_, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NonsenseError(f"not an answer of etcd's: {error}") from error


def encode_key(key: str) -> bytes:
    """A key's bytes."""
    return key.encode(errors="surrogateescape")


def decode_key(key: bytes) -> str:
    """A key; bytes of others' that are not UTF-8 do not get in the way, and are kept."""
    return key.decode(errors="surrogateescape")


def prefix_end(prefix: bytes) -> bytes:
    """The end of the range of all keys with a prefix: the prefix with its last byte one higher (etcd's convention)."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else b"\0"


def compare(asked: Compare) -> dict[str, Any]:
    """A Compare in a TxnRequest."""
    value = asked.value if isinstance(asked.value, bytes) else str(asked.value)
    return {
        "key": encode_key(asked.key),
        "target": TARGETS[asked.field],
        "result": "EQUAL",
        asked.field: value,
    }


def operation(asked: Operation) -> dict[str, Any]:
    """A RequestOp in a TxnRequest."""
    key = encode_key(asked.key)
    match asked:
        case Put():
            return {"request_put": {"key": key, "value": asked.value, "lease": str(asked.lease)}}
        case Delete():
            return {"request_delete_range": {"key": key}}
        case Get():
            return {"request_range": {"key": key}}


def txn_result(reply: TxnReply, then: Sequence[Operation], otherwise: Sequence[Operation]) -> TxnResult:
    """What a transaction did. NonsenseError if the replies are not those to its operations."""
    branch = then if reply.succeeded else otherwise
    if len(reply.responses) != len(branch):
        raise NonsenseError(f"{len(reply.responses)} answers to {len(branch)} operations")
    found: list[KeyValue | None] = []
    for asked, done in zip(branch, reply.responses, strict=True):
        if isinstance(asked, Get):
            if done.response_range is None:
                raise NonsenseError("no answer to a read")
            items = done.response_range.kvs
            found.append(items[0].key_value() if items else None)
    return TxnResult(reply.succeeded, reply.header.revision, tuple(found))
