"""What waits for an actor, and mailboxes that are more than a deque: with a limit, or with somebody who looks."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Callable
from typing import Any

from .upid import UPID

__all__ = ["Item", "Mailbox", "Overflow", "Turn", "Watch"]

Item = tuple[Any, UPID | None, Any]
"""What waits in a mailbox: the message or Turn, its sender, and whom to answer: see `Replies`."""
Watch = Callable[[Item], Item | None]
"""Is shown an item on its way into a mailbox; returns what is to get there: it, another, or None."""


class Turn:
    """A plain call that waits in a mailbox for its turn, between the messages."""

    __slots__ = ("args", "function", "future")

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...] = (),
        future: asyncio.Future[Any] | None = None,
    ) -> None:
        self.function = function
        self.args = args
        self.future = future


class Overflow(enum.Enum):
    """What becomes of a message for an actor whose mailbox is full."""

    DROP_NEWEST = "drop newest"
    """It is dropped: a dead letter. Who asks learns of it by its own time limit."""
    DROP_OLDEST = "drop oldest"
    """The one that has waited longest is dropped in its place."""
    REJECT = "reject"
    """It is dropped, and who asks is told at once: RemoteError of the kind `Refused`."""
    BLOCK = "block"
    """It is taken, and the actor that sent it handles nothing more until there is room. So a mailbox holds at most
    what each sender sends in one turn above its limit. Who is no actor of this system cannot be made to wait: its
    message is rejected."""


class Mailbox(deque[Item]):
    """At most `limit` messages, or any number if that is None; what comes is shown to `watch` first.

    `overflow` is called with an item that is one too many, and says whether it is taken all the same. Calls (timers,
    deferred calls, ends of linked actors) are always taken: an actor bounds them itself, and the loss of one would
    be an error that nobody could see.
    """

    def __init__(
        self,
        limit: int | None,
        overflow: Callable[[Item], bool],
        watch: Watch | None,
        *,
        drop_oldest: bool = False,
    ) -> None:
        super().__init__()
        self._limit = limit
        self._overflow = overflow
        self._watch = watch
        self._drop_oldest = drop_oldest

    def append(self, item: Item) -> None:
        """Take it, or do what the policy says."""
        if self._watch is not None:
            seen = self._watch(item)
            if seen is None:
                return
            item = seen
        if self._limit is None or len(self) < self._limit or type(item[0]) is Turn:
            super().append(item)
        elif self._drop_oldest:
            super().append(item)
            oldest = next(each for each in self if type(each[0]) is not Turn)
            self.remove(oldest)
            self._overflow(oldest)
        elif self._overflow(item):
            super().append(item)
