"""The compiled engine: books in arrays, for clusters of thousands of agents. Needs numba."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from .compiled import ledger, parts, passes, refusals, siblings
from .compiled.state import (
    ACTIVE,
    ALLOCATED,
    BELOW,
    BORROWED,
    CHECKED,
    FIRST,
    GUARANTEE,
    GUARANTEES,
    HEAP_LENGTH,
    HELD,
    HELD_FREE,
    HELD_USED,
    IDLE,
    IDLE_AT,
    KIND,
    LIMIT,
    LIMITED,
    MINIMA,
    MINIMUM,
    NEED,
    ON,
    OUT,
    OWN_MINIMA,
    PARENT,
    POSITION,
    PRUNE,
    QUOTAS,
    RANK,
    RECORD,
    RECORD_FREE,
    REVOCABLE,
    SLICE,
    STALE,
    TWINS,
    UNUSED,
    WEIGHT,
    WIDENED,
    State,
)
from .interface import NO_LIMIT, ROOT, UNRESERVED, Given, Minimum, Part, Pass, Reason
from .nodes import GROUP

__all__ = ["ArrayCore", "Gifts"]

ROLE, GROUP_KIND, CLIENT = 0, 1, 2
FEW_MINIMA = 8
"""With more kinds of minima than this, roles at their limit stay in their heaps: to find out costs more."""
FEW_IDLE = 64
"""With more agents idle than this, an event that gives somebody's quota more room takes a whole pass."""

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


