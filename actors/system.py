"""ActorSystem: hosts actors, gives each its turns, and speaks to other systems."""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self

from .actor import Actor, FailurePolicy, Handler, Turn
from .asks import Asks
from .clock import Clock, LoopClock, Timer
from .errors import PeerGoneError, RefusedError, RemoteError, SystemClosedError
from .http import HttpRoutes
from .links import NOCONNECTION, NOPROC, NORMAL, SHUTDOWN, Links
from .message import Message
from .tcp import TcpTransport
from .transport import Transport
from .upid import UPID, Address, format_address, valid_id
from .wire import DEFAULT_MAX_FRAME, Envelope, Exited, Failure, Link, MalformedError, UnknownBody, Unlink

__all__ = ["DEFAULT_ASK_TIMEOUT", "ActorSystem"]

log = logging.getLogger("ostrom.actors")

DEFAULT_ASK_TIMEOUT = 5.0
BATCH = 64
"""Messages one actor may handle before the next has its turn."""
MAX_ERROR_TEXT = 65_536
MAX_SOUND_IDS = 65_536
"""Ids from other systems that are known to be well-formed: cheaper to look up than to check again."""
MAX_COMPLAINED = 10_000
"""Peers that are logged as malformed; more are counted only."""
PASS = 512
"""Messages handled before the event loop has its turn."""

Item = tuple[Any, UPID | None, Any]
"""What waits in a mailbox: the message or Turn, its sender, and what to answer: an ask's number, or
(number, address, id) for one that came from another system, or None."""


class _EndedError(PeerGoneError):
    """The actor asked has ended: not one that it asked in its turn, whose end is its handler's failure.

    It never leaves this file: whoever asked gets a plain PeerGoneError, and may let it out of a handler.
    """


class _Runtime:
    """What the system keeps of a live actor, beside its mailbox."""

    __slots__ = ("busy", "ended", "ending", "gone", "handled", "handlers", "queued", "tasks")

    def __init__(self, handlers: dict[type, Handler]) -> None:
        self.handlers = handlers
        self.queued = False
        self.busy: asyncio.Task[Any] | None = None
        self.ending: str | None = None
        self.ended: asyncio.Future[str] | None = None
        self.gone = False
        self.handled = 0
        self.tasks: set[asyncio.Task[Any]] | None = None


