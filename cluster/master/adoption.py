"""What a registering agent runs: taken into the books, or to be ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

from cluster.messages import (
    Capability,
    ExecutorState,
    Reason,
    RegisterAgent,
    TaskRecord,
    TaskState,
    Update,
    check_id,
)
from cluster.resources import ResourceError, Resources

from .frameworks import FrameworkRules
from .parts import EMPTY, Parts, split, total
from .reachability import ReachabilityRules
from .records import AgentRecord, ExecutorRecord, TaskEntry, TaskKey, agent_usage
from .validation import framework_problem

__all__ = ["AdoptionRules", "agent_usage_of", "brought", "overuse"]

log = logging.getLogger("ostrom.master")


class AdoptionRules(FrameworkRules, ReachabilityRules):
    """Compares what an agent brings with what frameworks were told of it."""

    def adopt_frameworks(self, message: RegisterAgent, now: float, *, on_record: bool) -> list[str]:
        """Take over frameworks that are not known; return those that have ended.

        Only an agent that is not on record either can bring one that is believed: the registry was lost, then.
        """
        named: dict[str, None] = {task.framework_id: None for task in message.tasks}
        named.update((each.framework_id, None) for each in message.executors)
        for info in message.frameworks:
            named[info.id] = None
            unknown = info.id not in self.frameworks and not self.has_ended(info.id)
            if unknown and self.adopting and not on_record:
                if problem := check_id("framework.id", info.id) or framework_problem(info):
                    log.warning("framework %r of agent %s: %s", info.id, message.agent.hostname, problem)
                    continue
                self.expect_framework(info, now)
                self.record("frameworks", info.id, info)
        return [framework_id for framework_id in named if framework_id not in self.frameworks]

    def adopt(
        self, agent: AgentRecord, message: RegisterAgent, now: float, *, returned: bool, known: bool
    ) -> tuple[TaskKey, ...]:
        """Take over what an agent runs that is not in the books; return the tasks that must end.

        `returned`: it was unreachable until now; `known`: it is in the books already, so that what has ended there and
        is not in them is of no interest.
        """
        before = agent_usage_of(agent)
        kill = []
        for task in message.tasks:
            key = (task.framework_id, task.task.task_id)
            if key in agent.tasks or (known and task.status.state.terminal):
                continue
            if not self._adopt_task(agent, task, now, returned=returned) and not task.status.state.terminal:
                kill.append(key)
        for executor in message.executors:
            key = (executor.framework_id, executor.executor.executor_id)
            if executor.framework_id in self.frameworks and key not in agent.executors:
                agent.executors[key] = ExecutorRecord(
                    executor.framework_id, executor.role, executor.executor, executor.reserved
                )
        self._charge(agent, before)
        return tuple(kill)

    def _charge(self, agent: AgentRecord, before: dict[tuple[str, str], Parts]) -> None:
        """Take what is used more than before out of what is unused, here and at the allocator."""
        for (framework_id, role), parts in agent_usage_of(agent).items():
            more = parts - before.get((framework_id, role), EMPTY)
            if more:
                agent.unused -= more
                self.allocator.claim(
                    agent.id,
                    framework_id,
                    role,
                    more.plain.amounts(),
                    reserved=more.reserved_amounts,
                    revocable=more.revocable_amounts,
                )

    def _adopt_task(self, agent: AgentRecord, record: TaskRecord, now: float, *, returned: bool) -> bool:
        """Take over a task. False if its framework has ended, or believes that the task has."""
        key = (record.framework_id, record.task.task_id)
        denied = (record.denied or key in self.denied) and record.framework_id in self.frameworks
        if not denied and not self.adoptable(agent.id, record):
            return False
        framework, task_id = self.frameworks[record.framework_id], record.task.task_id
        aside = framework.unreachable_tasks.get(task_id)
        ended = record.status.state.terminal
        entry = TaskEntry(
            record.framework_id,
            record.role,
            agent.id,
            msgspec.structs.replace(record.task, agent_id=agent.id),
            record.status,
            holds=not ended,
            reserved=record.reserved,
        )
        if denied or (returned and aside is None and not framework.info.can(Capability.PARTITION_AWARE)):
            # It was told so when it asked, or when the agent became unreachable, maybe by a former master. From now on
            # it is known that there was such a task, lest it be taken for one that never was.
            fate = framework.fate(TaskState.GONE if denied else TaskState.LOST)
            status = self.master_status(entry, fate, Reason.AGENT_REMOVED, "", now)
            entry.former, entry.status = entry.before(status), status
            entry.holds = False
            self.completed_tasks.append(entry)
            self.task_added(entry)
            self.denied.pop(key, None)
            return False
        if aside is not None:
            del framework.unreachable_tasks[task_id]
            entry.kill, entry.former = aside.kill, aside.before(record.status)
        framework.tasks[task_id] = entry
        agent.tasks[entry.key] = entry
        self.task_added(entry)
        if returned and not ended and entry.state is not TaskState.STAGING:
            text = "its agent can be reached again"
            status = self.master_status(entry, entry.state, Reason.AGENT_REREGISTERED, text, now)
            self.tell(framework, Update(status))
        return True

    def adoptable(self, agent_id: str, record: TaskRecord | ExecutorState) -> bool:
        """Whether something that an agent brings is its framework's: not of one that has ended, no ghost."""
        framework = self.frameworks.get(record.framework_id)
        if framework is None or isinstance(record, ExecutorState):
            return framework is not None
        task_id = record.task.task_id
        aside = framework.unreachable_tasks.get(task_id)
        if record.denied or (framework.id, task_id) in self.denied:
            return False
        if task_id in framework.tasks or aside is not None:
            return task_id not in framework.tasks and aside is not None and aside.agent_id == agent_id
        last = self.last_known(framework.id, task_id)
        return last is None or not last.state.terminal

    def news(self, agent: AgentRecord, message: RegisterAgent) -> list[TaskRecord | ExecutorState]:
        """What a known agent brings that is to be adopted, and uses something."""
        tasks = [
            task
            for task in message.tasks
            if (task.framework_id, task.task.task_id) not in agent.tasks
            and not task.status.state.terminal
            and self.adoptable(agent.id, task)
        ]
        executors = [
            each
            for each in message.executors
            if (each.framework_id, each.executor.executor_id) not in agent.executors
            and self.adoptable(agent.id, each)
        ]
        return [*tasks, *executors]


