"""What the master's pages show: plain functions from its state to JSON values, read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from actors import format_address
from cluster.master import MasterState
from cluster.master.records import AgentRecord, FrameworkRecord, TaskEntry
from cluster.resources import Resources

__all__ = ["VIEWS", "agents", "frameworks", "offers", "reasons", "roles", "state", "tasks"]

Json = dict[str, Any]


def numbers(resources: Resources) -> dict[str, float]:
    """The scalars of resources, as numbers."""
    return {name: resources.number(name) for name in resources.scalars_only().names()}


def agents(state: MasterState) -> list[Json]:
    """Every agent that is registered."""
    return [_agent(state, agent) for agent in state.agents.values()]


def _agent(state: MasterState, agent: AgentRecord) -> Json:
    offered = _total(state.offers[offer_id][0].resources for offer_id in agent.offers)
    return {
        "id": agent.id,
        "hostname": agent.info.hostname,
        "address": format_address(agent.upid.address),
        "connected": agent.connected,
        "registered_at": agent.registered_at,
        "resources": numbers(agent.info.resources),
        "free": numbers(agent.free),
        "offered": offered,
        "resources_text": str(agent.info.resources),
        "free_text": str(agent.free),
        "attributes_text": str(agent.info.attributes),
        "tasks": sum(task.holds for task in agent.tasks.values()),
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
    """Every role that has frameworks or holds something, with its dominant share (0 to 1)."""
    members: dict[str, list[str]] = {}
    for framework in state.frameworks.values():
        for role in framework.info.roles:
            members.setdefault(role, []).append(framework.id)
    shares = state.allocator.role_shares()
    return [
        {"name": role, "share": round(shares.get(role, 0.0), 6), "frameworks": members.get(role, [])}
        for role in sorted(members.keys() | shares.keys())
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
        "completed_frameworks": [
            {"id": done.info.id, "name": done.info.name, "reason": done.reason, "ended_at": done.ended_at}
            for done in state.completed_frameworks
        ],
    }


VIEWS: Mapping[str, Callable[[MasterState], Any]] = {
    "/state": state,
    "/agents": agents,
    "/frameworks": frameworks,
    "/roles": roles,
    "/tasks": tasks,
    "/offers": offers,
}
"""The pages by their paths."""
