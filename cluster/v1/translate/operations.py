"""What is done with offers. What is refused of it is told as Mesos tells it: by events, and the rest is done."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cluster.messages import (
    Launch,
    LaunchGroup,
    Operation,
    Reason,
    Reserve,
    Source,
    TaskInfo,
    TaskState,
    TaskStatus,
    Unreserve,
    UpdateOperation,
)
from cluster.messages import OperationState as State
from cluster.resources import Resources
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown
from cluster.v1.schema import union_field
from cluster.v1.types.scheduler import Event

from .dialects import Dialect
from .resources import read_resources
from .statuses import status_to
from .tasks import executor_of, task_of

__all__ = ["Operations", "for_one_role", "operation_event", "operations_of", "update_event"]

Type = v1.Offer.Operation.Type

_NOT_HERE = {
    Type.CREATE: "persistent volumes",
    Type.DESTROY: "persistent volumes",
    Type.GROW_VOLUME: "persistent volumes",
    Type.SHRINK_VOLUME: "persistent volumes",
    Type.CREATE_DISK: "disks of storage providers",
    Type.DESTROY_DISK: "disks of storage providers",
}


class Operations(msgspec.Struct, frozen=True):
    """What operations of a framework are in ours, the events that tell it what was refused, and the same as texts."""

    taken: tuple[Operation, ...] = ()
    events: tuple[Event, ...] = ()
    problems: tuple[str, ...] = ()


def operations_of(
    operations: Sequence[v1.Offer.Operation], dialect: Dialect, now: float, path: str = "accept.operations"
) -> Operations:
    """Operations on offers. RefusedError only if one is malformed, so that the whole call is."""
    taken: list[Operation] = []
    events: list[Event] = []
    problems: list[str] = []
    for place, operation in enumerate(operations):
        where = f"{path}[{place}]"
        name = union_field(operation)
        if not name:
            raise RefusedError(f"{where}.type is missing")
        if operation.type is not Type.UNKNOWN and getattr(operation, name) is None:
            raise RefusedError(f"{where}.{name} is missing, though the type is {operation.type}")
        refused: Sequence[tuple[v1.TaskInfo, str]] = ()
        reason = Reason.TASK_INVALID
        try:
            if operation.launch is not None and operation.type is Type.LAUNCH:
                tasks, refused = _launch(operation.launch, dialect, f"{where}.launch")
                if tasks:
                    taken.append(Launch(tasks, _id(operation)))
            elif operation.launch_group is not None and operation.type is Type.LAUNCH_GROUP:
                reason = Reason.TASK_GROUP_INVALID
                try:
                    taken.append(
                        _launch_group(
                            operation.launch_group, dialect, _id(operation), f"{where}.launch_group"
                        )
                    )
                except RefusedError as error:
                    refused = [(task, str(error)) for task in operation.launch_group.task_group.tasks]
            else:
                taken.append(_other(operation, where))
        except RefusedError as error:
            problems.append(str(error))
            told = operation_event(UpdateOperation(_id(operation), State.ERROR, str(error)))
            events += [told] if told is not None else []
        problems += dict.fromkeys(text for _, text in refused)
        events += [_task_error(task, reason, text, now) for task, text in refused]
    return Operations(tuple(taken), tuple(events), tuple(problems))


def update_event(status: TaskStatus) -> Event:
    """The event that tells a status."""
    return Event(type=Event.Type.UPDATE, update=Event.Update(status=status_to(status)))


def operation_event(update: UpdateOperation) -> Event | None:
    """The event that tells what became of an operation, or None: of one without an id nothing is told."""
    if not update.operation_id:
        return None
    status = v1.OperationStatus(
        operation_id=v1.OperationID(value=update.operation_id),
        state=v1.OperationState.named(update.state),
        message=update.message or None,
    )
    return Event(
        type=Event.Type.UPDATE_OPERATION_STATUS,
        update_operation_status=Event.UpdateOperationStatus(status=status),
    )


def _launch(
    launch: v1.Offer.Operation.Launch, dialect: Dialect, path: str
) -> tuple[tuple[TaskInfo, ...], list[tuple[v1.TaskInfo, str]]]:
    tasks: list[TaskInfo] = []
    refused: list[tuple[v1.TaskInfo, str]] = []
    for place, task in enumerate(launch.task_infos):
        try:
            tasks.append(task_of(task, dialect, f"{path}.task_infos[{place}]"))
        except RefusedError as error:
            refused.append((task, str(error)))
    return tuple(tasks), refused


def _launch_group(
    group: v1.Offer.Operation.LaunchGroup, dialect: Dialect, operation_id: str, path: str
) -> LaunchGroup:
    tasks: list[TaskInfo] = []
    for place, task in enumerate(group.task_group.tasks):
        where = f"{path}.task_group.tasks[{place}]"
        if task.executor is not None and task.executor != group.executor:
            raise RefusedError(f"{where}.executor is another than that of its group")
        tasks.append(task_of(msgspec.structs.replace(task, executor=None), dialect, where))
    return LaunchGroup(executor_of(group.executor, dialect, f"{path}.executor"), tuple(tasks), operation_id)


def _other(operation: v1.Offer.Operation, path: str) -> Operation:
    if operation.reserve is not None and operation.type is Type.RESERVE:
        if any(each.role not in (None, "*") or each.reservations for each in operation.reserve.source):
            raise RefusedError(f"{path}.reserve.source: only what is unreserved can be reserved here")
        resources, role = for_one_role(operation.reserve.resources, f"{path}.reserve.resources")
        return Reserve(resources, role, _id(operation))
    if operation.unreserve is not None and operation.type is Type.UNRESERVE:
        resources, role = for_one_role(operation.unreserve.resources, f"{path}.unreserve.resources")
        return Unreserve(resources, role, _id(operation))
    if operation.type in _NOT_HERE:
        raise RefusedError(f"{path}: {operation.type}: there are no {_NOT_HERE[operation.type]} here")
    raise RefusedError(f"{path}.type is not known")


def for_one_role(resources: Sequence[v1.Resource], path: str) -> tuple[Resources, str]:
    """Resources that are reserved, or to be, for one role, and that role. RefusedError if they are not."""
    read = read_resources(resources, path)
    if read.revocable:
        raise RefusedError(f"{path}: what is revocable cannot be reserved")
    if read.plain:
        raise RefusedError(f"{path}: some are not for a role: {read.plain}")
    if len(read.reserved) != 1:
        names = ", ".join(map(shown, sorted(read.reserved))) or "none"
        raise RefusedError(f"{path}: must be of one role here, not of {names}")
    ((role, wanted),) = read.reserved.items()
    return wanted, role


def _id(operation: v1.Offer.Operation) -> str:
    return operation.id.value if operation.id is not None else ""


def _task_error(task: v1.TaskInfo, reason: Reason, problem: str, now: float) -> Event:
    return update_event(
        TaskStatus(
            task.task_id.value,
            TaskState.ERROR,
            Source.MASTER,
            reason,
            problem,
            agent_id=task.agent_id.value,
            timestamp=now,
        )
    )
