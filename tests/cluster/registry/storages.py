"""Where registries keep things in the tests: each storage opens one as a new master does, after the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from cluster.etcd import Compare, Delete, EtcdUnavailableError, KeyValue, Page, Put, TxnResult
from cluster.etcd.interface import Operation
from cluster.registry import EtcdRegistry, MemoryRegistry, Registry, SqliteRegistry
from tests.simulation.etcd.store import Store

Do = Callable[[], Awaitable[Any]]
"""What does a call that was made."""


class Storage(Protocol):
    async def open(self) -> Registry: ...


class Memory:
    """A registry in memory is its storage itself."""

    def __init__(self) -> None:
        self._registry = MemoryRegistry()

    async def open(self) -> Registry:
        return self._registry


class Sqlite:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> Registry:
        return SqliteRegistry(self._path)


class StoredEtcd:
    """A client of the model's keys, where nothing goes wrong but what `Faults` does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        # Time for others, as a network takes it.
        await asyncio.sleep(0)
        return self._store.txn(compares, then, otherwise, lambda _: True)

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        return self._store.range(prefix, after, limit, revision)

    async def get(self, key: str) -> tuple[KeyValue | None, int]:
        return self._store.get(key), self._store.revision

    async def close(self) -> None:
        """Nothing is held."""


class Faults:
    """An etcd of whose calls the next ones fail: `next` says how, one after the other."""

    def __init__(self, etcd: Any) -> None:
        self._etcd = etcd
        self.next: list[Callable[[Do], Awaitable[Any]]] = []
        self.late: list[Do] = []
        self.calls = 0
        self.closed = False

    async def txn(self, *arguments: Any) -> Any:
        return await self._call(lambda: self._etcd.txn(*arguments))

    async def range(self, *arguments: Any, **more: Any) -> Any:
        return await self._call(lambda: self._etcd.range(*arguments, **more))

    async def close(self) -> None:
        self.closed = True
        await self._etcd.close()

    async def _call(self, do: Do) -> Any:
        self.calls += 1
        return await (self.next.pop(0)(do) if self.next else do())

    async def fine(self, do: Do) -> Any:
        """Nothing fails."""
        return await do()

    async def lost(self, _do: Do) -> Any:
        """It does not arrive."""
        raise EtcdUnavailableError("no endpoint answers")

    async def unanswered(self, do: Do) -> Any:
        """It is done, and nobody is told."""
        await do()
        raise EtcdUnavailableError("no endpoint answers")

    async def delayed(self, do: Do) -> Any:
        """It waits in an endpoint that is frozen; what would do it is in `late`."""
        self.late.append(do)
        raise EtcdUnavailableError("no endpoint answers")


class Term:
    """What an election says to a registry: the guard of one leadership, and whether it holds, for all that it knows."""

    def __init__(self, key: str, revision: int) -> None:
        self._guard = Compare(key, "create_revision", revision)
        self.leads = True

    def guard(self) -> Compare:
        return self._guard

    def become(self, other: Term) -> None:
        """The same process leads again."""
        self._guard = other._guard


class EtcdStorage:
    """Each registry that is opened is that of a new leader; `term` and `faults` are the latest one's.

    `client` makes a client, `etcd` is one that never fails, for the test itself.
    """

    def __init__(self, client: Callable[[], Any], path: str) -> None:
        self._client = client
        self._clients: list[Any] = []
        self.etcd = self._connect()
        self.path = path
        self.prefix = f"{path}/registry/"
        self.sequence = f"{self.prefix}sequence"
        self.leader = f"{path}/master"
        self.pauses = 0
        self.on_pause: Callable[[], object] = lambda: None

    def _connect(self) -> Any:
        self._clients.append(self._client())
        return self._clients[-1]

    async def depose(self) -> None:
        """Nobody leads, as when a lease has ended."""
        await self.etcd.txn([], [Delete(self.leader)])

    async def elect(self) -> Term:
        """There is a new leader."""
        await self.depose()
        return Term(self.leader, (await self.etcd.txn([], [Put(self.leader, b"")])).revision)

    async def open(self) -> EtcdRegistry:
        self.term = await self.elect()
        return self.registry(self.term)

    async def opened(self) -> EtcdRegistry:
        """Opened, and read as masters do."""
        registry = await self.open()
        await registry.load()
        return registry

    def registry(self, term: Term) -> EtcdRegistry:
        """A registry under a term, not read yet."""
        self.faults = Faults(self._connect())
        return EtcdRegistry(self.faults, self.path, term.guard, lambda: term.leads, pause=self._pause)

    async def keys(self) -> dict[str, bytes]:
        """All that is stored for the registry, but for the sequence."""
        items = (await self.etcd.range(self.prefix)).items
        return {item.key.removeprefix(self.prefix): item.value for item in items if item.key != self.sequence}

    async def written(self) -> int:
        """How many transactions were done, since the beginning."""
        item, _ = await self.etcd.get(self.sequence)
        return item.version if item is not None else 0

    async def close(self) -> None:
        for client in self._clients:
            await client.close()

    async def _pause(self, _seconds: float) -> None:
        self.pauses += 1
        self.on_pause()
        await asyncio.sleep(0)
