"""The model's cluster: leases that expire, watches, and the times at which nobody answers."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from cluster.etcd import (
    CompactedError,
    Compare,
    EtcdError,
    EtcdUnavailableError,
    Event,
    Lease,
    Put,
    TxnResult,
)
from cluster.etcd.interface import Operation

from .store import Store

__all__ = ["LEAST_TTL", "PROGRESS", "SWEEP", "ModelEtcd", "Watch"]

LEAST_TTL = 2
"""Seconds: a lease of less is granted for so many. Measured with etcd's default flags."""
SWEEP = 0.5
"""Seconds between two looks for leases that have expired. Measured."""
PROGRESS = 600.0
"""Seconds between two signs of life of a watch. etcd's default."""
NO_LEADER = 3.5
"""Seconds after which a member that has lost its leader ends the watches that ask for one. Measured."""

Reply = Callable[[Any], None]
"""Takes what is answered: a value, or an EtcdError to be raised."""


class _Lease:
    def __init__(self, ttl: float, expires: float) -> None:
        self.ttl = ttl
        self.expires = expires
        self.waiting: list[Reply] = []
        """Keepalives that came when it had expired, and was not swept yet: they are answered when it is."""


class Watch:
    """One watch, on the side of the service: `send` carries what there is, in order, until `end` is called."""

    def __init__(
        self, etcd: ModelEtcd, host: str, key: str, revision: int, send: Callable[[Any], None]
    ) -> None:
        self.host = host
        self.ended = False
        self.deaf = False
        self._etcd = etcd
        self._key = key
        self._next = revision or etcd.store.revision + 1
        self._send = send

    def pump(self, *, alive: bool = False) -> None:
        """Send what there is; with `alive` a sign of life if there is nothing. Held back while nothing gets through."""
        if self.ended or self.deaf or not self._etcd.reaches(self.host):
            return
        store = self._etcd.store
        try:
            events: Sequence[Event] = store.events(self._key, self._next)
        except CompactedError as error:
            self.end(error)
            return
        if events or alive:
            self._next = max(self._next, store.revision + 1)
            self._send(tuple(events))

    def end(self, error: EtcdError) -> None:
        """End it; the client is told, if anything reaches it."""
        if not self.ended:
            self._etcd.forget(self)
            if not self.deaf:
                self._send(error)


