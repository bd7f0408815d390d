"""The keys of the model: revisions, transactions, history. It knows nothing of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from cluster.etcd import (
    CompactedError,
    Compare,
    Delete,
    EtcdRefusedError,
    Event,
    Get,
    KeyValue,
    LeaseGoneError,
    Page,
    Put,
    TxnResult,
)
from cluster.etcd.interface import Operation

__all__ = ["MOST_OPERATIONS", "Store"]

MOST_OPERATIONS = 128


class Store:
    """All keys at all revisions, from the last compaction on. An empty store is at revision 1, as etcd's is."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = 0
        self._versions: dict[str, list[tuple[int, KeyValue | None]]] = {}

    def get(self, key: str, revision: int = 0) -> KeyValue | None:
        """A key at a revision (0: now)."""
        versions = self._versions.get(key, [])
        if not revision:
            return versions[-1][1] if versions else None
        index = bisect_right(versions, revision, key=lambda version: version[0])
        return versions[index - 1][1] if index else None

    def range(self, prefix: str, after: str, limit: int, revision: int) -> Page:
        """Keys in their order. CompactedError, EtcdRefusedError for a revision that is yet to come."""
        if revision > self.revision:
            raise EtcdRefusedError(f"revision {revision} is a future revision")
        if revision and revision < self.compacted:
            raise CompactedError(f"revision {revision} has been compacted")
        keys = sorted(key for key in self._versions if key.startswith(prefix) and key > after)
        found = [item for key in keys if (item := self.get(key, revision)) is not None]
        shown = found[:limit] if limit else found
        return Page(revision or self.revision, tuple(shown), len(shown) < len(found))

    def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
        has_lease: Callable[[int], bool],
    ) -> TxnResult:
        """Do one branch, all at one revision. EtcdRefusedError, and nothing is done."""
        for part in (compares, then, otherwise):
            if len(part) > MOST_OPERATIONS:
                raise EtcdRefusedError("too many operations in txn request")
        for branch in (then, otherwise):
            keys = [each.key for each in branch if isinstance(each, Put)]
            deleted = {each.key for each in branch if isinstance(each, Delete)}
            if len(keys) != len(set(keys)) or deleted & set(keys):
                raise EtcdRefusedError("duplicate key given in txn request")
        succeeded = all(self._holds(each) for each in compares)
        chosen = then if succeeded else otherwise
        for each in chosen:
            if isinstance(each, Put) and each.lease and not has_lease(each.lease):
                raise LeaseGoneError("requested lease not found")
        next_, changed = self.revision + 1, False
        found: list[KeyValue | None] = []
        for each in chosen:
            if isinstance(each, Get):
                found.append(self.get(each.key))
            elif isinstance(each, Put):
                self._put(each, next_)
                changed = True
            elif self.get(each.key) is not None:
                self._set(each.key, next_, None)
                changed = True
        if changed:
            self.revision = next_
        return TxnResult(succeeded, self.revision, tuple(found))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete those keys that are there, at one revision."""
        self.txn([], [Delete(key) for key in keys], [], lambda _: True)

    def held_by(self, lease: int) -> list[str]:
        """The keys of a lease, in their order."""
        latest = ((key, versions[-1][1]) for key, versions in self._versions.items() if versions)
        return sorted(key for key, item in latest if item is not None and item.lease == lease)

    def events(self, key: str, since: int) -> list[Event]:
        """What happened to a key, from that revision on. CompactedError if some of it is gone."""
        if since < self.compacted:
            raise CompactedError(f"revision {since} has been compacted, up to {self.compacted}")
        versions = self._versions.get(key, [])
        first = bisect_right(versions, since - 1, key=lambda version: version[0])
        return [Event(key, item, revision) for revision, item in versions[first:]]

    def compact(self, revision: int) -> None:
        """Forget what was before a revision. EtcdRefusedError if it is yet to come, CompactedError if it is gone."""
        if revision > self.revision:
            raise EtcdRefusedError(f"revision {revision} is a future revision")
        if revision <= self.compacted:
            raise CompactedError(f"revision {revision} has been compacted")
        self.compacted = revision
        for key, versions in list(self._versions.items()):
            index = bisect_right(versions, revision, key=lambda version: version[0])
            kept = versions[max(0, index - 1) :]
            if kept and kept[0][1] is None and kept[0][0] < revision:
                del kept[0]
            if kept:
                self._versions[key] = kept
            else:
                del self._versions[key]

    def _holds(self, compare: Compare) -> bool:
        item = self.get(compare.key)
        if item is None:
            # Of a key that is not there etcd says that no value equals its, not even an empty one.
            return compare.field != "value" and compare.value == 0
        return bool(getattr(item, compare.field) == compare.value)

    def _put(self, put: Put, revision: int) -> None:
        old = self.get(put.key)
        created, version = (revision, 1) if old is None else (old.create_revision, old.version + 1)
        self._set(put.key, revision, KeyValue(put.key, put.value, created, revision, version, put.lease))

    def _set(self, key: str, revision: int, item: KeyValue | None) -> None:
        self._versions.setdefault(key, []).append((revision, item))
