"""Looking into live actors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .actor import Actor
from .links import Links
from .mailbox import Turn

__all__ = ["ActorView", "state_of", "view"]

INTERNAL = ("__dict__", "__weakref__", "_mailbox", "_runtime", "system", "upid")


@dataclass(frozen=True, slots=True)
class ActorView:
    """An actor at one moment. `waiting_for` is the message whose `async def` handler has not ended, if there is one.

    `waiting_seconds` is since when, by the system's clock; `mailbox` and `handled` are numbers of messages, calls
    among them. `links` are those that it watches, `watchers` those that watch it.
    """

    id: str
    type: str
    mailbox: int
    handled: int
    waiting: bool
    waiting_for: str
    waiting_seconds: float
    links: list[str]
    watchers: list[str]
    names: list[str]


def view(actor: Actor, links: Links, names: list[str], now: float) -> ActorView:
    """What can be said of an actor without disturbing it; `now` is the system's monotonic time."""
    # Not made for this: one that never had mail has neither.
    runtime = actor._runtime
    waiting = runtime is not None and runtime.busy is not None
    return ActorView(
        id=actor.upid.id,
        type=type(actor).__qualname__,
        mailbox=len(actor._mailbox or ()),
        handled=runtime.handled if runtime is not None else 0,
        waiting=waiting,
        waiting_for=_described(runtime.handling) if waiting else "",
        waiting_seconds=now - runtime.since if waiting else 0.0,
        links=[str(target) for target in links.targets(actor.upid)],
        watchers=[str(watcher) for watcher in links.watchers(actor.upid)],
        names=names,
    )


def _described(message: Any) -> str:
    if type(message) is Turn:
        function = message.function
        return str(getattr(function, "__qualname__", function))
    return type(message).__name__


def state_of(actor: Actor) -> dict[str, Any]:
    """An actor's own attributes, by name. The values are the actor's: not to be changed."""
    state = dict(vars(actor))
    for base in type(actor).__mro__:
        for name in base.__dict__.get("__slots__", ()):
            if name not in INTERNAL and hasattr(actor, name):
                state[name] = getattr(actor, name)
    return state
