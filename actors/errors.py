"""What can go wrong between actors."""

from __future__ import annotations

__all__ = [
    "ActorError",
    "AskTimeoutError",
    "PeerGoneError",
    "RefusedError",
    "RemoteError",
    "SelfAskError",
    "SystemClosedError",
    "TooManyActorsError",
]


class ActorError(Exception):
    """Base of all errors of this package."""


class AskTimeoutError(ActorError, TimeoutError):
    """No reply came within the timeout. The other may still have acted on the message."""


class PeerGoneError(ActorError, ConnectionError):
    """The actor asked does not exist, ended before it replied, or its connection broke.

    After a broken connection the other may still be alive and may have acted on the message.
    """


class RemoteError(ActorError):
    """The handler of the actor asked raised. `kind` is the exception's type name, `text` its message."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


class RefusedError(ActorError):
    """Raise it in a handler to refuse a request: the asker gets a RemoteError, the actor lives on."""


class SelfAskError(ActorError):
    """A handler asked its own actor, which cannot answer before that very handler has ended."""


class TooManyActorsError(ActorError):
    """The actor system has as many actors as its `max_actors` allows."""


class SystemClosedError(ActorError):
    """The actor system has been closed, or was not started."""
