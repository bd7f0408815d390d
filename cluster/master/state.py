"""The master's rules: what follows from each message and each moment. No I/O, no clock: time is an argument.

Methods change the state and put what is to be sent into `outbox`; the actor around it sends that. Nothing
here waits, so every method leaves the state whole: on each agent total = free + offered + used.
"""

from __future__ import annotations

import logging

from cluster.messages import Filters

from .agents import AgentRules
from .offers import OfferRules
from .options import RoleOptions
from .tasks import TaskRules

__all__ = ["MasterState"]

log = logging.getLogger("ostrom.master")


class MasterState(AgentRules, OfferRules, TaskRules):
    """All that a master knows, and the rules by which it changes, each kind in a file of its own."""

    def expire(self, now: float) -> None:
        """Do what is due: rescind offers that were not answered, end frameworks that did not return."""
        while self.offers:
            offer, deadline = next(iter(self.offers.values()))
            if deadline > now:
                break
            log.warning("offer %s to %s was not answered, rescinded", offer.id, offer.framework_id)
            # To others first: it counts as declined by whoever let it lapse.
            self.rescind(offer, Filters().seconds(), now)
        self.end_overdue(now)

    def next_deadline(self) -> float | None:
        """When `expire`, or the expiry of a filter, is due next."""
        deadlines = [d for f in self.frameworks.values() if (d := f.failover_deadline) is not None]
        if self.offers:
            # All offers wait equally long, so the first made is the first due.
            deadlines.append(next(iter(self.offers.values()))[1])
        expiry = self.allocator.next_expiry()
        if expiry is not None:
            deadlines.append(expiry)
        return min(deadlines, default=None)

    def set_weight(self, role: str, weight: float) -> None:
        """A role's weight, from now on."""
        self.allocator.set_role(role, weight=weight)

    def set_role(self, role: str, settings: RoleOptions) -> None:
        """A role's quota and priority, from now on. Its agents may come later, so a guarantee is not checked."""
        self.allocator.set_role(
            role,
            guarantee=settings.guarantee.amounts(),
            limit=settings.limit.amounts(),
            priority=settings.priority,
            force=True,
        )
