"""Actor: state of its own, messages in, one at a time."""

from __future__ import annotations

import enum
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from .mailbox import Overflow
from .message import Message
from .upid import UPID

if TYPE_CHECKING:
    from .clock import Clock, Timer
    from .http import RouteHandler
    from .links import Monitor
    from .system import ActorSystem

__all__ = ["Actor", "FailurePolicy", "handles"]

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__ostrom_handles__"


class FailurePolicy(enum.Enum):
    """What becomes of an actor whose handler raised."""

    TERMINATE = "terminate"
    """It ends, and its links are told why. The default: let it crash, let another decide."""
    RESUME = "resume"
    """The message is lost, the failure logged and counted, and the actor goes on with the next."""


def handles(*types: type[Message], concurrent: bool = False, parked: bool = False) -> Callable[[F], F]:
    """Declare that this method handles messages of these types.

    The method takes `(self, message)` or `(self, message, sender)`; what it returns (a Message or None)
    answers an `ask`. A plain method is called directly. An `async def` method holds the mailbox until it
    is done, unless `concurrent`: then the actor goes on with the next message while it waits. One that is `parked`
    is no task while it awaits replies to its asks, which takes half the time; it is made one when it awaits anything
    else, and before that cannot use what wants to be in a task, as `asyncio.timeout` does.
    """
    if concurrent and parked:
        raise TypeError("@handles(): a handler is concurrent or parked, not both")
    for type_ in types:
        if not (isinstance(type_, type) and issubclass(type_, Message)):
            raise TypeError(f"@handles({type_!r}): not a Message class; it is written @handles(Greet)")
    if not types:
        raise TypeError("@handles() names no message type")

    def mark(function: F) -> F:
        setattr(function, _MARK, (types, concurrent, parked))
        return function

    return mark


class Handler(NamedTuple):
    """How a message of one type is handled: the function, and what it wants."""

    function: Callable[..., Any]
    wants_sender: bool
    concurrent: bool
    parked: bool


