"""Tasks and groups of tasks launched on accepted offers."""

from __future__ import annotations

import logging

import msgspec

from cluster.messages import (
    ExecutorInfo,
    Launch,
    LaunchGroup,
    Reason,
    Reserved,
    RunTask,
    RunTaskGroup,
    Source,
    TaskInfo,
    TaskState,
    TaskStatus,
    Update,
)
from cluster.resources import Resources

from .ledger import Ledger
from .parts import Parts
from .records import AgentRecord, ExecutorRecord, FrameworkRecord, TaskEntry
from .validation import group_problem, task_problem

__all__ = ["LaunchRules"]

log = logging.getLogger("ostrom.master")


class LaunchRules(Ledger):
    """What is launched is charged to who launched it, and told to the agent."""

    def launch(
        self,
        framework: FrameworkRecord,
        agent: AgentRecord,
        role: str,
        operation: Launch,
        left: Parts,
        now: float,
    ) -> tuple[Parts, str | None]:
        """Launch tasks, each by itself; return what is left, and what was wrong if none could be launched."""
        refused = 0
        for task in operation.tasks:
            self._supersede(framework, task)
            new, executor_resources, problem = self._executor_needs(framework, agent, task)
            problem = problem or task_problem(task, agent.id, left, executor_resources, framework.task_ids)
            if problem:
                refused += 1
                self.refuse_task(framework, task, TaskState.ERROR, Reason.TASK_INVALID, problem, now)
                continue
            used = left.take(task.resources, revocable=task.revocable)
            left -= used
            executor_reserved: Reserved = {}
            if new is not None:
                needs = left.take(executor_resources)
                left -= needs
                executor_reserved = needs.reserved
                self._start_executor(framework, agent, role, new, executor_reserved)
            task = self._start_task(framework, agent, role, task, used.reserved, now)
            self.send(
                agent.upid,
                RunTask(
                    framework.info,
                    task,
                    role,
                    dict(used.reserved),
                    dict(executor_reserved),
                    new is not None,
                ),
            )
        failed = bool(operation.tasks) and refused == len(operation.tasks)
        return left, "no task of it could be launched" if failed else None

    def _supersede(self, framework: FrameworkRecord, task: TaskInfo) -> None:
        """Forget a task that was dropped, though nobody has acknowledged that: it is launched once more."""
        known = framework.tasks.get(task.task_id)
        if known is not None and known.state is TaskState.DROPPED:
            self.forget_task(known)

    def _executor_needs(
        self, framework: FrameworkRecord, agent: AgentRecord, task: TaskInfo
    ) -> tuple[ExecutorInfo | None, Resources, str | None]:
        """The executor that is to be started, what it needs, and what is wrong with it, if anything."""
        if task.executor is None:
            return None, Resources(), None
        new, problem = self._executor(framework, agent, task.executor)
        return new, Resources() if new is None else new.resources, problem

    @staticmethod
    def _executor(
        framework: FrameworkRecord, agent: AgentRecord, executor: ExecutorInfo
    ) -> tuple[ExecutorInfo | None, str | None]:
        """The executor if it is to be started, and what is wrong with it, if anything."""
        id_ = executor.executor_id
        running = agent.executors.get((framework.id, id_))
        if executor.command is None:
            # The default executor: one for each group.
            taken = running is not None or any(
                key[0] == framework.id and task.info.executor_id == id_ for key, task in agent.tasks.items()
            )
            return executor, f"executor_id {id_!r} is in use on the agent" if taken else None
        if running is None:
            return executor, None
        if running.info != executor:
            return None, f"executor_id {id_!r} runs on the agent with another ExecutorInfo"
        return None, None

    def launch_group(
        self,
        framework: FrameworkRecord,
        agent: AgentRecord,
        role: str,
        operation: LaunchGroup,
        left: Parts,
        now: float,
    ) -> tuple[Parts, str | None]:
        """Launch tasks together, or none of them; return what is left, and what was wrong."""
        executor = operation.executor
        for task in operation.tasks:
            self._supersede(framework, task)
        new, problem = self._executor(framework, agent, executor)
        needed = Resources() if new is None else new.resources
        problem = problem or group_problem(operation, agent.id, left, needed, framework.task_ids)
        if problem:
            for task in operation.tasks:
                self.refuse_task(framework, task, TaskState.ERROR, Reason.TASK_GROUP_INVALID, problem, now)
            return left, problem
        needs = left.take(needed)
        left -= needs
        if new is not None:
            self._start_executor(framework, agent, role, new, needs.reserved)
        tasks, reserved = [], []
        for each in operation.tasks:
            used = left.take(each.resources, revocable=each.revocable)
            left -= used
            task = msgspec.structs.replace(each, executor=executor)
            tasks.append(self._start_task(framework, agent, role, task, used.reserved, now))
            reserved.append(used.reserved)
        self.send(
            agent.upid,
            RunTaskGroup(
                framework.info,
                executor,
                tuple(tasks),
                role,
                tuple(reserved),
                needs.reserved,
                new is not None,
            ),
        )
        return left, None

    def _start_executor(
        self,
        framework: FrameworkRecord,
        agent: AgentRecord,
        role: str,
        executor: ExecutorInfo,
        reserved: Reserved,
    ) -> None:
        record = ExecutorRecord(framework.id, role, executor, reserved)
        agent.executors[record.key] = record

    def _start_task(
        self,
        framework: FrameworkRecord,
        agent: AgentRecord,
        role: str,
        task: TaskInfo,
        reserved: Reserved,
        now: float,
    ) -> TaskInfo:
        task = msgspec.structs.replace(task, agent_id=agent.id)
        status = TaskStatus(
            task.task_id, TaskState.STAGING, agent_id=agent.id, executor_id=task.executor_id, timestamp=now
        )
        entry = TaskEntry(framework.id, role, agent.id, task, status, reserved=reserved)
        self.denied.pop(entry.key, None)
        agent.tasks[entry.key] = entry
        framework.tasks[task.task_id] = entry
        self.task_added(entry)
        self.count("tasks_launched")
        return task

    def refuse_task(
        self,
        framework: FrameworkRecord,
        task: TaskInfo,
        state: TaskState,
        reason: Reason,
        problem: str,
        now: float,
    ) -> None:
        """Tell that a task was not launched; or what has become of it, if it was by an earlier call.

        A call may come twice, and then what the first one launched is neither dropped nor an error.
        """
        self.count("tasks_refused")
        log.warning("framework %s: task %r refused: %s", framework.id, task.task_id, problem)
        known = framework.task_ids.get(task.task_id) or self.last_known(framework.id, task.task_id)
        if known is not None and known.state is not TaskState.DROPPED:
            status = msgspec.structs.replace(
                known.status, source=Source.MASTER, reason=Reason.RECONCILIATION, message=problem, uuid=""
            )
            self.tell(framework, Update(status))
            return
        status = TaskStatus(
            task.task_id,
            state,
            reason=reason,
            message=problem,
            agent_id=task.agent_id,
            executor_id=task.executor_id,
            timestamp=now,
        )
        self.count(f"tasks_{state.short.lower()}")
        self.tell(framework, Update(status))
