"""Links and monitors: how actors learn of each other's ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .actor import Actor
from .directory import Directory
from .links import NOPROC, NORMAL, Links, Monitor
from .mailbox import Turn
from .message import Message
from .upid import UPID, Address
from .wire import Exited, Link, Unlink

__all__ = ["Watching"]


class Watching:
    """Keeps the links of a system, and tells those who watch.

    `enqueue` puts an item into a local mailbox, `terminate` ends a local actor, `control` sends to another system.
    """

    def __init__(
        self,
        directory: Directory,
        links: Links,
        enqueue: Callable[[Actor, tuple[Any, UPID | None, Any]], None],
        terminate: Callable[[UPID, str], None],
        control: Callable[[Address, Message], None],
    ) -> None:
        self._directory = directory
        self._links = links
        self._enqueue = enqueue
        self._terminate = terminate
        self._control = control

    def link(self, watcher: UPID, target: UPID) -> None:
        """Have `exited` of the local actor `watcher` called when `target` ends."""
        if self._links.link(watcher, target, self._peer(target)):
            self._begin(watcher, target)

    def unlink(self, watcher: UPID, target: UPID) -> None:
        """Undo `link`."""
        if self._links.unlink(watcher, target):
            self._stop(watcher, target)

    def monitor(self, watcher: UPID, target: UPID) -> Monitor:
        """Have `down` of the local actor `watcher` called when `target` ends."""
        monitor = Monitor(watcher, target)
        if self._links.monitor(monitor, self._peer(target)):
            self._begin(watcher, target)
        return monitor

    def demonitor(self, monitor: Monitor) -> None:
        """Undo `monitor`."""
        if self._links.demonitor(monitor):
            self._stop(monitor.watcher, monitor.target)

    def forget(self, watcher: UPID) -> None:
        """A local actor ended: it watches nobody any more."""
        for target in self._links.targets(watcher):
            self._links.take(watcher, target)
            self._stop(watcher, target)

    def fire(self, watcher: UPID, target: UPID, reason: str) -> None:
        """Tell one watcher that `target` ended, or may have."""
        watch = self._links.take(watcher, target)
        if watch is None:
            return
        if watcher.address != self._directory.address:
            self._control(watcher.address, Exited(watcher.id, target.id, reason))
            return
        actor = self._directory.actors.get(watcher.id)
        if actor is None:
            return
        if watch.linked:
            if actor.trap_exits:
                self._enqueue(actor, (Turn(actor.exited, (target, reason)), None, None))
            elif reason != NORMAL:
                self._terminate(watcher, reason)
        for monitor in watch.monitors:
            self._enqueue(actor, (Turn(actor.down, (monitor, reason)), None, None))

    def _peer(self, target: UPID) -> Address | None:
        return None if target.address == self._directory.address else target.address

    def _begin(self, watcher: UPID, target: UPID) -> None:
        if target.address != self._directory.address:
            self._control(target.address, Link(watcher.id, target.id))
        elif target.id not in self._directory.actors:
            self.fire(watcher, target, NOPROC)

    def _stop(self, watcher: UPID, target: UPID) -> None:
        if target.address != self._directory.address:
            self._control(target.address, Unlink(watcher.id, target.id))
