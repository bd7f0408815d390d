"""An agent as its older pages show it: plain functions from its state, to be called in its turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from cluster.agent.records import AgentTask, ExecutorRun, Key
from cluster.agent.state import AgentState
from cluster.http.mesos_files import virtual_sandbox
from cluster.messages import ExecutorInfo, FrameworkInfo, Reserved, TaskInfo
from cluster.resources import Resources
from cluster.v1.translate.masters import VERSION
from cluster.v1.translate.tasks import discovery_to

from .flat import Flat, attributes, flat
from .slaves import AGENT_CAPABILITIES
from .tasks import command, executor_type, task

__all__ = ["Node", "command_executor_name", "state"]

Json = dict[str, Any]
MAX_COMMAND = 200
"""Characters of a command in the name of its executor."""


class Node(Struct, frozen=True):
    """Where an agent is (`host:port`), since when (seconds since the epoch), its directory, its master's host."""

    address: str
    started_at: float
    work_dir: Path
    master: str | None = None


def state(state: AgentState, node: Node, flags: Mapping[str, str]) -> Json:
    """`/state`: all of it."""
    info = state.info
    known = {**state.former, **state.frameworks}
    ended: dict[str, dict[str, list[AgentTask]]] = {}
    unheard = ((framework_id, each) for (framework_id, _), each in state.finished.items())
    for framework_id, each in [*state.completed, *unheard]:
        ended.setdefault(framework_id, {}).setdefault(each.info.executor_id, []).append(each)
    runs: dict[str, list[ExecutorRun]] = {}
    members: dict[Key, list[ExecutorRun]] = {}
    for run in state.runs.values():
        if run.group:
            members.setdefault((run.framework.id, run.group), []).append(run)
        else:
            runs.setdefault(run.framework.id, []).append(run)

    def framework(info: FrameworkInfo) -> Json:
        over = ended.get(info.id, {})
        mine = runs.get(info.id, [])
        alive = {run.executor_id for run in mine}
        return {
            **_framework(info, checkpoint=state.info.checkpoint),
            "executors": [
                _executor(state, node, run, members.get(run.key, []), over.get(run.executor_id, []))
                for run in mine
            ],
            "completed_executors": [
                _ended_executor(state, info.id, executor_id, tasks)
                for executor_id, tasks in over.items()
                if executor_id not in alive
            ],
        }

    shown: Json = {
        "version": VERSION,
        "start_time": node.started_at,
        "id": info.id,
        "pid": f"slave(1)@{node.address}",
        "hostname": info.hostname,
        "capabilities": AGENT_CAPABILITIES,
        "resources": flat(info.resources, info.revocable),
        **_allocated(state),
        "resource_providers": [],
        "attributes": attributes(info.attributes),
    }
    if node.master is not None:
        shown["master_hostname"] = node.master
    return {
        **shown,
        "flags": dict(flags),
        "frameworks": [framework(each) for each in state.frameworks.values()],
        "completed_frameworks": [
            framework(info) for id_, info in known.items() if id_ not in state.frameworks
        ],
    }


def _framework(info: FrameworkInfo, *, checkpoint: bool) -> Json:
    shown: Json = {
        "id": info.id,
        "name": info.name,
        "user": info.user,
        "failover_timeout": info.failover_timeout,
        "checkpoint": checkpoint,
        "hostname": info.hostname,
        "roles": list(info.roles),
    }
    if info.principal:
        shown["principal"] = info.principal
    return shown


