"""Who is told when whom ends."""

from __future__ import annotations

from collections import defaultdict

from .upid import UPID, Address

__all__ = ["NOCONNECTION", "NOPROC", "NORMAL", "SHUTDOWN", "Links"]

NORMAL = "normal"
"""The actor ended by itself or was terminated."""
NOPROC = "noproc"
"""There is no such actor."""
NOCONNECTION = "noconnection"
"""The connection to its system broke: it may still be alive."""
SHUTDOWN = "shutdown"
"""Its system was closed."""


class Links:
    """The links of one system, both ways: plain bookkeeping, without messages.

    A link is one-way and fires once: `watcher` hears of the end of `target`. At least one end is local.
    """

    def __init__(self) -> None:
        self._watchers: defaultdict[UPID, set[UPID]] = defaultdict(set)
        self._targets: defaultdict[UPID, set[UPID]] = defaultdict(set)
        self._by_peer: defaultdict[Address, set[tuple[UPID, UPID]]] = defaultdict(set)

    def add(self, watcher: UPID, target: UPID, peer: Address | None) -> bool:
        """Note a link; `peer` is the other system's address when one end is remote. False if known."""
        if target in self._targets.get(watcher, ()):
            return False
        self._watchers[target].add(watcher)
        self._targets[watcher].add(target)
        if peer is not None:
            self._by_peer[peer].add((watcher, target))
        return True

    def remove(self, watcher: UPID, target: UPID) -> bool:
        """Forget a link. False if there was none."""
        targets = self._targets.get(watcher)
        if targets is None or target not in targets:
            return False
        targets.discard(target)
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
        return True

    def watchers(self, target: UPID) -> list[UPID]:
        """Who is linked to it, in a stable order."""
        return sorted(self._watchers.get(target, ()))

    def targets(self, watcher: UPID) -> list[UPID]:
        """What it is linked to, in a stable order."""
        return sorted(self._targets.get(watcher, ()))

    def across(self, peer: Address) -> list[tuple[UPID, UPID]]:
        """All (watcher, target) with one end at that system, in a stable order."""
        return sorted(self._by_peer.get(peer, ()))
