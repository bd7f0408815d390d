"""What operators have set, and what became of it: plain functions from the master's state to JSON values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cluster.master import MasterState
from cluster.messages import AgentInfo
from cluster.registry import Quota
from cluster.resources import THOUSANDTHS, Resources

__all__ = ["OPERATOR_VIEWS", "maintenance", "numbers", "quota", "reservations", "used_by_role", "weights"]

Json = dict[str, Any]


def numbers(resources: Resources) -> dict[str, float]:
    """The scalars of resources, as numbers."""
    return {name: resources.number(name) for name in resources.scalars_only().names()}


def weights(state: MasterState) -> dict[str, float]:
    """The weights that were set, by role; that of all others is 1."""
    return dict(sorted(state.registry.weights.items()))


def quota(state: MasterState) -> list[Json]:
    """The quotas that were set, and how much of each is used by the role and all below it."""
    used = used_by_role(state)
    return [quota_row(role, each, used.get(role, {})) for role, each in sorted(state.registry.quotas.items())]


def quota_row(role: str, quota: Quota, used: Mapping[str, float]) -> Json:
    """One quota."""
    return {
        "role": role,
        "guarantee": numbers(quota.guarantee),
        "limit": numbers(quota.limit),
        "guarantee_text": str(quota.guarantee),
        "limit_text": str(quota.limit),
        "priority": quota.priority,
        "used": dict(used),
    }


def used_by_role(state: MasterState) -> dict[str, dict[str, float]]:
    """The scalars that tasks and executors of each role, and of all roles below it, hold; no revocable ones."""
    sums: dict[str, dict[str, int]] = {}
    for agent in state.agents.values():
        held = [(t.role, t.info.resources) for t in agent.tasks.values() if t.holds and not t.info.revocable]
        held += [(executor.role, executor.info.resources) for executor in agent.executors.values()]
        for role, resources in held:
            path = role
            while path:
                total = sums.setdefault(path, {})
                for name, amount in resources.scalars.items():
                    total[name] = total.get(name, 0) + amount
                path = path.rpartition("/")[0]
    return {role: {name: n / THOUSANDTHS for name, n in each.items()} for role, each in sums.items()}


def reservations(state: MasterState) -> list[Json]:
    """What is reserved, on each agent for each role, whether the agent is there now or not."""
    return [
        {
            "agent_id": agent_id,
            "hostname": info.hostname if (info := info_of(state, agent_id)) is not None else "",
            "role": role,
            "resources": numbers(resources),
            "resources_text": str(resources),
        }
        for agent_id, by_role in sorted(state.registry.reservations.items())
        for role, resources in sorted(by_role.items())
    ]


def info_of(state: MasterState, agent_id: str) -> AgentInfo | None:
    """An agent as it introduced itself, if it is on record."""
    if agent_id in state.agents:
        return state.agents[agent_id].info
    lost = state.out_of_reach().get(agent_id)
    return lost.info if lost is not None else state.registry.agents.get(agent_id)


def maintenance(state: MasterState) -> Json:
    """The schedule, and of each machine in it: its agents, and what frameworks said to the inverse offers.

    A machine is SCHEDULED or DOWN. An answer is ACCEPT or DECLINE, empty while there is none.
    """
    windows = sorted(state.registry.windows.items(), key=lambda item: (item[1].start, item[0]))
    asked: dict[str, list[Json]] = {}
    for record in state.inverse_offers.values():
        asked.setdefault(record.offer.agent_id, []).append(
            {
                "id": record.offer.id,
                "framework_id": record.offer.framework_id,
                "agent_id": record.offer.agent_id,
                "answer": record.answer,
                "answered_at": record.answered_at,
            }
        )
    on_machine: dict[str, list[str]] = {}
    for agent_id in (*state.agents, *state.recovering, *state.out_of_reach()):
        info = info_of(state, agent_id)
        if info is not None:
            for name in {info.hostname, info.id}:
                on_machine.setdefault(name, []).append(agent_id)
    return {
        "windows": [
            {
                "id": id_,
                "machines": list(window.machines),
                "start": window.start,
                "duration": window.duration,
                "down": window.down,
            }
            for id_, window in windows
        ],
        "machines": [
            {
                "machine": name,
                "window": id_,
                "state": "DOWN" if window.down else "SCHEDULED",
                "start": window.start,
                "duration": window.duration,
                "agents": on_machine.get(name, []),
                "inverse_offers": [
                    each for agent in on_machine.get(name, []) for each in asked.get(agent, [])
                ],
            }
            for id_, window in windows
            for name in window.machines
        ],
    }


OPERATOR_VIEWS: Mapping[str, Callable[[MasterState], Any]] = {
    "/ostrom/weights": weights,
    "/ostrom/quota": quota,
    "/ostrom/reservations": reservations,
    "/ostrom/maintenance": maintenance,
}
"""The pages by their paths."""
