"""Reservations: resources of an agent that are kept for a role, made and ended by frameworks and operators."""

from __future__ import annotations

import logging

from allocators.errors import AllocatorError
from cluster.messages import Reserve, Reserved, Unreserve
from cluster.resources import ResourceError, Resources

from .ledger import Ledger
from .parts import Parts, offer_parts, total
from .records import AgentRecord, FrameworkRecord
from .validation import role_problem, size_problem

__all__ = ["ReservationRules"]

log = logging.getLogger("ostrom.master")


MAX_ROLES = 100
"""Roles for which something is reserved of one agent: each change costs time for all of them."""


class ReservationRules(Ledger):
    """What is reserved is on record before it is told; the allocator counts it for its role, used or not."""

    def reserve_offered(
        self, framework: FrameworkRecord, agent: AgentRecord, role: str, operation: Reserve, left: Parts
    ) -> tuple[Parts, str | None]:
        """Reserve a part of what is left of an offer to `role`; return what is left then, and what was wrong.

        What is reserved for a role below the offer's is the framework's no longer.
        """
        wanted, owner = operation.resources, operation.role
        problem = _problem(wanted, owner) or _off_path(owner, role)
        if problem is None and not left.plain.contains(wanted):
            problem = f"more than is offered unreserved: {left.plain.missing(wanted)}"
        before, after = Parts(wanted), Parts(reserved={owner: wanted})
        kept = role == owner or role.startswith(f"{owner}/")
        if problem is None:
            pool = left if kept else agent.unused + before
            problem = _swap_problem(pool, before, after)
        if problem is None:
            problem = self._exchange(agent, before, after, (framework.id, role))
        if problem is not None:
            return left, problem
        if not kept:
            agent.unused += after
        return left - before + after if kept else left - before, None

    def unreserve_offered(
        self, framework: FrameworkRecord, agent: AgentRecord, role: str, operation: Unreserve, left: Parts
    ) -> tuple[Parts, str | None]:
        """End the reservation of a part of what is left of an offer; return what is left, and what was wrong."""
        wanted, owner = operation.resources, operation.role
        problem = _problem(wanted, owner)
        there = left.reserved.get(owner, Resources())
        if problem is None and not there.contains(wanted):
            problem = f"more than is offered of what is reserved for {owner!r}: {there.missing(wanted)}"
        before, after = Parts(reserved={owner: wanted}), Parts(wanted)
        problem = problem or _swap_problem(left, before, after)
        if problem is None:
            problem = self._exchange(agent, before, after, (framework.id, role))
        return (left, problem) if problem is not None else (left - before + after, None)

    def reserve(self, agent_id: str, role: str, resources: Resources) -> str | None:
        """Reserve resources of an agent for a role on an operator's word; return what is wrong with that."""
        before, after = Parts(resources), Parts(reserved={role: resources})
        return self._reserve_free(agent_id, role, resources, before, after)

    def unreserve(self, agent_id: str, role: str, resources: Resources) -> str | None:
        """End a reservation, or a part of it, that nobody uses; return what is wrong with that."""
        before, after = Parts(reserved={role: resources}), Parts(resources)
        return self._reserve_free(agent_id, role, resources, before, after)

    def _reserve_free(
        self, agent_id: str, role: str, resources: Resources, before: Parts, after: Parts
    ) -> str | None:
        """Exchange free resources of an agent for others. Offers of it are rescinded as far as needed."""
        agent = self.agents.get(agent_id)
        if agent is None:
            return f"agent {agent_id[:255]!r} is not registered"
        if problem := _problem(resources, role):
            return problem
        offers = [self.offers[offer_id][0] for offer_id in sorted(agent.offers)]
        if lacking := _lacking(total([agent.unused, *map(offer_parts, offers)]), before):
            return f"agent {agent_id}: {lacking}"
        for offer in offers:
            if not _lacking(agent.unused, before):
                break
            self.rescind(offer, None, 0.0)
        problem = _swap_problem(agent.unused, before, after)
        if problem := problem or self._exchange(agent, before, after, None):
            return problem
        agent.unused = agent.unused - before + after
        log.info("agent %s: %s, role %s, by an operator", agent_id, resources, role)
        return None

    def _exchange(
        self, agent: AgentRecord, before: Parts, after: Parts, holder: tuple[str, str] | None
    ) -> str | None:
        """Have resources reserved that were not, or the other way; they are free, or their holder's.

        Return what is wrong; nothing has changed then.
        """
        try:
            reservations = (Parts(reserved=agent.reserved, plain=before.plain) - before + after).reserved
        except ResourceError as error:
            return str(error)
        if problem := size_problem(f"what is reserved on agent {agent.id}", reservations):
            return problem
        if len(reservations) > max(MAX_ROLES, len(agent.reserved)):
            return (
                f"agent {agent.id}: something is reserved for {MAX_ROLES} roles, the most that there can be"
            )
        if holder is not None:
            self._hold(agent, holder, before, release=True)
        try:
            self.allocator.update_agent(
                agent.id, reservations={role: each.amounts() for role, each in reservations.items()}
            )
        except AllocatorError as error:
            if holder is not None:
                self._hold(agent, holder, before)
            return str(error)
        if holder is not None and all(
            holder[1] == owner or holder[1].startswith(f"{owner}/") for owner in after.reserved
        ):
            self._hold(agent, holder, after)
        self._remember(agent, reservations)
        return None

    def _hold(
        self, agent: AgentRecord, holder: tuple[str, str], parts: Parts, *, release: bool = False
    ) -> None:
        move = self.allocator.release if release else self.allocator.claim
        move(agent.id, *holder, parts.plain.amounts(), reserved=parts.reserved_amounts)

    def _remember(self, agent: AgentRecord, reservations: Reserved) -> None:
        agent.reserved = reservations
        self.record("reservations", agent.id, reservations or None)


def _problem(resources: Resources, role: str) -> str | None:
    if problem := role_problem(role):
        return problem
    if role == "*":
        return "nothing can be reserved for role '*', which is everybody's"
    return None if resources else "resources is empty"


def _off_path(owner: str, role: str) -> str | None:
    if owner == role or owner.startswith(f"{role}/") or role.startswith(f"{owner}/"):
        return None
    return f"role {owner!r} is neither the offer's role {role!r} nor above or below it"


def _swap_problem(pool: Parts, before: Parts, after: Parts) -> str | None:
    """What is wrong with having one for the other: ranges, say, in too many pieces."""
    try:
        _ = pool - before + after
    except ResourceError as error:
        return str(error)
    return None


def _lacking(there: Parts, wanted: Parts) -> str:
    """What of it is not there, for people."""
    if not there.plain.contains(wanted.plain):
        return f"not enough that is unreserved and unused: {there.plain.missing(wanted.plain)}"
    for role, resources in wanted.reserved.items():
        mine = there.reserved.get(role, Resources())
        if not mine.contains(resources):
            return f"not enough reserved for {role!r} and unused: {mine.missing(resources)}"
    return ""
