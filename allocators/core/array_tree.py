"""The tree of the compiled engine, its columns, and what is put off until it is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .array_gifts import Ints
from .array_room import ArrayRoom, grown, wider
from .compiled import siblings
from .compiled.state import (
    ACTIVE,
    ALLOCATED,
    BELOW,
    BORROWED,
    CHECKED,
    FIRST,
    GUARANTEE,
    GUARANTEES,
    KIND,
    LIMIT,
    LIMITED,
    MINIMA,
    MINIMUM,
    NEED,
    OWN_MINIMA,
    PARENT,
    POSITION,
    PRUNE,
    QUOTAS,
    RANK,
    REVOCABLE,
    STALE,
    TWINS,
    UNUSED,
    WEIGHT,
    WIDENED,
)
from .interface import NO_LIMIT, ROOT, Minimum
from .nodes import GROUP

__all__ = ["ArrayTree"]

ROLE, GROUP_KIND, CLIENT = range(3)
FEW_MINIMA = 8
"""With more kinds of minima than this, roles at their limit stay in their heaps: to find out costs more."""


class ArrayTree(ArrayRoom):
    """Facts of roles and clients."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: list[tuple[int, str] | None] = [(-1, "")]  # parent, name
        self._spare_nodes: list[int] = []
        self._counted: list[bool] = []
        self._totals: list[list[int]] = []
        self._cluster: list[int] = []
        self._minima: list[Minimum] = [[]]
        self._own: dict[int, Minimum] = {}
        self._reserved: dict[int, dict[int, int]] = {}  # agent -> role -> part
        self._quotas: set[int] = set()
        self._guarantees: set[int] = set()
        self._stale = True
        self._grow_nodes(16)
        self._init_node(ROOT, -1, ROLE)

    @property
    def widened(self) -> bool:
        """See `Core`."""
        return bool(self._s.scalar[WIDENED])

    @widened.setter
    def widened(self, value: bool) -> None:
        self._s.scalar[WIDENED] = value

    def add_column(self, *, counted: bool, twin: int | None = None) -> int:
        """See `Core`."""
        column = self._columns
        self._columns = width = column + 1
        self._counted.append(counted)
        self._cluster.append(0)
        for row in self._totals:
            row.append(0)
        s = self._s
        amount = grown(s.amount, (*s.amount.shape[:2], width), 0)
        amount[LIMIT, :, column] = NO_LIMIT
        self._replace(
            amount=amount,
            free=grown(s.free, (len(s.free), width), 0),
            checked=grown(s.checked, (len(s.free), width), 0),
            totals=wider(s.totals, width, math.inf),
            cluster=wider(s.cluster, width, 0),
            twin=wider(s.twin, width, -1 if twin is None else twin),
            minima=grown(s.minima, (*s.minima.shape[:2], width), 0),
            headroom=wider(s.headroom, width, 0),
            part_amount=grown(s.part_amount, (*s.part_amount.shape[:2], width), 0),
            held_amount=grown(s.held_amount, (len(s.held_amount), width), 0),
            record_amount=grown(s.record_amount, (len(s.record_amount), width), 0),
            out_amount=grown(s.out_amount, (len(s.out_amount), width), 0),
            work=wider(s.work, width, 0),
        )
        self._s.scalar[TWINS] += twin is not None
        self._s.agent[CHECKED] = 0
        self._stale = True
        return column

    def _row(self, row: Sequence[int]) -> Ints:
        return np.array(row, np.int64)

    def _init_node(self, number: int, parent: int, kind: int) -> None:
        s = self._s
        s.node[:, number] = 0
        s.node[[FIRST, POSITION], number] = -1
        s.node[PARENT, number] = parent
        s.node[KIND, number] = kind
        s.number[WEIGHT, number] = 1.0
        s.amount[:, number] = 0
        s.amount[LIMIT, number] = NO_LIMIT
        self._make_stale()

    def _make_stale(self) -> None:
        self._stale = True
        self._s.scalar[STALE] = 1

    def add_node(self, parent: int, name: str, role: str, framework: str = "") -> int:
        """See `Core`."""
        if self._spare_nodes:
            number = self._spare_nodes.pop()
            self._nodes[number] = (parent, name)
        else:
            number = len(self._nodes)
            self._nodes.append((parent, name))
            if number >= self._s.node.shape[1]:
                self._grow_nodes(2 * number)
        self._init_node(number, parent, CLIENT if framework else GROUP_KIND if name == GROUP else ROLE)
        return number

    def remove_node(self, node: int) -> None:
        """See `Core`."""
        self._nodes[node] = None
        self._spare_nodes.append(node)
        self._init_node(node, -1, ROLE)
        self._own.pop(node, None)
        self._s.scalar[OWN_MINIMA] = len(self._own)

    def set_weight(self, node: int, weight: float) -> None:
        """See `Core`."""
        self._s.number[WEIGHT, node] = weight
        self._make_stale()

    def set_priority(self, node: int, priority: int) -> None:
        """See `Core`: dominant shares do not heed it."""

    def set_quota(self, node: int, guarantee: list[int], limit: list[int]) -> None:
        """See `Core`."""
        s = self._s
        s.amount[GUARANTEE, node] = guarantee
        s.amount[LIMIT, node] = limit
        limited = any(most != NO_LIMIT for most in limit)
        s.node[LIMITED, node] = limited
        _keep(self._guarantees, node, present=any(guarantee))
        _keep(self._quotas, node, present=limited or any(guarantee))
        s.scalar[GUARANTEES], s.scalar[QUOTAS] = len(self._guarantees), len(self._quotas)
        self._renew_needs(node)
        self.widened = True
        self._make_stale()

    def _renew_needs(self, node: int) -> None:
        amount = self._s.amount
        while node != ROOT:
            above = (
                amount[ALLOCATED, node]
                + amount[UNUSED, node]
                - amount[BORROWED, node]
                - amount[GUARANTEE, node]
            )
            unmet = np.where(amount[GUARANTEE, node] > 0, np.maximum(0, -above), 0)
            need = np.maximum(unmet, amount[BELOW, node])
            node, was = int(self._s.node[PARENT, node]), node
            amount[BELOW, node] += need - amount[NEED, was]
            amount[NEED, was] = need

    def set_minimum(self, minimum: Minimum) -> None:
        """See `Core`."""
        self._minima[0] = minimum
        self._make_stale()

    def set_client(self, client: int, *, active: bool, minimum: Minimum | None, revocable: bool) -> None:
        """See `Core`."""
        s = self._s
        if minimum is None:
            same = self._own.pop(client, None) is None
        else:
            same = self._own.get(client) == minimum
            self._own[client] = minimum
        if not same:
            self._make_stale()
        s.scalar[OWN_MINIMA] = len(self._own)
        s.node[REVOCABLE, client] = revocable
        step = int(active) - int(s.node[ACTIVE, client])
        if step:
            node = client
            while node != ROOT:
                s.node[ACTIVE, node] += step
                node = int(s.node[PARENT, node])
            s.ready[client >> 6] ^= np.uint64(1 << (client & 63))
            self._make_stale()

    def _settle(self) -> None:
        """Bring up to date what is put off until it is looked at."""
        if not self._stale:
            return
        self._stale = False
        s = self._s
        s.cluster[:] = self._cluster
        s.totals[:] = [
            whole if counted and whole > 0 else math.inf
            for whole, counted in zip(self._cluster, self._counted, strict=True)
        ]
        there = [number for number, node in enumerate(self._nodes) if node is not None]
        there.sort(key=lambda number: self._nodes[number][1])  # type: ignore[index]
        s.node[RANK, there] = range(len(there))
        self._number_minima()
        parts = max(map(len, self._reserved.values()), default=0)
        # Uncut, an agent goes whole to one client, or what is not revocable to one and the rest to another.
        cut = bool(self._quotas) or parts
        self._margin = self._clients() * (1 + parts) + 2 if cut else 2
        self._make_room(2 * self._margin)
        prune = self._quotas and not s.scalar[TWINS] and len(self._minima) <= FEW_MINIMA
        self._s.scalar[PRUNE] = bool(prune)
        siblings.rebuild(*self._s)

    def _clients(self) -> int:
        return int((self._s.node[ACTIVE] * (self._s.node[KIND] == CLIENT)).sum())

    def _number_minima(self) -> None:
        kinds: dict[str, int] = {repr(self._minima[0]): 0}
        minima = [self._minima[0]]
        self._s.node[MINIMUM] = 0
        for client, minimum in self._own.items():
            kind = kinds.setdefault(repr(minimum), len(minima))
            if kind == len(minima):
                minima.append(minimum)
            self._s.node[MINIMUM, client] = kind
        most = max(map(len, minima))
        table = np.zeros((len(minima), most + 1, self._columns), np.int64)
        for kind, minimum in enumerate(minima):
            table[kind, len(minimum), :1] = -1
            for number, alternative in enumerate(minimum):
                for column, amount in alternative:
                    table[kind, number, column] = amount
        self._minima = minima
        self._replace(minima=table)
        self._s.scalar[MINIMA] = len(minima)


def _keep(kept: set[int], item: int, *, present: bool) -> None:
    if present:
        kept.add(item)
    else:
        kept.discard(item)
