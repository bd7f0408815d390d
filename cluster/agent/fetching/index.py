"""What the cache holds, and what has to go: rules without I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["CacheIndex", "Entry"]


@dataclass(slots=True, eq=False)
class Entry:
    """A file of the cache, `users` of which copy from it now. Not `kept`, it goes when they are done."""

    key: str
    name: str
    size: int
    users: int = 0
    kept: bool = True


class CacheIndex:
    """The files of a cache of `capacity` bytes, the least recently used first.

    What is in use stays, though the cache be over its capacity meanwhile. A file larger than the whole cache is
    there only while it is in use, and makes no other go.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        """Bytes, without the files that are larger than the cache."""
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> list[Entry]:
        """A new file, as the one used last; what has to go then."""
        old = self._entries.get(entry.key)
        gone = self.drop(old) if old is not None else []
        self._entries[entry.key] = entry
        if entry.size <= self.capacity:
            self.used += entry.size
        return gone + self._surplus()

    def hold(self, key: str) -> Entry | None:
        """Use a file, if it is there. `release` gives it back."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            entry.users += 1
        return entry

    def release(self, entry: Entry) -> list[Entry]:
        """A use has ended; what has to go now."""
        entry.users -= 1
        if not entry.kept and not entry.users:
            return [entry]
        return self._surplus()

    def drop(self, entry: Entry) -> list[Entry]:
        """A file is good for nobody else; what has to go now."""
        if not entry.kept:
            return []
        entry.kept = False
        del self._entries[entry.key]
        if entry.size <= self.capacity:
            self.used -= entry.size
        return [] if entry.users else [entry]

    def _surplus(self) -> list[Entry]:
        gone = []
        for entry in list(self._entries.values()):
            too_large = entry.size > self.capacity
            if not entry.users and (too_large or self.used > self.capacity):
                gone += self.drop(entry)
        return gone
