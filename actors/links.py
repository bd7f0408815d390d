"""Who is told when whom ends."""

from __future__ import annotations

from collections import defaultdict

from .upid import UPID, Address

__all__ = ["KILLED", "NOCONNECTION", "NOPROC", "NORMAL", "SHUTDOWN", "Links", "Monitor"]

NORMAL = "normal"
"""The actor ended by itself or was terminated."""
NOPROC = "noproc"
"""There is no such actor."""
NOCONNECTION = "noconnection"
"""The connection to its system broke: it may still be alive."""
KILLED = "killed"
"""Somebody called `ActorSystem.kill`."""
SHUTDOWN = "shutdown"
"""Its system was closed."""


class Monitor:
    """One watch by one actor over another, as `Actor.monitor` returned it; `down` is given the same object."""

    __slots__ = ("target", "watcher")

    def __init__(self, watcher: UPID, target: UPID) -> None:
        self.watcher = watcher
        self.target = target

    def __repr__(self) -> str:
        return f"Monitor({self.watcher} of {self.target})"


class Watch:
    """Why one actor is to be told of another's end: because it is linked, or has monitors, or both."""

    __slots__ = ("linked", "monitors")

    def __init__(self) -> None:
        self.linked = False
        self.monitors: list[Monitor] = []


class Links:
    """The watches of one system, both ways: plain bookkeeping, without messages.

    A watch is one-way and ends when it has told: `watcher` hears of the end of `target`. At least one end is local.
    Links of one pair are one; of monitors there may be many. Between systems they are one watch in any case.
    """

    def __init__(self) -> None:
        self._watchers: defaultdict[UPID, set[UPID]] = defaultdict(set)
        self._targets: defaultdict[UPID, dict[UPID, Watch]] = defaultdict(dict)
        self._by_peer: defaultdict[Address, set[tuple[UPID, UPID]]] = defaultdict(set)

    def link(self, watcher: UPID, target: UPID, peer: Address | None) -> bool:
        """Note a link; `peer` is the other system's address when one end is remote. False if watched already."""
        new, watch = self._watch(watcher, target, peer)
        watch.linked = True
        return new

    def monitor(self, monitor: Monitor, peer: Address | None) -> bool:
        """Note a monitor. False if the pair is watched already."""
        new, watch = self._watch(monitor.watcher, monitor.target, peer)
        watch.monitors.append(monitor)
        return new

    def unlink(self, watcher: UPID, target: UPID) -> bool:
        """Forget a link. True if nothing is left of the watch."""
        watch = self._find(watcher, target)
        if watch is None:
            return False
        watch.linked = False
        return not watch.monitors and self.take(watcher, target) is not None

    def demonitor(self, monitor: Monitor) -> bool:
        """Forget a monitor. True if nothing is left of the watch."""
        watch = self._find(monitor.watcher, monitor.target)
        if watch is None or monitor not in watch.monitors:
            return False
        watch.monitors.remove(monitor)
        return (
            not watch.linked and not watch.monitors and self.take(monitor.watcher, monitor.target) is not None
        )

    def take(self, watcher: UPID, target: UPID) -> Watch | None:
        """Take out the whole watch of a pair, to tell or to forget it."""
        watch = self._find(watcher, target)
        if watch is None:
            return None
        targets = self._targets[watcher]
        del targets[target]
        if not targets:
            del self._targets[watcher]
        watchers = self._watchers[target]
        watchers.discard(watcher)
        if not watchers:
            del self._watchers[target]
        for peer in (watcher.address, target.address):
            pairs = self._by_peer.get(peer)
            if pairs is not None:
                pairs.discard((watcher, target))
                if not pairs:
                    del self._by_peer[peer]
        return watch

    def watchers(self, target: UPID) -> list[UPID]:
        """Who watches it, in a stable order."""
        return sorted(self._watchers.get(target, ()))

    def targets(self, watcher: UPID) -> list[UPID]:
        """What it watches, in a stable order."""
        return sorted(self._targets.get(watcher, ()))

    def across(self, peer: Address) -> list[tuple[UPID, UPID]]:
        """All (watcher, target) with one end at that system, in a stable order."""
        return sorted(self._by_peer.get(peer, ()))

    def _find(self, watcher: UPID, target: UPID) -> Watch | None:
        return self._targets.get(watcher, {}).get(target)

    def _watch(self, watcher: UPID, target: UPID, peer: Address | None) -> tuple[bool, Watch]:
        watch = self._find(watcher, target)
        if watch is not None:
            return False, watch
        watch = self._targets[watcher][target] = Watch()
        self._watchers[target].add(watcher)
        if peer is not None:
            self._by_peer[peer].add((watcher, target))
        return True, watch
