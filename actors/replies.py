"""What an asker is told: the reply, or what its question came to."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from .actor import Actor, FailurePolicy
from .asks import Asks
from .errors import PeerGoneError, RefusedError, RemoteError
from .links import NOPROC
from .message import MessageMeta
from .upid import Address
from .wire import Envelope, Failure

__all__ = ["EndedError", "Replies", "turn_cancelled"]

log = logging.getLogger("ostrom.actors")

MAX_ERROR_TEXT = 65_536


class EndedError(PeerGoneError):
    """The actor asked has ended: not one that it asked in its turn, whose end is its handler's failure.

    It never leaves the library: whoever asked gets a plain PeerGoneError, and may let it out of a handler.
    """


class Replies:
    """Carries what a handler returned or raised to whoever asked.

    `number` says who that is: an ask's number, (number, address, id) for one that came from another system, the
    future of a call, or None: nobody. `post` sends an envelope to another system.
    """

    def __init__(self, asks: Asks, post: Callable[[Address, Envelope], None], counters: Counter[str]) -> None:
        self._asks = asks
        self._post = post
        self._counters = counters

    def failed(self, actor: Actor, number: Any, error: Exception) -> None:
        """A handler raised: its asker is told; unless it meant to refuse, the failure policy decides."""
        if number is not None:
            self.fail(actor, number, error)
        if isinstance(number, asyncio.Future):
            return
        if isinstance(error, RefusedError):
            if number is None:
                log.warning("%s refused: %s", actor.upid, error)
            return
        self._counters["handler_failures"] += 1
        log.error("%s: a handler raised", actor.upid, exc_info=error)
        if actor.failure_policy is FailurePolicy.TERMINATE and actor._runtime.ending is None:
            actor._runtime.ending = f"error: {type(error).__name__}: {error}"
            actor._runtime.halted = True

    def answer(self, actor: Actor, number: Any, result: Any) -> None:
        """Tell the asker what its handler returned. What is no message is the handler's failure."""
        if result is None or type(type(result)) is MessageMeta:
            if type(number) is int:
                self._asks.reply(number, result, None)
                return
            if type(number) is tuple:
                self._post(number[1], (number[2], actor.upid.id, -number[0], result))
                return
        if isinstance(number, asyncio.Future):
            if not number.done():
                number.set_result(result)
        else:
            error = TypeError(f"a handler of {actor.upid} returned {type(result).__name__}, not a Message")
            self.failed(actor, number, error)

    def cancelled(self, actor: Actor, number: Any, cause: BaseException | None) -> None:
        """A turn was cancelled: because its actor ends, or because something that it waited for was."""
        if actor._runtime.ending is None:
            self.failed(actor, number, turn_cancelled(actor, cause))
        elif number is not None:
            self.fail(actor, number, EndedError(f"{actor.upid} ended"))

    def fail(self, actor: Actor, number: Any, error: Exception) -> None:
        """Tell the asker, in place of a reply, why there is none."""
        if isinstance(number, asyncio.Future):
            if not number.done():
                number.set_exception(_for_asker(error))
            elif not isinstance(error, EndedError):
                log.error("%s: a call raised after its caller was gone", actor.upid, exc_info=error)
        elif type(number) is int:
            remote = _for_asker(error) if isinstance(error, EndedError) else _remote_error(error)
            self._asks.fail(number, remote, None)
        else:
            kind = NOPROC if isinstance(error, EndedError) else _kind(error)
            failure = Failure(kind, _text(error))
            self._post(number[1], (number[2], actor.upid.id, -number[0], failure))


def turn_cancelled(actor: Actor, cause: BaseException | None) -> RuntimeError:
    """What a turn failed of that was cancelled, but not because its actor ends."""
    error = RuntimeError(f"a turn of {actor.upid} was cancelled: something it waited for was")
    error.__cause__ = cause
    return error


def _for_asker(error: Exception) -> Exception:
    return PeerGoneError(str(error)) if isinstance(error, EndedError) else error


def _kind(error: Exception) -> str:
    return "Refused" if isinstance(error, RefusedError) else type(error).__name__


def _text(error: Exception) -> str:
    """What an error says, as something that can travel: file names, for one, need not be Unicode."""
    return str(error).encode(errors="backslashreplace").decode()[:MAX_ERROR_TEXT]


def _remote_error(error: Exception) -> RemoteError:
    remote = RemoteError(_kind(error), _text(error))
    remote.__cause__ = error
    return remote
