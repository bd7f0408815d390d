"""Gives actors their turns: one queue for all of them, drained in one pass a turn of the event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from functools import partial
from typing import Any

from .actor import Actor
from .clock import Clock
from .directory import runtime_of
from .errors import RefusedError
from .mailbox import Item, Mailbox, Overflow, Turn, Watch
from .message import MessageMeta
from .parked import Parked
from .replies import Replies, turn_cancelled
from .sockets import SocketTransport
from .tracing import Trace
from .upid import UPID

__all__ = ["RunQueue"]

BATCH = 64
"""Messages one actor may handle before the next has its turn."""
PASS = 512
"""Messages handled before the event loop has its turn."""


class RunQueue:
    """The actors that have something to do.

    `end` is called with an actor whose last message was handled; `find` gives the local actor of a name, and `drop`
    is told of what a full mailbox did not take.

    A call_soon for each actor, or for each message, would cost three to eight times as much.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        replies: Replies,
        end: Callable[[Actor, str], None],
        find: Callable[[UPID], Actor | None],
        drop: Callable[[UPID, Any, UPID | None, str], None],
    ) -> None:
        self.loop = loop
        self._clock = clock
        self._replies = replies
        self._end = end
        self._find = find
        self._drop = drop
        self._watches: dict[UPID, Watch] = {}
        self._traces: list[Trace] = []
        self._blocked: dict[UPID, list[Actor]] = {}
        self._ready: deque[Actor] = deque()
        self._scheduled = False
        self.draining = False
        """Whether actors have their turns right now."""
        self.stepping: Parked | None = None
        """The parked handler that runs right now."""
        self.transport: SocketTransport | None = None
        """Writes what a pass sent at the end of the pass, and not a turn of the loop later."""

    @property
    def idle(self) -> bool:
        """No actor has anything to do now."""
        return not self._ready

    def clear(self) -> None:
        """Nobody has anything to do any more."""
        self._ready.clear()

    def begin_batch(self) -> bool:
        """More will be put into mailboxes at once, and then `end_batch` is called, with what this returned."""
        before, self._scheduled = self._scheduled, True
        return before

    def end_batch(self, scheduled: bool) -> None:
        """All of a batch is here: handle it now, which is a turn of the loop earlier."""
        if not scheduled:
            if self._ready:
                self._run()
            else:
                self._scheduled = False

    def enqueue(self, actor: Actor, item: Item) -> None:
        """Put something into an actor's mailbox."""
        mailbox = actor._mailbox
        if mailbox is None:
            mailbox = self.open(actor)
        mailbox.append(item)
        if not actor._runtime.queued:
            self.make_ready(actor)

    def open(self, actor: Actor) -> deque[Item]:
        """Make the mailbox of an actor that has none: those who wait for nothing cost little."""
        runtime = actor._runtime
        if runtime is None:
            runtime = runtime_of(actor)
        if runtime.plain and not self._traces:
            mailbox = actor._mailbox = deque()
            return mailbox
        mailbox = actor._mailbox = Mailbox(
            actor.mailbox_limit,
            partial(self._overflow, actor),
            self._watch_of(actor),
            drop_oldest=actor.mailbox_overflow is Overflow.DROP_OLDEST,
        )
        return mailbox

    def _watch_of(self, actor: Actor) -> Watch | None:
        """Who sees what comes for an actor: the traces that match, and then whoever watches it."""
        upid = actor.upid
        traces = [trace for trace in self._traces if trace.watches(upid)]
        watch = self._watches.get(upid)
        if not traces:
            return watch

        def see(item: Item) -> Item | None:
            for trace in traces:
                trace.see(upid, item)
            return item if watch is None else watch(item)

        return see

    def trace(self, trace: Trace, actors: Iterable[Actor]) -> None:
        """Have a trace see what comes for the actors that it matches: these, and all that are spawned from now on."""
        self._traces.append(trace)
        for actor in actors:
            if trace.watches(actor.upid):
                self._reopen(actor)

    def untrace(self, trace: Trace, actors: Iterable[Actor]) -> None:
        """Undo `trace`."""
        self._traces.remove(trace)
        for actor in actors:
            if trace.watches(actor.upid):
                self._reopen(actor)

    def watch(self, actor: Actor, watch: Watch | None) -> None:
        """Have a function see, and change, what comes into an actor's mailbox from now on; None: not any more."""
        if watch is None:
            self._watches.pop(actor.upid, None)
        else:
            self._watches[actor.upid] = watch
        runtime_of(actor).plain = watch is None and actor.mailbox_limit is None
        self._reopen(actor)

    def _reopen(self, actor: Actor) -> None:
        """Make its mailbox anew, of the kind that it is to be, with all that is in it."""
        before = actor._mailbox
        mailbox = self.open(actor)
        if before:
            # Emptied, as the actor may be in the middle of it.
            deque.extend(mailbox, before)
            before.clear()

    def _overflow(self, actor: Actor, item: Item) -> bool:
        """There is no room: drop it, tell who asks, or take it and have its sender wait."""
        message, sender, number = item
        policy = actor.mailbox_overflow
        if policy is Overflow.BLOCK and sender is not None and (waiting := self._find(sender)) is not None:
            runtime = runtime_of(waiting)
            # Two that wait for each other would wait for ever.
            if waiting is not actor and not runtime_of(actor).halted and not runtime.halted:
                runtime.halted = True
                self._blocked.setdefault(actor.upid, []).append(waiting)
            return True
        if number is not None and policy in (Overflow.REJECT, Overflow.BLOCK):
            # Not at once: whoever asks again until there is room would let nobody else run, and wait for ever.
            refusal = RefusedError(f"the mailbox of {actor.upid} is full")
            self.loop.call_soon(self._replies.fail, actor, number, refusal)
        self._drop(actor.upid, message, sender, "mailbox full")
        return False

    def forget(self, actor: Actor) -> None:
        """An actor ended."""
        self._watches.pop(actor.upid, None)
        self.release(actor)

    def release(self, actor: Actor) -> None:
        """There is room again: those that waited for it go on."""
        for waiting in self._blocked.pop(actor.upid, ()):
            runtime = runtime_of(waiting)
            runtime.halted = runtime.ending is not None
            if not runtime.gone:
                self.make_ready(waiting)

    def make_ready(self, actor: Actor) -> None:
        """Have the actor looked at: it has mail, or is to end."""
        runtime = actor._runtime
        if runtime.queued or (runtime.busy is not None):
            return
        runtime.queued = True
        self._ready.append(actor)
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._run)

    def _run(self) -> None:
        """One pass over the actors that have something to do, bounded so that I/O gets its turn."""
        ready = self._ready
        budget = PASS
        self.draining = True
        transport = self.transport
        if transport is not None:
            transport.corked = True
        try:
            while ready and budget > 0:
                actor = ready.popleft()
                try:
                    budget -= self._drain(actor)
                except BaseException:
                    # What no policy takes, KeyboardInterrupt say: if the loop goes on, so do the actors.
                    actor._runtime.queued = False
                    self.turn_ended(actor)
                    raise
        finally:
            self.draining = False
            if transport is not None:
                transport.corked = False
                if transport.waiting_peers:
                    transport.uncork()
            if ready:
                self.loop.call_soon(self._run)
            else:
                self._scheduled = False

    def _drain(self, actor: Actor) -> int:
        runtime = actor._runtime
        mailbox = actor._mailbox
        handlers = runtime.handlers
        left = BATCH
        while mailbox and left and not runtime.halted:
            left -= 1
            message, sender, number = mailbox.popleft()
            handler = handlers.get(type(message))
            try:
                if handler is not None:
                    if handler.wants_sender:
                        result = handler.function(actor, message, sender)
                    else:
                        result = handler.function(actor, message)
                elif type(message) is Turn:
                    # What a call raises is its caller's: the future is the number before it can raise.
                    number = message.future
                    result = message.function(*message.args)
                else:
                    result = actor.unhandled(message, sender)
                    if number is not None:
                        refusal = RefusedError(f"{actor.upid} has no handler for {type(message).__name__}")
                        if result is None:
                            raise refusal
                        result = _then_raise(result, refusal)
            except Exception as error:  # noqa: BLE001 - the boundary: the failure policy decides
                self._replies.failed(actor, number, error)
                continue
            except asyncio.CancelledError as error:
                # A plain handler is no task that could be cancelled: it looked at a future that was.
                self._replies.failed(actor, number, turn_cancelled(actor, error))
                continue
            if result is None:
                if number is not None:
                    self._replies.answer(actor, number, None)
            elif type(type(result)) is MessageMeta:
                if number is not None:
                    self._replies.answer(actor, number, result)
            elif not inspect.isawaitable(result):
                # Asked last, as it is dear.
                if number is not None:
                    self._replies.answer(actor, number, result)
            elif handler is not None and handler.parked:
                if self._park(actor, result, number, message) is not None:
                    break
            else:
                concurrent = handler is not None and handler.concurrent
                self._start_task(actor, result, number, concurrent, message)
                if not concurrent:
                    break
        runtime.queued = False
        done = BATCH - left
        runtime.handled += done
        if self._blocked and actor.upid in self._blocked and len(mailbox or ()) < (actor.mailbox_limit or 1):
            self.release(actor)
        if runtime.busy is not None:
            return done
        if runtime.halted:
            # It ends, has ended, or waits for room in another's mailbox.
            if runtime.ending is not None and not runtime.gone:
                self._end(actor, runtime.ending)
        elif actor._mailbox:
            runtime.queued = True
            self._ready.append(actor)
        else:
            actor._mailbox = None
        return done or 1

    def _park(self, actor: Actor, coroutine: Any, number: Any, message: Any) -> Parked | None:
        runtime = actor._runtime
        if not inspect.iscoroutine(coroutine):
            coroutine = _await(coroutine)
        parked = runtime.busy = Parked(self, self._replies, actor, coroutine, number)
        runtime.handling = message
        runtime.since = self._clock.monotonic()
        return parked.step()

    def _start_task(
        self, actor: Actor, awaitable: Awaitable[Any], number: Any, concurrent: bool, message: Any
    ) -> None:
        runtime = actor._runtime
        if not concurrent:
            runtime.handling = message
            runtime.since = self._clock.monotonic()
            self.make_task(actor, awaitable, number)
            return
        task = self._task(actor, awaitable, number)
        if runtime.tasks is None:
            # Not a set: they are cancelled in the order of their start.
            runtime.tasks = {}
        runtime.tasks[task] = None

    def make_task(
        self, actor: Actor, awaitable: Awaitable[Any], number: Any, context: Context | None = None
    ) -> None:
        """Have a task go on with what the actor is busy with."""
        actor._runtime.busy = self._task(actor, awaitable, number, context)

    def _task(
        self, actor: Actor, awaitable: Awaitable[Any], number: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        # A coroutine goes in as it is: cancelled before its first step, a wrapper would leave it unawaited.
        coroutine = awaitable if inspect.iscoroutine(awaitable) else _await(awaitable)
        task: asyncio.Task[Any] = self.loop.create_task(coroutine, context=context)
        task.add_done_callback(lambda done: self._task_done(actor, done, number))
        return task

    def _task_done(self, actor: Actor, task: asyncio.Task[Any], number: Any) -> None:
        runtime = actor._runtime
        if runtime.busy is task:
            runtime.busy = None
        elif runtime.tasks is not None:
            runtime.tasks.pop(task, None)
        try:
            if task.cancelled():
                self._replies.cancelled(actor, number, None)
            elif (error := task.exception()) is not None:
                if not isinstance(error, Exception):
                    raise error
                self._replies.failed(actor, number, error)
            elif number is not None:
                self._replies.answer(actor, number, task.result())
        finally:
            self.turn_ended(actor)

    def turn_ended(self, actor: Actor) -> None:
        """A turn that took longer has ended: go on with what has come meanwhile, or end the actor."""
        runtime = actor._runtime
        if (actor._mailbox or actor.upid in self._blocked or runtime.ending is not None) and not runtime.gone:
            self.make_ready(actor)


async def _then_raise(awaitable: Awaitable[Any], error: Exception) -> None:
    await awaitable
    raise error


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
