"""The agents' resources: arrays of (agent, resource), and who holds what on each agent."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from allocators.tree import Node


class AgentTable:
    """Totals and free amounts, int64 thousandths; an agent is a row, and a row is reused after removal.

    For every agent: free = total - sum of what is held, which is negative where it is over-committed.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.names: list[str] = []
        self.held: list[dict[Node, list[int]]] = []
        self.cluster: list[int] = []  # total of all agents by column, active or not
        self._spare: list[int] = []
        self._total: NDArray[np.int64] = np.zeros((16, 0), np.int64)
        self._free: NDArray[np.int64] = np.zeros((16, 0), np.int64)
        self._active: NDArray[np.bool_] = np.zeros(16, np.bool_)

    def add_column(self) -> None:
        """Make room for one more resource."""
        column = np.zeros((len(self._active), 1), np.int64)
        self._total = np.hstack([self._total, column])
        self._free = np.hstack([self._free, column])
        self.cluster.append(0)
        for held in self.held:
            for row in held.values():
                row.append(0)

    def add(self, name: str) -> int:
        """Add an active agent with nothing and return its row."""
        if self._spare:
            agent = self._spare.pop()
            self.names[agent] = name
        else:
            agent = len(self.names)
            self.names.append(name)
            self.held.append({})
            if agent == len(self._active):
                self._total = np.vstack([self._total, np.zeros_like(self._total)])
                self._free = np.vstack([self._free, np.zeros_like(self._free)])
                self._active = np.concatenate([self._active, np.zeros_like(self._active)])
        self.rows[name] = agent
        self._active[agent] = True
        return agent

    def remove(self, agent: int) -> None:
        """Forget an agent whose holdings were uncharged."""
        self.set_total(agent, [0] * len(self.cluster))
        self.held[agent].clear()
        self._free[agent] = 0
        self._active[agent] = False
        del self.rows[self.names[agent]]
        self._spare.append(agent)

    def set_total(self, agent: int, row: list[int]) -> None:
        """Replace an agent's total; free moves by the difference."""
        old = self.total(agent)
        self.cluster = [whole - was + now for whole, was, now in zip(self.cluster, old, row, strict=True)]
        self._free[agent] += np.array(row, np.int64) - self._total[agent]
        self._total[agent] = row

    def set_active(self, agent: int, *, active: bool) -> None:
        """Say whether the agent may be offered."""
        self._active[agent] = active

    def is_active(self, agent: int) -> bool:
        """Tell whether the agent may be offered."""
        return bool(self._active[agent])

    def total(self, agent: int) -> list[int]:
        """Return the agent's total by column."""
        row: list[int] = self._total[agent].tolist()
        return row

    def free(self, agent: int) -> list[int]:
        """Return what could be offered by column: never below zero."""
        return [max(0, amount) for amount in self._free[agent].tolist()]

    def hold(self, agent: int, client: Node, row: list[int]) -> None:
        """Record that the client holds `row` more there. `take` or `give` moves the free amounts."""
        held = self.held[agent]
        before = held.get(client)
        held[client] = list(row) if before is None else [a + b for a, b in zip(before, row, strict=True)]

    def unhold(self, agent: int, client: Node, row: list[int]) -> None:
        """Record that the client holds `row` less there; a holding of nothing is forgotten."""
        held = self.held[agent]
        rest = [a - b for a, b in zip(held[client], row, strict=True)]
        if any(rest):
            held[client] = rest
        else:
            del held[client]

    def give(self, agent: int, row: list[int], sign: int) -> None:
        """Add `row` to what is free (`sign` 1), or take it away (`sign` -1)."""
        self._free[agent] += sign * np.array(row, np.int64)

    def take_all(self, agents: list[int]) -> None:
        """Leave nothing free on these agents (what is over-committed stays so)."""
        self._free[agents] = np.minimum(self._free[agents], 0)

    def offerable(self, among: Iterable[int] | None) -> NDArray[np.int64]:
        """Return the rows, ascending, of active agents with anything free: of `among`, or of all if None."""
        if among is None:
            return np.flatnonzero(self._active & (self._free > 0).any(axis=1))
        agents = np.array(sorted(among), np.int64)
        return agents[self._active[agents] & (self._free[agents] > 0).any(axis=1)]

    def free_rows(self, agents: NDArray[np.int64]) -> list[list[int]]:
        """Return what could be offered on each agent, as a list of rows by column."""
        rows: list[list[int]] = np.maximum(self._free[agents], 0).tolist()
        return rows
