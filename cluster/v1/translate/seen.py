"""Tasks as operators are shown them."""

from __future__ import annotations

from cluster.messages import TaskRecord
from cluster.v1 import types as v1

from .statuses import status_to
from .tasks import task_to

__all__ = ["task_seen_to"]


def task_seen_to(record: TaskRecord, agent_id: str, user: str = "") -> v1.Task:
    """A task, with the last status that is known of it."""
    task = task_to(record.task, record.reserved, record.role)
    status = status_to(record.status)
    executor = record.task.executor
    return v1.Task(
        name=task.name,
        task_id=task.task_id,
        framework_id=v1.FrameworkID(value=record.framework_id),
        executor_id=v1.ExecutorID(value=executor.executor_id) if executor is not None else None,
        agent_id=v1.AgentID(value=agent_id),
        state=status.state,
        resources=task.resources,
        statuses=(status,),
        status_update_state=status.state,
        status_update_uuid=status.uuid,
        labels=task.labels,
        discovery=task.discovery,
        health_check=task.health_check,
        kill_policy=task.kill_policy,
        user=user or None,
    )
