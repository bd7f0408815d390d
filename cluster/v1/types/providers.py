"""Resource providers and their storage plug-ins."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Double, Proto, ProtoEnum

from .commands import CommandInfo
from .containers import ContainerInfo
from .ids import ResourceProviderID
from .values import Attribute, Resource

__all__ = ["CSIPluginContainerInfo", "CSIPluginEndpoint", "CSIPluginInfo", "ResourceProviderInfo"]

PACKAGE = "mesos.v1"


class CSIPluginContainerInfo(Proto, frozen=True, kw_only=True):
    class Service(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        CONTROLLER_SERVICE = "CONTROLLER_SERVICE", 1
        NODE_SERVICE = "NODE_SERVICE", 2

    services: Annotated[tuple[CSIPluginContainerInfo.Service, ...], 1] = ()
    command: Annotated[CommandInfo | None, 2] = None
    resources: Annotated[tuple[Resource, ...], 3] = ()
    container: Annotated[ContainerInfo | None, 4] = None


class CSIPluginEndpoint(Proto, frozen=True, kw_only=True):
    csi_service: Annotated[CSIPluginContainerInfo.Service, 1]
    endpoint: Annotated[str, 2]


class CSIPluginInfo(Proto, frozen=True, kw_only=True):
    type: Annotated[str, 1]
    name: Annotated[str | None, 2, Default("default")] = None
    containers: Annotated[tuple[CSIPluginContainerInfo, ...], 3] = ()
    endpoints: Annotated[tuple[CSIPluginEndpoint, ...], 4] = ()
    target_path_root: Annotated[str | None, 5] = None
    target_path_exists: Annotated[bool | None, 6] = None


class ResourceProviderInfo(Proto, frozen=True, kw_only=True):
    class Storage(Proto, frozen=True, kw_only=True):
        plugin: Annotated[CSIPluginInfo, 1]
        reconciliation_interval_seconds: Annotated[Double | None, 2] = None

    id: Annotated[ResourceProviderID | None, 1] = None
    attributes: Annotated[tuple[Attribute, ...], 2] = ()
    type: Annotated[str, 3]
    name: Annotated[str, 4]
    default_reservations: Annotated[tuple[Resource.ReservationInfo, ...], 5] = ()
    storage: Annotated[ResourceProviderInfo.Storage | None, 6] = None
