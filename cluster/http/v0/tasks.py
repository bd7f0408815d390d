"""Tasks, executors and offers as the older pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cluster.happenings import ExecutorSeen, TaskSeen
from cluster.messages import CommandInfo, ExecutorInfo, Offer, TaskInfo, TaskState, TaskStatus
from cluster.resources import Resources
from cluster.v1.translate.checks import health_check_to
from cluster.v1.translate.statuses import container_to
from cluster.v1.translate.tasks import discovery_to

from .flat import Flat, flat

__all__ = [
    "SUMMED",
    "command",
    "executor",
    "executor_type",
    "labels",
    "offer",
    "offered",
    "status",
    "task",
    "used",
]

Json = dict[str, Any]

SUMMED = (
    TaskState.STAGING,
    TaskState.STARTING,
    TaskState.RUNNING,
    TaskState.KILLING,
    TaskState.FINISHED,
    TaskState.KILLED,
    TaskState.FAILED,
    TaskState.LOST,
    TaskState.ERROR,
    TaskState.UNREACHABLE,
)
"""The states that summaries count."""


def task(
    framework_id: str,
    agent_id: str,
    role: str,
    info: TaskInfo,
    told: TaskStatus,
    former: Sequence[TaskStatus] = (),
) -> Json:
    """A task, with what was told of it so far as it is known."""
    nothing = Resources()
    shown: Json = {
        "id": info.task_id,
        "name": info.name,
        "framework_id": framework_id,
        # The executor of a command is Mesos's own business.
        "executor_id": info.executor.executor_id if info.executor is not None else "",
        "slave_id": agent_id,
        "state": told.state.value,
        "resources": flat(nothing, info.resources) if info.revocable else flat(info.resources),
        "role": role,
        # That it is on its way is told to nobody.
        "statuses": [status(each) for each in (*former, told) if each.state is not TaskState.STAGING],
    }
    if info.labels:
        shown["labels"] = labels(info.labels)
    if info.discovery is not None:
        shown["discovery"] = discovery_to(info.discovery)
    if info.health_check is not None:
        shown["health_check"] = health_check_to(info.health_check)
    return shown


def status(told: TaskStatus) -> Json:
    """A state that a task has reached, when, and where it runs: who wants to look into it asks by that."""
    shown: Json = {"state": told.state.value, "timestamp": told.timestamp}
    if told.container is not None:
        shown["container_status"] = container_to(told.container)
    if told.healthy is not None:
        shown["healthy"] = told.healthy
    return shown


def labels(given: dict[str, str]) -> list[Json]:
    """Labels, a pair each."""
    return [{"key": key, "value": value} for key, value in given.items()]


def executor(seen: ExecutorSeen) -> Json:
    """A custom or default executor, and where it is."""
    info = seen.info
    shown: Json = {
        "executor_id": info.executor_id,
        "name": info.name,
        "framework_id": seen.framework_id,
        "command": command(info.command),
        "resources": flat(info.resources),
    }
    if info.resources:
        shown["role"] = seen.role
    return {**shown, "type": executor_type(info), "slave_id": seen.agent_id}


def executor_type(info: ExecutorInfo) -> str:
    """CUSTOM or DEFAULT."""
    return "DEFAULT" if info.command is None else "CUSTOM"


def command(given: CommandInfo | None) -> Json:
    """A command; that of a default executor is empty."""
    if given is None:
        return {"argv": [], "uris": []}
    shown: Json = {"shell": given.shell, "value": given.value, "argv": list(given.arguments)}
    if given.environment:
        variables = [
            {"name": name, "type": "VALUE", "value": value} for name, value in given.environment.items()
        ]
        shown["environment"] = {"variables": variables}
    shown["uris"] = [{"value": each.value, "executable": each.executable} for each in given.uris]
    return shown


def offer(given: Offer) -> Json:
    """An offer that was not answered yet."""
    return {
        "id": given.id,
        "framework_id": given.framework_id,
        "allocation_info": {"role": given.role},
        "slave_id": given.agent_id,
        "resources": flat(given.resources, given.revocable),
    }


def used(tasks: Iterable[TaskSeen], executors: Iterable[ExecutorSeen], sums: Flat | None = None) -> Flat:
    """What these hold."""
    sums = sums or Flat()
    for each in tasks:
        if each.holds:
            sums.add(each.info.resources, revocable=each.info.revocable)
    for executor_ in executors:
        sums.add(executor_.info.resources)
    return sums


def offered(offers: Iterable[Offer], sums: Flat | None = None) -> Flat:
    """What these hold."""
    sums = sums or Flat()
    for each in offers:
        sums.add(each.resources)
        sums.add(each.revocable, revocable=True)
    return sums