class Actor:
    """Base of all actors. Subclass it, declare handlers, and spawn it into an `ActorSystem`.

    Between `spawn` and the end only its own handlers touch its state, one at a time.

    >>> class Hello(Message):
    ...     name: str
    >>> class Greeting(Message):
    ...     text: str
    >>> class Greeter(Actor):
    ...     @handles(Hello)
    ...     def hello(self, message: Hello) -> Greeting:
    ...         return Greeting(f"Hello, {message.name}.")
    """

    __slots__ = ("__dict__", "__weakref__", "_mailbox", "_runtime", "system", "upid")

    trap_exits: ClassVar[bool] = True
    """Whether `exited` is called for a linked actor that ends. If not, its end for any reason but `normal` is this
    one's end too, with the same reason: Erlang's links, of which libprocess's are the trapping kind."""
    mailbox_limit: ClassVar[int | None] = None
    """Messages that may wait; None: as many as there is memory for."""
    mailbox_overflow: ClassVar[Overflow] = Overflow.DROP_NEWEST
    """What becomes of one too many."""
    failure_policy: ClassVar[FailurePolicy] = FailurePolicy.TERMINATE
    _handlers: ClassVar[dict[type, Handler]] = {}

    system: ActorSystem
    upid: UPID
    _mailbox: deque[tuple[Any, UPID | None, Any]] | None
    _runtime: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.mailbox_limit is not None and cls.mailbox_limit < 1:
            raise TypeError(f"{cls.__qualname__}.mailbox_limit is {cls.mailbox_limit}, below 1")
        handlers: dict[type, Handler] = {}
        for base in reversed(cls.__mro__):
            declared: dict[type, str] = {}
            for name, attribute in vars(base).items():
                mark = getattr(attribute, _MARK, None)
                if mark is None:
                    continue
                for type_ in mark[0]:
                    if type_ in declared:
                        raise TypeError(
                            f"{base.__qualname__}: {declared[type_]} and {name} both handle {type_.__name__}"
                        )
                    declared[type_] = name
                # The subclass's method of that name, so that overriding needs no new declaration.
                function = getattr(cls, name)
                parameters = len(inspect.signature(function).parameters)
                if parameters not in (2, 3):
                    raise TypeError(
                        f"{cls.__qualname__}.{name} takes (self, message) or (self, message, sender)"
                    )
                for type_ in mark[0]:
                    handlers[type_] = Handler(function, parameters == 3, *mark[1:])
        cls._handlers = handlers

    # What a subclass may override.

    def initialize(self) -> Awaitable[None] | None:
        """Run as the actor's first turn; may be `async def`."""

    def finalize(self) -> Awaitable[None] | None:
        """Run as its last turn, whatever ended it; may be `async def`."""

    def exited(self, upid: UPID, reason: str) -> Awaitable[None] | None:
        """Learn that a linked actor ended, or that its connection broke: then it may still be alive."""

    def down(self, monitor: Monitor, reason: str) -> Awaitable[None] | None:
        """Learn that a monitored actor ended, or that its connection broke: then it may still be alive."""

    def unhandled(self, message: Message, sender: UPID | None) -> Awaitable[None] | None:
        """Take a message that no handler is declared for: by default a dead letter."""
        self.system.dead_letter(self.upid, message, sender, "no handler")
        return None

    # What a subclass uses.

    @property
    def clock(self) -> Clock:
        """The system's clock."""
        return self.system.clock

    def send(self, to: UPID, message: Message) -> None:
        """Send and forget: at most once, in order, never blocks, never raises for a peer that is gone."""
        self.system.send(to, message, self.upid)

    def ask(self, to: UPID, message: Message, timeout: float | None = None) -> Coroutine[Any, Any, Any]:
        """Send and await the reply: see `ActorSystem.ask`.

        SelfAskError if it is this actor, whose mailbox the asking handler holds: declare that one `concurrent`.
        """
        return self.system.ask(to, message, timeout, sender=self.upid)

    def link(self, upid: UPID) -> None:
        """Have `exited` called when that actor ends: see `ActorSystem.link`."""
        self.system.link(self.upid, upid)

    def unlink(self, upid: UPID) -> None:
        """Undo `link`."""
        self.system.unlink(self.upid, upid)

    def monitor(self, upid: UPID) -> Monitor:
        """Have `down` called, with what this returns, when that actor ends: see `ActorSystem.monitor`."""
        return self.system.monitor(self.upid, upid)

    def demonitor(self, monitor: Monitor) -> None:
        """Undo `monitor`."""
        self.system.demonitor(monitor)

    def after(self, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call `function(*args)` in a turn of this actor, once, after that time."""
        return self.system.after(self.upid, seconds, function, *args)

    def every(self, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call `function(*args)` in a turn of this actor, again and again, the first time after `seconds`."""
        return self.system.every(self.upid, seconds, function, *args)

    def defer(self, function: Callable[..., Any], *args: Any) -> None:
        """Call `function(*args)` in a later turn of this actor: the way back in from a callback or task."""
        self.system.dispatch(self.upid, function, *args)

    def delegate(self, to: UPID, message: Message, sender: UPID | None) -> None:
        """Send a message on in the name of the one it came from, who may be answered directly."""
        self.system.send(to, message, sender)

    def terminate(self, reason: str = "normal") -> None:
        """End this actor after the current turn."""
        self.system.terminate(self.upid, reason)

    def route(
        self,
        path: str,
        handler: RouteHandler,
        *,
        methods: tuple[str, ...] = ("GET",),
        help: str = "",  # noqa: A002 - what the page /help calls it
        public: bool = False,
    ) -> None:
        """Serve HTTP at `/<id><path>`; the handler runs in this actor's turn and sees a consistent state.

        It returns a response, or a coroutine function that makes one after the turn, for what takes time. What is
        `public` is served to everybody, also where HTTP is authenticated: it is harmless, or sees to that itself.
        """
        self.system.http.add_route(self.upid, path, handler, methods, help, public)
