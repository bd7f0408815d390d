"""A client of etcd: what the interface asks for, as the gateway's calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from . import codec, failures
from .address import EtcdAddress
from .gateway import Gateway
from .interface import (
    Compare,
    EtcdUnavailableError,
    Event,
    KeyValue,
    Lease,
    LeaseGoneError,
    Operation,
    Page,
    TxnResult,
)

__all__ = ["EtcdClient"]


class EtcdClient:
    """Implements `Etcd`. ValueError if a TLS file of the address is no good.

    It stays with an endpoint that answers. One that is silent for `endpoint_timeout` seconds is left for the next one,
    with more patience in each round; a call ends after `timeout` seconds. A watch ends after `silence` seconds without
    a word: a frozen endpoint looks just like a key that does not change.
    """

    def __init__(
        self,
        address: EtcdAddress,
        *,
        timeout: float = 5.0,
        endpoint_timeout: float = 1.0,
        silence: float = 30.0,
    ) -> None:
        self._address = address
        self._gateway = Gateway(address, timeout=timeout, endpoint_timeout=endpoint_timeout)
        self._silence = silence

    def __repr__(self) -> str:
        return f"<EtcdClient {self._address}>"

    async def grant(self, ttl: int) -> Lease:
        """A new lease of so many seconds."""
        reply = await self._gateway.call("/v3/lease/grant", {"TTL": str(ttl)}, codec.LeaseReply)
        return Lease(reply.id, float(reply.ttl))

    async def keepalive(self, lease: int, *, timeout: float) -> float:
        """Renew a lease; return for how many seconds, 0 if it has ended.

        One endpoint is asked, the next one the next time: EtcdUnavailableError if it does not answer in `timeout` s.
        """
        body = {"ID": str(lease)}
        reply = await self._gateway.call(
            "/v3/lease/keepalive", body, codec.RenewReply, timeout=timeout, once=True
        )
        if reply.result.id != lease:
            raise EtcdUnavailableError("etcd renewed another lease than the one that it was asked for")
        return float(reply.result.ttl)

    async def revoke(self, lease: int) -> None:
        """End a lease and delete its keys. Nothing happens if it has ended."""
        try:
            await self._gateway.call("/v3/lease/revoke", {"ID": str(lease)}, codec.RevokeReply)
        except LeaseGoneError:
            return

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        """Do `then` if all compares hold, else `otherwise`; at once. At most 128 operations, each key set once."""
        body = {
            "compare": [codec.compare(each) for each in compares],
            "success": [codec.operation(each) for each in then],
            "failure": [codec.operation(each) for each in otherwise],
        }
        reply = await self._gateway.call("/v3/kv/txn", body, codec.TxnReply, certain=True)
        try:
            return codec.txn_result(reply, then, otherwise)
        except codec.NonsenseError as error:
            raise EtcdUnavailableError(f"etcd transaction: {error}") from error

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """The keys that begin with `prefix` and come after `after`, at most `limit` (0: all), at a revision (0: now).

        CompactedError if that revision is no longer known.
        """
        first = codec.encode_key(prefix)
        body = {
            "key": max(first, codec.encode_key(after) + b"\0") if after else first or b"\0",
            "range_end": codec.prefix_end(first),
            "limit": str(limit),
            "revision": str(revision),
        }
        reply = await self._gateway.call("/v3/kv/range", body, codec.RangeReply)
        items = tuple(each.key_value() for each in reply.kvs)
        return Page(revision or reply.header.revision, items, reply.more)

    async def get(self, key: str) -> tuple[KeyValue | None, int]:
        """A key, or None, and the revision at which that is so."""
        reply = await self._gateway.call("/v3/kv/range", {"key": codec.encode_key(key)}, codec.RangeReply)
        return (reply.kvs[0].key_value() if reply.kvs else None), reply.header.revision

    async def watch(self, key: str, revision: int) -> AsyncGenerator[Sequence[Event], None]:
        """What happens to a key from that revision on, as it happens; the sequence may be empty: all is well.

        The first one comes as soon as etcd watches. It ends with EtcdUnavailableError when the connection breaks, or
        when the cluster has no leader; with WatchSilentError when nothing has come for `silence` seconds; with
        CompactedError if it is too late. Then read, and watch anew: the read finds out whether the endpoint is frozen.
        """
        request = {"key": codec.encode_key(key), "start_revision": str(revision), "progress_notify": True}
        body = {"create_request": request}
        replies = self._gateway.stream("/v3/watch", body, codec.WatchReply, failures.of_watch, self._silence)
        async with aclosing(replies):
            async for reply in replies:
                yield codec.events(reply)

    async def close(self) -> None:
        """Let go of connections. What is under way, and all later calls, end with EtcdUnavailableError."""
        await self._gateway.close()
