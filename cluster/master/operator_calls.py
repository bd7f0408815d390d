"""What operators want: methods to be called in a turn of the master's. Each returns None, or what is wrong."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.messages import FrameworkRefused
from cluster.registry import Quota, Window
from cluster.resources import Resources

from .shell import MasterShell

__all__ = ["OperatorCalls"]


class OperatorCalls(MasterShell):
    """What is wanted is in force when the call returns, and on record before anybody else is told of it."""

    def _answer(self, problem: str | None) -> str | None:
        self._done()
        return problem

    def end_framework(self, framework_id: str, reason: str) -> bool:
        """End a framework. False if there is none."""
        framework = self.state.frameworks.get(framework_id)
        if framework is None:
            return False
        self.state.tell(framework, FrameworkRefused(reason))
        self.state.teardown(framework_id, self._now, reason)
        self._done()
        return True

    def set_weights(self, weights: Mapping[str, float]) -> str | None:
        """Set roles' weights."""
        return self._answer(self.state.set_weights(weights))

    def set_quota(self, role: str, quota: Quota) -> str | None:
        """Set a role's quota and priority."""
        return self._answer(self.state.set_quota(role, quota))

    def set_quotas(self, quotas: Mapping[str, Quota], *, force: bool = False) -> str | None:
        """Set roles' quotas and priorities, all or none; with `force` guarantees may be above all there is."""
        return self._answer(self.state.set_quotas(quotas, force=force))

    def remove_quota(self, role: str) -> str | None:
        """End a role's quota and priority."""
        return self._answer(self.state.remove_quota(role))

    def reserve(self, agent_id: str, role: str, resources: Resources) -> str | None:
        """Reserve resources of an agent that nobody uses."""
        return self._answer(self.state.reserve(agent_id, role, resources))

    def unreserve(self, agent_id: str, role: str, resources: Resources) -> str | None:
        """End a reservation, or a part of it, that nobody uses."""
        return self._answer(self.state.unreserve(agent_id, role, resources))

    def drain(self, agent_id: str, max_grace_period: float | None, mark_gone: bool) -> str | None:
        """End what an agent runs, within so many seconds each, and offer nothing more of it."""
        return self._answer(self.state.drain(agent_id, max_grace_period, mark_gone))

    def deactivate(self, agent_id: str) -> str | None:
        """Offer nothing more of an agent; what it runs runs on."""
        return self._answer(self.state.deactivate(agent_id))

    def reactivate(self, agent_id: str) -> str | None:
        """Offer an agent again."""
        return self._answer(self.state.reactivate(agent_id))

    def mark_gone(self, agent_id: str) -> str | None:
        """Declare that an agent never comes back: its tasks have ended."""
        return self._answer(self.state.mark_gone(agent_id, self._now))

    def update_schedule(self, windows: Mapping[str, Window]) -> str | None:
        """Replace the maintenance schedule."""
        return self._answer(self.state.update_schedule(windows))

    def machine_down(self, names: list[str]) -> str | None:
        """Take machines down that are in the schedule."""
        return self._answer(self.state.machine_down(names, self._now))

    def machine_up(self, names: list[str]) -> str | None:
        """End the maintenance of machines."""
        return self._answer(self.state.machine_up(names))
