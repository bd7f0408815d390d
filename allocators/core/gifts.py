"""What a pass over many agents gave, kept as lists; each grant is made when it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from .interface import UNRESERVED, Given, Part, Pass

__all__ = ["ListGifts"]


class ListGifts(Pass):
    """What a pass over a flat tree gave, as lists; each grant is made when it is looked at."""

    def __init__(self) -> None:
        self.agents: list[int] = []
        self.clients: list[int] = []
        self.rows: list[list[int]] = []
        self.parts: dict[int, list[Part]] = {}  # by place: where it is not just a row that is not reserved

    def add(self, given: Given) -> None:
        """Put one more at the end."""
        self.parts[len(self.agents)] = given.parts
        self.agents.append(given.agent)
        self.clients.append(given.client)
        self.rows.append([])

    def __len__(self) -> int:
        return len(self.agents)

    @overload
    def __getitem__(self, index: int) -> Given: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Given]: ...

    def __getitem__(self, index: int | slice) -> Given | Sequence[Given]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        parts = self.parts.get(place) or [(UNRESERVED, self.rows[place])]
        return Given(self.agents[place], self.clients[place], parts)

    def __iter__(self) -> Iterator[Given]:
        return map(self.__getitem__, range(len(self)))

    def pairs(self) -> Iterator[tuple[int, int]]:
        """See `Pass`."""
        return zip(self.agents, self.clients, strict=True)

    def reserved_for(self) -> set[int]:
        """See `Pass`."""
        return {part for parts in self.parts.values() for part, _ in parts if part != UNRESERVED}
