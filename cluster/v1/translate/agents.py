"""Agents: what they say of themselves, and where they are."""

from __future__ import annotations

import ipaddress

from actors import parse_address
from cluster.attributes import Attributes, AttributeValue
from cluster.messages import AgentInfo
from cluster.v1 import types as v1

from .resources import Quantities, write_resources

__all__ = ["agent_to", "attributes_to", "url_to"]

Type = v1.Value.Type


def agent_to(agent: AgentInfo, address: str = "") -> v1.AgentInfo:
    """An agent that is reached at `address` (its UPID, or `host:port`), as Mesos writes it."""
    url = url_to(agent.hostname, address)
    return v1.AgentInfo(
        hostname=agent.hostname,
        port=url.address.port if url is not None else None,
        resources=write_resources(Quantities(agent.resources, revocable=agent.revocable)),
        attributes=attributes_to(agent.attributes),
        id=v1.AgentID(value=agent.id) if agent.id else None,
    )


def url_to(hostname: str, address: str) -> v1.URL | None:
    """Where an agent's HTTP API is, or None if it is reached by no TCP. `address` may be the agent's UPID, as text."""
    place = address.rpartition("@")[2]
    if not place or place.startswith("unix:"):
        return None
    host, port = parse_address(place)
    try:
        ip = str(ipaddress.ip_address(host))
    except ValueError:
        ip = None
    return v1.URL(
        scheme="http",
        address=v1.Address(hostname=hostname, ip=ip, port=port),
        # Mesos's own is named so, for the tests that run many in one process.
        path="/slave(1)",
    )


def attributes_to(attributes: Attributes) -> tuple[v1.Attribute, ...]:
    """Attributes as Mesos writes them, each of the kind that it reads as."""
    return tuple(_attribute(name, attributes.get(name)) for name in attributes)


def _attribute(name: str, value: AttributeValue | None) -> v1.Attribute:
    if isinstance(value, float):
        return v1.Attribute(name=name, type=Type.SCALAR, scalar=v1.Value.Scalar(value=value))
    if isinstance(value, tuple):
        ranges = tuple(v1.Value.Range(begin=low, end=high) for low, high in value)
        return v1.Attribute(name=name, type=Type.RANGES, ranges=v1.Value.Ranges(range=ranges))
    if isinstance(value, frozenset):
        return v1.Attribute(name=name, type=Type.SET, set=v1.Value.Set(item=tuple(sorted(value))))
    return v1.Attribute(name=name, type=Type.TEXT, text=v1.Value.Text(value=value or ""))
