"""What an election and a registry ask of etcd: keys with revisions, leases, transactions, watches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, NamedTuple, Protocol

__all__ = [
    "CompactedError",
    "Compare",
    "Delete",
    "Etcd",
    "EtcdError",
    "EtcdRefusedError",
    "EtcdUnavailableError",
    "Event",
    "Get",
    "KeyValue",
    "Lease",
    "LeaseGoneError",
    "Page",
    "Put",
    "TxnResult",
    "WatchSilentError",
]


class EtcdError(Exception):
    """Something asked of etcd did not succeed."""


class EtcdUnavailableError(EtcdError):
    """No endpoint answered in time: what was asked may have been done, or be done yet."""


class WatchSilentError(EtcdUnavailableError):
    """Nothing has come for long, which may be since nothing happened: read, and watch anew."""


class EtcdRefusedError(EtcdError):
    """etcd says no: nothing was done, and asking again does not help."""


class LeaseGoneError(EtcdRefusedError):
    """The lease that was named has ended, or never was."""


class CompactedError(EtcdError):
    """The history that was asked for is gone: read the keys again."""


class KeyValue(NamedTuple):
    """A key as it was at some revision. `lease` is 0 if none holds it; `version` counts its values since creation."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int


class Page(NamedTuple):
    """Keys in their order, at a revision; `more` says that there are others after them."""

    revision: int
    items: tuple[KeyValue, ...]
    more: bool


class Lease(NamedTuple):
    """A lease, and for how many seconds it was granted: more than was asked for, if that was very little."""

    id: int
    ttl: float


class Compare(NamedTuple):
    """That a field of a key equals a value. Of a key that is not there, all the numbers are 0."""

    key: str
    field: Literal["create_revision", "mod_revision", "version", "value"]
    value: int | bytes


class Put(NamedTuple):
    """Set a key; with a lease it is deleted when that ends."""

    key: str
    value: bytes
    lease: int = 0


class Delete(NamedTuple):
    """Delete a key, if it is there."""

    key: str


class Get(NamedTuple):
    """Read a key."""

    key: str


class TxnResult(NamedTuple):
    """Which branch was done, at which revision, and what its Gets found, in their order."""

    succeeded: bool
    revision: int
    found: tuple[KeyValue | None, ...]


class Event(NamedTuple):
    """A key was set, or (`item` is None) deleted, at that revision."""

    key: str
    item: KeyValue | None
    revision: int


Operation = Put | Delete | Get


class Etcd(Protocol):
    """A client of an etcd cluster. What is read is the latest that the cluster agreed on.

    Calls are sent to one endpoint after another until one answers; so what is asked must do no harm when it is done
    twice, or late. Every call ends within a bounded time: EtcdUnavailableError, EtcdRefusedError.
    """

    async def grant(self, ttl: int) -> Lease:
        """A new lease of so many seconds."""

    async def keepalive(self, lease: int, *, timeout: float) -> float:
        """Renew a lease; return for how many seconds, 0 if it has ended.

        One endpoint is asked, the next one the next time: EtcdUnavailableError if it does not answer in `timeout` s.
        """

    async def revoke(self, lease: int) -> None:
        """End a lease and delete its keys. Nothing happens if it has ended."""

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        """Do `then` if all compares hold, else `otherwise`; at once. At most 128 operations, each key set once."""

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Keys that begin with `prefix` and come after `after`, at most `limit` (0: all), at a revision (0: now)."""

    async def get(self, key: str) -> tuple[KeyValue | None, int]:
        """A key, or None, and the revision at which that is so."""

    def watch(self, key: str, revision: int) -> AsyncGenerator[Sequence[Event], None]:
        """What happens to a key from that revision on, as it happens; the sequence may be empty: all is well.

        Close it (`aclosing`) when it is left before its end: it holds a connection.
        It ends with EtcdUnavailableError when the connection breaks, or when the cluster has no leader; with
        WatchSilentError when nothing has come for long; with CompactedError if it is too late: read, and watch anew.
        """

    async def close(self) -> None:
        """Let go of connections."""
