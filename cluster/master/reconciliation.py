"""Reconciliation: what a framework is told when it asks for the state of its tasks."""

from __future__ import annotations

import msgspec

from cluster.messages import Reason, Reconcile, Source, TaskState, TaskStatus, Update

from .ledger import Ledger
from .records import FrameworkRecord

__all__ = ["ReconciliationRules"]


class ReconciliationRules(Ledger):
    """Answers with the latest state; of tasks that are not known, with the fate of their agent. Mesos's order."""

    def reconcile(self, framework: FrameworkRecord, message: Reconcile, now: float) -> None:
        """Send the latest state of the tasks named, or of all that have not ended."""
        for task_id in message.task_ids or tuple(framework.task_ids):
            agent_id = message.agent_ids.get(task_id, "")
            status = self._latest(framework, task_id) or self._by_agent(framework, task_id, agent_id, now)
            if status is not None:
                self.tell(framework, Update(status))

    def _latest(self, framework: FrameworkRecord, task_id: str) -> TaskStatus | None:
        entry = framework.task_ids.get(task_id) or self.last_known(framework.id, task_id)
        if entry is None:
            return None
        # Without a uuid: it is not a new event and need not be acknowledged.
        return msgspec.structs.replace(
            entry.status, source=Source.MASTER, reason=Reason.RECONCILIATION, uuid=""
        )

    def _by_agent(
        self, framework: FrameworkRecord, task_id: str, agent_id: str, now: float
    ) -> TaskStatus | None:
        """What can be said of a task that is not known, or None: an agent that is still to come may bring it."""
        if agent_id in self.recovering or (not agent_id and self.recovering):
            return None
        reason = Reason.RECONCILIATION
        if not agent_id:
            state, text = TaskState.UNKNOWN, "the master does not know this task"
        elif agent_id in self.agents:
            state, text = TaskState.GONE, "its agent does not run it"
            if self.agents[agent_id].forgetful:
                # By the other reason nobody takes it for one that never ran.
                reason, text = Reason.AGENT_RESTARTED, "its machine was started again, and it is not on disk"
        elif agent_id in self.registry.unreachable:
            state, text = TaskState.UNREACHABLE, "its agent cannot be reached"
        elif agent_id in self.registry.gone:
            state, text = TaskState.GONE_BY_OPERATOR, "its agent is gone, an operator said"
        else:
            state, text = TaskState.UNKNOWN, "the master knows neither this task nor its agent"
        state = framework.fate(state)
        if state.terminal:
            self.deny(framework.id, task_id)
        return TaskStatus(
            task_id,
            state,
            reason=reason,
            message=text,
            agent_id=agent_id,
            timestamp=now,
        )
