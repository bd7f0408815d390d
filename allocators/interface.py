"""What the master asks of an allocator, and what it gets back.

Amounts are mappings of resource name to an integer number of thousandths ("cpus": 1500 is one and a half
cpus; "mem" and "disk" are thousandths of a MiB; "ports" is a count, the ranges stay with the master). Times
are seconds on any clock the caller likes: the allocator has none of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from allocators.constraints import OfferConstraints

Amounts = Mapping[str, int]
"""Resource name to thousandths."""

Client = tuple[str, str]
"""(framework, role): the unit that is charged."""

NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Grant:
    """Resources of one agent for one framework in one role; already charged to it.

    `amounts` are not reserved. `reserved` are those that are reserved for its role or for roles above that,
    by role. `revocable` may be taken back at any time; they count in no share and no quota.
    """

    agent: str
    framework: str
    role: str
    amounts: dict[str, int]
    reserved: dict[str, dict[str, int]] = field(default_factory=dict)
    revocable: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of one `allocate` call.

    `grants` are in the order in which they were decided. `next_expiry` is the time at which a filter, a hold or a
    maintenance window begins or ends next (None: nothing is due); `allocate` has something to do then.
    """

    grants: Sequence[Grant]
    next_expiry: float | None


@dataclass(frozen=True, slots=True)
class Revocation:
    """What to take from a framework for the sake of another: whole amounts, not whole tasks."""

    agent: str
    framework: str
    role: str
    amounts: dict[str, int]
    beneficiary: Client


class OfferAllocator(Protocol):
    """Decides who is offered what next.

    All methods but `allocate` only record facts; nothing is decided in them. Every method raises
    `AllocatorError` for unknown names and malformed values, before any state changed.
    """

    def add_agent(
        self,
        agent: str,
        total: Amounts,
        allocated: Mapping[Client, Amounts] = NOTHING,
        *,
        attributes: Mapping[str, str | float] = NOTHING,
        reservations: Mapping[str, Amounts] = NOTHING,
        revocable: Amounts = NOTHING,
    ) -> None:
        """Add an agent with its whole resources and what is already used there, by (framework, role).

        `allocated` is for a new master that learns of running tasks; it is of what is not reserved, see `claim`
        for the rest. Its frameworks may still be unknown: they are charged, and get nothing until
        `set_framework`. If more is used than there is, the agent is over-committed and offers nothing of that
        resource until enough was released. `reservations` are parts of the total, by role; `revocable` comes on
        top of it.
        """
        ...

    def update_agent(
        self,
        agent: str,
        *,
        total: Amounts | None = None,
        active: bool | None = None,
        attributes: Mapping[str, str | float] | None = None,
        reservations: Mapping[str, Amounts] | None = None,
        revocable: Amounts | None = None,
        unavailability: tuple[float, float | None] | tuple[()] | None = None,
    ) -> None:
        """Change what is named; None changes nothing.

        An agent that is not active is offered to nobody. `reservations` replace all there were: what is newly
        reserved must be free, and what is held of a reservation stays reserved. `unavailability` is (start, duration
        in seconds, None without end) of a maintenance window, in which nothing is offered, or () for none.
        """
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
        revocable: bool = False,
        constraints: OfferConstraints | None = None,
        hold_after: float | None = None,
    ) -> None:
        """Add a framework or replace all its settings; what it holds stays charged.

        An inactive framework is offered nothing and loses its filters, and so does one in a role it left. A
        role that is no longer suppressed is revived. `min_offer` replaces the allocator's minimum: an offer
        must contain at least one of the alternatives; empty means the allocator's default. `revocable` frameworks
        are offered revocable resources too. `constraints` say which agents it can use. `hold_after`: when it
        has waited that many seconds for an offer of its `min_offer`, an agent that could make one is held for it, and
        what becomes free there is kept until it is enough.
        """
        ...

    def remove_framework(self, framework: str) -> None:
        """Forget a framework and its filters; all that it held is free again."""
        ...

    def set_role(
        self,
        role: str,
        *,
        weight: float | None = None,
        guarantee: Amounts | None = None,
        limit: Amounts | None = None,
        priority: int | None = None,
        force: bool = False,
    ) -> None:
        """Change what is named of a role; "eng/dev" is a child of "eng". None changes nothing.

        `weight` (1 if never set) is among its siblings. The quota: the role and all roles below it together are kept
        free `guarantee` and get at most `limit`, of the resources named; what is reserved for them counts, used or
        not. Guarantees above what the cluster has are an error unless it is forced, say by a master whose agents have
        not come yet. `priority` (0) is for policies that heed it.
        """
        ...

    def release(
        self,
        agent: str,
        framework: str,
        role: str,
        amounts: Amounts,
        *,
        reserved: Mapping[str, Amounts] = NOTHING,
        revocable: Amounts = NOTHING,
        refuse: float | None = None,
        now: float = 0.0,
    ) -> None:
        """Return amounts to the agent: a task ended, an offer was declined, rescinded or used in part.

        `refuse` None (an ended task) lets the client be offered them again at once. `refuse` > 0 seconds (a
        decline) sets a filter until `now + refuse`: an offer of this agent to this client that is contained
        in what is released is not made; reserved or not is all the same. `refuse` 0 leaves the client out for this
        agent in the next `allocate` call only, so that a decline goes to somebody else and does not come straight
        back.
        """
        ...

    def claim(
        self,
        agent: str,
        framework: str,
        role: str,
        amounts: Amounts,
        *,
        reserved: Mapping[str, Amounts] = NOTHING,
        revocable: Amounts = NOTHING,
    ) -> None:
        """Charge a client with what it holds by another way than an offer; what is reserved must be free."""
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

    def revocations(self, now: float) -> list[Revocation]:
        """Say what to take from whom so that frameworks below their roles' guarantees can have what they want."""
        ...

    def explain(self, framework: str, agent: str, now: float) -> list[str]:
        """Say why the agent is not offered to the framework; [] if it would be, were its turn to come.

        Time passes as in `allocate`: what has ended by `now` has ended.
        """
        ...

    def shares(self) -> dict[Client, float]:
        """Return the dominant share of every (framework, role): 1 is all there is; weights are not in it."""
        ...

    def role_shares(self) -> dict[str, float]:
        """Return the dominant share of every role and all roles below it; weights are not in it."""
        ...

    def next_expiry(self) -> float | None:
        """Return when a filter, a hold or a maintenance window begins or ends next, or None."""
        ...

    def free(self, agent: str) -> dict[str, int]:
        """Return what is neither used nor on offer (nothing where over-committed), without zero amounts.

        Reserved or not, all is in it; what is revocable is not.
        """
        ...

    def total(self, agent: str) -> dict[str, int]:
        """Return the agent's whole resources, without zero amounts."""
        ...

    def allocated(self, agent: str) -> dict[Client, dict[str, int]]:
        """Return what is used or on offer, reserved or not, by (framework, role), without zero amounts."""
        ...

    def holdings(self, agent: str) -> list[Grant]:
        """Return what is used or on offer there, each client's as one grant."""
        ...
