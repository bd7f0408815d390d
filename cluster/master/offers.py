"""Offers at the master: made, declined, accepted, and what is done with them."""

from __future__ import annotations

import logging

from cluster.messages import (
    Accept,
    Decline,
    Launch,
    LaunchGroup,
    Offer,
    Offers,
    Operation,
    OperationState,
    Reason,
    Reserve,
    TaskState,
    Unreserve,
    UpdateOperation,
)
from cluster.resources import Resources

from .launching import LaunchRules
from .parts import Parts, offer_parts, total
from .records import AgentRecord, FrameworkRecord
from .reservations import ReservationRules

__all__ = ["OfferRules"]

log = logging.getLogger("ostrom.master")

NONE = Resources()


MAX_RESERVATIONS = 256
"""Made or ended in one Accept, which is one turn of the master's, and nobody else's meanwhile."""


class OfferRules(LaunchRules, ReservationRules):
    """What follows from what is free, and from what frameworks answer."""

    def make_offers(self, now: float, *, full: bool = False) -> None:
        """Offer what is free, as the allocator decides."""
        made: dict[str, list[Offer]] = {}
        for grant in self.allocator.allocate(now, full=full).grants:
            agent = self.agents[grant.agent]
            framework = self.frameworks[grant.framework]
            parts = Parts(
                agent.unused.plain.take(grant.amounts),
                {role: agent.unused.reserved[role].take(amounts) for role, amounts in grant.reserved.items()},
                agent.unused.revocable.take(grant.revocable) if grant.revocable else NONE,
            )
            agent.unused -= parts
            offer = Offer(
                self.new_id("O"),
                framework.id,
                agent.id,
                agent.info.hostname,
                parts.whole,
                grant.role,
                agent.info.attributes,
                str(agent.upid),
                parts.reserved,
                parts.revocable,
                agent.unavailability,
            )
            agent.offers.add(offer.id)
            framework.offers[offer.id] = offer
            self.offers[offer.id] = (offer, now + self.options.offer_timeout)
            made.setdefault(framework.id, []).append(offer)
        for framework_id, offers in made.items():
            self.tell(self.frameworks[framework_id], Offers(tuple(offers)))
            self.count("offers_made", len(offers))

    def decline(self, framework: FrameworkRecord, message: Decline, now: float) -> None:
        """Take offers back, and do not make them again for a while."""
        for offer_id in message.offer_ids:
            offer = framework.offers.get(offer_id)
            if offer is None:
                # Declined in the moment that it was rescinded: nothing to do.
                self.count("stale_declines")
                continue
            self.drop_offer(offer)
            self.return_to_agent(offer, offer_parts(offer), message.filters.seconds(), now)
        self.count("offers_declined", len(message.offer_ids))

    def accept(self, framework: FrameworkRecord, message: Accept, now: float) -> None:
        """Do what is wanted with offers, in order. What cannot be done is told, each by itself; the rest returns."""
        offers = [framework.offers[i] for i in dict.fromkeys(message.offer_ids) if i in framework.offers]
        problem = _offers_problem(message.offer_ids, offers)
        number = sum(isinstance(operation, Reserve | Unreserve) for operation in message.operations)
        if number > MAX_RESERVATIONS:
            problem = f"there are {number} reservations to make or to end, {MAX_RESERVATIONS} at most can be at once"
        for offer in offers:
            self.drop_offer(offer)
        if problem:
            for offer in offers:
                self.return_to_agent(offer, offer_parts(offer), 0.0, now)
            if self.recovering and not all(self.is_own(offer_id) for offer_id in message.offer_ids):
                # A former master may have taken it, and launched: who asks is told when the agents are back.
                log.info("framework %s: offers of a former master, no answer: %s", framework.id, problem)
                return
            for operation in message.operations:
                self._drop_operation(framework, operation, problem, now)
            return
        agent, role = self.agents[offers[0].agent_id], offers[0].role
        left = total(map(offer_parts, offers[1:]), offer_parts(offers[0]))
        for operation in message.operations:
            left, problem = self._perform(framework, agent, role, operation, left, now)
            if operation.id or (problem and not isinstance(operation, Launch | LaunchGroup)):
                state = OperationState.ERROR if problem else OperationState.FINISHED
                self.tell(framework, UpdateOperation(operation.id, state, problem or ""))
        # What was not used is declined; one release for each offer would set one filter for each.
        self.return_to_agent(offers[0], left, message.filters.seconds(), now)
        self.count("offers_accepted", len(offers))

    def _perform(
        self,
        framework: FrameworkRecord,
        agent: AgentRecord,
        role: str,
        operation: Operation,
        left: Parts,
        now: float,
    ) -> tuple[Parts, str | None]:
        """Do one operation; return what is left after it, and what was wrong with it."""
        if isinstance(operation, Launch):
            return self.launch(framework, agent, role, operation, left, now)
        if isinstance(operation, LaunchGroup):
            return self.launch_group(framework, agent, role, operation, left, now)
        if isinstance(operation, Reserve):
            return self.reserve_offered(framework, agent, role, operation, left)
        return self.unreserve_offered(framework, agent, role, operation, left)

    def _drop_operation(
        self, framework: FrameworkRecord, operation: Operation, problem: str, now: float
    ) -> None:
        """Tell that an operation was not begun: its offers are not valid."""
        launch = isinstance(operation, Launch | LaunchGroup)
        if isinstance(operation, Launch | LaunchGroup):
            for task in operation.tasks:
                self.refuse_task(framework, task, TaskState.DROPPED, Reason.INVALID_OFFERS, problem, now)
        if operation.id or not launch:
            self.tell(framework, UpdateOperation(operation.id, OperationState.DROPPED, problem))


def _offers_problem(offer_ids: tuple[str, ...], offers: list[Offer]) -> str | None:
    if not offer_ids:
        return "no offer is named"
    if len(set(offer_ids)) != len(offer_ids):
        return "an offer is named twice"
    if len(offers) != len(offer_ids):
        known = {offer.id for offer in offers}
        unknown = next(i for i in offer_ids if i not in known)
        return f"offer {unknown[:80]!r} is not valid: it was used, declined or rescinded, or never was"
    if len({(offer.agent_id, offer.role) for offer in offers}) > 1:
        return "the offers are of different agents or roles"
    return None
