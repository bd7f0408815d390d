"""The master as an actor, without its messages: what it begins with, writes, sends, and does by the clock."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from actors import UPID, Actor, Message, Timer
from allocators import OfferAllocator
from allocators.plugins import make_allocator
from cluster.happenings import Happening
from cluster.registry import Change, MemoryRegistry, Registry, RegistryError
from cluster.write_ahead import WriteAhead

from .options import MasterOptions, RoleOptions
from .rate_limits import RateLimits
from .state import MasterState
from .validation import role_problem

__all__ = ["MasterShell"]

log = logging.getLogger("ostrom.master")


class Happened(Struct, frozen=True):
    """What has happened since those who watch were told last, and how many times they were told before."""

    number: int
    happenings: tuple[Happening, ...]


Watcher = Callable[[int, Sequence[Happening]], object]
Told = tuple[UPID, Message] | asyncio.Future[None] | Happened
"""A message, who waits to hear that all before is on record, or what those who watch are told."""


class MasterShell(Actor):
    """Nothing is sent before what it rests on is written; other turns go on meanwhile.

    `leads` is asked before each act, to write or to send: once it is False the master ends, and has not acted.

    When the registry cannot be written the master ends, with the error as its reason: another may be able to.
    """

    def __init__(
        self,
        *,
        options: MasterOptions | None = None,
        registry: Registry | None = None,
        allocator: OfferAllocator | str = "drf",
        weights: Mapping[str, float] | None = None,
        roles: Mapping[str, RoleOptions] | None = None,
        leads: Callable[[], bool] | None = None,
        seed: int | None = None,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311 - names and orders, no secrets
        self.options = options or MasterOptions()
        self.registry = registry or MemoryRegistry()
        self.state = MasterState(
            f"{rng.getrandbits(32):08x}",
            self._allocator(allocator, np.random.default_rng(rng.getrandbits(32))),
            self.options,
        )
        self._weights, self._roles = dict(weights or {}), dict(roles or {})
        for role, settings in self._roles.items():
            if problem := role_problem(role):
                raise ValueError(f"roles: {problem}")
            self.state.apply_quota(role, settings, force=True)
        self._ahead = WriteAhead[Change, Told](self.registry.write, self._tell_all, self._start_write)
        self._leads = leads
        self._awaited: set[asyncio.Future[None]] = set()
        self._recovered = False
        self.elected_at = 0.0
        """When it began to lead; seconds since the epoch."""
        self._writing: asyncio.Task[None] | None = None
        self._limits = RateLimits[Callable[[], object]](self.options.rate_limits)
        self._turn: Timer | None = None
        self._probed: dict[UPID, float] = {}
        self._allocating = False
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self.on_turn: Callable[[], object] | None = None
        self.subscribers = 0
        """How many operators are told what happens; who watches counts them."""
        self._watchers: dict[Watcher, None] = {}
        self._happened = 0

    async def initialize(self) -> None:
        """Recover from the registry; then the timers. If that cannot be read it ends, with the reason."""
        state = self.state
        self.elected_at = self._now
        try:
            stored = await self.registry.load()
            state.recover(stored, self._weights, self._roles, self._now)
            if state.changes:
                changes, state.changes = state.changes, []
                await self.registry.write(changes)
        except RegistryError as error:
            log.error("the master ends: %s", error)  # noqa: TRY400 - no news in the traceback
            self.terminate(str(error))
            return
        self._recovered = True
        self.every(self.options.allocation_interval, self._periodic)
        self.every(self.options.ping_interval, self._ping)
        self.every(self.options.registry_gc_interval, self._forget_old)
        log.info("master %s at %s, %d agents on record", state.master_id, self.upid, len(stored.agents))
        self._done()

    async def finalize(self) -> None:
        """Let what is being written be written, then let go of the registry."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self.registry.close()

    @staticmethod
    def _allocator(allocator: OfferAllocator | str, rng: np.random.Generator) -> OfferAllocator:
        return make_allocator(allocator, rng) if isinstance(allocator, str) else allocator

    @property
    def _now(self) -> float:
        return self.clock.time()

    @property
    def durable(self) -> bool:
        """Whether the registry has been read, and all that was decided since is on record, and told."""
        return self._recovered and self._ahead.idle and not self.state.changes

    def watch(self, watcher: Watcher) -> int:
        """Have it told what happens from this turn on, as soon as that is on record; to be called in a turn.

        It is called with a number and what happened, quick, and one number higher each time. Returns the number of
        its first call: what it is called with by smaller ones is in the state already, as it is in this turn.
        """
        self._flush()
        self._watchers[watcher] = None
        self.state.watched = True
        return self._happened

    def unwatch(self, watcher: Watcher) -> None:
        """Have it told nothing more."""
        self._watchers.pop(watcher, None)
        self.state.watched = bool(self._watchers)

    def recorded(self) -> asyncio.Future[None]:
        """Done when all that was decided until now is on record. RegistryError if that cannot be."""
        future = asyncio.get_running_loop().create_future()
        self._awaited.add(future)
        self._flush()
        self._ahead.put((), [future])
        return future

    def _start_write(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._writing = asyncio.get_running_loop().create_task(coroutine)
        self._writing.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the master ends: %s", error)
            self._give_up(str(error))
            self.terminate(str(error))

    def _deposed(self) -> bool:
        """Whether another may lead by now: then nothing that is decided here counts any more."""
        if self._leads is None or self._leads():
            return False
        text = "it does not lead any more"
        self._give_up(text)
        self.terminate(text)
        return True

    def _give_up(self, text: str) -> None:
        """Tell those who wait that what they want may be forgotten."""
        awaited, self._awaited = self._awaited, set()
        for future in awaited:
            if not future.done():
                future.set_exception(RegistryError(text))

    def _tell_all(self, told: Sequence[Told]) -> None:
        if self._deposed():
            return
        for each in told:
            if isinstance(each, tuple):
                self.send(*each)
                continue
            if isinstance(each, Happened):
                for watcher in list(self._watchers):
                    watcher(each.number, each.happenings)
                continue
            self._awaited.discard(each)
            if not each.done():
                each.set_result(None)

    def _done(self) -> None:
        """After every turn: write and send what the rules said, and see to the allocation and the next deadline.

        Allocation waits for the end of the mailbox, so that what one turn of the loop brought is one pass.
        """
        self._flush()
        if not self._allocating:
            self._allocating = True
            self.defer(self._allocate)

    def _allocate(self) -> None:
        self._allocating = False
        self.state.allocate(self._now)
        self._flush()
        self._set_timer()

    def _flush(self) -> None:
        state = self.state
        if (state.changes or state.outbox or state.happenings) and not self._deposed():
            changes, state.changes = state.changes, []
            told: list[Told] = [*state.outbox]
            state.outbox = []
            if state.happenings:
                told.append(Happened(self._happened, tuple(state.happenings)))
                self._happened += 1
                state.happenings = []
            self._ahead.put(changes, told)
        if self.on_turn is not None:
            self.on_turn()

    def _set_timer(self) -> None:
        due = self.state.next_deadline()
        if due is None or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self.after(max(0.0, due - self._now), self._due)

    def _due(self) -> None:
        self._timer = None
        self.state.expire(self._now)
        self._done()

    def _periodic(self) -> None:
        """The reconciling pass over all agents: events allocate what they touch at once."""
        self.state.expire(self._now)
        self.state.allocate(self._now, full=True)
        self._flush()

    def _ping(self) -> None:
        self.state.ping_all(self._now)
        self._done()

    def _forget_old(self) -> None:
        self.state.forget_old(self._now)
        self._done()