class ArrayCore:
    """See `Core`; by dominant shares only. Time of a pass O(agents * log(clients)), of an event O(log(clients)).

    A client that comes, goes, is suppressed or revived, and a changed total, cost O(clients) at the next `run`.
    """

    def __init__(self) -> None:
        self._nodes: list[tuple[int, str] | None] = [(-1, "")]  # parent, name
        self._spare_nodes: list[int] = []
        self._agents = 0
        self._spare_agents: list[int] = []
        self._there: set[int] = set()
        self._columns = 0
        self._counted: list[bool] = []
        self._totals: list[list[int]] = []
        self._cluster: list[int] = []
        self._minima: list[Minimum] = [[]]
        self._own: dict[int, Minimum] = {}
        self._revocable: set[int] = set()
        self._reserved: dict[int, dict[int, int]] = {}  # agent -> role -> part
        self._parts = 0
        self._spare_parts: list[int] = []
        self._left_out: set[tuple[int, int]] = set()
        self._excludes = False
        self._quotas: set[int] = set()
        self._guarantees: set[int] = set()
        self._stale = True
        self._margin = 2
        self._most_held = 0
        self._order = np.empty(FEW_IDLE, np.int64)
        self._s = State(
            scalar=np.zeros(15, np.int64),
            agent=np.full((6, 0), -1, np.int64),
            free=np.zeros((0, 0), np.int64),
            checked=np.zeros((0, 0), np.int64),
            idle=np.zeros(0, np.int64),
            hidden=np.zeros((0, 0), np.uint64),
            excluded=np.zeros((0, 0), np.uint64),
            ready=np.zeros(0, np.uint64),
            node=np.zeros((16, 0), np.int64),
            number=np.ones((2, 0), np.float64),
            amount=np.zeros((7, 0, 0), np.int64),
            heap=np.zeros(0, np.int64),
            front=np.zeros(0, np.int64),
            totals=np.zeros(0, np.float64),
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
        self._grow_nodes(16)
        self._init_node(ROOT, -1, ROLE)

    @property
    def widened(self) -> bool:
        """See `Core`."""
        return bool(self._s.scalar[WIDENED])

    @widened.setter
    def widened(self, value: bool) -> None:
        self._s.scalar[WIDENED] = value

    # Room

    def _replace(self, **arrays: Any) -> None:
        self._s = self._s._replace(**arrays)

    def _grow_nodes(self, size: int) -> None:
        s = self._s
        words = -(-size // 64)
        self._replace(
            node=_wider(s.node, size, -1),
            number=_wider(s.number, size, 1),
            amount=_grown(s.amount, (7, size, self._columns), 0),
            heap=_wider(s.heap, size, 0),
            front=_wider(s.front, size, 0),
            ready=_wider(s.ready, words, 0),
        )
        if s.hidden.shape[1]:
            self._replace(hidden=_wider(s.hidden, words, 0))
        if s.excluded.shape[1]:
            self._replace(excluded=_wider(s.excluded, words, 0))

    def _grow_agents(self, size: int) -> None:
        s = self._s
        self._replace(
            agent=_wider(s.agent, size, -1),
            free=_grown(s.free, (size, self._columns), 0),
            checked=_grown(s.checked, (size, self._columns), 0),
            idle=_wider(s.idle, size, 0),
            hidden=_grown(s.hidden, (size, s.hidden.shape[1]), 0),
            excluded=_grown(s.excluded, (size, s.excluded.shape[1]), 0),
        )

    def _grow_held(self, size: int) -> None:
        s, old = self._s, self._s.held.shape[1]
        held = _wider(s.held, size, -1)
        _chain(held[2], old, size, s.scalar, HELD_FREE)
        self._replace(held=held, held_amount=_grown(s.held_amount, (size, self._columns), 0))

    def _grow_records(self, size: int) -> None:
        s, old = self._s, self._s.record.shape[1]
        record = _wider(s.record, size, -1)
        _chain(record[2], old, size, s.scalar, RECORD_FREE)
        self._replace(
            record=record,
            record_amount=_grown(s.record_amount, (size, self._columns), 0),
            until=_wider(s.until, size, 0),
            queue=_wider(s.queue, size, 0),
        )

    def _grow_out(self, size: int) -> None:
        s = self._s
        self._replace(out=_wider(s.out, size, 0), out_amount=_grown(s.out_amount, (size, self._columns), 0))

    def _bits(self, name: str) -> None:
        """Have room for bits of all clients on all agents."""
        array = getattr(self._s, name)
        if not array.shape[1]:
            words = -(-self._s.node.shape[1] // 64)
            self._replace(**{name: np.zeros((array.shape[0], words), np.uint64)})

    # Columns

    def add_column(self, *, counted: bool, twin: int | None = None) -> int:
        """See `Core`."""
        column = self._columns
        self._columns = width = column + 1
        self._counted.append(counted)
        self._cluster.append(0)
        for row in self._totals:
            row.append(0)
        s = self._s
        amount = _grown(s.amount, (*s.amount.shape[:2], width), 0)
        amount[LIMIT, :, column] = NO_LIMIT
        self._replace(
            amount=amount,
            free=_grown(s.free, (len(s.free), width), 0),
            checked=_grown(s.checked, (len(s.free), width), 0),
            totals=_wider(s.totals, width, math.inf),
            twin=_wider(s.twin, width, -1 if twin is None else twin),
            minima=_grown(s.minima, (*s.minima.shape[:2], width), 0),
            headroom=_wider(s.headroom, width, 0),
            part_amount=_grown(s.part_amount, (*s.part_amount.shape[:2], width), 0),
            held_amount=_grown(s.held_amount, (len(s.held_amount), width), 0),
            record_amount=_grown(s.record_amount, (len(s.record_amount), width), 0),
            out_amount=_grown(s.out_amount, (len(s.out_amount), width), 0),
            work=_wider(s.work, width, 0),
        )
        self._s.scalar[TWINS] += twin is not None
        self._s.agent[CHECKED] = 0
        self._stale = True
        return column

    def _row(self, row: Sequence[int]) -> Ints:
        return np.array(row, np.int64)

    # The tree

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
        self._revocable.discard(node)
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

    # Agents

    def add_agent(self, total: list[int]) -> int:
        """See `Core`."""
        if self._spare_agents:
            number = self._spare_agents.pop()
        else:
            number = self._agents
            self._agents += 1
            self._totals.append([0] * self._columns)
            if number >= len(self._s.free):
                self._grow_agents(max(16, 2 * number))
        self._there.add(number)
        self._s.agent[:, number] = -1
        self._s.agent[[ON, CHECKED], number] = 1, 0
        self._totals[number] = [0] * self._columns
        self.set_total(number, total)
        return number

    def remove_agent(self, agent: int) -> None:
        """See `Core`."""
        for (client, part), row in self.held(agent).items():
            self.give(agent, client, part, row)
        for role in list(self._reserved.get(agent, ())):
            self.set_reserved(agent, role, [0] * self._columns)
        self.set_active(agent, active=False)
        self._cluster = [whole - mine for whole, mine in zip(self._cluster, self._totals[agent], strict=True)]
        refusals.forgive(agent, -1, *self._s)
        self._s.free[agent] = 0
        if self._s.excluded.shape[1]:
            self._s.excluded[agent] = 0
        self._left_out = {pair for pair in self._left_out if pair[0] != agent}
        self._there.discard(agent)
        self._spare_agents.append(agent)
        self._make_stale()

    def set_total(self, agent: int, total: list[int]) -> None:
        """See `Core`."""
        old = self._totals[agent]
        self._totals[agent] = list(total)
        self._cluster = [whole + now - was for whole, now, was in zip(self._cluster, total, old, strict=True)]
        self._move(agent, self._row(total) - self._row(old))
        self._make_stale()
        self.widened |= bool(self._quotas)

    def _move(self, agent: int, row: Ints) -> None:
        ledger.shift(agent, row, *self._s)

    def set_active(self, agent: int, *, active: bool) -> None:
        """See `Core`."""
        s = self._s
        if bool(s.agent[ON, agent]) != active:
            free = np.maximum(0, s.free[agent])
            s.headroom[:] += free if active else -free
            s.agent[ON, agent] = active
            self._move(agent, np.zeros(self._columns, np.int64))
            self.widened |= bool(self._quotas)

    def set_reserved(self, agent: int, role: int, row: list[int]) -> None:
        """See `Core`."""
        here = self._reserved.setdefault(agent, {})
        part = here.get(role)
        if part is None:
            if not any(row):
                return
            part = here[role] = self._add_part(agent, role)
        s, new = self._s, self._row(row)
        grown = new - s.part_amount[1, part]
        s.part_amount[1, part] = new
        s.part_amount[0, part] += grown
        node = role
        while node != ROOT:
            s.amount[UNUSED, node] += grown
            node = int(s.node[PARENT, node])
        self._renew_needs(role)
        if not any(row):
            del here[role]
            self._remove_part(agent, part)
        self._move(agent, -grown)
        self.widened |= bool(self._quotas)
        self._make_stale()

    def _add_part(self, agent: int, role: int) -> int:
        if self._spare_parts:
            part = self._spare_parts.pop()
        else:
            part = self._parts
            self._parts += 1
            if part >= self._s.part.shape[1]:
                size = max(16, 2 * part)
                self._replace(
                    part=_wider(self._s.part, size, -1),
                    part_amount=_grown(self._s.part_amount, (2, size, self._columns), 0),
                )
        s = self._s
        s.part_amount[:, part] = 0
        s.part[:, part] = role, s.agent[SLICE, agent]
        s.agent[SLICE, agent] = part
        return part

    def _remove_part(self, agent: int, part: int) -> None:
        s = self._s
        before, here = -1, int(s.agent[SLICE, agent])
        while here != part:
            before, here = here, int(s.part[1, here])
        if before < 0:
            s.agent[SLICE, agent] = s.part[1, part]
        else:
            s.part[1, before] = s.part[1, part]
        self._spare_parts.append(part)

    def exclude(self, agent: int, client: int, *, excluded: bool) -> None:
        """See `Core`."""
        if excluded or self._s.excluded.shape[1]:
            self._bits("excluded")
            bit = np.uint64(1 << (client & 63))
            if excluded:
                self._s.excluded[agent, client >> 6] |= bit
            else:
                self._s.excluded[agent, client >> 6] &= ~bit

    # Movements

    def take(self, agent: int, client: int, part: int, row: list[int], *, counts: bool) -> None:
        """See `Core`."""
        if self._s.scalar[HELD_FREE] < 0:
            self._grow_held(max(16, 2 * self._s.held.shape[1]))
        ledger.take(agent, client, part, self._row(row), int(counts), *self._s)

    def give(self, agent: int, client: int, part: int, row: list[int]) -> None:
        """See `Core`."""
        one = np.array([agent, client, part], np.int64)
        refusals.give_all(0, 1, one[:1], one[1:2], one[2:], self._row(row)[None], 0.0, *self._s)

    def give_all(self, gifts: Gifts, *, until: float = 0.0) -> None:
        """Return all that a pass gave, and refuse it until then if that is above 0: many declines at once."""
        first, last = 0, len(gifts.agents)
        if until > 0:
            self._bits("hidden")
        while first < last:
            first = refusals.give_all(
                first, last, gifts.agents, gifts.clients, gifts.parts, gifts.rows, until, *self._s
            )
            if first < last:
                self._grow_records(max(1024, 2 * self._s.record.shape[1]))

    def refuse(self, agent: int, client: int, row: list[int], until: float) -> None:
        """See `Core`."""
        self._bits("hidden")
        if self._s.scalar[RECORD_FREE] < 0:
            self._grow_records(max(16, 2 * self._s.record.shape[1]))
        refusals.refuse(agent, client, self._row(row), until, *self._s)

    def leave_out(self, agent: int, client: int) -> None:
        """See `Core`."""
        self._left_out.add((agent, client))

    def forgive(self, client: int) -> None:
        """See `Core`."""
        refusals.forgive(-1, client, *self._s)
        self._left_out = {pair for pair in self._left_out if pair[1] != client}

    def expire(self, now: float) -> Iterable[int]:
        """See `Core`."""
        if not self._s.scalar[HEAP_LENGTH]:
            return ()
        agents = np.empty(1024, np.int64)
        found: set[int] = set()
        while True:
            number = refusals.expire(now, agents, *self._s)
            found.update(agents[:number].tolist())
            if number < len(agents):
                return found

    def next_expiry(self) -> float | None:
        """See `Core`."""
        self.expire(-math.inf)
        return float(self._s.until[self._s.queue[0]]) if self._s.scalar[HEAP_LENGTH] else None

    # Decisions

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

    def _clients(self) -> int:
        return int((self._s.node[ACTIVE] * (self._s.node[KIND] == CLIENT)).sum())

    def _gifts(self) -> Gifts:
        s = self._s
        number = int(s.scalar[OUT])
        agents, clients, parts = s.out[:, :number].copy()
        return Gifts(agents, clients, parts, s.out_amount[:number].copy())

    def _make_room(self, margin: int) -> None:
        s = self._s
        if s.scalar[OUT] + margin > s.out.shape[1]:
            self._grow_out(2 * s.out.shape[1] + margin)
        if s.scalar[HELD_USED] + margin > s.held.shape[1]:
            self._grow_held(max(2 * s.held.shape[1], int(s.scalar[HELD_USED]) + 2 * margin, 1024))
        self._most_held = self._s.held.shape[1] - self._margin * FEW_IDLE

    def turn(self, agent: int, client: int, part: int, row: Ints) -> Sequence[Given]:
        """Return what a client holds there and serve at once, in one call; `row` (R,) int64.

        As `give` and `run`, but agents that were left idle are served in no random order.
        """
        if self._stale:
            self._settle()
        if self._s.scalar[HELD_USED] > self._most_held:
            self._make_room(self._margin * FEW_IDLE)
        number = passes.run(self._order, 0, 0, self._margin, agent, client, part, row, *self._s)
        s = self._s
        if number < 0:
            gifts = self.run(self.offerable())
            self.widened = False
            return gifts
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

    def _settle(self) -> None:
        """Bring up to date what is put off until it is looked at."""
        if not self._stale:
            return
        self._stale = False
        s = self._s
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
        self._make_room(self._margin * FEW_IDLE)
        prune = self._quotas and not s.scalar[TWINS] and len(self._minima) <= FEW_MINIMA
        self._s.scalar[PRUNE] = bool(prune)
        siblings.rebuild(*self._s)

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

    # Questions

    def total(self, agent: int) -> list[int]:
        """See `Core`."""
        return self._totals[agent]

    def free(self, agent: int) -> list[int]:
        """See `Core`."""
        row: list[int] = self._s.free[agent].tolist()
        return row

    def reserved(self, agent: int) -> dict[int, tuple[list[int], list[int]]]:
        """See `Core`."""
        amounts = self._s.part_amount
        return {
            role: (amounts[1, part].tolist(), amounts[0, part].tolist())
            for role, part in self._reserved.get(agent, {}).items()
        }

    def held(self, agent: int) -> dict[tuple[int, int], list[int]]:
        """See `Core`."""
        s, found = self._s, {}
        held = int(s.agent[HELD, agent])
        while held >= 0:
            client, part, after = s.held[:, held].tolist()
            found[client, part] = s.held_amount[held].tolist()
            held = after
        return found

    def cluster(self) -> list[int]:
        """See `Core`."""
        return self._cluster

    def allocated(self, node: int) -> list[int]:
        """See `Core`."""
        row: list[int] = self._s.amount[ALLOCATED, node].tolist()
        return row

    def share(self, node: int) -> float:
        """See `Core`."""
        self._settle()
        return float((self._s.amount[ALLOCATED, node] / self._s.totals).max(initial=0.0))

    def room(self, node: int) -> tuple[list[int], list[int]]:
        """See `Core`."""
        amount = self._s.amount[:, node]
        used = amount[ALLOCATED] + amount[UNUSED]
        room = np.where(amount[LIMIT] == NO_LIMIT, NO_LIMIT, np.maximum(0, amount[LIMIT] - used))
        return room.tolist(), (used - amount[BORROWED] - amount[GUARANTEE]).tolist()

    def is_active(self, agent: int) -> bool:
        """See `Core`."""
        return bool(self._s.agent[ON, agent])

    def hidden_until(self, agent: int, client: int, row: list[int]) -> float | None:
        """See `Core`."""
        s, ends = self._s, []
        record = int(s.agent[RECORD, agent])
        while record >= 0:
            if s.record[0, record] == client and (s.record_amount[record] >= row).all():
                ends.append(float(s.until[record]))
            record = int(s.record[2, record])
        return max(ends, default=None)


def _wider(array: NDArray[Any], size: int, fill: float) -> NDArray[Any]:
    """Return the array with its last axis grown."""
    return _grown(array, (*array.shape[:-1], size), fill)


def _grown(array: NDArray[Any], shape: tuple[int, ...], fill: float) -> NDArray[Any]:
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


def _keep(kept: set[int], item: int, *, present: bool) -> None:
    if present:
        kept.add(item)
    else:
        kept.discard(item)
