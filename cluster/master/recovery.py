"""A new master: what the registry holds, and what its operator says of roles."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from cluster.registry import Quota, RegistryState

from .frameworks import FrameworkRules
from .roles import RoleRules
from .validation import role_problem

__all__ = ["RecoveryRules"]


class RecoveryRules(FrameworkRules, RoleRules):
    """What is on record holds; who is on record is waited for."""

    def recover(
        self, stored: RegistryState, weights: Mapping[str, float], quotas: Mapping[str, Quota], now: float
    ) -> None:
        """Begin with what is stored. What is given of roles is set instead, and stored.

        ValueError for a role or a weight that is none, and for quotas that cannot be together.
        """
        self.registry = stored.copy()
        self.adopting = "founded" not in stored.cluster
        if self.adopting:
            founded = datetime.datetime.fromtimestamp(now, datetime.UTC)
            self.record("cluster", "founded", founded.isoformat(timespec="seconds"))
        for role, weight in {**stored.weights, **weights}.items():
            if problem := role_problem(role):
                raise ValueError(f"weights: {problem}")
            self.allocator.set_role(role, weight=weight)
        # Those given are set already, lest a stored one that one of them replaces is in its way.
        for role, quota in stored.quotas.items():
            if role not in quotas:
                self.apply_quota(role, quota, force=True)
        for kind, given in (("weights", weights), ("quotas", quotas)):
            for role, value in given.items():
                if getattr(stored, kind).get(role) != value:
                    self.record(kind, role, value)
        for info in stored.frameworks.values():
            self.expect_framework(info, now)
        timeout = self.options.agent_reregister_timeout
        self.recovering = dict.fromkeys(stored.agents, now + timeout)
