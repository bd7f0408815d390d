"""What the master asks of an allocator, and what it gets back.

Amounts are mappings of resource name to an integer number of thousandths ("cpus": 1500 is one and a half
cpus; "mem" and "disk" are thousandths of a MiB; "ports" is a count, the ranges stay with the master). Times
are seconds on any clock the caller likes: the allocator has none of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

Amounts = Mapping[str, int]
"""Resource name to thousandths."""

Client = tuple[str, str]
"""(framework, role): the unit that is charged."""

NOTHING_ALLOCATED: Mapping[Client, Amounts] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Grant:
    """Resources of one agent to offer to one framework in one role; already charged to it."""

    agent: str
    framework: str
    role: str
    amounts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of one `allocate` call.

    `grants` are in the order in which they were decided. `next_expiry` is the time at which the next filter
    ends (None: no filter is set); calling `allocate` then considers the agents that it hid.
    """

    grants: list[Grant]
    next_expiry: float | None


class OfferAllocator(Protocol):
    """Decides who is offered what next.

    All methods but `allocate` only record facts; nothing is decided in them. Every method raises
    `AllocatorError` for unknown names and malformed values, before any state changed.
    """

    def add_agent(
        self, agent: str, total: Amounts, allocated: Mapping[Client, Amounts] = NOTHING_ALLOCATED
    ) -> None:
        """Add an agent with its whole resources and what is already used there, by (framework, role).

        `allocated` is for a new master that learns of running tasks. Its frameworks may still be unknown:
        they are charged, and get nothing until `set_framework`. If more is used than the total, the agent is
        over-committed and offers nothing of that resource until enough was released.
        """
        ...

    def update_agent(self, agent: str, *, total: Amounts | None = None, active: bool | None = None) -> None:
        """Change an agent's whole resources, or whether it is offered at all; None changes nothing."""
        ...

    def remove_agent(self, agent: str) -> None:
        """Forget an agent, its filters and everything allocated there, which is uncharged."""
        ...

    def set_framework(
        self,
        framework: str,
        roles: Sequence[str],
        *,
        suppressed: Collection[str] = (),
        min_offer: Sequence[Amounts] = (),
        active: bool = True,
    ) -> None:
        """Add a framework or replace all its settings; what it holds stays charged.

        An inactive framework is offered nothing and loses its filters, and so does one in a role it left. A
        role that is no longer suppressed is revived. `min_offer` replaces the allocator's minimum: an offer
        must contain at least one of the alternatives; empty means the allocator's default.
        """
        ...

    def remove_framework(self, framework: str) -> None:
        """Forget a framework and its filters; all that it held is free again."""
        ...

    def set_role(self, role: str, *, weight: float = 1.0) -> None:
        """Set a role's weight among its siblings; "eng/dev" is a child of "eng"."""
        ...

    def release(
        self,
        agent: str,
        framework: str,
        role: str,
        amounts: Amounts,
        *,
        refuse: float | None = None,
        now: float = 0.0,
    ) -> None:
        """Return amounts to the agent: a task ended, an offer was declined, rescinded or used in part.

        `refuse` None (an ended task) lets the client be offered them again at once. `refuse` > 0 seconds (a
        decline) sets a filter until `now + refuse`: an offer of this agent to this client that is contained
        in `amounts` is not made. `refuse` 0 leaves the client out for this agent in the next `allocate` call
        only, so that a decline goes to somebody else and does not come straight back.
        """
        ...

    def suppress(self, framework: str, roles: Collection[str] | None = None) -> None:
        """Offer nothing to the framework in these roles (None: all of its roles) until revived."""
        ...

    def revive(self, framework: str, roles: Collection[str] | None = None) -> None:
        """End suppression and all filters of the framework in these roles (None: all of its roles)."""
        ...

    def allocate(self, now: float, *, full: bool = False) -> Decision:
        """Decide over the agents where something changed since the last call, or over all (`full`)."""
        ...

    def explain(self, framework: str, agent: str, now: float) -> list[str]:
        """Say why the agent is not offered to the framework; [] if it would be, were its turn to come."""
        ...

    def shares(self) -> dict[Client, float]:
        """Return the dominant share, from 0 to 1, of every (framework, role); weights are not in it."""
        ...

    def role_shares(self) -> dict[str, float]:
        """Return the dominant share of every role and all roles below it; weights are not in it."""
        ...

    def next_expiry(self) -> float | None:
        """Return when the next filter ends, or None."""
        ...

    def free(self, agent: str) -> dict[str, int]:
        """Return what is neither used nor on offer (nothing where over-committed), without zero amounts."""
        ...

    def total(self, agent: str) -> dict[str, int]:
        """Return the agent's whole resources, without zero amounts."""
        ...

    def allocated(self, agent: str) -> dict[Client, dict[str, int]]:
        """Return what is used or on offer, by (framework, role), without zero amounts."""
        ...
