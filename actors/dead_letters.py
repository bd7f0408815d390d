"""Messages that nobody handled."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from .message import Message
from .upid import UPID

__all__ = ["DeadLetter", "DeadLetters"]

log = logging.getLogger("ostrom.actors")


class DeadLetter(Message, tag="$dead-letter"):
    """A message that nobody handled, for those who subscribed to them; `reason` is `noproc`, `no handler`, ..."""

    to: UPID
    sender: UPID | None
    message: Any
    reason: str


class DeadLetters:
    """Counts and logs them, and knows who wants to hear of them."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._subscribers: dict[UPID, None] = {}

    def subscribe(self, upid: UPID) -> None:
        """Have a `DeadLetter` sent to a local actor for each, until it ends."""
        self._subscribers[upid] = None

    def unsubscribe(self, upid: UPID) -> None:
        """Undo `subscribe`."""
        self._subscribers.pop(upid, None)

    def subscribers(self) -> list[UPID]:
        """Who wants to hear of them, in the order in which they asked."""
        return list(self._subscribers)

    def note(self, to: UPID, message: Any, sender: UPID | None, reason: str) -> DeadLetter | None:
        """Count and log one; return what its subscribers are sent, None if there are none."""
        self._counters["dead_letters"] += 1
        log.debug("dead letter for %s from %s: %s: %r", to, sender, reason, message)
        # One that a subscriber has no handler for would come back for ever.
        if not self._subscribers or isinstance(message, DeadLetter):
            return None
        return DeadLetter(to, sender, message, reason)
