"""What the master's pages show: plain functions from its state to JSON values, read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from actors import format_address
from cluster.master import MasterState
from cluster.master.records import AgentRecord, FrameworkRecord, TaskEntry
from cluster.messages import AgentInfo
from cluster.registry import Quota
from cluster.resources import Resources

from .operator_views import maintenance, numbers

__all__ = [
    "VIEWS",
    "agent_row",
    "agents",
    "frameworks",
    "offers",
    "reasons",
    "roles",
    "state",
    "tasks",
]

Json = dict[str, Any]


def agents(state: MasterState) -> list[Json]:
    """Every agent on record: those that are registered first, then those that are to come back, or may."""
    here = [_agent(state, agent) for agent in state.agents.values()]
    coming = [_absent(state, state.registry.agents[id_], "recovering", 0.0) for id_ in state.recovering]
    unreachable = state.out_of_reach().items()
    return here + coming + [_absent(state, each.info, "unreachable", each.since) for _, each in unreachable]


def agent_row(state: MasterState, agent_id: str) -> Json:
    """One agent. KeyError if it is not on record."""
    agent = state.agents.get(agent_id)
    if agent is not None:
        return _agent(state, agent)
    lost = state.out_of_reach().get(agent_id)
    if lost is not None:
        return _absent(state, lost.info, "unreachable", lost.since)
    return _absent(state, state.registry.agents[agent_id], "recovering", 0.0)


def _agent(state: MasterState, agent: AgentRecord) -> Json:
    standing = "active" if agent.connected else "disconnected"
    return {
        **_common(state, agent.info),
        # What an operator wants of it says more than whether it is there, which `connected` says.
        "state": agent.drain_state().lower() or (standing if agent.active else "deactivated"),
        "connected": agent.connected,
        "address": format_address(agent.upid.address),
        "registered_at": agent.registered_at,
        "unreachable_since": 0.0,
        "free": numbers(agent.free),
        "offered": _total(state.offers[offer_id][0].resources for offer_id in agent.offers),
        "free_text": str(agent.free),
        "tasks": sum(task.holds for task in agent.tasks.values()),
        "executors": len(agent.executors),
    }


def _absent(state: MasterState, info: AgentInfo, standing: str, since: float) -> Json:
    return {
        **_common(state, info),
        "state": standing,
        "connected": False,
        "address": "",
        "registered_at": 0.0,
        "unreachable_since": since,
        "free": {},
        "offered": {},
        "free_text": "",
        "tasks": 0,
        "executors": 0,
    }


def _common(state: MasterState, info: AgentInfo) -> Json:
    drain = state.registry.drains.get(info.id)
    reserved = state.registry.reservations.get(info.id, {})
    return {
        "id": info.id,
        "hostname": info.hostname,
        "resources": numbers(info.resources),
        "resources_text": str(info.resources),
        "attributes_text": str(info.attributes),
        "reserved_text": {role: str(resources) for role, resources in reserved.items()},
        "drain": None if drain is None else msgspec.structs.asdict(drain),
    }


def _total(items: Iterable[Resources]) -> dict[str, float]:
    total = Resources()
    for item in items:
        total += item
    return numbers(total)


def frameworks(state: MasterState) -> list[Json]:
    """Every framework, with its dominant share (0 to 1): the largest among its roles'."""
    shares: dict[str, float] = {}
    for (framework_id, _), share in state.allocator.shares().items():
        shares[framework_id] = max(share, shares.get(framework_id, 0.0))
    return [_framework(each, shares.get(each.id, 0.0)) for each in state.frameworks.values()]


def _framework(framework: FrameworkRecord, share: float) -> Json:
    info = framework.info
    return {
        "id": framework.id,
        "name": info.name,
        "user": info.user,
        "hostname": info.hostname,
        "roles": list(info.roles),
        "suppressed_roles": sorted(framework.suppressed),
        "connected": framework.connected,
        "subscribed_at": framework.subscribed_at,
        "failover_timeout": info.failover_timeout,
        "share": round(share, 6),
        "tasks": sum(task.holds for task in framework.tasks.values()),
        "offers": len(framework.offers),
    }


def tasks(state: MasterState) -> list[Json]:
    """Every task: those that run first, then those that have ended, the latest first."""
    alive = [_task(task) for framework in state.frameworks.values() for task in framework.task_ids.values()]
    return alive + [_task(task) for task in reversed(state.completed_tasks)]


def _task(task: TaskEntry) -> Json:
    status = task.status
    return {
        "id": task.info.task_id,
        "name": task.info.name,
        "state": task.state.value,
        "completed": task.state.terminal,
        "framework_id": task.framework_id,
        "executor_id": task.info.executor_id,
        "agent_id": task.agent_id,
        "role": task.role,
        "resources_text": str(task.info.resources),
        "timestamp": status.timestamp,
        "message": status.message,
        "reason": status.reason.value,
        "exit_code": status.exit_code,
        "healthy": status.healthy,
        "labels": task.info.labels,
        "discovery": None if task.info.discovery is None else msgspec.to_builtins(task.info.discovery),
    }


def offers(state: MasterState) -> list[Json]:
    """Every offer that was not answered yet."""
    return [
        {
            "id": offer.id,
            "framework_id": offer.framework_id,
            "role": offer.role,
            "agent_id": offer.agent_id,
            "resources_text": str(offer.resources),
        }
        for offer, _ in state.offers.values()
    ]


def roles(state: MasterState) -> list[Json]:
    """Every role that has frameworks, holds something or has something set, with its dominant share (0 to 1)."""
    members: dict[str, list[str]] = {}
    for framework in state.frameworks.values():
        for role in framework.info.roles:
            members.setdefault(role, []).append(framework.id)
    shares = state.allocator.role_shares()
    registry = state.registry
    return [
        {
            "name": role,
            "share": round(shares.get(role, 0.0), 6),
            "frameworks": members.get(role, []),
            "weight": registry.weights.get(role, 1.0),
            "guarantee_text": str(quota.guarantee),
            "limit_text": str(quota.limit),
            "priority": quota.priority,
        }
        for role in sorted({*members, *shares, *registry.weights, *registry.quotas})
        for quota in [registry.quotas.get(role, Quota())]
    ]


def reasons(state: MasterState, framework_id: str, agent_id: str | None, now: float) -> list[Json]:
    """Why a framework is not offered an agent, or each of them: agents with the same reasons together.

    No reasons: it would be offered those, were its turn to come.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for agent in [agent_id] if agent_id is not None else sorted(state.agents):
        found.setdefault(tuple(state.allocator.explain(framework_id, agent, now)), []).append(agent)
    return [{"reasons": list(said), "agents": agents} for said, agents in found.items()]


def state(state: MasterState) -> Json:
    """All of it."""
    return {
        "master_id": state.master_id,
        "counters": state.counters,
        "agents": agents(state),
        "frameworks": frameworks(state),
        "roles": roles(state),
        "tasks": tasks(state),
        "offers": offers(state),
        "maintenance": maintenance(state),
        "completed_frameworks": [
            {"id": done.info.id, "name": done.info.name, "reason": done.reason, "ended_at": done.ended_at}
            for done in state.completed_frameworks
        ],
    }


VIEWS: Mapping[str, Callable[[MasterState], Any]] = {
    "/ostrom/state": state,
    "/ostrom/agents": agents,
    "/ostrom/frameworks": frameworks,
    "/ostrom/roles": roles,
    "/ostrom/tasks": tasks,
    "/ostrom/offers": offers,
}
"""The pages by their paths."""
