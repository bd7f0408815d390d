"""One process's client of the model: the network in between, and what gets lost on it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar, cast

from cluster.etcd import (
    Compare,
    EtcdError,
    EtcdUnavailableError,
    Event,
    KeyValue,
    Lease,
    Page,
    TxnResult,
    WatchSilentError,
)
from cluster.etcd.interface import Operation

from .service import ModelEtcd, Reply, Watch

__all__ = ["TIMEOUT", "ModelEtcdClient", "Weather"]

T = TypeVar("T")

ENDPOINTS = 3
TIMEOUT = 5.0
"""Seconds after which a call ends."""
ENDPOINT_TIMEOUT = 1.0
"""Seconds that it waits for one endpoint before it asks the next; more with each round."""
LATEST = 30.0
"""Seconds by which a request can be late, at most."""
DEPARTURE = 0.001
"""Seconds, at most, from a call until its request has left the process."""


@dataclass
class Weather:
    """How the network is for one client: seconds each way on average, and how likely what goes wrong is.

    `request_lost`; `answer_lost`, then it was done; `late`: it is done (and answered) some seconds later.
    """

    latency: float = 0.002
    request_lost: float = 0.0
    answer_lost: float = 0.0
    late: float = 0.0


class ModelEtcdClient:
    """An `Etcd` for one simulated process.

    As the real one does it asks endpoints one after another for 5 s, a keepalive one of them; so what is asked may be
    done several times, and late. A watch ends after `silence` seconds without a word.

    Callbacks run in the context of who called, and so in its process, if the loop knows of processes. `on_call` is told
    of each request before it leaves, `on_answer` of each answer, or that there is none, before who asked goes on: they
    may stop the process there. After `kill` nothing returns; what has left may still be done.
    """

    def __init__(
        self, etcd: ModelEtcd, name: str, rng: Random, *, host: str = "", silence: float = 30.0
    ) -> None:
        self.name = name
        self.host = host or name
        """Where it runs: cuts are between hosts and etcd."""
        self.weather = Weather()
        self.on_call: Callable[[str], None] | None = None
        self.on_answer: Callable[[str], None] | None = None
        self._etcd = etcd
        self._rng = rng
        self._silence = silence
        self._alive = True
        self._asked: dict[asyncio.Future[Any], None] = {}
        self._closed = False

    def kill(self) -> None:
        """The process has died."""
        self._alive = False

    async def grant(self, ttl: int) -> Lease:
        """A new lease."""
        return await self._call("grant", lambda: self._etcd.grant(ttl))

    async def keepalive(self, lease: int, *, timeout: float) -> float:
        """Renew a lease: ask once."""
        return cast(
            float, await self._ask("keepalive", lambda reply: self._etcd.keepalive(lease, reply), timeout)
        )

    async def revoke(self, lease: int) -> None:
        """End a lease."""
        await self._call("revoke", lambda: self._etcd.revoke(lease))

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        """A transaction."""
        parts = tuple(compares), tuple(then), tuple(otherwise)
        return await self._call("txn", lambda: self._etcd.txn(self.name, *parts))

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Keys in their order."""
        return await self._call("range", lambda: self._etcd.store.range(prefix, after, limit, revision))

    async def get(self, key: str) -> tuple[KeyValue | None, int]:
        """A key and the revision."""
        store = self._etcd.store
        return await self._call("get", lambda: (store.get(key), store.revision))

    async def watch(self, key: str, revision: int) -> AsyncGenerator[Sequence[Event], None]:
        """What happens to a key. It ends by the errors of the interface."""
        queue: asyncio.Queue[Sequence[Event] | EtcdError] = asyncio.Queue()
        send = self._in_order(queue.put_nowait)
        begun: list[Watch] = []
        over = False

        def begin(reply: Reply) -> None:
            if not over:
                begun.append(self._etcd.watch(self.host, key, revision, send))
                reply(None)

        try:
            await self._ask("watch", begin, ENDPOINT_TIMEOUT)
            while True:
                try:
                    async with asyncio.timeout(self._silence):
                        events = await queue.get()
                except TimeoutError:
                    raise WatchSilentError(f"watch {key}: silent for {self._silence:g} s") from None
                if isinstance(events, EtcdError):
                    raise events
                yield events
        finally:
            # What its connection still carries is of no use to anybody.
            over = True
            for watch in begun:
                self._etcd.forget(watch)

    async def close(self) -> None:
        """End what is under way, and all that comes later, with EtcdUnavailableError."""
        self._closed = True
        for answer in list(self._asked):
            if not answer.done():
                answer.set_exception(EtcdUnavailableError("the client was closed"))

    async def _call(self, what: str, act: Callable[[], T]) -> T:
        def answered(reply: Reply) -> None:
            try:
                reply(act())
            except EtcdError as error:
                reply(error)

        left, tries = TIMEOUT, 0
        while left > 0 and not self._closed:
            patience = min(left, ENDPOINT_TIMEOUT * 2 ** (tries // ENDPOINTS))
            left, tries = left - patience, tries + 1
            try:
                return cast(T, await self._ask(what, answered, patience))
            except EtcdUnavailableError:
                continue
        raise EtcdUnavailableError(f"{what}: no answer from {tries} endpoints")

    async def _ask(self, what: str, act: Callable[[Reply], None], timeout: float) -> Any:
        """Ask one endpoint."""
        if self._closed:
            raise EtcdUnavailableError("the client was closed")
        loop = asyncio.get_running_loop()
        if self.on_call is not None:
            self.on_call(what)
        answer: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()

        def take(value: Any) -> None:
            if answer.done() or not self._alive:
                return
            if isinstance(value, EtcdError):
                answer.set_exception(value)
            else:
                answer.set_result(value)
            if self.on_answer is not None:
                self.on_answer(what)

        # In the process: one that is stopped here sends it when it goes on.
        departure = loop.call_later(self._rng.uniform(0, DEPARTURE), self._depart, act, take, context)
        patience = loop.call_later(timeout, take, EtcdUnavailableError(f"{what}: no answer in {timeout:g} s"))
        self._asked[answer] = None
        try:
            return await answer
        finally:
            del self._asked[answer]
            departure.cancel()
            patience.cancel()

    def _depart(
        self, act: Callable[[Reply], None], take: Callable[[Any], None], context: contextvars.Context
    ) -> None:
        """The request leaves, and what will become of it is drawn."""
        rng, weather, etcd = self._rng, self.weather, self._etcd
        if not self._alive:
            return
        lost, answer_lost = rng.random() < weather.request_lost, rng.random() < weather.answer_lost
        there, back = self._latency(), self._latency()
        if rng.random() < weather.late:
            there += min(rng.expovariate(1 / 5), LATEST)
        kept, answer_kept = rng.random() < 0.5, rng.random() < 0.5

        def reply(value: Any) -> None:
            if not answer_lost:
                etcd.answer(
                    self.host, lambda: self._at(back, self._arrive, take, value, context), kept=answer_kept
                )

        if not lost:
            etcd.busy_until = max(etcd.busy_until, etcd.now + 1.2 * there)
            self._at(there, lambda: etcd.receive(self.host, lambda: act(reply), kept=kept))

    def _in_order(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """Carries what it is called with, in order, to the process that has asked."""
        context = contextvars.copy_context()
        loop, last = self._etcd.loop, 0.0

        def send(value: Any) -> None:
            nonlocal last
            last = max(last + 1e-6, loop.time() + self._latency())
            loop.call_at(last, self._arrive, take, value, context, context=self._etcd.context)

        return send

    def _latency(self) -> float:
        return self._rng.expovariate(1 / self.weather.latency)

    def _at(self, seconds: float, act: Callable[..., object], *args: Any) -> None:
        """Have something happen outside of all processes."""
        self._etcd.loop.call_later(seconds, act, *args, context=self._etcd.context)

    def _arrive(self, take: Callable[[Any], None], value: Any, context: contextvars.Context) -> None:
        """Something has come to the process that asked: it takes it as soon as it runs."""
        # A context can be entered once at a time; what carries several things in a row needs copies.
        self._etcd.loop.call_soon(take, value, context=context.copy())