class ModelEtcd:
    """An etcd cluster in virtual time, as one.

    It does at once what reaches it (`store` is what the cluster has agreed on), and answers. `begin_outage` and
    `end_outage`: it has no quorum, so nothing is done, nothing answered, no lease expires; then a new raft leader gives
    each lease its whole TTL again. `block` cuts a host off, one way or both; `freeze` holds back its watches.
    `on_txn` sees each transaction done: who asked, and what came of it.

    Nothing of it belongs to any process: `context` is empty.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: Random) -> None:
        self.loop = loop
        self.rng = rng
        self.store = Store()
        self.context = contextvars.Context()
        self.leases: dict[int, _Lease] = {}
        self.on_txn: Callable[[str, Sequence[Compare], Sequence[Operation], TxnResult], None] | None = None
        self.on_change: Callable[[], None] | None = None
        """Called after each change of the keys."""
        self.down = False
        self.busy_until = 0.0
        """True time at which the last request will have come that is under way, not counting those held back."""
        self._watches: list[Watch] = []
        self._blocked: dict[object, tuple[str, bool, bool]] = {}
        self._frozen: dict[object, str] = {}
        self._held: list[tuple[str, bool, Callable[[], None]]] = []
        """What waits for the end of a cut or an outage: whose it is, whether it comes from there, what to do."""
        self._later(rng.uniform(0, SWEEP), self._sweep)
        self._later(rng.uniform(0, PROGRESS), self._show_life)

    @property
    def now(self) -> float:
        """True time, also when a process asks whose clock is not."""
        return self.context.copy().run(self.loop.time)

    # Faults.

    def begin_outage(self) -> None:
        """Lose the quorum. Watches end after a while, or go silent."""
        self.down = True
        for watch in self._watches:
            if self.rng.random() < 0.6:
                error = EtcdUnavailableError("etcdserver: no leader")
                self._later(self.rng.uniform(0.5, 1) * NO_LEADER, self._end_if_down, watch, error)

    def end_outage(self) -> None:
        """Have a quorum again, and a new raft leader."""
        self.down = False
        self.change_leader()
        self._release()

    def change_leader(self) -> None:
        """A new raft leader: it does not know when leases were renewed, so each has its whole TTL again."""
        for lease in self.leases.values():
            lease.expires = self.loop.time() + lease.ttl
            waiting, lease.waiting = lease.waiting, []
            for reply in waiting:
                reply(lease.ttl)

    def block(self, key: object, host: str, *, to: bool, back: bool) -> None:
        """Let nothing of a host through: `to` etcd, and `back` from there."""
        self._blocked[key] = host, to, back

    def unblock(self, key: object) -> None:
        """End that cut; others last."""
        if self._blocked.pop(key, None) is not None:
            self._release()

    def freeze(self, key: object, host: str) -> None:
        """Hold back what the watches of a host are to see: the member that it watches at is frozen."""
        self._frozen[key] = host

    def thaw(self, key: object) -> None:
        """End that; others last."""
        if self._frozen.pop(key, None) is not None:
            self._pump()

    def break_watches(self, host: str) -> None:
        """The connections break on which a host watches."""
        for watch in [each for each in self._watches if each.host == host]:
            watch.end(EtcdUnavailableError("connection reset"))

    def deafen(self, host: str) -> None:
        """Nothing comes any more on the connections on which a host watches, nor does it hear that they are gone."""
        for watch in self._watches:
            if watch.host == host:
                watch.deaf = True

    def compact(self, revision: int = 0) -> None:
        """Forget the history before a revision (0: before now)."""
        self.store.compact(revision or self.store.revision)

    def reaches(self, host: str) -> bool:
        """Whether a watch of that host gets anything."""
        cut = any(name == host for name, _, _ in self._blocked.values())
        return not self.down and not cut and host not in self._frozen.values()

    # The network: requests come in, answers go out.

    def receive(self, host: str, act: Callable[[], None], *, kept: bool) -> None:
        """A request comes. While it cannot be done it is lost, or (`kept`) done when it can, however late that is."""
        if self.down or any(name == host and to for name, to, _ in self._blocked.values()):
            if kept:
                self._held.append((host, True, act))
            return
        act()

    def answer(self, host: str, act: Callable[[], None], *, kept: bool) -> None:
        """An answer leaves: as with requests."""
        if any(name == host and back for name, _, back in self._blocked.values()):
            if kept:
                self._held.append((host, False, act))
            return
        act()

    def _release(self) -> None:
        held, self._held = self._held, []
        for host, request, act in held:
            pass_ = self.receive if request else self.answer
            self._later(self.rng.uniform(0, 1.0), lambda p=pass_, c=host, a=act: p(c, a, kept=True))
        self._pump()

    # What clients ask.

    def grant(self, ttl: int) -> Lease:
        """A lease, of 2 s at least."""
        id_ = self.rng.getrandbits(62) + 1
        granted = float(max(ttl, LEAST_TTL))
        self.leases[id_] = _Lease(granted, self.loop.time() + granted)
        return Lease(id_, granted)

    def keepalive(self, id_: int, reply: Reply) -> None:
        """Renew. When it has expired, and has not been swept: answer when it has, as etcd does."""
        lease = self.leases.get(id_)
        if lease is None:
            reply(0.0)
        elif lease.expires <= self.loop.time():
            lease.waiting.append(reply)
        else:
            lease.expires = self.loop.time() + lease.ttl
            reply(lease.ttl)

    def revoke(self, id_: int) -> None:
        """End a lease, and its keys with it."""
        lease = self.leases.pop(id_, None)
        if lease is None:
            return
        self.store.delete(self.store.held_by(id_))
        self._changed()
        for reply in lease.waiting:
            reply(0.0)

    def txn(
        self,
        client: str,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation],
    ) -> TxnResult:
        """A transaction."""
        before = self.store.revision
        result = self.store.txn(compares, then, otherwise, self.leases.__contains__)
        if self.on_txn is not None:
            self.on_txn(client, compares, then, result)
        if self.store.revision != before:
            self._changed()
        return result

    def put(self, key: str, value: bytes) -> None:
        """What somebody else puts."""
        self.txn("", [], [Put(key, value)], [])

    def watch(self, host: str, key: str, revision: int, send: Callable[[Any], None]) -> Watch:
        """Begin to watch; `send` takes events, and at the end an EtcdError."""
        watch = Watch(self, host, key, revision, send)
        self._watches.append(watch)
        # First that it is watched, then what there is: also that it has been compacted.
        send(())
        watch.pump()
        return watch

    def forget(self, watch: Watch) -> None:
        """No more of that watch."""
        watch.ended = True
        if watch in self._watches:
            self._watches.remove(watch)

    # Time.

    def _later(self, seconds: float, act: Callable[..., object], *args: Any) -> None:
        self.loop.call_later(seconds, act, *args, context=self.context)

    def _sweep(self) -> None:
        if not self.down:
            now = self.loop.time()
            for id_ in [id_ for id_, lease in self.leases.items() if lease.expires <= now]:
                self.revoke(id_)
        self._later(SWEEP, self._sweep)

    def _show_life(self) -> None:
        for watch in list(self._watches):
            watch.pump(alive=True)
        self._later(PROGRESS, self._show_life)

    def _end_if_down(self, watch: Watch, error: EtcdError) -> None:
        if self.down:
            watch.end(error)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()
        self._pump()

    def _pump(self) -> None:
        for watch in list(self._watches):
            watch.pump()
