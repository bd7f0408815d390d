"""Who lives in a system, and under which id."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any, Protocol

from .actor import Actor, Handler
from .errors import TooManyActorsError
from .upid import UPID, Address, valid_id

__all__ = ["Directory", "Runtime", "runtime_of"]


class Busy(Protocol):
    """What an actor is busy with: a task, or a parked handler."""

    def cancel(self) -> bool:
        """Have it end."""


class Runtime:
    """What the system keeps of a live actor, beside its mailbox."""

    __slots__ = (
        "busy",
        "ended",
        "ending",
        "gone",
        "halted",
        "handled",
        "handlers",
        "handling",
        "killed",
        "plain",
        "queued",
        "since",
        "tasks",
    )

    def __init__(self, handlers: dict[type, Handler], plain: bool) -> None:
        self.handlers = handlers
        self.plain = plain
        """Its mailbox is a deque without a limit, that nobody watches."""
        self.queued = False
        self.busy: Busy | None = None
        self.ending: str | None = None
        self.ended: asyncio.Future[str] | None = None
        self.gone = False
        self.halted = False
        """Handles nothing more: it ends, or waits for room in a mailbox that it sent to."""
        self.killed = False
        self.handled = 0
        self.handling: Any = None
        self.since = 0.0
        self.tasks: dict[asyncio.Task[Any], None] | None = None


def runtime_of(actor: Actor) -> Runtime:
    """What is kept of a spawned actor. It is made when it is first needed, as its mailbox is."""
    runtime: Runtime | None = actor._runtime
    if runtime is None:
        runtime = actor._runtime = Runtime(type(actor)._handlers, actor.mailbox_limit is None)
    return runtime


class Directory:
    """The actors of one system by id: `actors` live, `leaving` have had their last message but still hold their id."""

    def __init__(self, address: Address, max_actors: int | None = None) -> None:
        self.address = address
        self.max_actors = max_actors
        self.actors: dict[str, Actor] = {}
        self.leaving: dict[str, Runtime] = {}
        self._series: dict[type[Actor], tuple[str, count[int]]] = {}
        self._numbers: dict[str, count[int]] = {}

    def find(self, upid: UPID) -> Actor | None:
        """The live actor of that name, if it is one of this system's."""
        actor = self.actors.get(upid.id)
        return actor if actor is not None and upid.address == self.address else None

    def runtime(self, upid: UPID) -> Runtime | None:
        """What is kept of an actor that lives or is leaving."""
        if upid.address != self.address:
            return None
        actor = self.actors.get(upid.id)
        return self.leaving.get(upid.id) if actor is None else runtime_of(actor)

    def upids(self) -> list[UPID]:
        """All that live or are leaving, the first spawned first."""
        return [UPID.at(id_, self.address) for id_ in (*self.leaving, *self.actors)]

    def enter(self, actor: Actor, id_: str | None) -> UPID:
        """Give an actor its id, or one made of its class's name. ValueError if the id is taken or malformed."""
        if id_ is None:
            prefix, numbers = self._series.get(type(actor)) or self._begin(type(actor))
            id_ = f"{prefix}({next(numbers)})"
        elif not valid_id(id_):
            raise ValueError(f"actor id {id_!r}: letters, digits and _.()- only, at most 128")
        actors = self.actors
        if id_ in actors or id_ in self.leaving:
            raise ValueError(f"actor id {id_!r} is taken")
        if self.max_actors is not None and len(actors) >= self.max_actors:
            raise TooManyActorsError(f"{len(actors)} actors live here, which is the limit")
        # Not try and except: that costs four times as much, and half of all the rest here.
        if getattr(actor, "upid", None) is not None:
            if not isinstance(actor, Actor):
                raise TypeError(f"spawn: {actor!r} is not an actor; of a class it takes an instance")
            raise ValueError(f"this {type(actor).__name__} was spawned already, as {actor.upid}")
        upid = actor.upid = UPID.at(id_, self.address)
        actor._runtime = actor._mailbox = None
        actors[id_] = actor
        return upid

    def _begin(self, type_: type[Actor]) -> tuple[str, count[int]]:
        """Begin to number the actors of a class. Two classes of one name count together."""
        prefix = type_.__name__.lower()
        if not valid_id(f"{prefix}({2**64})"):
            raise ValueError(f"an id for {type_.__name__}: letters, digits and _ only, at most 100")
        series = self._series[type_] = (prefix, self._numbers.setdefault(prefix, count(1)))
        return series

    def leave(self, actor: Actor) -> None:
        """Take an actor out. Its id stays taken until its links are told: a successor must not inherit them."""
        del self.actors[actor.upid.id]
        self.leaving[actor.upid.id] = actor._runtime

    def left(self, actor: Actor) -> None:
        """Free the id of an actor that was leaving."""
        del self.leaving[actor.upid.id]
