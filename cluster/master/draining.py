"""Agents that are given nothing more: deactivated, or drained of what they run."""

from __future__ import annotations

import logging
import math

from cluster.messages import KillTask, Reason, ShutdownExecutor
from cluster.registry import Drain

from .reachability import ReachabilityRules
from .records import AgentRecord, TaskEntry

__all__ = ["DrainingRules"]

log = logging.getLogger("ostrom.master")


class DrainingRules(ReachabilityRules):
    """What operators want of an agent is on record, and holds when it returns."""

    def drain(self, agent_id: str, max_grace_period: float | None, mark_gone: bool) -> str | None:
        """Drain an agent: offer nothing of it, end what it runs. Return what is wrong with that."""
        if max_grace_period is not None and not (max_grace_period >= 0 and math.isfinite(max_grace_period)):
            return f"max_grace_period is {max_grace_period}, not a number of seconds"
        problem = self._set_drain(agent_id, Drain(True, max_grace_period, mark_gone))
        agent = self.agents.get(agent_id)
        if problem is None and agent is not None:
            for task in agent.tasks.values():
                if task.kill is not None and task.kill.reason is Reason.AGENT_DRAINING:
                    # Its grace may be another now.
                    task.kill = None
        return problem

    def deactivate(self, agent_id: str) -> str | None:
        """Offer nothing of an agent any more; return what is wrong with that."""
        return None if agent_id in self.registry.drains else self._set_drain(agent_id, Drain())

    def reactivate(self, agent_id: str) -> str | None:
        """Offer an agent again that was deactivated or drained; return what is wrong with that."""
        agent = self.agents.get(agent_id)
        if agent is not None and agent.drain_state() == "DRAINING":
            return f"agent {agent_id} is still draining"
        if agent_id not in self.registry.drains:
            return None if self.on_record(agent_id) else f"agent {agent_id[:255]!r} is not known"
        self.record("drains", agent_id, None)
        if agent is not None:
            agent.drain = None
            self.heed(agent)
        return None

    def _set_drain(self, agent_id: str, drain: Drain) -> str | None:
        if not self.on_record(agent_id):
            return f"agent {agent_id[:255]!r} is not known"
        self.record("drains", agent_id, drain)
        agent = self.agents.get(agent_id)
        if agent is not None:
            agent.drain = drain
            self.heed(agent)
        return None

    def progress_drains(self, now: float) -> None:
        """End what is left on agents that are drained; those with nothing left that are to be gone are gone."""
        for agent_id, drain in list(self.registry.drains.items()):
            agent = self.agents.get(agent_id)
            if not drain.draining or agent is None or not agent.connected:
                continue
            for task in agent.tasks.values():
                if not task.state.terminal:
                    self._kill(agent, task, drain)
            busy = {(task.framework_id, task.info.executor_id) for task in agent.tasks.values() if task.holds}
            for key, executor in agent.executors.items():
                if key not in busy and not executor.ending:
                    executor.ending = True
                    self.send(agent.upid, ShutdownExecutor(key[0], agent.id, key[1]))
            if drain.mark_gone and agent.drain_state() == "DRAINED":
                self.mark_gone(agent_id, now)

    def _kill(self, agent: AgentRecord, task: TaskEntry, drain: Drain) -> None:
        if task.kill is not None and task.kill.reason is Reason.AGENT_DRAINING:
            return
        grace = -1.0
        if drain.max_grace_period is not None:
            grace = min(task.info.kill_policy.grace_period, drain.max_grace_period)
        task.kill = KillTask(task.framework_id, task.info.task_id, grace, Reason.AGENT_DRAINING)
        self.send(agent.upid, task.kill)
