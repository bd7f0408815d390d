"""The executor API: what executors call, and what they are told by their agent."""

from __future__ import annotations

import msgspec

from actors import Message
from cluster.messages import (
    ExecutorAcknowledgement,
    ExecutorKillTask,
    ExecutorMessage,
    ExecutorRegistered,
    ExecutorShutdown,
    ExecutorStatusUpdate,
    LaunchTask,
    LaunchTaskGroup,
    RegisterExecutor,
    TaskStatus,
)
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown
from cluster.v1.schema import union_field
from cluster.v1.types.executor import Call, Event

from .agents import agent_to
from .common import duration_to
from .frameworks import framework_to
from .statuses import status_of, uuid_to
from .tasks import executor_to, task_to

__all__ = ["registered_event", "translate_executor_call", "translate_executor_event"]

Type = Event.Type


def translate_executor_call(call: Call, container_id: str) -> Message | None:
    """The message that an executor's call is to its agent, or None: a heartbeat is none.

    `container_id` is that of the executor's container, which Mesos's executors are not told.

    Raises:
        RefusedError: If the call cannot be taken as it is; the text names the field.
    """
    framework_id, executor_id = call.framework_id.value, call.executor_id.value
    if call.type is None or call.type is Call.Type.UNKNOWN:
        raise RefusedError("type is missing, or not known")
    match call.type:
        case Call.Type.SUBSCRIBE:
            part = call.subscribe or Call.Subscribe()
            tasks = tuple(task.task_id.value for task in part.unacknowledged_tasks)
            path = "subscribe.unacknowledged_updates"
            updates = tuple(
                _status(update.status, executor_id, f"{path}[{place}].status")
                for place, update in enumerate(part.unacknowledged_updates)
            )
            return RegisterExecutor(framework_id, executor_id, container_id, tasks, updates, by_itself=True)
        case Call.Type.UPDATE if call.update is not None:
            status = _status(call.update.status, executor_id, "update.status")
            return ExecutorStatusUpdate(framework_id, executor_id, status)
        case Call.Type.MESSAGE if call.message is not None:
            return ExecutorMessage(framework_id, executor_id, call.message.data)
        case Call.Type.HEARTBEAT:
            return None
    raise RefusedError(f"{union_field(call)} is missing, though the type is {call.type}")


def registered_event(message: ExecutorRegistered, container_id: str, address: str) -> Event:
    """The first event; `address` is where the agent is: its UPID, or `host:port`."""
    return Event(
        type=Type.SUBSCRIBED,
        subscribed=Event.Subscribed(
            executor_info=executor_to(message.executor, message.framework.id),
            framework_info=msgspec.structs.replace(
                framework_to(message.framework), checkpoint=message.agent.checkpoint
            ),
            agent_info=agent_to(message.agent, address),
            container_id=v1.ContainerID(value=container_id),
        ),
    )


def translate_executor_event(message: Message) -> Event:
    """The event that an agent's message is to an executor.

    Raises:
        TypeError: If it is no message to executors; `ExecutorRegistered` is for `registered_event`.
    """
    match message:
        case LaunchTask():
            return Event(type=Type.LAUNCH, launch=Event.Launch(task=task_to(message.task)))
        case LaunchTaskGroup():
            group = v1.TaskGroupInfo(tasks=tuple(task_to(task) for task in message.tasks))
            return Event(type=Type.LAUNCH_GROUP, launch_group=Event.LaunchGroup(task_group=group))
        case ExecutorKillTask():
            policy = v1.KillPolicy(grace_period=duration_to(message.grace_period))
            kill = Event.Kill(task_id=v1.TaskID(value=message.task_id), kill_policy=policy)
            return Event(type=Type.KILL, kill=kill)
        case ExecutorAcknowledgement():
            acknowledged = Event.Acknowledged(
                task_id=v1.TaskID(value=message.task_id), uuid=uuid_to(message.uuid)
            )
            return Event(type=Type.ACKNOWLEDGED, acknowledged=acknowledged)
        case ExecutorMessage():
            return Event(type=Type.MESSAGE, message=Event.Message(data=message.data))
        case ExecutorShutdown():
            return Event(type=Type.SHUTDOWN)
    raise TypeError(f"{type(message).__name__} is no message to executors")


def _status(status: v1.TaskStatus, executor_id: str, path: str) -> TaskStatus:
    """What Mesos demands of an executor's status, and then the status."""
    if status.uuid is None:
        raise RefusedError(f"{path}.uuid is missing")
    if status.source is not v1.TaskStatus.Source.SOURCE_EXECUTOR:
        raise RefusedError(f"{path}.source is {status.source or 'missing'}, must be SOURCE_EXECUTOR")
    if status.state is v1.TaskState.TASK_STAGING:
        raise RefusedError(f"{path}.state is TASK_STAGING, which is before an executor has the task")
    if status.executor_id is not None and status.executor_id.value != executor_id:
        raise RefusedError(
            f"{path}.executor_id is {shown(status.executor_id.value)}, not {shown(executor_id)}"
        )
    return status_of(status, path)