class ActorSystem:
    """Hosts any number of actors behind one TCP port.

    >>> async def main():
    ...     async with ActorSystem() as system:
    ...         greeter = system.spawn(Greeter())
    ...         return await system.ask(greeter, Hello("world"))

    `host` and `port` are bound (port 0: any free one) and `advertise` is the host that others are told, where
    it differs. `transport` replaces TCP. `clock` is where all time comes from.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        advertise: str | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
        max_frame: int = DEFAULT_MAX_FRAME,
        name: str = "",
    ) -> None:
        self.name = name
        self.incarnation = uuid.uuid4().hex
        self.counters: Counter[str] = Counter()
        self.http = HttpRoutes(self)
        self._host, self._port, self._advertise = host, port, advertise
        self._max_frame = max_frame
        self._given_clock = clock
        self._transport = transport
        self._actors: dict[str, Actor] = {}
        self._leaving: dict[str, _Runtime] = {}
        self._ready: deque[Actor] = deque()
        self._scheduled = False
        self._links = Links()
        self._names: Counter[str] = Counter()
        self._complained: set[str] = set()
        self._sound_ids: set[str] = set()
        self._started = False
        self._closing = False
        self._closed = False
        self._address: Address = (advertise or host, port)
        self._finalizing: set[asyncio.Task[Any]] = set()

    # Life of the system.

    async def start(self) -> Self:
        """Listen. OSError if the port is taken."""
        if self._started:
            raise SystemClosedError("the actor system was started already")
        self._loop = asyncio.get_running_loop()
        self.clock: Clock = self._given_clock or LoopClock()
        self._asks = Asks(self.clock)
        if self._transport is None:
            await self.http.start()
            self._transport = TcpTransport(
                self._host,
                self._port,
                clock=self.clock,
                incarnation=self.incarnation,
                advertise=self._advertise,
                http_factory=self.http.protocol,
                max_frame=self._max_frame,
            )
        try:
            self._address = await self._transport.start(self)
        except OSError:
            await self.http.close()
            raise
        self._started = True
        return self

    async def close(self) -> None:
        """End every actor (reason `shutdown`), the last spawned first, flush, and stop listening."""
        if self._closed or not self._started:
            return
        while self._actors or self._finalizing:
            for actor in reversed(list(self._actors.values())):
                self.terminate(actor.upid, SHUTDOWN)
                await self.wait(actor.upid)
            if self._finalizing:
                await asyncio.wait(set(self._finalizing))
            # What an actor spawned in its last turn is ended too, in the next round, and may spawn no more.
            self._closing = True
        self._closed = True
        self._asks.close()
        await self.http.close()
        if self._transport is not None:
            await self._transport.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def address(self) -> Address:
        """The advertised host and port."""
        return self._address

    @property
    def actors(self) -> Iterable[Actor]:
        """The live actors."""
        return self._actors.values()

    def hosts(self, upid: UPID) -> bool:
        """Whether that actor lives in this system."""
        return upid.id in self._actors and upid.address == self._address

    @property
    def idle(self) -> bool:
        """No actor has anything to do now, and nothing waits to be sent."""
        if self._ready or self._finalizing:
            return False
        return self._transport is None or self._transport.idle

    # Life of an actor.

    def spawn(self, actor: Actor, id: str | None = None) -> UPID:  # noqa: A002
        """Start an actor; its `initialize` is its first turn. ValueError if the id is taken or malformed."""
        if not self._started or self._closed or self._closing:
            raise SystemClosedError("spawn: the actor system is not running")
        if id is None:
            prefix = type(actor).__name__.lower()
            self._names[prefix] += 1
            id = f"{prefix}({self._names[prefix]})"  # noqa: A001
        if not valid_id(id):
            raise ValueError(f"actor id {id!r}: letters, digits and _.()- only, at most 128")
        if id in self._actors or id in self._leaving:
            raise ValueError(f"actor id {id!r} is taken")
        if getattr(actor, "_runtime", None) is not None:
            raise ValueError(f"this {type(actor).__name__} was spawned already, as {actor.upid}")
        actor.system = self
        actor.upid = UPID.at(id, self._address)
        actor._runtime = _Runtime(type(actor)._handlers)
        actor._mailbox = None
        self._actors[id] = actor
        if type(actor).initialize is not Actor.initialize:
            self._enqueue(actor, (Turn(actor.initialize), None, None))
        return actor.upid

    def terminate(self, upid: UPID, reason: str = NORMAL, *, drain: bool = False) -> None:
        """End a local actor: after its current turn, or with `drain` after all that waits in its mailbox.

        What is dropped from the mailbox fails its askers. No effect if there is no such actor.
        """
        actor = self._actors.get(upid.id)
        if actor is None or upid.address != self._address:
            return
        if drain:
            self._enqueue(actor, (Turn(self.terminate, (upid, reason)), None, None))
            return
        runtime = actor._runtime
        if runtime.ending is None:
            runtime.ending = reason
            # Its own turn may say so, and finishes.
            if runtime.busy is not None and runtime.busy is not asyncio.current_task(self._loop):
                runtime.busy.cancel()
            self._make_ready(actor)

    async def wait(self, upid: UPID) -> str:
        """Wait until a local actor has ended; return the reason, `noproc` if there is none."""
        actor = self._actors.get(upid.id)
        runtime = self._leaving.get(upid.id) if actor is None else actor._runtime
        if runtime is None or upid.address != self._address:
            return NOPROC
        if runtime.ended is None:
            runtime.ended = self._loop.create_future()
        return str(await asyncio.shield(runtime.ended))

    # Messages.

    def send(self, to: UPID, message: Message, sender: UPID | None = None) -> None:
        """Send: at most once, in order for each pair; never blocks, never raises for a peer that is gone."""
        address = to.address
        if address is self._address or address == self._address:
            actor = self._actors.get(to.id)
            if actor is None:
                self.dead_letter(to, message, sender, NOPROC)
                return
            mailbox = actor._mailbox
            if mailbox is None:
                mailbox = actor._mailbox = deque()
            mailbox.append((message, sender, None))
            if not actor._runtime.queued:
                self._make_ready(actor)
        else:
            self._remote(to, message, sender, 0)

    async def ask(
        self, to: UPID, message: Message, timeout: float | None = None, *, sender: UPID | None = None
    ) -> Any:
        """Send and await the reply: a Message, or None.

        Raises AskTimeoutError after `timeout` seconds (default 5), RemoteError with the type and text of what
        the handler raised, PeerGoneError if the actor is not there, ends first, or its connection breaks.
        """
        if not self._started or self._closed:
            raise SystemClosedError("ask: the actor system is not running")
        number, future = self._asks.open(to, DEFAULT_ASK_TIMEOUT if timeout is None else timeout)
        if to.address == self._address:
            actor = self._actors.get(to.id)
            if actor is None:
                self._asks.fail(number, PeerGoneError(f"{to}: {NOPROC}"), None)
            else:
                self._enqueue(actor, (message, sender, number))
        else:
            self._remote(to, message, sender, number)
        try:
            return await future
        finally:
            self._asks.forget(number)

    def forward(self, to: UPID, message: Message, sender: UPID | None) -> None:
        """Send on behalf of another local actor, or of nobody (delegation)."""
        self.send(to, message, sender)

    def dispatch(self, to: UPID, function: Callable[..., Any], *args: Any) -> None:
        """Call `function(*args)` in a turn of a local actor; dropped if it has ended."""
        actor = self._actors.get(to.id)
        if actor is not None and to.address == self._address:
            self._enqueue(actor, (Turn(function, args), None, None))

    async def call(self, to: UPID, function: Callable[..., Any], *args: Any) -> Any:
        """Call `function(*args)` in a turn of a local actor and await what it returns or raises."""
        actor = self._actors.get(to.id)
        if actor is None or to.address != self._address:
            raise PeerGoneError(f"{to}: {NOPROC}")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._enqueue(actor, (Turn(function, args, future), None, None))
        return await future

    def after(self, upid: UPID, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call in a turn of that local actor after `seconds`; not if it has ended by then."""
        actor = self._actors.get(upid.id)
        return self.clock.call_at(self.clock.monotonic() + seconds, self._due, actor, function, args)

    def every(self, upid: UPID, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call in a turn of that local actor every `seconds`, until cancelled or the actor ends."""
        if not seconds > 0:
            raise ValueError(f"every: seconds is {seconds}, not above 0")
        return _Repeat(self, upid, seconds, function, args)

    def _due(self, actor: Actor | None, function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
        """A timer fired: call in a turn of the actor that set it. False if it ended, whoever has its name."""
        if actor is None or actor._runtime.gone:
            return False
        self._enqueue(actor, (Turn(function, args), None, None))
        return True

    def dead_letter(self, to: UPID, message: Any, sender: UPID | None, reason: str) -> None:
        """Count and log a message that nobody handled."""
        self.counters["dead_letters"] += 1
        log.debug("dead letter for %s from %s: %s: %r", to, sender, reason, message)

    def processes(self) -> list[dict[str, Any]]:
        """Each live actor: id, type, mailbox length, messages handled, whether it waits, links."""
        return [
            {
                "id": actor.upid.id,
                "type": type(actor).__qualname__,
                "mailbox": len(actor._mailbox or ()),
                "handled": actor._runtime.handled,
                "waiting": actor._runtime.busy is not None,
                "links": [str(target) for target in self._links.targets(actor.upid)],
                "watchers": [str(watcher) for watcher in self._links.watchers(actor.upid)],
            }
            for actor in self._actors.values()
        ]

    # Links.

    def link(self, watcher: UPID, target: UPID) -> None:
        """Tell the local actor `watcher` through `exited` when `target` ends.

        A target in this system: at once, with its reason. Elsewhere: when it ends, `noproc` if it is not
        there or nobody listens there, `noconnection` when the connection breaks, and then it may still be
        alive. Fires once.
        """
        local = target.address == self._address
        if not self._links.add(watcher, target, None if local else target.address):
            return
        if not local:
            self._control(target.address, Link(watcher.id, target.id))
        elif target.id not in self._actors:
            self._fire(watcher, target, NOPROC)

    def unlink(self, watcher: UPID, target: UPID) -> None:
        """Undo `link`."""
        if self._links.remove(watcher, target) and target.address != self._address:
            self._control(target.address, Unlink(watcher.id, target.id))

    def _fire(self, watcher: UPID, target: UPID, reason: str) -> None:
        if not self._links.remove(watcher, target):
            return
        if watcher.address != self._address:
            self._control(watcher.address, Exited(watcher.id, target.id, reason))
            return
        actor = self._actors.get(watcher.id)
        if actor is not None:
            self._enqueue(actor, (Turn(actor.exited, (target, reason)), None, None))

    # Turns.

    def _enqueue(self, actor: Actor, item: Item) -> None:
        if actor._mailbox is None:
            actor._mailbox = deque()
        actor._mailbox.append(item)
        if not actor._runtime.queued:
            self._make_ready(actor)

    def _make_ready(self, actor: Actor) -> None:
        runtime = actor._runtime
        if runtime.queued or (runtime.busy is not None):
            return
        runtime.queued = True
        self._ready.append(actor)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        """One pass over the actors that have something to do, bounded so that I/O gets its turn."""
        ready = self._ready
        budget = PASS
        try:
            while ready and budget > 0:
                actor = ready.popleft()
                budget -= self._drain(actor)
        finally:
            # Also after what no policy takes, KeyboardInterrupt say: if the loop goes on, so do the actors.
            if ready:
                self._loop.call_soon(self._run)
            else:
                self._scheduled = False

    def _drain(self, actor: Actor) -> int:
        runtime = actor._runtime
        mailbox = actor._mailbox
        handlers = runtime.handlers
        left = BATCH
        while mailbox and left and runtime.ending is None:
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
                self._failed(actor, number, error)
                continue
            except asyncio.CancelledError as error:
                # A plain handler is no task that could be cancelled: it looked at a future that was.
                self._failed(actor, number, _turn_cancelled(actor, error))
                continue
            except BaseException:
                runtime.queued = False
                raise
            if result is not None and inspect.isawaitable(result):
                concurrent = handler is not None and handler.concurrent
                self._start_task(actor, result, number, concurrent)
                if not concurrent:
                    break
            elif number is not None:
                self._answer(actor, number, result)
        runtime.queued = False
        done = BATCH - left
        runtime.handled += done
        if runtime.busy is not None:
            return done
        if runtime.ending is not None:
            self._end(actor, runtime.ending)
        elif mailbox:
            runtime.queued = True
            self._ready.append(actor)
        elif mailbox is not None:
            actor._mailbox = None
        return done or 1

    def _start_task(self, actor: Actor, awaitable: Awaitable[Any], number: Any, concurrent: bool) -> None:
        runtime = actor._runtime
        # A coroutine goes in as it is: cancelled before its first step, a wrapper would leave it unawaited.
        coroutine = awaitable if inspect.iscoroutine(awaitable) else _await(awaitable)
        task: asyncio.Task[Any] = self._loop.create_task(coroutine)
        if concurrent:
            if runtime.tasks is None:
                runtime.tasks = set()
            runtime.tasks.add(task)
        else:
            runtime.busy = task
        task.add_done_callback(lambda done: self._task_done(actor, done, number))

    def _task_done(self, actor: Actor, task: asyncio.Task[Any], number: Any) -> None:
        runtime = actor._runtime
        if runtime.busy is task:
            runtime.busy = None
        elif runtime.tasks is not None:
            runtime.tasks.discard(task)
        if task.cancelled():
            if runtime.ending is None:
                self._failed(actor, number, _turn_cancelled(actor, None))
            elif number is not None:
                self._answer_failure(actor, number, _EndedError(f"{actor.upid} ended"))
        elif (error := task.exception()) is not None:
            if isinstance(error, Exception):
                self._failed(actor, number, error)
            else:
                raise error
        elif number is not None:
            self._answer(actor, number, task.result())
        if (actor._mailbox or runtime.ending is not None) and not runtime.gone:
            self._make_ready(actor)

    def _failed(self, actor: Actor, number: Any, error: Exception) -> None:
        """A handler raised: its asker is told; unless it meant to refuse, the failure policy decides."""
        if number is not None:
            self._answer_failure(actor, number, error)
        if isinstance(number, asyncio.Future):
            return
        if isinstance(error, RefusedError):
            if number is None:
                log.warning("%s refused: %s", actor.upid, error)
            return
        self.counters["handler_failures"] += 1
        log.error("%s: a handler raised", actor.upid, exc_info=error)
        if actor.failure_policy is FailurePolicy.TERMINATE and actor._runtime.ending is None:
            actor._runtime.ending = f"error: {type(error).__name__}: {error}"

    def _answer(self, actor: Actor, number: Any, result: Any) -> None:
        if isinstance(number, asyncio.Future):
            if not number.done():
                number.set_result(result)
        elif result is not None and not isinstance(result, Message):
            error = TypeError(f"a handler of {actor.upid} returned {type(result).__name__}, not a Message")
            self._failed(actor, number, error)
        elif type(number) is int:
            self._asks.reply(number, result, None)
        else:
            self._transport_send(number[1], (number[2], actor.upid.id, -number[0], result))

    def _answer_failure(self, actor: Actor, number: Any, error: Exception) -> None:
        if isinstance(number, asyncio.Future):
            if not number.done():
                number.set_exception(_for_asker(error))
            elif not isinstance(error, _EndedError):
                log.error("%s: a call raised after its caller was gone", actor.upid, exc_info=error)
        elif type(number) is int:
            remote = _for_asker(error) if isinstance(error, _EndedError) else _remote_error(error)
            self._asks.fail(number, remote, None)
        else:
            kind = NOPROC if isinstance(error, _EndedError) else _kind(error)
            failure = Failure(kind, _text(error))
            self._transport_send(number[1], (number[2], actor.upid.id, -number[0], failure))

    def _end(self, actor: Actor, reason: str) -> None:
        """Take the actor out; then its last turn, then its links."""
        runtime = actor._runtime
        runtime.gone = True
        del self._actors[actor.upid.id]
        # Its name stays taken until its links are told: a successor must not inherit them.
        self._leaving[actor.upid.id] = runtime
        runtime.busy = None
        self.http.remove_actor(actor.upid)
        for task in runtime.tasks or ():
            task.cancel()
        mailbox, actor._mailbox = actor._mailbox, None
        for message, sender, number in mailbox or ():
            if number is not None:
                self._answer_failure(actor, number, _EndedError(f"{actor.upid} ended: {reason}"))
            elif type(message) is Turn:
                if message.future is not None and not message.future.done():
                    message.future.set_exception(PeerGoneError(f"{actor.upid} ended: {reason}"))
            else:
                self.dead_letter(actor.upid, message, sender, reason)
        try:
            result = actor.finalize()
        except (Exception, asyncio.CancelledError):
            self.counters["handler_failures"] += 1
            log.exception("%s: finalize raised", actor.upid)
            result = None
        if result is None:
            self._ended(actor, reason)
            return
        task = self._loop.create_task(_await(result))
        self._finalizing.add(task)

        def finalized(done: asyncio.Task[Any]) -> None:
            self._finalizing.discard(done)
            if not done.cancelled() and (error := done.exception()) is not None:
                self.counters["handler_failures"] += 1
                log.error("%s: finalize raised", actor.upid, exc_info=error)
            self._ended(actor, reason)

        task.add_done_callback(finalized)

    def _ended(self, actor: Actor, reason: str) -> None:
        del self._leaving[actor.upid.id]
        for target in self._links.targets(actor.upid):
            self.unlink(actor.upid, target)
        for watcher in self._links.watchers(actor.upid):
            self._fire(watcher, actor.upid, reason)
        ended = actor._runtime.ended
        if ended is not None and not ended.done():
            ended.set_result(reason)

    # Other systems.

    def _remote(self, to: UPID, message: Message, sender: UPID | None, number: int) -> None:
        self._transport_send(to.address, (to.id, sender.id if sender is not None else "", number, message))

    def _control(self, peer: Address, message: Message) -> None:
        self._transport_send(peer, ("", "", 0, message))

    def _transport_send(self, peer: Address, envelope: Envelope) -> None:
        if self._transport is None or not self._started or self._closed:
            self.undeliverable(peer, envelope, "the actor system is not running")
        else:
            self._transport.send(peer, envelope)

    def receive(self, peer: Address, envelopes: list[tuple[str, str, int, Any]]) -> None:
        """Take what came from another system (called by the transport)."""
        actors = self._actors
        for to, sender_id, number, body in envelopes:
            if number < 0:
                self._receive_reply(peer, -number, body)
                continue
            if not to:
                self._receive_control(peer, body)
                continue
            if sender_id and sender_id not in self._sound_ids:
                self._check_id(sender_id)
            sender = UPID.at(sender_id, peer) if sender_id else None
            answer = (number, peer, sender_id) if number else None
            actor = actors.get(to)
            if actor is not None and isinstance(body, Message):
                self._enqueue(actor, (body, sender, answer))
                continue
            reason = NOPROC if actor is None else getattr(body, "reason", "an empty message")
            self.dead_letter(UPID.at(to, self._address), body, sender, reason)
            if answer is not None:
                kind = NOPROC if actor is None else "ValidationError"
                self._transport_send(peer, (sender_id, to, -number, Failure(kind, reason)))

    def _check_id(self, id_: str) -> None:
        if not valid_id(id_):
            raise MalformedError(f"{id_[:200]!r} is not the id of an actor")
        if len(self._sound_ids) >= MAX_SOUND_IDS:
            self._sound_ids.clear()
        self._sound_ids.add(id_)

    def _receive_reply(self, peer: Address, number: int, body: Any) -> None:
        names = self._peer_names(peer)
        for name in names:
            if isinstance(body, Failure):
                error: Exception = (
                    PeerGoneError(f"{format_address(peer)}: {body.text}")
                    if body.kind == NOPROC
                    else RemoteError(body.kind, body.text)
                )
                if self._asks.fail(number, error, name):
                    return
            elif isinstance(body, UnknownBody):
                if self._asks.fail(number, RemoteError("ValidationError", body.reason), name):
                    return
            elif self._asks.reply(number, body, name):
                return
        self.counters["late_replies"] += 1

    def _receive_control(self, peer: Address, body: Any) -> None:
        if isinstance(body, Link):
            self._check_id(body.watcher)
            watcher, target = UPID.at(body.watcher, peer), UPID.at(body.target, self._address)
            if target.id in self._actors:
                self._links.add(watcher, target, peer)
            else:
                self._control(peer, Exited(body.watcher, body.target, NOPROC))
        elif isinstance(body, Unlink):
            self._links.remove(UPID.at(body.watcher, peer), UPID.at(body.target, self._address))
        elif isinstance(body, Exited):
            for name in self._peer_names(peer):
                self._fire(UPID.at(body.watcher, self._address), UPID.at(body.target, name), body.reason)
        else:
            self.dead_letter(UPID.at("", self._address), body, None, "not a control message")

    def _peer_names(self, peer: Address) -> list[Address]:
        if isinstance(self._transport, TcpTransport):
            return sorted(self._transport.names(peer))
        return [peer]

    def peer_lost(self, peer: Address, reason: str, *, nobody: bool = False) -> None:
        """Tell whoever is linked across that connection, or waits for a reply over it."""
        self.counters["peers_lost"] += 1
        log.debug("lost %s: %s", format_address(peer), reason)
        self._asks.fail_peer(peer, reason)
        for watcher, target in self._links.across(peer):
            if watcher.address == self._address:
                self._fire(watcher, target, NOPROC if nobody else NOCONNECTION)
            else:
                self._links.remove(watcher, target)

    def undeliverable(self, peer: Address, envelope: Envelope, reason: str) -> None:
        """Count and log what could not be sent; whoever waits for an answer to it hears it now."""
        to, sender_id, number, message = envelope
        sender = UPID.at(sender_id, self._address) if sender_id else None
        if number >= 0 and to:
            self.dead_letter(UPID.at(to, peer), message, sender, reason)
        if number > 0:
            self._asks.fail(number, PeerGoneError(f"{to}@{format_address(peer)}: {reason}"), None)

    def unencodable(self, peer: Address, envelope: Envelope, reason: str) -> None:
        """Take back what cannot travel, or is too large. The asker of a reply hears it in place of the reply."""
        to, sender_id, number, message = envelope
        if number >= 0 or isinstance(message, Failure):
            self.undeliverable(peer, envelope, reason)
            return
        log.warning("%s: a reply cannot be sent: %s", UPID.at(sender_id, self._address), reason)
        self._transport_send(peer, (to, sender_id, number, Failure("EncodeError", reason)))

    def malformed(self, peer: str, reason: str) -> None:
        """Count what is not our protocol; log it once for each peer."""
        self.counters["malformed_frames"] += 1
        if peer not in self._complained and len(self._complained) < MAX_COMPLAINED:
            self._complained.add(peer)
            log.warning("%s sent what is not our protocol, connection closed: %s", peer, reason[:1000])


class _Repeat:
    """A periodic timer: the next is set when the last fired, from its due time, so that it does not drift."""

    def __init__(
        self,
        system: ActorSystem,
        upid: UPID,
        seconds: float,
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self._system = system
        self._actor = system._actors.get(upid.id)
        self._seconds = seconds
        self._call = (function, args)
        self._due = system.clock.monotonic() + seconds
        self._timer = system.clock.call_at(self._due, self._fire)

    def _fire(self) -> None:
        if not self._system._due(self._actor, *self._call):
            return
        # A loop that was held up does not catch up with a burst.
        self._due = max(self._due + self._seconds, self._system.clock.monotonic())
        self._timer = self._system.clock.call_at(self._due, self._fire)

    def cancel(self) -> None:
        self._timer.cancel()


def _turn_cancelled(actor: Actor, cause: BaseException | None) -> RuntimeError:
    """What a turn failed of that was cancelled, but not because its actor ends."""
    error = RuntimeError(f"a turn of {actor.upid} was cancelled: something it waited for was")
    error.__cause__ = cause
    return error


async def _then_raise(awaitable: Awaitable[Any], error: Exception) -> None:
    await awaitable
    raise error


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _for_asker(error: Exception) -> Exception:
    return PeerGoneError(str(error)) if isinstance(error, _EndedError) else error


def _kind(error: Exception) -> str:
    return "Refused" if isinstance(error, RefusedError) else type(error).__name__


def _text(error: Exception) -> str:
    """What an error says, as something that can travel: file names, for one, need not be Unicode."""
    return str(error).encode(errors="backslashreplace").decode()[:MAX_ERROR_TEXT]


def _remote_error(error: Exception) -> RemoteError:
    remote = RemoteError(_kind(error), _text(error))
    remote.__cause__ = error
    return remote
