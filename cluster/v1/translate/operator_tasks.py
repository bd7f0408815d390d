"""Tasks and executors as operators are shown them."""

from __future__ import annotations

from cluster.happenings import ExecutorSeen, TaskSeen
from cluster.v1 import types as v1
from cluster.v1.types.master import Response

from .checks import health_check_to
from .commands import kill_policy_to
from .common import labels_to
from .operator_resources import shown_resources
from .resources import Quantities, write_resources
from .statuses import status_to
from .tasks import discovery_to, executor_to

__all__ = ["executor_seen_to", "task_seen_to"]


def task_seen_to(task: TaskSeen) -> v1.Task:
    """A task, with its statuses: the latest is the one that its framework was told."""
    info, status = task.info, status_to(task.status)
    if info.revocable:
        resources = write_resources(Quantities(revocable=info.resources), allocated_to=task.role)
    else:
        resources = shown_resources(info.resources, task.reserved, allocated_to=task.role)
    return v1.Task(
        name=info.name,
        task_id=v1.TaskID(value=info.task_id),
        framework_id=v1.FrameworkID(value=task.framework_id),
        executor_id=v1.ExecutorID(value=info.executor.executor_id) if info.executor is not None else None,
        agent_id=v1.AgentID(value=task.agent_id),
        state=status.state,
        resources=resources,
        statuses=(*map(status_to, task.former), status),
        status_update_state=status.state,
        status_update_uuid=status.uuid,
        labels=labels_to(info.labels),
        discovery=None if info.discovery is None else discovery_to(info.discovery),
        health_check=None if info.health_check is None else health_check_to(info.health_check),
        kill_policy=kill_policy_to(info.kill_policy),
    )


def executor_seen_to(executor: ExecutorSeen) -> Response.GetExecutors.Executor:
    """An executor, and where it is."""
    return Response.GetExecutors.Executor(
        executor_info=executor_to(executor.info, executor.framework_id, executor.reserved, executor.role),
        agent_id=v1.AgentID(value=executor.agent_id),
    )
