"""ActorSystem: hosts actors, gives each its turns, and speaks to other systems."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self

from .actor import Actor
from .asks import Asks
from .clock import Clock, LoopClock, Timer
from .dead_letters import DeadLetters
from .directory import Directory, runtime_of
from .ending import Ending
from .errors import PeerGoneError, SelfAskError, SystemClosedError
from .http import HttpRoutes
from .inspection import ActorView, state_of, view
from .links import KILLED, NOPROC, NORMAL, SHUTDOWN, Links, Monitor
from .mailbox import Item, Turn, Watch
from .message import Message
from .names import Names
from .parked import Parked
from .peers import Peers
from .repeat import Repeat
from .replies import Replies
from .run_queue import RunQueue
from .sockets import PeerAuthenticator, SocketTransport, addresses, check_credentials
from .tls import Tls
from .tracing import Trace, Traced
from .transport import Transport
from .upid import UPID, Address
from .watching import Watching
from .wire import DEFAULT_MAX_FRAME

__all__ = ["DEFAULT_ASK_TIMEOUT", "ActorSystem"]

log = logging.getLogger("ostrom.actors")

DEFAULT_ASK_TIMEOUT = 5.0


class ActorSystem:
    """Hosts any number of actors behind one TCP port, or one Unix socket.

    >>> async def main():
    ...     async with ActorSystem() as system:
    ...         greeter = system.spawn(Greeter())
    ...         return await system.ask(greeter, Hello("world"))

    `host` and `port` are bound (port 0: any free one); `unix:/path` for `host` is a Unix socket. `advertise`, a host or
    `host:port`, is what others are told where it differs: behind NAT, in a container. `tls` is for messages and HTTP.
    `authenticate` says which systems are let in; who is given `credentials` alone lets in who has the same. `transport`
    replaces all of that. `clock` is where all time comes from. `max_frame` is in bytes; `max_actors` bounds what a
    program that spawns without end can do. ValueError for what can be no address, and for credentials over 2,048 bytes.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        advertise: str | None = None,
        tls: Tls | None = None,
        credentials: str = "",
        authenticate: PeerAuthenticator | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
        max_frame: int = DEFAULT_MAX_FRAME,
        max_actors: int | None = None,
        name: str = "",
    ) -> None:
        self.name = name
        self.incarnation = uuid.uuid4().hex
        self.counters: Counter[str] = Counter()
        self.http = HttpRoutes(self)
        check_credentials(credentials)
        bound, advertised = addresses(host, port, advertise)
        self._sockets = partial(
            SocketTransport,
            host,
            port,
            incarnation=self.incarnation,
            advertise=advertise,
            http_factory=self.http.protocol,
            max_frame=max_frame,
            tls=tls,
            credentials=credentials,
            authenticate=authenticate,
        )
        self._given_clock = clock
        self._transport = transport
        self.names = Names()
        self.dead_letters = DeadLetters(self.counters)
        self._directory = Directory(advertised or bound, max_actors)
        self._actors = self._directory.actors
        self._links = Links()
        self._started = False
        self.started_at = 0.0
        """When it was started, by its clock; seconds since the epoch."""
        self.closing = False
        """Whether `close` was called: whoever ends now is not to be started again."""
        self._spawning = False
        self._closed = False

    # Life of the system.

    async def start(self) -> Self:
        """Listen. OSError if the port is taken."""
        if self._started:
            raise SystemClosedError("the actor system was started already")
        self._loop = asyncio.get_running_loop()
        self.clock: Clock = self._given_clock or LoopClock()
        self._asks = Asks(self.clock, DEFAULT_ASK_TIMEOUT)
        self._replies = Replies(
            self._asks, lambda peer, envelope: self._peers.post(peer, envelope), self.counters
        )
        self._queue = RunQueue(
            self._loop,
            self.clock,
            self._replies,
            lambda actor, reason: self._ending.end(actor, reason),
            find=self._directory.find,
            drop=self.dead_letter,
        )
        self._watching = Watching(
            self._directory,
            self._links,
            enqueue=self._queue.enqueue,
            terminate=self.terminate,
            control=lambda peer, message: self._peers.control(peer, message),
        )
        self._ending = Ending(
            self._loop,
            self._directory,
            self._replies,
            self._links,
            self._watching,
            self.counters,
            forget=self._forget,
            dead_letter=self.dead_letter,
        )
        self._peers = Peers(
            self._directory,
            self._asks,
            self._links,
            self.counters,
            enqueue=self._queue.enqueue,
            fire=self._watching.fire,
            dead_letter=self.dead_letter,
        )
        own = self._transport is None
        if self._transport is None:
            await self.http.start()
            self._transport = self._sockets(clock=self.clock)
        if isinstance(self._transport, SocketTransport):
            self._queue.transport = self._transport
            self._transport.batches = self._queue
        try:
            self._directory.address = await self._transport.start(self._peers)
        except (OSError, ValueError, OverflowError):
            await self.http.close()
            if own:
                # It may be started again, when the port is free.
                self._transport = None
            raise
        self._peers.connect(self._transport)
        self._started = self._spawning = True
        self.started_at = self.clock.time()
        return self

    async def close(self) -> None:
        """End every actor (reason `shutdown`), the last spawned first, flush, and stop listening."""
        if self._closed or not self._started:
            return
        self.closing = True
        while self._actors or self._directory.leaving:
            for upid in reversed([*self._directory.upids()]):
                self.terminate(upid, SHUTDOWN)
                await self.wait(upid)
            # What an actor spawned in its last turn is ended too, in the next round, and may spawn no more.
            self._spawning = False
        self._spawning = False
        self._closed = True
        self._peers.connect(None)
        self._asks.close()
        await self.http.close()
        if self._transport is not None:
            await self._transport.close()

    def abort(self) -> None:
        """End as a crash would: no actor has another turn, nothing is flushed, nobody is told. For simulations."""
        self._spawning, self._closed, self.closing = False, True, True
        self._peers.connect(None)
        for actor in self._actors.values():
            runtime = runtime_of(actor)
            runtime.gone = runtime.halted = True
            runtime.ending = runtime.ending or KILLED
            actor._mailbox = None
            if runtime.ended is not None and not runtime.ended.done():
                runtime.ended.set_result(KILLED)
            for task in [runtime.busy, *(runtime.tasks or ())]:
                if task is not None:
                    task.cancel()
        for runtime in self._directory.leaving.values():
            if runtime.busy is not None:
                runtime.busy.cancel()
        self._actors.clear()
        self._queue.clear()
        self._asks.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def address(self) -> Address:
        """The advertised host and port."""
        return self._directory.address

    @property
    def actors(self) -> Iterable[Actor]:
        """The live actors."""
        return self._actors.values()

    def hosts(self, upid: UPID) -> bool:
        """Whether that actor lives in this system."""
        return self._directory.find(upid) is not None

    @property
    def idle(self) -> bool:
        """No actor has anything to do now, and nothing waits to be sent. Some may wait for time or for others."""
        if not self._started:
            return True
        return self._queue.idle and (self._transport is None or self._transport.idle)

    # Life of an actor.

    def spawn(self, actor: Actor, id: str | None = None) -> UPID:  # noqa: A002
        """Start an actor; its `initialize` is its first turn.

        ValueError if the id is taken or malformed; TooManyActorsError beyond `max_actors`; SystemClosedError if the
        system does not run.
        """
        if not self._spawning:
            raise SystemClosedError("spawn: the actor system is not running")
        upid = self._directory.enter(actor, id)
        actor.system = self
        if type(actor).initialize is not Actor.initialize:
            self._queue.enqueue(actor, (Turn(actor.initialize), None, None))
        return upid

    def terminate(self, upid: UPID, reason: str = NORMAL, *, drain: bool = False) -> None:
        """End a local actor: after its current turn, or with `drain` after all that waits in its mailbox.

        What is dropped from the mailbox fails its askers. No effect if there is no such actor.
        """
        actor = self._directory.find(upid)
        if actor is None:
            return
        if drain:
            self._queue.enqueue(actor, (Turn(self.terminate, (upid, reason)), None, None))
            return
        runtime = runtime_of(actor)
        if runtime.ending is None:
            runtime.ending = reason
            runtime.halted = True
            # Its own turn may say so, and finishes.
            if runtime.busy is not None and not self._has_turn(upid, self._queue.stepping):
                runtime.busy.cancel()
            self._queue.make_ready(actor)

    def kill(self, upid: UPID) -> None:
        """End a local actor for good, with reason `killed`: it may not even finish its `finalize`."""
        actor = self._directory.find(upid)
        runtime = self._directory.runtime(upid)
        if actor is not None:
            runtime_of(actor).killed = True
            self.terminate(upid, KILLED)
        elif runtime is not None and runtime.busy is not None:
            runtime.busy.cancel()

    async def wait(self, upid: UPID) -> str:
        """Wait until a local actor has ended; return the reason, `noproc` if there is none."""
        runtime = self._directory.runtime(upid)
        if runtime is None:
            return NOPROC
        if runtime.ended is None:
            runtime.ended = self._loop.create_future()
        return str(await asyncio.shield(runtime.ended))

    # Messages.

    def send(self, to: UPID, message: Message, sender: UPID | None = None) -> None:
        """Send: at most once, in order for each pair; never blocks, never raises for a peer that is gone."""
        try:
            address, own = to.address, self._directory.address
        except AttributeError as error:
            raise TypeError(f"send: {to!r} is not a UPID; see UPID.parse") from error
        if address is own or address == own:
            actor = self._actors.get(to.id)
            if actor is None:
                self.dead_letter(to, message, sender, NOPROC)
                return
            mailbox = actor._mailbox
            if mailbox is None:
                mailbox = self._queue.open(actor)
            mailbox.append((message, sender, None))
            if not actor._runtime.queued:
                self._queue.make_ready(actor)
        elif self._started:
            self._peers.send(to, message, sender, 0)
        else:
            self.dead_letter(to, message, sender, "the actor system is not running")

    async def drained(self, peer: UPID | Address) -> None:
        """Wait until what was sent to that system has left this process, as far as its memory is concerned.

        For senders of much: `send` never waits, and breaks the connection to a system that reads nothing when
        200,000 messages wait for it. Returns at once for this system, and for one that is gone.
        """
        address = peer.address if isinstance(peer, UPID) else peer
        if self._transport is not None and self._started and address != self._directory.address:
            await self._transport.drained(address)

    async def ask(
        self, to: UPID, message: Message, timeout: float | None = None, *, sender: UPID | None = None
    ) -> Any:
        """Send and await the reply: a Message, or None.

        Raises AskTimeoutError after `timeout` seconds (default 5), RemoteError with the type and text of what
        the handler raised, PeerGoneError if the actor is not there, ends first, or its connection breaks.
        """
        if not self._started or self._closed:
            raise SystemClosedError("ask: the actor system is not running")
        if not isinstance(to, UPID):
            raise TypeError(f"ask: {to!r} is not a UPID; see UPID.parse")
        parked = self._queue.stepping
        if parked is not None and asyncio.current_task(self._loop) is not None:
            # It is an eager task that asks, made by a parked handler.
            parked = None
        if sender is not None and to.id == sender.id and to == sender and self._has_turn(sender, parked):
            raise SelfAskError(f"{to} asks itself for {type(message).__name__}, and waits for its own end")
        if parked is not None:
            parked.expect()
        number, future = self._asks.open(to, timeout, parked)
        try:
            address, own = to.address, self._directory.address
            if address is own or address == own:
                actor = self._actors.get(to.id)
                if actor is None:
                    # Not at once: whoever asks again until it is there would let nobody else run, and wait for ever.
                    self._loop.call_soon(self._asks.fail, number, PeerGoneError(f"{to}: {NOPROC}"), None)
                else:
                    self._queue.enqueue(actor, (message, sender, number))
            else:
                self._peers.send(to, message, sender, number)
            return await future
        except BaseException:
            self._asks.forget(number)
            raise

    def _has_turn(self, upid: UPID, parked: Parked | None) -> bool:
        """Whether it is a turn of that actor in which this is asked: its task, or its parked handler, runs now."""
        runtime = self._directory.runtime(upid)
        busy = None if runtime is None else runtime.busy
        return busy is not None and busy in (parked, asyncio.current_task(self._loop))

    def dispatch(self, to: UPID, function: Callable[..., Any], *args: Any) -> None:
        """Call `function(*args)` in a turn of a local actor; dropped if it has ended."""
        actor = self._directory.find(to)
        if actor is not None:
            self._queue.enqueue(actor, (Turn(function, args), None, None))

    async def call(self, to: UPID, function: Callable[..., Any], *args: Any) -> Any:
        """Call `function(*args)` in a turn of a local actor and await what it returns or raises."""
        actor = self._directory.find(to)
        if actor is None:
            raise PeerGoneError(f"{to}: {NOPROC}")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.enqueue(actor, (Turn(function, args, future), None, None))
        return await future

    def after(self, upid: UPID, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call in a turn of that local actor after `seconds`; not if it has ended by then."""
        actor = self._actors.get(upid.id)
        return self.clock.call_at(self.clock.monotonic() + seconds, self._due, actor, function, args)

    def every(self, upid: UPID, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call in a turn of that local actor every `seconds`, until cancelled or the actor ends."""
        if not seconds > 0:
            raise ValueError(f"every: seconds is {seconds}, not above 0")
        actor = self._actors.get(upid.id)
        return Repeat(self.clock, seconds, lambda: self._due(actor, function, args))

    def _due(self, actor: Actor | None, function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
        """A timer fired: call in a turn of the actor that set it. False if it ended, whoever has its name."""
        if actor is None or (actor._runtime is not None and actor._runtime.gone):
            return False
        self._queue.enqueue(actor, (Turn(function, args), None, None))
        return True

    def dead_letter(self, to: UPID, message: Any, sender: UPID | None, reason: str) -> None:
        """Count and log a message that nobody handled, and tell those who subscribed to `dead_letters`."""
        letter = self.dead_letters.note(to, message, sender, reason)
        if letter is not None:
            for upid in self.dead_letters.subscribers():
                actor = self._directory.find(upid)
                if actor is None:
                    self.dead_letters.unsubscribe(upid)
                else:
                    self._queue.enqueue(actor, (letter, None, None))

    def processes(self) -> list[ActorView]:
        """Each live actor, the first spawned first."""
        return [self._view(actor) for actor in self._actors.values()]

    def inspect(self, upid: UPID) -> tuple[ActorView, dict[str, Any]]:
        """A live actor of this system, and its own attributes (not to be changed). KeyError if it is not there."""
        actor = self._directory.find(upid)
        if actor is None:
            raise KeyError(str(upid))
        return self._view(actor), state_of(actor)

    def _view(self, actor: Actor) -> ActorView:
        names = [name for name in self.names if self.names.whereis(name) == actor.upid]
        return view(actor, self._links, names, self.clock.monotonic())

    @contextmanager
    def trace(
        self, function: Callable[[Traced], object], *, ids: str = "*", tags: str = "*"
    ) -> Iterator[None]:
        """Have `function` called with each message that comes for a local actor, as long as the context lasts.

        `ids` and `tags` are patterns, with `*` and `?`, of actors' ids and messages' tags. What is not traced costs
        nothing more.
        """
        trace = Trace(ids, tags, function, self.clock.time)
        self._queue.trace(trace, self._actors.values())
        try:
            yield
        finally:
            self._queue.untrace(trace, self._actors.values())

    def deliver(self, to: UPID, item: Item) -> None:
        """Put what a watcher of a mailbox took into it after all. No effect if the actor has ended."""
        actor = self._directory.find(to)
        if actor is not None:
            self._queue.enqueue(actor, item)

    def watch_mailbox(self, upid: UPID, watch: Watch | None) -> None:
        """Have a function see all that comes for a local actor, and change or drop it; None: not any more.

        For tests and tracing: `actors.testing.intercept`. KeyError if there is no such actor.
        """
        actor = self._directory.find(upid)
        if actor is None:
            raise KeyError(str(upid))
        self._queue.watch(actor, watch)

    # Links.

    def link(self, watcher: UPID, target: UPID) -> None:
        """Tell the local actor `watcher` through `exited` when `target` ends.

        A target in this system: at once, with its reason. Elsewhere: when it ends, `noproc` if it is not
        there or nobody listens there, `noconnection` when the connection breaks, and then it may still be
        alive. Fires once.
        """
        self._watching.link(watcher, target)

    def unlink(self, watcher: UPID, target: UPID) -> None:
        """Undo `link`."""
        self._watching.unlink(watcher, target)

    def monitor(self, watcher: UPID, target: UPID) -> Monitor:
        """Tell the local actor `watcher` through `down` when `target` ends; as `link`, but each call counts."""
        return self._watching.monitor(watcher, target)

    def demonitor(self, monitor: Monitor) -> None:
        """Undo `monitor`. What was on its way already is still told."""
        self._watching.demonitor(monitor)

    def _forget(self, actor: Actor) -> None:
        self.names.forget(actor.upid)
        self._queue.forget(actor)
        self.http.remove_actor(actor.upid)
