"""How an actor ends: it is taken out, has its last turn, and then those who watch it are told."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from .actor import Actor
from .directory import Directory
from .errors import PeerGoneError
from .links import Links
from .mailbox import Item, Turn
from .replies import EndedError, Replies
from .upid import UPID
from .watching import Watching

__all__ = ["Ending"]

log = logging.getLogger("ostrom.actors")


class Ending:
    """Ends the actors of one system.

    `forget` is called with an actor that is taken out, `dead_letter` with what was in its mailbox.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        directory: Directory,
        replies: Replies,
        links: Links,
        watching: Watching,
        counters: Counter[str],
        forget: Callable[[Actor], None],
        dead_letter: Callable[[UPID, Any, UPID | None, str], None],
    ) -> None:
        self._loop = loop
        self._directory = directory
        self._replies = replies
        self._links = links
        self._watching = watching
        self._counters = counters
        self._forget = forget
        self._dead_letter = dead_letter

    def end(self, actor: Actor, reason: str) -> None:
        """Take the actor out; then its last turn, then its links."""
        runtime = actor._runtime
        runtime.gone = True
        self._directory.leave(actor)
        self._forget(actor)
        runtime.busy = None
        for task in runtime.tasks or ():
            task.cancel()
        mailbox, actor._mailbox = actor._mailbox, None
        for item in mailbox or ():
            self._drop(actor, item, reason)
        try:
            result = actor.finalize()
        except (Exception, asyncio.CancelledError):
            self._counters["handler_failures"] += 1
            log.exception("%s: finalize raised", actor.upid)
            result = None
        if result is None:
            self._ended(actor, reason)
            return
        task = runtime.busy = self._loop.create_task(
            result if inspect.iscoroutine(result) else _await(result)
        )
        task.add_done_callback(lambda done: self._finalized(actor, done, reason))
        if runtime.killed:
            # After its first step: what it began there its own `finally` can still end.
            self._loop.call_soon(task.cancel)

    def _drop(self, actor: Actor, item: Item, reason: str) -> None:
        """What waited in its mailbox: whoever waits for an answer hears it now."""
        message, sender, number = item
        if number is not None:
            self._replies.fail(actor, number, EndedError(f"{actor.upid} ended: {reason}"))
        elif type(message) is Turn:
            if message.future is not None and not message.future.done():
                message.future.set_exception(PeerGoneError(f"{actor.upid} ended: {reason}"))
        else:
            self._dead_letter(actor.upid, message, sender, reason)

    def _finalized(self, actor: Actor, task: asyncio.Task[Any], reason: str) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._counters["handler_failures"] += 1
            log.error("%s: finalize raised", actor.upid, exc_info=error)
        self._ended(actor, reason)

    def _ended(self, actor: Actor, reason: str) -> None:
        self._directory.left(actor)
        self._watching.forget(actor.upid)
        for watcher in self._links.watchers(actor.upid):
            self._watching.fire(watcher, actor.upid, reason)
        ended = actor._runtime.ended
        if ended is not None and not ended.done():
            ended.set_result(reason)


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