def agent_usage_of(agent: AgentRecord) -> dict[tuple[str, str], Parts]:
    """What is used on an agent, by framework and role."""
    usage: dict[tuple[str, str], Parts] = {}
    for framework_id, role, parts in agent_usage(agent):
        usage[framework_id, role] = usage.get((framework_id, role), EMPTY) + parts
    return usage


def brought(message: RegisterAgent) -> list[TaskRecord | ExecutorState]:
    """All that an agent brings and that uses something."""
    return [*(task for task in message.tasks if not task.status.state.terminal), *message.executors]


def overuse(whole: Parts, used: Iterable[Parts], more: Iterable[TaskRecord | ExecutorState]) -> str | None:
    """What is wrong with what is used of an agent together with what it brings, or None."""
    try:
        needed = total([*used, *map(_parts, more)])
    except ResourceError as error:
        return f"its tasks use something twice: {error}"
    try:
        _ = whole - needed
    except ResourceError:
        return f"its tasks use more than it has: {_missing(whole, needed)}"
    return None


def _parts(record: TaskRecord | ExecutorState) -> Parts:
    resources = record.executor.resources if isinstance(record, ExecutorState) else record.task.resources
    if isinstance(record, TaskRecord) and record.task.revocable:
        return Parts(revocable=resources)
    return split(resources, record.reserved)


def _missing(whole: Parts, used: Parts) -> str:
    """What of `used` is beyond `whole`, for people."""
    said = [whole.plain.missing(used.plain), whole.revocable.missing(used.revocable)]
    said += [
        f"{lacking} (reserved for {role})"
        for role, resources in used.reserved.items()
        if (lacking := whole.reserved.get(role, Resources()).missing(resources))
    ]
    return "; ".join(text for text in said if text)
