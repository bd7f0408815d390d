"""What a pass gave, as arrays; each grant is made when it is looked at."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from .interface import UNRESERVED, Given, Part, Pass

__all__ = ["Gifts", "Ints"]

Ints = NDArray[np.int64]


class Gifts(Pass):
    """What a pass gave, as arrays: (n,) agents, clients and parts, and rows (n, R); equal neighbours are one grant."""

    def __init__(self, agents: Ints, clients: Ints, parts: Ints, rows: Ints) -> None:
        self.agents = agents
        self.clients = clients
        self.parts = parts
        self.rows = rows
        new = np.ones(len(agents), np.bool_)
        new[1:] = (agents[1:] != agents[:-1]) | (clients[1:] != clients[:-1]) | (parts[:-1] == UNRESERVED)
        self.starts = np.append(np.flatnonzero(new), len(agents))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: int) -> Given: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Given]: ...

    def __getitem__(self, index: int | slice) -> Given | Sequence[Given]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        first, last = (int(each) for each in self.starts[index % len(self) :][:2])
        parts = list(zip(self.parts[first:last].tolist(), self.rows[first:last].tolist(), strict=True))
        return Given(int(self.agents[first]), int(self.clients[first]), parts)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """See `Pass`."""
        first = self.starts[:-1]
        return zip(self.agents[first].tolist(), self.clients[first].tolist(), strict=True)

    def reserved_for(self) -> list[int]:
        """See `Pass`."""
        nodes: list[int] = np.unique(self.parts[self.parts != UNRESERVED]).tolist()
        return nodes

    def __iter__(self) -> Iterator[Given]:
        agents, clients = self.agents.tolist(), self.clients.tolist()
        parts: list[Part] = list(zip(self.parts.tolist(), self.rows.tolist(), strict=True))
        starts = self.starts.tolist()
        for first, last in itertools.pairwise(starts):
            yield Given(agents[first], clients[first], parts[first:last])
