"""A registry in etcd, that a master can write only while it leads."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from cluster.etcd import (
    CompactedError,
    Compare,
    Delete,
    Etcd,
    EtcdError,
    EtcdUnavailableError,
    Get,
    KeyValue,
    Page,
    Put,
    TxnResult,
)

from .batches import Row, batches
from .interface import RegistryError
from .state import KINDS, Change, RegistryState, decode

__all__ = ["DeposedError", "EtcdRegistry"]

log = logging.getLogger("ostrom.master")

T = TypeVar("T")

PAGE = 1000
"""Keys that are read at a time."""

RETRY = 0.2
"""Seconds until etcd is asked again that did not answer."""


class DeposedError(RegistryError):
    """Another master leads, or none: this one can write no more."""


class EtcdRegistry:
    """A key for each object, `PATH/registry/KIND/ID`; many are written in several transactions, one after the other.

    Each of them compares two things. `guard`, as it was when the registry was read: that the caller still leads.
    And `PATH/registry/sequence`, which each sets anew: that none but those before it were done. So one whose answer was
    lost can be sent again, and one that is done late, by an endpoint that was frozen, does nothing.

    While `leads` says so, etcd is waited for. After a write that failed there is none: it may have been done.
    """

    def __init__(
        self,
        etcd: Etcd,
        path: str,
        guard: Callable[[], Compare],
        leads: Callable[[], bool],
        *,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._etcd = etcd
        self._prefix = f"{path}/registry/"
        self._sequence_key = f"{self._prefix}sequence"
        self._guard = guard
        self._leads = leads
        self._pause = pause
        self._name = secrets.token_hex(8)
        self._count = 0
        self._term: Compare | None = None
        self._sequence: bytes | None = None
        self._failed = False
        # One transaction is under way at a time: their order is that of the calls.
        self._lock = asyncio.Lock()

    async def load(self) -> RegistryState:
        """Read everything, as it is at one moment. To be called when the caller leads, and before the first write."""
        async with self._lock:
            term = self._guard()
            while True:
                try:
                    state, sequence = await self._read()
                except CompactedError:
                    # Compacted between two pages.
                    continue
                except EtcdError as error:
                    raise self._error(str(error)) from error
                self._term, self._sequence = term, sequence
                return state

    async def write(self, changes: Sequence[Change]) -> None:
        """Write them in as few transactions as they fit in. DeposedError if another leads: nothing more is done."""
        async with self._lock:
            todo = []
            try:
                for batch in batches(changes):
                    todo.append(batch)
                    # Others run in between: for a master that admits 50,000 agents, its lease's renewal.
                    await asyncio.sleep(0)
            except ValueError as error:
                raise self._error(str(error)) from error
            for batch in todo:
                await self._write(batch)

    async def close(self) -> None:
        """Close the client."""
        async with self._lock:
            await self._etcd.close()

    async def _read(self) -> tuple[RegistryState, bytes | None]:
        state, sequence = RegistryState(), None
        page = await self._page("", 0)
        revision = page.revision
        while True:
            for item in page.items:
                if item.key == self._sequence_key:
                    sequence = item.value
                else:
                    state.apply(self._change(item))
            if not page.more:
                return state, sequence
            page = await self._page(page.items[-1].key, revision)

    async def _page(self, after: str, revision: int) -> Page:
        return await self._answer(
            lambda: self._etcd.range(self._prefix, after=after, limit=PAGE, revision=revision)
        )

    def _change(self, item: KeyValue) -> Change:
        kind, slash, id_ = item.key.removeprefix(self._prefix).partition("/")
        if kind not in KINDS or not slash:
            # Deciding without it would be to forget it: say, that an agent is gone.
            raise self._error(f"{item.key!r} is of a newer version")
        try:
            return Change(kind, id_, decode(kind, item.value))
        except msgspec.MsgspecError as error:
            raise self._error(f"{item.key!r}: {error}") from error

    async def _write(self, batch: tuple[Row, ...]) -> None:
        if self._term is None:
            raise self._error("it is to be read before it is written")
        if self._failed:
            raise self._error("a write failed before this one")
        self._failed = True
        self._count += 1
        sequence = f"{self._name}:{self._count}".encode()
        await self._commit(self._term, batch, sequence)
        self._sequence, self._failed = sequence, False

    async def _commit(self, term: Compare, batch: tuple[Row, ...], sequence: bytes) -> None:
        """Write a batch, if it is not written already."""
        unchanged = (
            Compare(self._sequence_key, "version", 0)
            if self._sequence is None
            else Compare(self._sequence_key, "value", self._sequence)
        )
        operations = [self._operation(row) for row in batch]
        try:
            result = await self._answer(
                lambda: self._etcd.txn(
                    (term, unchanged),
                    (*operations, Put(self._sequence_key, sequence)),
                    (Get(term.key), Get(self._sequence_key)),
                )
            )
        except EtcdError as error:
            largest = max(batch, key=lambda row: row.size)
            raise self._error(
                f"{error} ({len(batch)} objects, the largest is {largest.kind} {largest.id!r}, {largest.size} bytes)"
            ) from error
        if not result.succeeded:
            self._explain(result, term, sequence)

    def _operation(self, row: Row) -> Put | Delete:
        key = f"{self._prefix}{row.kind}/{row.id}"
        return Delete(key) if row.value is None else Put(key, row.value)

    def _explain(self, result: TxnResult, term: Compare, sequence: bytes) -> None:
        """Return if what was not done now had been done before, when no answer came."""
        leader, last = result.found
        if last is not None and last.value == sequence:
            return
        if leader is None:
            raise DeposedError(f"registry {self._prefix}: no master leads, this one did until now")
        if getattr(leader, term.field) != term.value:
            raise DeposedError(f"registry {self._prefix}: another master leads")
        raise self._error("it was changed by others than the master that leads")

    async def _answer(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer, as long as the caller leads."""
        last: EtcdUnavailableError | None = None
        while self._leads():
            try:
                answer = await ask()
            except EtcdUnavailableError as error:
                if last is None:
                    log.warning("registry %s: waiting for etcd: %s", self._prefix, error)
                last = error
                await self._pause(RETRY)
            else:
                if last is not None:
                    log.warning("registry %s: etcd answers again", self._prefix)
                return answer
        raise self._error(f"this master leads no longer{f', and {last}' if last else ''}") from last

    def _error(self, text: str) -> RegistryError:
        return RegistryError(f"registry {self._prefix}: {text}")
