"""What an engine does: the books and the decisions, with numbers for names.

Agents, nodes of the role tree, clients (leaves of it) and resources (columns) are small integers; a row is one
amount in thousandths for each column. Nothing is validated here: `DRFAllocator` does that, and keeps the names.
Two engines do the same: `PlainCore`, which takes any order of siblings, and `ArrayCore`, compiled.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_LIMIT", "ROOT", "UNRESERVED", "Core", "Given", "Minimum", "Part", "Pass", "Reason"]

ROOT = 0
"""The node above all roles."""

UNRESERVED = -1
"""The part of an agent that is reserved for nobody; the revocable columns belong to it."""

NO_LIMIT = 2**62
"""The limit where there is none."""

Part = tuple[int, list[int]]
"""(node of the role that it is reserved for, or `UNRESERVED`; row)."""

Minimum = list[list[tuple[int, int]]]
"""Alternatives of (column, thousandths), of which one must be reached; none: anything will do."""


class Given(NamedTuple):
    """One grant: who gets what of which agent."""

    agent: int
    client: int
    parts: list[Part]


class Pass(Sequence[Given]):
    """What a pass over many agents gave, kept as arrays."""

    @abstractmethod
    def pairs(self) -> Iterable[tuple[int, int]]:
        """Yield (agent, client) of each grant."""

    @abstractmethod
    def reserved_for(self) -> Iterable[int]:
        """Yield the nodes of the roles of whose reservations something was given."""


class Reason(IntEnum):
    """Why an agent is not given to a client: the first thing that is in the way."""

    NONE = 0
    EXCLUDED = 1
    LEFT_OUT = 2
    NOTHING_FREE = 3
    TOO_SMALL = 4
    LIMIT = 5
    GUARANTEES = 6
    REFUSED = 7


class Core(Protocol):
    """The books of an allocator, and the pass over agents that gives out what is free."""

    widened: bool
    """Something happened after which agents other than those it happened to may be given: quotas have more room."""

    # Columns

    def add_column(self, *, counted: bool, twin: int | None = None) -> int:
        """Add a resource; `counted` ones make shares. `twin`: it is the revocable kind of that column."""
        ...

    # The tree

    def add_node(self, parent: int, name: str, role: str, framework: str = "") -> int:
        """Add a role, a group, or with `framework` a client, which is not active."""
        ...

    def remove_node(self, node: int) -> None:
        """Remove a node that has no children, no quota, holds nothing, and is not active."""
        ...

    def set_weight(self, node: int, weight: float) -> None:
        """Set the weight among siblings."""
        ...

    def set_priority(self, node: int, priority: int) -> None:
        """Set what some orders heed."""
        ...

    def set_quota(self, node: int, guarantee: list[int], limit: list[int]) -> None:
        """Set a role's quota; rows, 0 and `NO_LIMIT` where there is none."""
        ...

    def set_minimum(self, minimum: Minimum) -> None:
        """Set the smallest offer of clients without a minimum of their own."""
        ...

    def set_client(self, client: int, *, active: bool, minimum: Minimum | None, revocable: bool) -> None:
        """Say whether a client is in the order, and what it can use."""
        ...

    # Agents

    def add_agent(self, total: list[int]) -> int:
        """Add an active agent; its number is that of the one removed last, or a new one."""
        ...

    def remove_agent(self, agent: int) -> None:
        """Remove an agent with its reservations, filters and all that is held there."""
        ...

    def set_total(self, agent: int, total: list[int]) -> None:
        """Replace the total; what is not reserved moves by the difference."""
        ...

    def set_active(self, agent: int, *, active: bool) -> None:
        """Say whether the agent is given to anybody."""
        ...

    def set_reserved(self, agent: int, role: int, row: list[int]) -> None:
        """Replace what is reserved there for a role, at the cost of what is not reserved."""
        ...

    def exclude(self, agent: int, client: int, *, excluded: bool) -> None:
        """Never give the agent to the client, or do."""
        ...

    # Movements

    def take(self, agent: int, client: int, part: int, row: list[int], *, counts: bool) -> None:
        """Charge a client; `counts`: as one more allocation, which breaks ties."""
        ...

    def give(self, agent: int, client: int, part: int, row: list[int]) -> None:
        """Return what a client holds."""
        ...

    def refuse(self, agent: int, client: int, row: list[int], until: float) -> None:
        """Hide from a client all offers of the agent that are contained in `row`, for a time."""
        ...

    def leave_out(self, agent: int, client: int) -> None:
        """Pass over the client for this agent in the next `run`."""
        ...

    def forgive(self, client: int) -> None:
        """Forget all refusals of a client."""
        ...

    def expire(self, now: float) -> Iterable[int]:
        """Forget the filters that ended; return their agents."""
        ...

    def next_expiry(self) -> float | None:
        """Return when the next filter ends."""
        ...

    # Decisions

    def offerable(self, among: Iterable[int] | None = None) -> Sequence[int] | NDArray[np.int64]:
        """Return, ascending, the active agents with anything free: of `among`, or of all."""
        ...

    def run(self, order: Sequence[int] | NDArray[np.int64]) -> list[Given] | Pass:
        """Give out what is free on these agents, in that order; then nobody is left out any more."""
        ...

    def offer(self, agent: int, client: int) -> tuple[Reason, list[Part]]:
        """What would be given to the client were its turn now, by the code that decides."""
        ...

    def available(self, agent: int, client: int) -> list[Part]:
        """What is free there for the client within its quota, however little, refused or not."""
        ...

    # Questions

    def total(self, agent: int) -> list[int]:
        """Return the agent's total."""
        ...

    def free(self, agent: int) -> list[int]:
        """Return what is free and not reserved; negative where over-committed."""
        ...

    def reserved(self, agent: int) -> dict[int, tuple[list[int], list[int]]]:
        """Return what is reserved there by role, and what is free of it."""
        ...

    def held(self, agent: int) -> dict[tuple[int, int], list[int]]:
        """Return what is held there by (client, part)."""
        ...

    def cluster(self) -> list[int]:
        """Return the sum of all agents' totals."""
        ...

    def allocated(self, node: int) -> list[int]:
        """Return what a node's whole subtree holds, revocable columns included."""
        ...

    def share(self, node: int) -> float:
        """Return the dominant share of a node's subtree."""
        ...

    def room(self, node: int) -> tuple[list[int], list[int]]:
        """Return what a role may still get by its limit, and by how much it is above its guarantee: below, negative."""
        ...

    def claims(self, client: int) -> list[int]:
        """Return what the client's roles lack of their guarantees that is not kept for others below them."""
        ...

    def is_active(self, agent: int) -> bool:
        """Return whether the agent is given to anybody."""
        ...

    def hidden_until(self, agent: int, client: int, row: list[int]) -> float | None:
        """Return until when a filter hides this very offer."""
        ...
