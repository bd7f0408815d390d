"""The arrays of the compiled engine, and room in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .array_gifts import Ints
from .compiled.state import (
    HELD_FREE,
    HELD_USED,
    OUT,
    RECORD_FREE,
    State,
)

__all__ = ["FEW_IDLE", "ArrayRoom", "grown", "wider"]

FEW_IDLE = 64
"""With more agents idle than this, an event that gives somebody's quota more room takes a whole pass."""


class ArrayRoom:
    """The state, which grows before it is full."""

    def __init__(self) -> None:
        self._columns = 0
        self._margin = 2
        self._most_held = 0
        self._s = State(
            scalar=np.zeros(16, np.int64),
            agent=np.full((6, 0), -1, np.int64),
            free=np.zeros((0, 0), np.int64),
            checked=np.zeros((0, 0), np.int64),
            idle=np.zeros(0, np.int64),
            hidden=np.zeros((0, 0), np.uint64),
            recorded=np.zeros((0, 0), np.uint64),
            excluded=np.zeros((0, 0), np.uint64),
            ready=np.zeros(0, np.uint64),
            node=np.zeros((16, 0), np.int64),
            number=np.ones((2, 0), np.float64),
            amount=np.zeros((7, 0, 0), np.int64),
            heap=np.zeros(0, np.int64),
            front=np.zeros(0, np.int64),
            totals=np.zeros(0, np.float64),
            cluster=np.zeros(0, np.int64),
            twin=np.zeros(0, np.int64),
            minima=np.full((1, 1, 0), -1, np.int64),
            headroom=np.zeros(0, np.int64),
            part=np.full((2, 0), -1, np.int64),
            part_amount=np.zeros((2, 0, 0), np.int64),
            held=np.full((3, 0), -1, np.int64),
            held_amount=np.zeros((0, 0), np.int64),
            record=np.full((6, 0), -1, np.int32),
            record_amount=np.zeros((0, 0), np.int64),
            until=np.zeros(0, np.float64),
            queue=np.zeros(0, np.int32),
            out=np.zeros((3, 0), np.int64),
            out_amount=np.zeros((0, 0), np.int64),
            work=np.zeros((6, 0), np.int64),
        )
        self._s.scalar[[HELD_FREE, RECORD_FREE]] = -1

    def _replace(self, **arrays: Any) -> None:
        self._s = self._s._replace(**arrays)

    def _grow_nodes(self, size: int) -> None:
        s = self._s
        words = -(-size // 64)
        self._replace(
            node=wider(s.node, size, -1),
            number=wider(s.number, size, 1),
            amount=grown(s.amount, (7, size, self._columns), 0),
            heap=wider(s.heap, size, 0),
            front=wider(s.front, size, 0),
            ready=wider(s.ready, words, 0),
        )
        if s.hidden.shape[1]:
            self._replace(hidden=wider(s.hidden, words, 0))
        if s.recorded.shape[1]:
            self._replace(recorded=wider(s.recorded, words, 0))
        if s.excluded.shape[1]:
            self._replace(excluded=wider(s.excluded, words, 0))

    def _grow_agents(self, size: int) -> None:
        s = self._s
        self._replace(
            agent=wider(s.agent, size, -1),
            free=grown(s.free, (size, self._columns), 0),
            checked=grown(s.checked, (size, self._columns), 0),
            idle=wider(s.idle, size, 0),
            hidden=grown(s.hidden, (size, s.hidden.shape[1]), 0),
            recorded=grown(s.recorded, (size, s.recorded.shape[1]), 0),
            excluded=grown(s.excluded, (size, s.excluded.shape[1]), 0),
        )

    def _grow_held(self, size: int) -> None:
        s, old = self._s, self._s.held.shape[1]
        held = wider(s.held, size, -1)
        _chain(held[2], old, size, s.scalar, HELD_FREE)
        self._replace(held=held, held_amount=grown(s.held_amount, (size, self._columns), 0))

    def _grow_records(self, size: int) -> None:
        s, old = self._s, self._s.record.shape[1]
        record = wider(s.record, size, -1)
        _chain(record[2], old, size, s.scalar, RECORD_FREE)
        self._replace(
            record=record,
            record_amount=grown(s.record_amount, (size, self._columns), 0),
            until=wider(s.until, size, 0),
            queue=wider(s.queue, size, 0),
        )

    def _grow_out(self, size: int) -> None:
        s = self._s
        self._replace(out=wider(s.out, size, 0), out_amount=grown(s.out_amount, (size, self._columns), 0))

    def _make_room(self, margin: int) -> None:
        s = self._s
        if s.scalar[OUT] + margin > s.out.shape[1]:
            self._grow_out(2 * s.out.shape[1] + margin)
        if s.scalar[HELD_USED] + margin > s.held.shape[1]:
            self._grow_held(max(2 * s.held.shape[1], int(s.scalar[HELD_USED]) + 2 * margin, 1024))
        self._most_held = self._s.held.shape[1] - 2 * self._margin

    def _bits(self, name: str) -> None:
        """Have room for bits of all clients on all agents."""
        array = getattr(self._s, name)
        if not array.shape[1]:
            words = -(-self._s.node.shape[1] // 64)
            self._replace(**{name: np.zeros((array.shape[0], words), np.uint64)})


def wider(array: NDArray[Any], size: int, fill: float) -> NDArray[Any]:
    """Return the array with its last axis grown."""
    return grown(array, (*array.shape[:-1], size), fill)


def grown(array: NDArray[Any], shape: tuple[int, ...], fill: float) -> NDArray[Any]:
    """Return a larger array with the old one in its corner."""
    new = np.full(shape, fill, array.dtype)
    new[tuple(slice(size) for size in array.shape)] = array
    return new


def _chain(links: Ints, first: int, last: int, scalar: Ints, head: int) -> None:
    """Put the places from `first` on before the list of free ones."""
    links[first:last] = range(first + 1, last + 1)
    if last > first:
        links[last - 1] = scalar[head]
        scalar[head] = first
