"""Networks, ports, and how a task is found."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Proto, ProtoEnum, UInt32

from .ids import Labels

__all__ = ["DiscoveryInfo", "NetworkInfo", "Port", "Ports"]

PACKAGE = "mesos.v1"


class NetworkInfo(Proto, frozen=True, kw_only=True):
    class Protocol(ProtoEnum):
        IPv4 = "IPv4", 1
        IPv6 = "IPv6", 2

    class IPAddress(Proto, frozen=True, kw_only=True):
        protocol: Annotated[NetworkInfo.Protocol | None, 1, Default("IPv4")] = None
        ip_address: Annotated[str | None, 2] = None

    class PortMapping(Proto, frozen=True, kw_only=True):
        host_port: Annotated[UInt32, 1]
        container_port: Annotated[UInt32, 2]
        protocol: Annotated[str | None, 3] = None

    ip_addresses: Annotated[tuple[NetworkInfo.IPAddress, ...], 5] = ()
    name: Annotated[str | None, 6] = None
    groups: Annotated[tuple[str, ...], 3] = ()
    labels: Annotated[Labels | None, 4] = None
    port_mappings: Annotated[tuple[NetworkInfo.PortMapping, ...], 7] = ()


class DiscoveryInfo(Proto, frozen=True, kw_only=True):
    class Visibility(ProtoEnum):
        FRAMEWORK = "FRAMEWORK", 0
        CLUSTER = "CLUSTER", 1
        EXTERNAL = "EXTERNAL", 2

    visibility: Annotated[DiscoveryInfo.Visibility, 1]
    name: Annotated[str | None, 2] = None
    environment: Annotated[str | None, 3] = None
    location: Annotated[str | None, 4] = None
    version: Annotated[str | None, 5] = None
    ports: Annotated[Ports | None, 6] = None
    labels: Annotated[Labels | None, 7] = None


class Port(Proto, frozen=True, kw_only=True):
    number: Annotated[UInt32, 1]
    name: Annotated[str | None, 2] = None
    protocol: Annotated[str | None, 3] = None
    visibility: Annotated[DiscoveryInfo.Visibility | None, 4] = None
    labels: Annotated[Labels | None, 5] = None


class Ports(Proto, frozen=True, kw_only=True):
    ports: Annotated[tuple[Port, ...], 1] = ()
