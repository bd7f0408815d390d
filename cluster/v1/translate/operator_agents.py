"""Agents as operators are shown them."""

from __future__ import annotations

from cluster.happenings import AgentSeen
from cluster.v1 import types as v1
from cluster.v1.trees import Tree
from cluster.v1.types.master import Response

from .agents import agent_to
from .common import duration_to, time_to
from .masters import VERSION
from .operator_resources import offered_slowly, shown_resources, used_slowly

__all__ = ["CAPABILITIES", "agent_seen_to"]

Type = v1.AgentInfo.Capability.Type
CAPABILITIES = tuple(
    v1.AgentInfo.Capability(type=each)
    for each in (
        Type.MULTI_ROLE,
        Type.HIERARCHICAL_ROLE,
        Type.RESERVATION_REFINEMENT,
        Type.AGENT_DRAINING,
    )
)
"""What every agent can."""


def agent_seen_to(agent: AgentSeen) -> Tree:
    """An agent: what it is, what of it is used and what is offered. A `Response.GetAgents.Agent`."""
    info, upid = agent.info, agent.upid
    return Tree(
        Response.GetAgents.Agent,
        {
            "agent_info": agent_to(info, upid),
            "active": agent.active and agent.connected,
            "deactivated": not agent.active,
            "version": VERSION,
            # Clients look behind the @ for where it is.
            "pid": f"slave(1)@{upid.rpartition('@')[2]}",
            "registered_time": time_to(agent.registered_at),
            "reregistered_time": time_to(agent.reregistered_at) if agent.reregistered_at else None,
            "total_resources": shown_resources(info.resources, agent.reserved, info.revocable),
            "capabilities": CAPABILITIES,
            "drain_info": _drain(agent),
        },
        {
            "allocated_resources": used_slowly(agent.tasks, agent.executors),
            "offered_resources": offered_slowly(agent.offers),
        },
    )


def _drain(agent: AgentSeen) -> v1.DrainInfo | None:
    if not agent.drain_state:
        return None
    longest = agent.max_grace_period
    return v1.DrainInfo(
        state=v1.DrainState.named(agent.drain_state),
        config=v1.DrainConfig(
            max_grace_period=None if longest is None else duration_to(longest), mark_gone=agent.mark_gone
        ),
    )
