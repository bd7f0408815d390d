"""An election in etcd: the leader is who created a key, and keeps the lease that holds it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from random import Random

from actors import UPID, Clock, Timer
from cluster.etcd import (
    CompactedError,
    Compare,
    Etcd,
    EtcdRefusedError,
    EtcdUnavailableError,
    Get,
    KeyValue,
    Lease,
    LeaseGoneError,
    Put,
    WatchSilentError,
)

from .clocks import BootClock, sleep
from .leader import Leader, leader_key
from .pauses import AGAIN, Pauses

__all__ = ["DEFAULT_TTL", "EtcdContender"]

log = logging.getLogger("ostrom.election")

DEFAULT_TTL = 10
"""Seconds; that of Mesos's sessions in ZooKeeper."""
VALID = 0.85
"""The part of a lease's time in which its holder acts: clocks may differ in rate by a tenth, and a little is left."""


class EtcdContender:
    """One candidate of the election at a path of etcd's; `ttl` is in seconds.

    Time is told by the candidate's own clock, from the moment before a request is sent: etcd counts from later. So the
    leader stops before etcd gives its lease up, whoever is late: the answer, this process, or its machine.

    Who has led and lost does not contend again: it must end, with all it believes.
    """

    def __init__(
        self,
        etcd: Etcd,
        path: str,
        ttl: int = DEFAULT_TTL,
        clock: Clock | None = None,
        rng: Random | None = None,
    ) -> None:
        if ttl < 1:
            raise ValueError(f"ttl is {ttl}, not a number of seconds from 1")
        self.key = leader_key(path)
        self.term = 0
        """The revision at which the key was created: it grows with every leader. 0 before this one led."""
        self._etcd = etcd
        self._ttl = ttl
        self._clock = clock
        self._rng = rng
        self._lease: Lease | None = None
        self._until = 0.0
        self._over: asyncio.Future[str] | None = None
        self._keeping: list[asyncio.Task[None]] = []
        self._timer: Timer | None = None
        self._trouble = ""
        self._resigned = False

    @property
    def clock(self) -> Clock:
        """The clock by which leases are counted."""
        if self._clock is None:
            self._clock = BootClock()
        return self._clock

    @property
    def leads(self) -> bool:
        """Whether it certainly leads."""
        return self._over is not None and not self._over.done() and self.clock.monotonic() < self._until

    def guard(self) -> Compare:
        """What must hold of etcd for a write of this leader's. RuntimeError before it has led."""
        if not self.term:
            raise RuntimeError("it has not led")
        return Compare(self.key, "create_revision", self.term)

    async def contend(self, candidate: UPID) -> None:
        """Return when the candidate leads, never when it has resigned.

        EtcdRefusedError if etcd will not have it contend at all.
        """
        if self._over is not None:
            raise RuntimeError("a candidate that has led does not contend again")
        value = Leader(str(candidate)).encode()
        pauses = Pauses(self._rng)
        while not self._resigned:
            try:
                won = await self._campaign(value)
            except EtcdUnavailableError as error:
                pauses.note(error)
                won = False
            else:
                pauses.over()
            if won:
                return
            await self._until_vacant(pauses)
        await asyncio.get_running_loop().create_future()

    async def lost(self) -> str:
        """Return, with the reason, when it no longer leads; not before it has led."""
        if self._over is None:
            raise RuntimeError("it does not lead")
        return await asyncio.shield(self._over)

    async def resign(self) -> None:
        """Stop leading, or contending, for good; give up the lease, that another leads at once. `etcd` is closed.

        If it cannot be reached the lease ends by its time.
        """
        # An answer may be on its way that says that it leads: by then its lease can have been revoked.
        self._resigned = True
        lost = self._over is not None and self._over.done()
        self._lose("it resigned")
        lease, self._lease = self._lease, None
        # What was lost is over by its time; often etcd cannot be reached, and that would be waited for.
        if lease is not None and not lost:
            await self._revoke(lease)
        await self._etcd.close()

    # To lead.

    async def _campaign(self, value: bytes) -> bool:
        """Try once; whether it leads now."""
        began = self.clock.monotonic()
        lease = self._lease = await self._etcd.grant(self._ttl)
        until = began + VALID * lease.ttl
        try:
            item = await self._create(lease, value, until)
        except LeaseGoneError:
            return False
        if item is None or item.lease != lease.id or self._resigned or self.clock.monotonic() >= until:
            # Also when it was too late: nobody may act on a lease that could be over.
            await self._revoke(lease)
            return False
        self._until, self.term = until, item.create_revision
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        self._timer = self.clock.call_at(until, self._expire)
        self._keeping = [loop.create_task(self._keep(lease)), loop.create_task(self._watch_key(lease))]
        log.info("%s leads, term %d", value.decode(), self.term)
        return True

    async def _create(self, lease: Lease, value: bytes, until: float) -> KeyValue | None:
        """Create the key, unless it is there; return what is there then, as far as it can be told by that time.

        An answer that was lost is no harm: the next one says whose lease holds the key.
        """
        while True:
            try:
                result = await self._etcd.txn(
                    [Compare(self.key, "create_revision", 0)],
                    [Put(self.key, value, lease.id), Get(self.key)],
                    [Get(self.key)],
                )
            except EtcdUnavailableError:
                if self.clock.monotonic() >= until:
                    return None
                await sleep(self.clock, AGAIN)
                continue
            return result.found[0]

    async def _until_vacant(self, pauses: Pauses) -> None:
        """Return when nobody holds the key, or it has resigned."""
        while not self._resigned:
            try:
                item, revision = await self._etcd.get(self.key)
                pauses.over()
                if item is None:
                    return
                async with aclosing(self._etcd.watch(self.key, revision + 1)) as watch:
                    async for events in watch:
                        if any(event.item is None for event in events):
                            return
            except WatchSilentError:
                continue
            except (CompactedError, EtcdUnavailableError) as error:
                pauses.note(error)
            await sleep(self.clock, pauses.next())

    # To keep leading.

    async def _keep(self, lease: Lease) -> None:
        """Renew the lease, and with it the time in which it leads."""
        pause = lease.ttl / 4
        while not self._done:
            await sleep(self.clock, pause)
            began = self.clock.monotonic()
            try:
                left = await self._etcd.keepalive(lease.id, timeout=lease.ttl / 8)
            except EtcdUnavailableError as error:
                self._trouble = f": {error}"
                pause = lease.ttl / 20
                continue
            except EtcdRefusedError as error:
                self._lose(f"etcd refuses to renew its lease: {error}")
                return
            if self.clock.monotonic() >= self._until:
                # It was stopped, and did not lead for a while: it does not begin to lead again, though it could.
                self._expire()
            elif left <= 0:
                self._lose("its lease has ended")
            else:
                self._until = max(self._until, began + VALID * left)
                self._trouble, pause = "", lease.ttl / 4

    async def _watch_key(self, lease: Lease) -> None:
        """Somebody may delete the key, by hand: then another can lead, though this lease lives on.

        Apart from the renewal, which must not wait for an answer to this.
        """
        while not self._done:
            await sleep(self.clock, lease.ttl / 4)
            try:
                item, _ = await self._etcd.get(self.key)
            except (EtcdUnavailableError, EtcdRefusedError):
                # As long as the lease is renewed; else it ends by that.
                continue
            if item is None or item.create_revision != self.term:
                self._lose("its key in etcd was deleted")

    def _expire(self) -> None:
        if self._done:
            return
        if self.clock.monotonic() < self._until:
            self._timer = self.clock.call_at(self._until, self._expire)
        else:
            self._lose(f"its lease was not renewed in time{self._trouble}")

    @property
    def _done(self) -> bool:
        return self._over is None or self._over.done()

    def _lose(self, reason: str) -> None:
        if self._over is None or self._over.done():
            return
        self._over.set_result(reason)
        if self._timer is not None:
            self._timer.cancel()
        for task in self._keeping:
            if task is not asyncio.current_task():
                task.cancel()
        log.warning("term %d is over: %s", self.term, reason)

    async def _revoke(self, lease: Lease) -> None:
        try:
            await self._etcd.revoke(lease.id)
        except (EtcdUnavailableError, EtcdRefusedError) as error:
            log.warning("the lease could not be revoked, it ends by itself: %s", error)
