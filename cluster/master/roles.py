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
        return self.set_quotas({role: quota})

    def set_quotas(self, quotas: Mapping[str, Quota], *, force: bool = False) -> str | None:
        """Set roles' quotas and priorities, all or none; return what is wrong with one of them.

        `force`: guarantees may be above all there is. A quota that says nothing ends the one that there was.
        """
        for role, quota in quotas.items():
            if problem := role_problem(role) or size_problem("quota", quota):
                return problem
        before = {role: self.registry.quotas.get(role, Quota()) for role in quotas}
        if problem := self._exchange_quotas(before, quotas, force=force):
            self._exchange_quotas(quotas, before, force=True)
            return problem
        for role, quota in quotas.items():
            nothing = quota == Quota()
            if not nothing or role in self.registry.quotas:
                self.record("quotas", role, None if nothing else quota)
            log.info("role %s: guarantee %s, limit %s", role, quota.guarantee, quota.limit)
        self._offer_anew()
        return None

    def _exchange_quotas(
        self, old: Mapping[str, Quota], new: Mapping[str, Quota], *, force: bool
    ) -> str | None:
        """Have the allocator heed these in place of those, some of which may not be in force."""
        if len(new) > 1:
            # In no order, and by no step in between, may one be in another's way.
            for role in old:
                self.apply_quota(role, Quota(), force=True)
        try:
            for role, quota in new.items():
                self.apply_quota(role, quota, force=force)
        except AllocatorError as error:
            return str(error)
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
