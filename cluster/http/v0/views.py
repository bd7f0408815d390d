"""What the older pages of a master hold: plain functions from what was seen of it; iterators are arrays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cluster.happenings import AgentSeen, FrameworkSeen, TaskSeen
from cluster.messages import TaskState
from cluster.v1.translate.masters import VERSION, master_to

from .frameworks import ended, framework, framework_task, summary
from .seen import Seen
from .slaves import full_slave, recovered_slave, slave
from .tasks import SUMMED

__all__ = ["frameworks", "slaves", "state", "state_summary", "tasks"]

NAME = "ostrom"
Json = dict[str, Any]
Wanted = Callable[[str], bool]


def anything(_id: str) -> bool:
    """All are wanted."""
    return True


def state(seen: Seen, flags: Mapping[str, str]) -> Json:
    """`/state`: all of it."""
    everything = seen.everything
    leader = master_to(seen.id, seen.hostname, seen.address)
    active = sum(agent.connected and agent.active for agent in everything.agents)
    return {
        "version": VERSION,
        # Singularity does not start without these two.
        "build_user": NAME,
        "cluster": NAME,
        "start_time": seen.started_at,
        "elected_time": seen.elected_at,
        "id": seen.id,
        "pid": leader.pid,
        "hostname": seen.hostname,
        "capabilities": [each.type.value for each in leader.capabilities if each.type is not None],
        "activated_slaves": float(active),
        "deactivated_slaves": float(len(everything.agents) - active),
        "unreachable_slaves": float(seen.unreachable),
        "leader": leader.pid,
        "leader_info": {
            "id": seen.id,
            "pid": leader.pid,
            "port": leader.port,
            "hostname": seen.hostname,
        },
        "flags": dict(flags),
        "slaves": map(slave, everything.agents),
        "recovered_slaves": map(recovered_slave, everything.recovering),
        **frameworks(seen),
        "orphan_tasks": [],
    }


def frameworks(seen: Seen, wanted: Wanted = anything) -> Json:
    """`/frameworks`."""
    everything = seen.everything
    others = ended(everything)

    def shown(found: Iterable[FrameworkSeen]) -> Iterator[Json]:
        return (framework(each, _pid(seen, each), others) for each in found if wanted(each.info.id))

    return {
        "frameworks": shown(everything.frameworks),
        "completed_frameworks": shown(everything.completed_frameworks),
        "unregistered_frameworks": [],
    }


def slaves(seen: Seen, wanted: Wanted = anything) -> Json:
    """`/slaves`."""
    agents, recovering = seen.everything.agents, seen.everything.recovering
    return {
        "slaves": (full_slave(each) for each in agents if wanted(each.info.id)),
        "recovered_slaves": (recovered_slave(each) for each in recovering if wanted(each.id)),
    }


def state_summary(seen: Seen) -> Json:
    """`/state-summary`: how many tasks are in which state, by agent and by framework."""
    everything = seen.everything
    others = ended(everything)
    # Of the agents' own tasks the agents know; only the others are gathered beforehand.
    known = {each.info.id for each in everything.frameworks}
    elsewhere: dict[str, list[TaskSeen]] = {}
    for task in (*everything.unreachable_tasks, *everything.completed_tasks):
        if task.framework_id in known:
            elsewhere.setdefault(task.agent_id, []).append(task)

    def of_agent(agent: AgentSeen) -> Json:
        tasks = [*agent.tasks, *elsewhere.get(agent.info.id, ())]
        frameworks = dict.fromkeys(task.framework_id for task in tasks)
        return {**slave(agent), **_sums(tasks), "framework_ids": list(frameworks)}

    def of_framework(each: FrameworkSeen) -> Json:
        id_ = each.info.id
        tasks = [*each.tasks, *others.unreachable.get(id_, ()), *others.completed.get(id_, ())]
        agents = dict.fromkeys(task.agent_id for task in tasks)
        return {**summary(each, _pid(seen, each)), **_sums(tasks), "slave_ids": list(agents)}

    return {
        "hostname": seen.hostname,
        "slaves": map(of_agent, everything.agents),
        "frameworks": map(of_framework, everything.frameworks),
    }


def tasks(
    seen: Seen,
    *,
    limit: int,
    offset: int,
    ascending: bool,
    of_framework: Wanted = anything,
    of_id: Wanted = anything,
) -> Json:
    """`/tasks`: so many of all tasks, the latest first or last."""
    everything = seen.everything
    groups = everything.tasks, everything.unreachable_tasks, everything.completed_tasks
    found = [
        task
        for group in groups
        for task in group
        if of_framework(task.framework_id) and of_id(task.info.task_id)
    ]
    found.sort(key=_told_at, reverse=not ascending)
    return {"tasks": map(framework_task, found[offset : offset + limit])}


def _told_at(task: TaskSeen) -> float:
    """When its framework was told of it first; before all others if it was not."""
    first = task.former[0] if task.former else task.status
    return -math.inf if first.state is TaskState.STAGING else first.timestamp


def _sums(tasks: Iterable[TaskSeen]) -> dict[str, int]:
    found = Counter(task.status.state for task in tasks)
    return {each.value: found[each] for each in SUMMED}


def _pid(seen: Seen, framework: FrameworkSeen) -> str | None:
    return seen.pids.get(framework.info.id)
