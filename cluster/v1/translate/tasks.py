"""Tasks and executors."""

from __future__ import annotations

from cluster.messages import DiscoveryInfo, ExecutorInfo, Port, Reserved, TaskInfo
from cluster.resources import ResourceError, Resources
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown

from .checks import check_of, check_to, health_check_of, health_check_to
from .commands import check_container, command_of, command_to, kill_policy_of, kill_policy_to
from .common import duration_of, duration_to, labels_of, labels_to, refuse
from .dialects import Dialect
from .resources import Quantities, read_resources, write_resources

__all__ = ["discovery_to", "executor_of", "executor_to", "task_of", "task_to"]

MAX_COMPLETION_TIME = 2**63 / 10**9
MAX_PORT = 65535


def task_of(task: v1.TaskInfo, dialect: Dialect, path: str) -> TaskInfo:
    """A task. RefusedError for what cannot be, or is not here; the master checks the rest.

    Which of the resources are reserved ones is not said further: the master takes those that are reserved for the
    deepest role first.
    """
    check_container(task.container, f"{path}.container")
    refuse(task.limits, f"{path}.limits", "a task's limits are what it requests, here")
    read = read_resources(task.resources, f"{path}.resources")
    if read.revocable and (read.plain or read.reserved):
        raise RefusedError(
            f"{path}.resources: some are revocable and some are not, must be one of the two here"
        )
    command, executor = task.command, task.executor
    longest = task.max_completion_time
    return TaskInfo(
        task.task_id.value,
        read.revocable or read.lasting,
        name=task.name,
        agent_id=task.agent_id.value,
        command=None if command is None else command_of(command, dialect.user, f"{path}.command"),
        executor=None if executor is None else executor_of(executor, dialect, f"{path}.executor"),
        data=task.data or b"",
        kill_policy=kill_policy_of(task.kill_policy, f"{path}.kill_policy"),
        labels=labels_of(task.labels, f"{path}.labels"),
        health_check=None
        if task.health_check is None
        else health_check_of(task.health_check, f"{path}.health_check"),
        check=None if task.check is None else check_of(task.check, f"{path}.check"),
        max_completion_time=None
        if longest is None
        else duration_of(longest, f"{path}.max_completion_time", MAX_COMPLETION_TIME, least=1e-9),
        discovery=None if task.discovery is None else _discovery(task.discovery, f"{path}.discovery"),
        revocable=bool(read.revocable),
    )


def task_to(task: TaskInfo, reserved: Reserved | None = None, role: str | None = None) -> v1.TaskInfo:
    """A task as Mesos writes it: `reserved` of its resources are reserved ones, `role` is whose it is."""
    return v1.TaskInfo(
        name=task.name,
        task_id=v1.TaskID(value=task.task_id),
        agent_id=v1.AgentID(value=task.agent_id),
        resources=_resources_to(task.resources, reserved, role, revocable=task.revocable),
        executor=None if task.executor is None else executor_to(task.executor, role=role),
        command=None if task.command is None else command_to(task.command),
        health_check=None if task.health_check is None else health_check_to(task.health_check),
        check=None if task.check is None else check_to(task.check),
        kill_policy=kill_policy_to(task.kill_policy),
        data=task.data or None,
        labels=labels_to(task.labels),
        discovery=None if task.discovery is None else discovery_to(task.discovery),
        max_completion_time=None
        if task.max_completion_time is None
        else duration_to(task.max_completion_time),
    )


def executor_of(executor: v1.ExecutorInfo, dialect: Dialect, path: str) -> ExecutorInfo:
    """An executor. RefusedError for what cannot be, or is not here."""
    Type = v1.ExecutorInfo.Type  # noqa: N806 - a class
    if executor.type is Type.DEFAULT and executor.command is not None:
        raise RefusedError(f"{path}.command is given, and an executor of type DEFAULT has none")
    if executor.type is Type.CUSTOM and executor.command is None:
        raise RefusedError(f"{path}.command is missing, and an executor of type CUSTOM has one")
    if executor.framework_id is not None and executor.framework_id.value not in ("", dialect.framework_id):
        raise RefusedError(
            f"{path}.framework_id is {shown(executor.framework_id.value)}, not the framework's,"
            f" {shown(dialect.framework_id)}"
        )
    check_container(executor.container, f"{path}.container")
    read = read_resources(executor.resources, f"{path}.resources")
    if read.revocable:
        raise RefusedError(f"{path}.resources: an executor does not run on revocable ones here")
    command = executor.command
    return ExecutorInfo(
        executor.executor_id.value,
        None if command is None else command_of(command, dialect.user, f"{path}.command"),
        read.lasting,
        executor.name or "",
        executor.data or b"",
    )


def executor_to(
    executor: ExecutorInfo,
    framework_id: str = "",
    reserved: Reserved | None = None,
    role: str | None = None,
) -> v1.ExecutorInfo:
    """An executor as Mesos writes it."""
    Type = v1.ExecutorInfo.Type  # noqa: N806 - a class
    return v1.ExecutorInfo(
        type=Type.DEFAULT if executor.command is None else Type.CUSTOM,
        executor_id=v1.ExecutorID(value=executor.executor_id),
        framework_id=v1.FrameworkID(value=framework_id) if framework_id else None,
        command=None if executor.command is None else command_to(executor.command),
        resources=_resources_to(executor.resources, reserved, role),
        name=executor.name or None,
        data=executor.data or None,
    )


def _resources_to(
    resources: Resources, reserved: Reserved | None, role: str | None, *, revocable: bool = False
) -> tuple[v1.Resource, ...]:
    if revocable:
        return write_resources(Quantities(revocable=resources), allocated_to=role)
    plain = resources
    for each in (reserved or {}).values():
        try:
            plain -= each
        except ResourceError as error:
            raise ValueError(f"more is reserved of {resources} than there is: {error}") from error
    return write_resources(Quantities(plain, reserved or {}), allocated_to=role)


def _discovery(discovery: v1.DiscoveryInfo, path: str) -> DiscoveryInfo:
    ports = discovery.ports.ports if discovery.ports is not None else ()
    return DiscoveryInfo(
        discovery.name or "",
        discovery.visibility,
        discovery.environment or "",
        discovery.location or "",
        discovery.version or "",
        tuple(_port(each, f"{path}.ports.ports[{place}]") for place, each in enumerate(ports)),
        labels_of(discovery.labels, f"{path}.labels"),
    )


def _port(port: v1.Port, path: str) -> Port:
    if port.number > MAX_PORT:
        raise RefusedError(f"{path}.number is {port.number}, not 0 to {MAX_PORT}")
    return Port(
        port.number, port.name or "", port.protocol or "tcp", labels_of(port.labels, f"{path}.labels")
    )


def discovery_to(discovery: DiscoveryInfo) -> v1.DiscoveryInfo:
    """What others may find it by, as Mesos writes it."""
    ports = tuple(
        v1.Port(
            number=each.number, name=each.name or None, protocol=each.protocol, labels=labels_to(each.labels)
        )
        for each in discovery.ports
    )
    known = discovery.visibility in v1.DiscoveryInfo.Visibility.__members__
    return v1.DiscoveryInfo(
        visibility=v1.DiscoveryInfo.Visibility.named(discovery.visibility if known else "FRAMEWORK"),
        name=discovery.name or None,
        environment=discovery.environment or None,
        location=discovery.location or None,
        version=discovery.version or None,
        ports=v1.Ports(ports=ports) if ports else None,
        labels=labels_to(discovery.labels),
    )
