"""What a master refuses, and why: plain functions from what was asked to the text of the error."""

from __future__ import annotations

import re
from collections.abc import Container

from cluster.messages import FrameworkInfo, TaskInfo, check_id
from cluster.resources import Resources

__all__ = ["framework_problem", "role_problem", "task_problem"]

_ROLE_PART = re.compile(r"(?!-)[^\s/\\\x00-\x1f\x7f]{1,128}")


def role_problem(role: str) -> str | None:
    """What is wrong with a role's name, or None. `eng/dev` is a role below `eng`; `*` is the default one."""
    if role == "*":
        return None
    for part in role.split("/"):
        if part in (".", "..", "*") or not _ROLE_PART.fullmatch(part):
            return f"role {role[:80]!r} is not a valid name"
    return None


def framework_problem(info: FrameworkInfo) -> str | None:
    """What is wrong with a framework's introduction, or None."""
    if not info.roles:
        return "framework.roles is empty"
    if len(set(info.roles)) != len(info.roles):
        return f"framework.roles names a role twice: {', '.join(info.roles)}"
    for role in info.roles:
        if problem := role_problem(role):
            return f"framework.roles: {problem}"
    if info.id and (problem := check_id("framework.id", info.id)):
        return problem
    return None


def task_problem(
    task: TaskInfo,
    agent_id: str,
    available: Resources,
    executor_resources: Resources,
    taken_ids: Container[str],
) -> str | None:
    """What is wrong with a task to be launched on that agent, or None.

    `available` is what is left of the accepted offers, `executor_resources` what its executor needs besides
    (nothing if that runs already).
    """
    if problem := check_id("task_id", task.task_id):
        return problem
    if task.task_id in taken_ids:
        return f"task_id {task.task_id!r} is in use by this framework"
    if task.agent_id not in ("", agent_id):
        return f"task.agent_id is {task.agent_id!r}, the offer is of agent {agent_id!r}"
    if (task.command is None) == (task.executor is None):
        return "a task has a command or an executor, one of the two"
    command = task.command
    if task.executor is not None:
        if problem := check_id("executor_id", task.executor.executor_id):
            return problem
        command = task.executor.command
    if command is not None and (problem := command.problem()):
        return problem
    if not task.resources:
        return "task.resources is empty"
    for name in task.resources.names():
        if name not in available.names() and name not in executor_resources.names():
            return f"task.resources: {name!r} is not in the offer ({available})"
    if not available.contains(task.resources):
        return f"more than is offered: {available.missing(task.resources)}"
    if not (available - task.resources).contains(executor_resources):
        missing = (available - task.resources).missing(executor_resources)
        return f"with its executor, more than is offered: {missing}"
    return None
