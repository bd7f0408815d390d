"""Tracing: seeing the messages that come for actors, by pattern, while everything runs."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import NamedTuple

from .mailbox import Item
from .message import Message
from .upid import UPID

__all__ = ["Trace", "Traced"]


class Traced(NamedTuple):
    """A message on its way into a mailbox. `asked` says that its sender awaits a reply; `at` is wall-clock time."""

    at: float
    to: UPID
    sender: UPID | None
    message: Message
    asked: bool


class Trace:
    """Calls `function` with each message that matches: ids of actors and tags of messages, with `*` and `?`."""

    def __init__(
        self, ids: str, tags: str, function: Callable[[Traced], object], now: Callable[[], float]
    ) -> None:
        self.ids = ids
        self._tags = tags
        self._function = function
        self._now = now

    def watches(self, upid: UPID) -> bool:
        """Whether messages for that actor can match."""
        return fnmatch.fnmatchcase(upid.id, self.ids)

    def see(self, to: UPID, item: Item) -> None:
        """Look at what comes."""
        message, sender, number = item
        if isinstance(message, Message) and fnmatch.fnmatchcase(
            str(message.__struct_config__.tag), self._tags
        ):
            self._function(Traced(self._now(), to, sender, message, number is not None))
