"""Roles: weights and quotas, from now on and for masters to come."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from allocators.errors import AllocatorError
from cluster.registry import Quota

from .ledger import Ledger
from .validation import role_problem, size_problem

__all__ = ["RoleRules"]

log = logging.getLogger("ostrom.master")


class RoleRules(Ledger):
    """After a change all offers are rescinded and made anew, so that it is in force at once."""

    def set_weights(self, weights: Mapping[str, float]) -> str | None:
        """Set roles' weights; return what is wrong with one of them, when none is set."""
        for role, weight in weights.items():
            if problem := role_problem(role):
                return problem
            if not isinstance(weight, int | float) or not 0 < weight < float("inf"):
                return f"role {role!r}: weight must be a number above zero, not {weight!r}"
        for role, weight in weights.items():
            self.allocator.set_role(role, weight=float(weight))
            self.record("weights", role, float(weight))
        self._offer_anew()
        return None

    def set_quota(self, role: str, quota: Quota) -> str | None:
        """Set a role's quota and priority; return what is wrong with it, a guarantee above all there is, say."""
        if problem := role_problem(role) or size_problem("quota", quota):
            return problem
        try:
            self.apply_quota(role, quota, force=False)
        except AllocatorError as error:
            return str(error)
        self.record("quotas", role, quota)
        log.info("role %s: guarantee %s, limit %s", role, quota.guarantee, quota.limit)
        self._offer_anew()
        return None

    def remove_quota(self, role: str) -> str | None:
        """End a role's quota and priority; return what is wrong with that."""
        if role not in self.registry.quotas:
            return f"role {role[:255]!r} has no quota"
        self.apply_quota(role, Quota(), force=True)
        self.record("quotas", role, None)
        self._offer_anew()
        return None

    def apply_quota(self, role: str, quota: Quota, *, force: bool) -> None:
        """Have the allocator heed a quota; forced, where a guarantee's agents may still come. AllocatorError."""
        self.allocator.set_role(
            role,
            guarantee=quota.guarantee.amounts(),
            limit=quota.limit.amounts(),
            priority=quota.priority,
            force=force,
        )

    def _offer_anew(self) -> None:
        """All offers: what one role may have more is what another has on offer, wherever that is."""
        for offer, _ in list(self.offers.values()):
            self.rescind(offer, None, 0.0)
