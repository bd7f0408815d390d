"""Names for actors, beside their ids: a name can pass from one actor to the next."""

from __future__ import annotations

from collections.abc import Iterator

from .upid import UPID, valid_id

__all__ = ["Names"]


class Names:
    """The registered names of one system, as Erlang's `register` and `whereis`.

    A name is freed when its actor ends. One actor may have several.
    """

    def __init__(self) -> None:
        self._upids: dict[str, UPID] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._upids))

    def register(self, name: str, upid: UPID) -> None:
        """Give an actor a name. ValueError if it is taken, or is no name."""
        if not valid_id(name):
            raise ValueError(f"name {name!r}: letters, digits and _.()- only, at most 128")
        if name in self._upids:
            raise ValueError(f"name {name!r} is taken by {self._upids[name]}")
        self._upids[name] = upid

    def unregister(self, name: str) -> None:
        """Take a name back. No effect if nobody has it."""
        self._upids.pop(name, None)

    def whereis(self, name: str) -> UPID | None:
        """The actor of that name, if there is one."""
        return self._upids.get(name)

    def forget(self, upid: UPID) -> None:
        """An actor ended: its names are free."""
        if upid in self._upids.values():
            self._upids = {name: other for name, other in self._upids.items() if other != upid}
