"""Agents as the older pages show them."""

from __future__ import annotations

from typing import Any

from cluster.happenings import AgentSeen
from cluster.messages import AgentInfo
from cluster.v1.schema import Proto
from cluster.v1.translate.masters import VERSION
from cluster.v1.translate.operator_agents import CAPABILITIES
from cluster.v1.translate.operator_resources import offered as offered_resources
from cluster.v1.translate.operator_resources import shown_resources
from cluster.v1.translate.operator_resources import used as used_resources

from .flat import attributes, flat
from .tasks import offered, used

__all__ = ["AGENT_CAPABILITIES", "full_slave", "recovered_slave", "reservations", "slave", "whole"]

Json = dict[str, Any]

AGENT_CAPABILITIES = [each.type.value for each in CAPABILITIES if each.type is not None]


def slave(agent: AgentSeen) -> Json:
    """An agent that is registered."""
    info, place = agent.info, agent.upid.rpartition("@")[2]
    shown: Json = {
        "id": info.id,
        "hostname": info.hostname,
        **_port(place),
        "attributes": attributes(info.attributes),
        # Clients look behind the @ for where it is.
        "pid": f"slave(1)@{place}",
        "registered_time": agent.registered_at,
    }
    if agent.reregistered_at:
        shown["reregistered_time"] = agent.reregistered_at
    shown |= {
        "resources": flat(info.resources, info.revocable),
        "used_resources": used(agent.tasks, agent.executors).shown(),
        "offered_resources": offered(agent.offers).shown(),
        **reservations(info, agent.reserved),
        "active": agent.connected and agent.active,
        "deactivated": not agent.active,
        "version": VERSION,
        "capabilities": AGENT_CAPABILITIES,
    }
    if agent.drain_state:
        config: Json = {"mark_gone": agent.mark_gone}
        if agent.max_grace_period is not None:
            config["max_grace_period"] = {"nanoseconds": round(agent.max_grace_period * 1e9)}
        shown["drain_info"] = {"state": agent.drain_state, "config": config}
    return shown


def reservations(info: AgentInfo, reserved: dict[str, Any]) -> Json:
    """What of an agent is reserved, and what is not."""
    plain = info.resources
    for resources in reserved.values():
        plain -= resources
    return {
        "reserved_resources": {role: flat(resources) for role, resources in reserved.items()},
        "unreserved_resources": flat(plain, info.revocable),
    }


def full_slave(agent: AgentSeen) -> Json:
    """The same, with its resources as messages too."""
    return {
        **slave(agent),
        **whole(agent.info, agent.reserved),
        "used_resources_full": used_resources(agent.tasks, agent.executors).written(),
        "offered_resources_full": offered_resources(agent.offers).written(),
    }


def whole(info: AgentInfo, reserved: dict[str, Any]) -> Json:
    """What of an agent is reserved, and what is not, as messages."""
    listed = shown_resources(info.resources, reserved, info.revocable)
    of_roles: dict[str, list[Proto]] = {role: [] for role in reserved}
    free: list[Proto] = []
    for each in listed:
        of_roles.get(each.role or "*", free).append(each)
    return {"reserved_resources_full": of_roles, "unreserved_resources_full": free}


def recovered_slave(info: AgentInfo) -> Json:
    """An agent that has not come to this master yet."""
    return {"id": info.id, "hostname": info.hostname, "attributes": attributes(info.attributes)}


def _port(place: str) -> Json:
    port = place.rpartition(":")[2]
    return {"port": int(port)} if port.isdecimal() else {}
