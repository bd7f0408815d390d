"""The master's rules: what follows from each message and each moment. No I/O, no clock: time is an argument.

Methods change the state, put what must not be forgotten into `changes` and what is to be sent after that is written
into `outbox`; the actor around it does both. Nothing here waits, so every method leaves the state whole: on each
agent total = free + offered + used.
"""

from __future__ import annotations

import logging

from cluster.messages import Filters

from .draining import DrainingRules
from .offers import OfferRules
from .recovery import RecoveryRules
from .registration import RegistrationRules
from .tasks import TaskRules

__all__ = ["MasterState"]

log = logging.getLogger("ostrom.master")


class MasterState(RegistrationRules, DrainingRules, OfferRules, TaskRules, RecoveryRules):
    """All that a master knows, and the rules by which it changes, each kind in a file of its own."""

    def allocate(self, now: float, *, full: bool = False) -> None:
        """See to what follows from the events since the last time; then offer what is free."""
        self.progress_drains(now)
        if full:
            self.renew_inverse_offers()
        self.make_offers(now, full=full)

    def expire(self, now: float) -> None:
        """Do what is due: rescind offers not answered, end frameworks that did not return, give agents up."""
        while self.offers:
            offer, deadline = next(iter(self.offers.values()))
            if deadline > now:
                break
            log.warning("offer %s to %s was not answered, rescinded", offer.id, offer.framework_id)
            # To others first: it counts as declined by whoever let it lapse.
            self.rescind(offer, Filters().seconds(), now)
        self.end_overdue(now)
        self.settle_doubts(now)

    def next_deadline(self) -> float | None:
        """When `expire`, or the expiry of a filter, is due next."""
        deadlines = [d for f in self.frameworks.values() if (d := f.failover_deadline) is not None]
        if self.offers:
            # All offers wait equally long, so the first made is the first due.
            deadlines.append(next(iter(self.offers.values()))[1])
        more = (self.allocator.next_expiry(), self.doubts_due())
        deadlines += [due for due in more if due is not None]
        return min(deadlines, default=None)
