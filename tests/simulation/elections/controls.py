"""Contenders that show what the checker sees: one that is right, and the same with one safeguard left out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from actors import UPID
from actors.clock import Clock
from cluster.etcd import CompactedError, Compare, Etcd, EtcdError, EtcdUnavailableError, Get, Put

__all__ = ["CONTROLS", "Control", "ControlDetector"]

MARGIN = 0.85


class Control:
    """As simple as can be, of a kind.

    `believes`: no deadline, a flag only; `late`: the deadline counts from the answer; `marginless`: clocks are taken to
    be true; `unguarded`: its guard always holds; `lingering`: it hands over first, and stops then.
    """

    def __init__(self, etcd: Etcd, path: str, ttl: int, clock: Clock, kind: str = "right") -> None:
        self._etcd = etcd
        self._key = f"{path}/master"
        self._ttl = ttl
        self._clock = clock
        self._kind = kind
        self._lease = 0
        self._term = 0
        self._valid_until = float("-inf")
        self._over = asyncio.Event()
        self._reason = ""
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def leads(self) -> bool:
        if not self._term or self._over.is_set():
            return False
        return self._kind == "believes" or self._clock.monotonic() < self._valid_until

    def guard(self) -> Compare:
        if self._kind == "unguarded":
            return Compare(f"{self._key}/none", "version", 0)
        return Compare(self._key, "create_revision", self._term or -1)

    async def contend(self, candidate: UPID) -> None:
        value = json.dumps({"upid": str(candidate)}).encode()
        while not await self._try(value):
            await asyncio.sleep(0.5)
        self._clock.call_at(self._valid_until, self._check)
        self._tasks.append(asyncio.create_task(self._renew()))

    async def lost(self) -> str:
        await self._over.wait()
        return self._reason

    async def resign(self) -> None:
        if self._kind != "lingering":
            self._end("it resigned")
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(EtcdUnavailableError):
            await self._etcd.revoke(self._lease)
        self._end("it resigned")

    async def _try(self, value: bytes) -> bool:
        try:
            began = self._clock.monotonic()
            lease = await self._etcd.grant(self._ttl)
        except EtcdUnavailableError:
            return False
        self._lease, deadline = lease.id, self._deadline(began, lease.ttl)
        while self._clock.monotonic() < deadline:
            try:
                result = await self._etcd.txn(
                    [Compare(self._key, "create_revision", 0)],
                    [Put(self._key, value, lease.id), Get(self._key)],
                    [Get(self._key)],
                )
            except EtcdUnavailableError:
                continue
            except EtcdError:
                return False
            item = result.found[0]
            if item is not None and item.lease == lease.id:
                self._valid_until, self._term = deadline, item.create_revision
                return True
            try:
                await asyncio.sleep(self._ttl / 10)
                began = self._clock.monotonic()
                ttl = await self._etcd.keepalive(lease.id, timeout=1.0)
                deadline = self._deadline(began, ttl)
            except EtcdUnavailableError:
                continue
        return False

    async def _renew(self) -> None:
        while not self._over.is_set():
            await asyncio.sleep(self._ttl / 4)
            began = self._clock.monotonic()
            with contextlib.suppress(EtcdUnavailableError):
                ttl = await self._etcd.keepalive(self._lease, timeout=self._ttl / 4)
                if not ttl:
                    self._end("its lease has ended")
                elif self.leads:
                    self._valid_until = self._deadline(began, ttl)

    def _deadline(self, began: float, ttl: float) -> float:
        start = self._clock.monotonic() if self._kind == "late" else began
        return start + ttl * (1.0 if self._kind == "marginless" else MARGIN)

    def _check(self) -> None:
        if self._over.is_set() or self._kind == "believes":
            return
        if self.leads:
            self._clock.call_at(self._valid_until, self._check)
        else:
            self._end("no answer from etcd in time")

    def _end(self, reason: str) -> None:
        if not self._over.is_set():
            self._reason = reason
            self._over.set()


class ControlDetector:
    """Reads, watches, and reads anew."""

    spread = 0.0

    def __init__(self, etcd: Etcd, path: str, clock: Clock) -> None:
        self._etcd = etcd
        self._key = f"{path}/master"
        self._task: asyncio.Task[None] | None = None

    async def on_this_machine(self) -> bool:
        return False

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        self._task = asyncio.create_task(self._main(changed))

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _main(self, changed: Callable[[UPID | None], None]) -> None:
        while True:
            with contextlib.suppress(EtcdUnavailableError, CompactedError):
                item, revision = await self._etcd.get(self._key)
                changed(_upid(item.value) if item else None)
                async for events in self._etcd.watch(self._key, revision + 1):
                    for event in events:
                        changed(_upid(event.item.value) if event.item else None)
            await asyncio.sleep(0.2)


def _upid(value: bytes) -> UPID:
    return UPID.parse(json.loads(value)["upid"])


CONTROLS = ("right", "believes", "late", "marginless", "unguarded", "lingering")
"""The kinds of `Control`."""
