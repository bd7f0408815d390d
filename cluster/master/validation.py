"""What a master refuses, and why: plain functions from what was asked to the text of the error."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

import msgspec

from cluster.messages import FrameworkInfo, LaunchGroup, TaskInfo, check_id
from cluster.registry import MAX_OBJECT
from cluster.resources import Resources

from .framework_settings import offer_problem
from .parts import Parts

__all__ = [
    "MAX_NAME",
    "framework_problem",
    "group_problem",
    "is_text",
    "role_problem",
    "size_problem",
    "task_problem",
    "update_problem",
]

MAX_NAME = 1024
"""Characters of a role's name with all that it is below, and of the name of a maintenance window: they are keys."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ROLE_PART = re.compile(r"(?!-)[^\s/\\\x00-\x1f\x7f\ud800-\udfff]{1,128}")


def role_problem(role: str) -> str | None:
    """What is wrong with a role's name, or None. `eng/dev` is a role below `eng`; `*` is the default one."""
    if role == "*":
        return None
    if len(role) > MAX_NAME:
        return f"role {role[:80]!r} has {len(role)} characters, {MAX_NAME} are possible"
    for part in role.split("/"):
        if part in (".", "..", "*") or not _ROLE_PART.fullmatch(part):
            return f"role {role[:80]!r} is not a valid name"
    return None


def is_text(name: str) -> bool:
    """Whether that can be written as UTF-8: names from a command line, say, may not."""
    return _SURROGATE.search(name) is None


def size_problem(what: str, value: Any) -> str | None:
    """What is wrong with the size of something that is to be kept in the registry, or None."""
    size = _size(value)
    if size <= MAX_OBJECT:
        return None
    text = f"{what} takes {size} bytes, {MAX_OBJECT} are possible"
    if isinstance(value, msgspec.Struct):
        largest = max(value.__struct_fields__, key=lambda name: _size(getattr(value, name)))
        text += f"; {what}.{largest} alone takes {_size(getattr(value, largest))}"
    return text


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value))


def framework_problem(info: FrameworkInfo) -> str | None:
    """What is wrong with a framework's introduction, or None."""
    if problem := size_problem("framework", info):
        return problem
    if not info.roles:
        return "framework.roles is empty"
    if len(set(info.roles)) != len(info.roles):
        return f"framework.roles names a role twice: {', '.join(info.roles)}"
    for role in info.roles:
        if problem := role_problem(role):
            return f"framework.roles: {problem}"
    if info.id and (problem := check_id("framework.id", info.id)):
        return problem
    return offer_problem(info)


def update_problem(before: FrameworkInfo, after: FrameworkInfo) -> str | None:
    """What is wrong with a framework's new introduction, or None."""
    for name in ("id", "user", "principal"):
        was, would_be = getattr(before, name), getattr(after, name)
        if was != would_be:
            return f"framework.{name} cannot change: it is {was!r}, not {would_be[:80]!r}"
    return framework_problem(after)


def task_problem(
    task: TaskInfo, agent_id: str, available: Parts, executor_resources: Resources, taken_ids: Container[str]
) -> str | None:
    """What is wrong with a task to be launched on that agent, or None.

    `available` is what is left of the accepted offers, `executor_resources` what its executor needs besides
    (nothing if that runs already).
    """
    if problem := _naming_problem(task, agent_id, taken_ids):
        return problem
    if (task.command is None) == (task.executor is None):
        return "a task has a command or an executor, one of the two"
    command = task.command
    if task.executor is not None:
        if problem := check_id("executor_id", task.executor.executor_id):
            return problem
        command = task.executor.command
    if command is None:
        return "task.executor has no command: that is the default executor's, which runs groups"
    if problem := command.problem():
        return problem
    return _resources_problem(task, available, executor_resources)


def group_problem(
    group: LaunchGroup,
    agent_id: str,
    available: Parts,
    executor_resources: Resources,
    taken_ids: Container[str],
) -> str | None:
    """What is wrong with a group of tasks to be launched on that agent, or None: all of it is launched, or nothing.

    `executor_resources` is what its executor needs (nothing if that runs already). Tasks of the default executor are
    commands; what those of another one are is its business.
    """
    executor = group.executor
    if problem := check_id("executor_id", executor.executor_id):
        return problem
    if executor.command is not None and (problem := executor.command.problem()):
        return f"executor.{problem}"
    if not group.tasks:
        return "the group has no tasks"
    if not available.whole.contains(executor_resources):
        return f"the executor needs more than is offered: {available.whole.missing(executor_resources)}"
    left, seen = available - available.take(executor_resources), set[str]()
    for task in group.tasks:
        problem = _naming_problem(task, agent_id, taken_ids)
        if task.task_id in seen:
            problem = "it is in the group twice"
        elif task.executor is not None or (task.command is None and executor.command is None):
            problem = "a task of a group has a command, and no executor of its own"
        problem = problem or task.command.problem() if task.command is not None else problem
        if problem := problem or _resources_problem(task, left, Resources()):
            return f"task {task.task_id[:80]!r}: {problem}"
        seen.add(task.task_id)
        left -= left.take(task.resources, revocable=task.revocable)
    return None


def _naming_problem(task: TaskInfo, agent_id: str, taken_ids: Container[str]) -> str | None:
    if problem := check_id("task_id", task.task_id):
        return problem
    if task.task_id in taken_ids:
        return f"task_id {task.task_id!r} is in use by this framework"
    if task.agent_id not in ("", agent_id):
        return f"task.agent_id is {task.agent_id!r}, the offer is of agent {agent_id!r}"
    return task.checks_problem()


def _resources_problem(task: TaskInfo, available: Parts, executor_resources: Resources) -> str | None:
    if not task.resources:
        return "task.resources is empty"
    there = available.revocable if task.revocable else available.whole
    for name in task.resources.names():
        if name not in there.names() and name not in executor_resources.names():
            offered = f"{there}, revocable" if task.revocable else str(there)
            return f"task.resources: {name!r} is not in the offer ({offered})"
    if not there.contains(task.resources):
        return f"more than is offered: {there.missing(task.resources)}"
    rest = (available - available.take(task.resources, revocable=task.revocable)).whole
    if not rest.contains(executor_resources):
        return f"with its executor, more than is offered: {rest.missing(executor_resources)}"
    return None
