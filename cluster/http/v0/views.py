"""What the older pages of a master hold: plain functions from what was seen of it; iterators are arrays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cluster.happenings import FrameworkSeen, TaskSeen
from cluster.messages import TaskState
from cluster.v1.translate.masters import VERSION, master_to

from .frameworks import Ended, ended, framework, framework_task, summary
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
    agents: dict[str, Counter[str]] = {}
    frameworks: dict[str, Counter[str]] = {}
    meetings: dict[tuple[str, str], None] = {}
    for each in everything.frameworks:
        for task in _tasks_of(each, others):
            agents.setdefault(task.agent_id, Counter())[task.status.state] += 1
            frameworks.setdefault(each.info.id, Counter())[task.status.state] += 1
            meetings[each.info.id, task.agent_id] = None
    on_agent: dict[str, list[str]] = {}
    on_agents: dict[str, list[str]] = {}
    for framework_id, agent_id in meetings:
        on_agent.setdefault(agent_id, []).append(framework_id)
        on_agents.setdefault(framework_id, []).append(agent_id)
    return {
        "hostname": seen.hostname,
        "slaves": (
            {**slave(each), **_sums(agents, each.info.id), "framework_ids": on_agent.get(each.info.id, [])}
            for each in everything.agents
        ),
        "frameworks": (
            {
                **summary(each, _pid(seen, each)),
                **_sums(frameworks, each.info.id),
                "slave_ids": on_agents.get(each.info.id, []),
            }
            for each in everything.frameworks
        ),
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
    """When its framework was told of it last; before all others if it was not."""
    return -math.inf if task.status.state is TaskState.STAGING else task.status.timestamp


def _tasks_of(seen: FrameworkSeen, others: Ended) -> Iterator[TaskSeen]:
    yield from seen.tasks
    yield from others.unreachable.get(seen.info.id, ())
    yield from others.completed.get(seen.info.id, ())


def _sums(counted: Mapping[str, Counter[str]], id_: str) -> dict[str, int]:
    found = counted.get(id_, Counter())
    return {each.value: found[each] for each in SUMMED}


def _pid(seen: Seen, framework: FrameworkSeen) -> str | None:
    return seen.pids.get(framework.info.id)
