"""The books of the compiled engine: who is there, what is free, who holds what."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .array_gifts import Gifts, Ints
from .array_room import grown, wider
from .array_tree import ArrayTree
from .compiled import ledger, refusals
from .compiled.state import (
    ALLOCATED,
    BELOW,
    BORROWED,
    CHECKED,
    GUARANTEE,
    HEAP_LENGTH,
    HELD,
    HELD_FREE,
    LIMIT,
    NEED,
    ON,
    PARENT,
    RECORD,
    RECORD_FREE,
    SLICE,
    UNUSED,
)
from .interface import NO_LIMIT, ROOT

__all__ = ["ArrayBooks"]


class ArrayBooks(ArrayTree):
    """Facts of agents, movements and questions of `Core`."""

    def __init__(self) -> None:
        super().__init__()
        self._agents = 0
        self._spare_agents: list[int] = []
        self._parts = 0
        self._spare_parts: list[int] = []
        self._left_out: set[tuple[int, int]] = set()

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
        if self._s.recorded.shape[1]:
            self._s.recorded[agent] = 0
        if self._s.excluded.shape[1]:
            self._s.excluded[agent] = 0
        self._left_out = {pair for pair in self._left_out if pair[0] != agent}
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
                    part=wider(self._s.part, size, -1),
                    part_amount=grown(self._s.part_amount, (2, size, self._columns), 0),
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
            self._bits("recorded")
        while first < last:
            first = refusals.give_all(
                first, last, gifts.agents, gifts.clients, gifts.parts, gifts.rows, until, *self._s
            )
            if first < last:
                self._grow_records(max(1024, 2 * self._s.record.shape[1]))

    def refuse(self, agent: int, client: int, row: list[int], until: float) -> None:
        """See `Core`."""
        self._bits("hidden")
        self._bits("recorded")
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

    def claims(self, client: int) -> list[int]:
        """See `Core`."""
        amount = self._s.amount
        own = others = need = np.zeros(self._columns, np.int64)
        node = client
        while node != ROOT:
            others = others + amount[BELOW, node] - need
            lacking = np.where(amount[GUARANTEE, node] > 0, -np.array(self.room(node)[1]), 0)
            own = np.maximum(own, lacking - others)
            need = amount[NEED, node]
            node = int(self._s.node[PARENT, node])
        row: list[int] = own.tolist()
        return row

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