def _executor(
    state: AgentState,
    node: Node,
    run: ExecutorRun,
    members: Iterable[ExecutorRun],
    ended: Iterable[AgentTask],
) -> Json:
    """An executor; the runs of a group's tasks are one."""
    tasks = [*run.tasks.values(), *(each for member in members for each in member.tasks.values())]
    sums = Flat()
    if run.info is not None:
        sums.add(run.info.resources)
    for each in tasks:
        sums.add(each.info.resources, revocable=each.info.revocable)
    shown: Json = {
        "id": run.executor_id,
        "name": _name(run),
        "source": "" if run.info is not None else run.executor_id,
        "container": run.container_id,
        "directory": _directory(state, node, run),
        "resources": sums.shown(),
    }
    if run.info is not None:
        if run.info.resources:
            shown["role"] = run.role
        shown["type"] = executor_type(run.info)
    queued = set(run.queued)
    return {
        **shown,
        "tasks": [_task(state, run, each) for each in tasks if each.info.task_id not in queued],
        "queued_tasks": [_queued(state, each) for each in tasks if each.info.task_id in queued],
        "completed_tasks": [_task(state, run, each) for each in ended],
    }


def _ended_executor(state: AgentState, framework_id: str, executor_id: str, tasks: list[AgentTask]) -> Json:
    """One that runs no more. Of its containers the names are not kept."""
    info: ExecutorInfo | None = tasks[0].info.executor
    shown: Json = {
        "id": executor_id,
        "name": command_executor_name(tasks[0].info) if info is None else info.name,
        "source": executor_id if info is None else "",
        "container": "",
        "directory": virtual_sandbox(framework_id, executor_id),
        "resources": Flat().shown(),
    }
    if info is not None:
        shown["type"] = executor_type(info)
    return {
        **shown,
        "tasks": [],
        "queued_tasks": [],
        "completed_tasks": [
            task(framework_id, state.info.id, each.role, each.info, each.status) for each in tasks
        ],
    }


def _name(run: ExecutorRun) -> str:
    if run.info is not None:
        return run.info.name
    found = next((each.info for each in run.tasks.values()), None)
    return f"Command Executor (Task: {run.executor_id})" if found is None else command_executor_name(found)


def command_executor_name(info: TaskInfo) -> str:
    """What Mesos calls the executor that it makes up for a command."""
    line = "" if info.command is None else info.command.value[:MAX_COMMAND]
    return f"Command Executor (Task: {info.task_id})" + (f" (Command: {line!r})" if line else "")


def _directory(state: AgentState, node: Node, run: ExecutorRun) -> str:
    framework_id, executor_id = run.key
    if run.is_group:
        # Its tasks have sandboxes of their own, which are found below this.
        return virtual_sandbox(framework_id, executor_id)
    if not run.sandbox:
        return ""
    place = node.work_dir / "agents" / state.info.id / "frameworks" / framework_id / "executors"
    return str(place / run.sandbox)


def _task(state: AgentState, run: ExecutorRun, each: AgentTask) -> Json:
    return task(run.framework.id, state.info.id, each.role, each.info, each.status)


def _queued(state: AgentState, each: AgentTask) -> Json:
    """A task that its executor has not been given yet."""
    info = each.info
    shown: Json = {
        "id": info.task_id,
        "name": info.name,
        "slave_id": state.info.id,
        "resources": flat(info.resources),
        "role": each.role,
    }
    if info.command is not None:
        shown["command"] = command(info.command)
    if info.executor is not None:
        shown["executor_id"] = info.executor.executor_id
    if info.discovery is not None:
        shown["discovery"] = discovery_to(info.discovery)
    return shown


def _allocated(state: AgentState) -> Json:
    """What of what is used here is reserved, and what is not. What is reserved and not used is known to the master."""
    plain = Flat()
    of_roles: dict[str, Flat] = {}

    def add(resources: Resources, reserved: Reserved, *, revocable: bool = False) -> None:
        for role, mine in reserved.items():
            of_roles.setdefault(role, Flat()).add(mine)
            resources -= mine
        plain.add(resources, revocable=revocable)

    for run in state.runs.values():
        if run.info is not None:
            add(run.info.resources, run.reserved)
        for each in run.tasks.values():
            add(each.info.resources, each.reserved, revocable=each.info.revocable)
    return {
        "reserved_resources_allocated": {role: sums.shown() for role, sums in of_roles.items()},
        "unreserved_resources_allocated": plain.shown(),
    }
