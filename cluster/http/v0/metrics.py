"""Figures under the names that Mesos gives them; only true ones: docs/mesos-compatibility.md lists those that lack."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from cluster.agent import Agent
from cluster.agent.records import Phase
from cluster.master import Master, MasterState
from cluster.messages import TaskState
from cluster.resources import THOUSANDTHS, Resources

__all__ = ["agent_metrics", "master_metrics", "standby_metrics", "system_metrics"]

RESOURCES = ("cpus", "gpus", "mem", "disk")
ACTIVE = (TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING, TaskState.KILLING)
ENDED = (
    TaskState.FINISHED,
    TaskState.FAILED,
    TaskState.KILLED,
    TaskState.LOST,
    TaskState.ERROR,
    TaskState.DROPPED,
    TaskState.GONE,
    TaskState.GONE_BY_OPERATOR,
)
AGENT_ENDED = (TaskState.FINISHED, TaskState.FAILED, TaskState.KILLED, TaskState.LOST, TaskState.GONE)
EXECUTOR_PHASES = {
    Phase.LAUNCHING: "registering",
    Phase.REGISTERING: "registering",
    Phase.RUNNING: "running",
    Phase.TERMINATING: "terminating",
}

Figures = dict[str, float]


def master_metrics(master: Master) -> Figures:
    """What a master that leads tells. Counters begin with its lead."""
    state = master.state
    active = {
        framework.id: Counter(task.status.state for task in framework.tasks.values())
        for framework in state.frameworks.values()
    }
    return {
        "master/uptime_secs": max(0.0, master.clock.time() - master.system.started_at),
        "master/elected": 1.0,
        "master/operator_event_stream_subscribers": float(master.subscribers),
        **_agents(state),
        **_frameworks(state, active),
        **_tasks(state, sum(active.values(), Counter())),
        **_master_resources(state),
        **_allocator(state),
        **system_metrics(),
    }


def standby_metrics(uptime: float) -> Figures:
    """What a master that does not lead tells; `uptime` is in seconds."""
    return {"master/uptime_secs": uptime, "master/elected": 0.0, **system_metrics()}


def agent_metrics(agent: Agent) -> Figures:
    """What an agent tells. Counters begin with its process."""
    state = agent.state
    figures: Figures = {
        "slave/uptime_secs": max(0.0, agent.clock.time() - agent.system.started_at),
        "slave/registered": float(agent.master is not None),
        "slave/frameworks_active": float(len({key[0] for key in state.runs})),
        "gc/path_removals_pending": float(len(agent.collector)),
    }
    active = Counter(task.status.state for _, task in state.all_tasks())
    figures.update({f"slave/{_name(each)}": float(active[each]) for each in ACTIVE})
    figures.update({f"slave/{_name(each)}": float(state.counters[_name(each)]) for each in AGENT_ENDED})
    # The tasks of a group have one executor in Mesos.
    phases = Counter(EXECUTOR_PHASES[run.phase] for run in state.runs.values() if not run.group)
    for phase in ("registering", "running", "terminating"):
        figures[f"slave/executors_{phase}"] = float(phases[phase])
    figures["slave/executors_terminated"] = float(state.counters["executors_terminated"])
    tasks = [task.info for run in state.runs.values() for task in run.tasks.values()]
    lasting = [task.resources for task in tasks if not task.revocable]
    lasting += [run.info.resources for run in state.runs.values() if run.info is not None]
    revocable = [task.resources for task in tasks if task.revocable]
    figures.update(_resources("slave/", [state.info.resources], lasting))
    figures.update(_resources("slave/", [state.info.revocable], revocable, "_revocable"))
    return {**figures, **system_metrics()}


def system_metrics() -> Figures:
    """What the machine has and does."""
    one, five, fifteen = os.getloadavg()
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "system/cpus_total": float(os.cpu_count() or 0),
        "system/load_1min": one,
        "system/load_5min": five,
        "system/load_15min": fifteen,
        "system/mem_total_bytes": float(page * os.sysconf("SC_PHYS_PAGES")),
        "system/mem_free_bytes": float(page * os.sysconf("SC_AVPHYS_PAGES")),
    }


def _name(state: TaskState) -> str:
    return f"tasks_{state.short.lower()}"


def _agents(state: MasterState) -> Figures:
    agents = state.agents.values()
    connected = sum(agent.connected for agent in agents)
    active = sum(agent.connected and agent.active for agent in agents)
    counted = state.counters.get
    unreachable, not_returned = counted("agents_unreachable", 0), counted("agents_not_returned", 0)
    return {
        "master/slaves_connected": float(connected),
        "master/slaves_disconnected": float(len(agents) - connected),
        "master/slaves_active": float(active),
        "master/slaves_inactive": float(len(agents) - active),
        "master/slaves_unreachable": float(len(state.out_of_reach())),
        "master/slave_registrations": float(counted("agents_registered", 0)),
        "master/slave_reregistrations": float(counted("agents_reregistered", 0)),
        "master/slave_removals": float(counted("agents_removed", 0) + unreachable - not_returned),
        "master/slave_removals/reason_unhealthy": float(unreachable - not_returned),
        "master/slave_removals/reason_registered": float(counted("agents_replaced", 0)),
        "master/slave_unreachable_completed": float(unreachable),
        "master/recovery_slave_removals": float(not_returned),
    }


def _frameworks(state: MasterState, active: Mapping[str, Counter[TaskState]]) -> Figures:
    connected = sum(framework.connected for framework in state.frameworks.values())
    figures = {
        "master/frameworks_connected": float(connected),
        "master/frameworks_disconnected": float(len(state.frameworks) - connected),
        # Nobody deactivates a framework here: who is connected is offered resources.
        "master/frameworks_active": float(connected),
        "master/frameworks_inactive": float(len(state.frameworks) - connected),
        "master/outstanding_offers": float(len(state.offers)),
        "master/dropped_messages": float(
            state.counters.get("dropped_calls", 0) + state.counters.get("dropped_agent_messages", 0)
        ),
    }
    for framework in state.frameworks.values():
        prefix = f"master/frameworks/{quote(framework.info.name, safe='')}/{framework.id}/"
        figures[f"{prefix}subscribed"] = float(framework.connected)
        for each in ACTIVE:
            figures[f"{prefix}tasks/active/{each.lower()}"] = float(active[framework.id][each])
        figures[f"{prefix}tasks/active/task_unreachable"] = float(len(framework.unreachable_tasks))
        for role in framework.info.roles:
            figures[f"{prefix}roles/{role}/suppressed"] = float(role in framework.suppressed)
    return figures


def _tasks(state: MasterState, active: Counter[TaskState]) -> Figures:
    return {
        **{f"master/{_name(each)}": float(active[each]) for each in ACTIVE},
        "master/tasks_unreachable": float(
            sum(len(each.unreachable_tasks) for each in state.frameworks.values())
        ),
        **{f"master/{_name(each)}": float(state.counters.get(_name(each), 0)) for each in ENDED},
    }


def _master_resources(state: MasterState) -> Figures:
    lasting: list[Resources] = []
    revocable: list[Resources] = []
    for agent in state.agents.values():
        for task in agent.tasks.values():
            if task.holds:
                (revocable if task.info.revocable else lasting).append(task.info.resources)
        lasting += [executor.info.resources for executor in agent.executors.values()]
    infos = [agent.info for agent in state.agents.values()]
    return {
        **_resources("master/", (info.resources for info in infos), lasting),
        **_resources("master/", (info.revocable for info in infos), revocable, "_revocable"),
    }


def _resources(prefix: str, total: Iterable[Resources], used: Iterable[Resources], kind: str = "") -> Figures:
    all_, taken = _sums(total), _sums(used)
    figures: Figures = {}
    for name in RESOURCES:
        figures[f"{prefix}{name}{kind}_total"] = all_[name] / THOUSANDTHS
        figures[f"{prefix}{name}{kind}_used"] = taken[name] / THOUSANDTHS
        figures[f"{prefix}{name}{kind}_percent"] = taken[name] / all_[name] if all_[name] else 0.0
    return figures


def _sums(items: Iterable[Resources]) -> Mapping[str, int]:
    sums = dict.fromkeys(RESOURCES, 0)
    for resources in items:
        for name, amount in resources.scalars.items():
            if name in sums:
                sums[name] += amount
    return sums


def _allocator(state: MasterState) -> Figures:
    agents = state.agents.values()
    total = _sums(each for agent in agents for each in (agent.info.resources, agent.info.revocable))
    free = _sums(each for agent in agents for each in (agent.unused.whole, agent.unused.revocable))
    figures: Figures = {}
    for name in RESOURCES:
        figures[f"allocator/mesos/resources/{name}/total"] = total[name] / THOUSANDTHS
        figures[f"allocator/mesos/resources/{name}/offered_or_allocated"] = (
            total[name] - free[name]
        ) / THOUSANDTHS
    for role, share in state.allocator.role_shares().items():
        figures[f"allocator/mesos/roles/{role}/shares/dominant"] = share
    for role, quota in state.registry.quotas.items():
        prefix = f"allocator/mesos/quota/roles/{role}/resources/"
        for kind, resources in (("guarantee", quota.guarantee), ("limit", quota.limit)):
            for name, amount in resources.scalars.items():
                figures[f"{prefix}{name}/{kind}"] = amount / THOUSANDTHS
    return figures
