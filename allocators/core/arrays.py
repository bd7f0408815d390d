"""The compiled engine: books in arrays, for clusters of thousands of agents. Needs numba."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from .array_books import ArrayBooks
from .array_gifts import Gifts, Ints
from .array_room import FEW_IDLE
from .compiled import parts, passes, refusals
from .compiled.state import (
    CHECKED,
    HELD_USED,
    IDLE,
    IDLE_AT,
    NUMBER,
    OUT,
)
from .interface import Given, Part, Reason

__all__ = ["ArrayCore", "Gifts"]


class ArrayCore(ArrayBooks):
    """See `Core`; by dominant shares only. Time of a pass O(agents * log(clients)), of an event O(log(clients)).

    A client that comes, goes, is suppressed or revived, and a changed total, cost O(clients) at the next `run`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._order = np.empty(FEW_IDLE, np.int64)

    def offerable(self, among: Iterable[int] | None = None) -> Sequence[int] | Ints:
        """See `Core`."""
        s = self._s
        if among is None:
            return np.sort(s.idle[: s.scalar[IDLE]])
        return sorted(agent for agent in among if s.agent[IDLE_AT, agent] >= 0)

    def run(self, order: Sequence[int] | Ints) -> Gifts:
        """See `Core`; the arrays are in what it returns."""
        self._settle()
        agents = np.asarray(order, np.int64)
        self._mark_left_out()
        s = self._s
        s.scalar[OUT] = 0
        margin = self._margin
        if s.out.shape[1] < len(agents) + margin:
            self._grow_out(len(agents) + margin)
        done = 0
        s = self._s
        while True:
            done = passes.run(agents, len(agents), done, margin, -1, 0, 0, s.headroom, *self._s)
            if done == 2 * len(agents):
                break
            self._make_room(margin)
        for agent, _ in self._left_out:
            self._s.agent[CHECKED, agent] = 0
        self._left_out.clear()
        return self._gifts()

    def _gifts(self) -> Gifts:
        s = self._s
        number = int(s.scalar[OUT])
        agents, clients, parts = s.out[:, :number].copy()
        return Gifts(agents, clients, parts, s.out_amount[:number].copy())

    def turn(self, agent: int, client: int, part: int, row: Ints) -> Sequence[Given]:
        """Return what a client holds there and serve at once, in one call; `row` (R,) int64.

        As `give` and `run`, but agents that were left idle are served in no random order.
        """
        if self._stale:
            self._settle()
        if self._s.scalar[HELD_USED] > self._most_held:
            self._make_room(2 * self._margin)
        done = passes.run(self._order, 0, 0, self._margin, agent, client, part, row, *self._s)
        s = self._s
        if done < 0:
            gifts = self.run(self.offerable())
            self.widened = False
            return gifts
        while done < 2 * s.scalar[NUMBER]:
            self._make_room(self._margin)
            s = self._s
            done = passes.run(
                self._order, int(s.scalar[NUMBER]), done, self._margin, -1, 0, 0, s.headroom, *s
            )
        count = s.scalar[OUT]
        if count == 0:
            return ()
        if count == 1:
            parts: list[Part] = [(int(s.out[2, 0]), s.out_amount[0].tolist())]
            return (Given(int(s.out[0, 0]), int(s.out[1, 0]), parts),)
        return self._gifts()

    def offer(self, agent: int, client: int) -> tuple[Reason, list[Part]]:
        """See `Core`."""
        self._settle()
        if (agent, client) in self._left_out:
            return Reason.LEFT_OUT, []
        self._make_room(2 + len(self._reserved.get(agent, ())))
        count, reason = parts.offer(agent, client, False, *self._s)
        return Reason(reason), self._out(count)

    def available(self, agent: int, client: int) -> list[Part]:
        """See `Core`."""
        self._settle()
        self._make_room(2 + len(self._reserved.get(agent, ())))
        return self._out(parts.offer(agent, client, True, *self._s)[0])

    def _out(self, count: int) -> list[Part]:
        s = self._s
        return list(zip(s.out[2, :count].tolist(), s.out_amount[:count].tolist(), strict=True))

    def _mark_left_out(self) -> None:
        if self._left_out:
            self._bits("hidden")
            for agent, client in self._left_out:
                refusals.refuse(agent, client, self._s.headroom, -math.inf, *self._s)
