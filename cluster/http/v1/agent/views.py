"""What an agent has and runs, as Mesos's operator API shows it. To be called in the agent's turns."""

from __future__ import annotations

from cluster.agent import Agent
from cluster.agent.records import AgentTask, ExecutorRun, Phase
from cluster.happenings import TaskSeen
from cluster.messages import RunTask, TaskState, TaskStatus
from cluster.v1 import types as v1
from cluster.v1.translate.agents import agent_to
from cluster.v1.translate.commands import command_to
from cluster.v1.translate.frameworks import framework_to
from cluster.v1.translate.operator_tasks import task_seen_to
from cluster.v1.translate.tasks import executor_to, task_to
from cluster.v1.types.agent import Response

__all__ = ["agent_view", "executors_view", "frameworks_view", "state_view", "tasks_view"]

MAX_COMMAND = 200
"""Characters of a command in the name of its executor."""


def agent_view(agent: Agent) -> Response.GetAgent:
    """The agent itself. Whether it is being drained is known to its master."""
    return Response.GetAgent(agent_info=agent_to(agent.state.info, str(agent.upid)))


def frameworks_view(agent: Agent) -> Response.GetFrameworks:
    """The frameworks that have something here; those that had are not known."""
    return Response.GetFrameworks(
        frameworks=tuple(
            Response.GetFrameworks.Framework(framework_info=framework_to(info))
            for info in agent.state.frameworks.values()
        )
    )


def executors_view(agent: Agent) -> Response.GetExecutors:
    """The executors that run; those of tasks with a command are the agent itself. Those that ended are not known."""
    return Response.GetExecutors(
        executors=tuple(
            Response.GetExecutors.Executor(executor_info=executor_info(run))
            for run in agent.state.runs.values()
            if not run.group
        )
    )


def executor_info(run: ExecutorRun) -> v1.ExecutorInfo:
    """An executor; of a task with a command such a one as Mesos makes up."""
    if run.info is not None:
        return executor_to(run.info, run.framework.id, run.reserved, run.role)
    task = next((task.info for task in run.tasks.values()), None)
    command = command_to(run.command) if run.command is not None else None
    line = f" (Command: {command.value[:MAX_COMMAND]!r})" if command is not None and command.value else ""
    return v1.ExecutorInfo(
        executor_id=v1.ExecutorID(value=run.executor_id),
        framework_id=v1.FrameworkID(value=run.framework.id),
        command=command,
        name=f"Command Executor (Task: {run.executor_id}){line}",
        source=run.executor_id,
        resources=() if task is None else task_to(task, role=run.role).resources,
    )


def tasks_view(agent: Agent) -> Response.GetTasks:
    """All tasks: those that wait for room or for their executor, those that run, those that have ended."""
    state = agent.state
    agent_id = state.info.id

    def seen(framework_id: str, task: AgentTask, *, holds: bool) -> v1.Task:
        return task_seen_to(
            TaskSeen(framework_id, task.role, agent_id, task.info, task.status, task.reserved, holds)
        )

    pending: list[v1.Task] = []
    for message in state.waiting:
        for info in [message.task] if isinstance(message, RunTask) else message.tasks:
            status = TaskStatus(info.task_id, TaskState.STAGING)
            pending.append(seen(message.framework.id, AgentTask(info, status, message.role), holds=False))
    queued: list[v1.Task] = []
    launched: list[v1.Task] = []
    for run in state.runs.values():
        for task_id, task in run.tasks.items():
            waits = run.phase is Phase.LAUNCHING or task_id in run.queued
            (queued if waits else launched).append(seen(run.framework.id, task, holds=True))
    return Response.GetTasks(
        pending_tasks=tuple(pending),
        queued_tasks=tuple(queued),
        launched_tasks=tuple(launched),
        terminated_tasks=tuple(seen(key[0], task, holds=False) for key, task in state.finished.items()),
        completed_tasks=tuple(seen(key, task, holds=False) for key, task in state.completed),
    )


def state_view(agent: Agent) -> Response.GetState:
    """Tasks, executors and frameworks."""
    return Response.GetState(
        get_tasks=tasks_view(agent),
        get_executors=executors_view(agent),
        get_frameworks=frameworks_view(agent),
    )
