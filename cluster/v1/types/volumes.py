"""Images and volumes."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, OneOf, Proto, ProtoEnum

from .ids import Labels, Parameters
from .security import Credential, Secret

__all__ = ["Image", "MountPropagation", "Volume"]

PACKAGE = "mesos.v1"


class Image(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        APPC = "APPC", 1
        DOCKER = "DOCKER", 2

    class Appc(Proto, frozen=True, kw_only=True):
        name: Annotated[str, 1]
        id: Annotated[str | None, 2] = None
        labels: Annotated[Labels | None, 3] = None

    class Docker(Proto, frozen=True, kw_only=True):
        name: Annotated[str, 1]
        credential: Annotated[Credential | None, 2] = None
        config: Annotated[Secret | None, 3] = None

    type: Annotated[Image.Type, 1]
    appc: Annotated[Image.Appc | None, 2] = None
    docker: Annotated[Image.Docker | None, 3] = None
    cached: Annotated[bool | None, 4, Default(True)] = None


class MountPropagation(Proto, frozen=True, kw_only=True):
    class Mode(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        HOST_TO_CONTAINER = "HOST_TO_CONTAINER", 1
        BIDIRECTIONAL = "BIDIRECTIONAL", 2

    mode: Annotated[MountPropagation.Mode | None, 1] = None


class Volume(Proto, frozen=True, kw_only=True):
    class Mode(ProtoEnum):
        RW = "RW", 1
        RO = "RO", 2

    class Source(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            DOCKER_VOLUME = "DOCKER_VOLUME", 1
            HOST_PATH = "HOST_PATH", 4
            SANDBOX_PATH = "SANDBOX_PATH", 2
            SECRET = "SECRET", 3
            CSI_VOLUME = "CSI_VOLUME", 5

        class DockerVolume(Proto, frozen=True, kw_only=True):
            driver: Annotated[str | None, 1] = None
            name: Annotated[str, 2]
            driver_options: Annotated[Parameters | None, 3] = None

        class HostPath(Proto, frozen=True, kw_only=True):
            path: Annotated[str, 1]
            mount_propagation: Annotated[MountPropagation | None, 2] = None

        class SandboxPath(Proto, frozen=True, kw_only=True):
            class Type(ProtoEnum):
                UNKNOWN = "UNKNOWN", 0
                SELF = "SELF", 1
                PARENT = "PARENT", 2

            type: Annotated[Volume.Source.SandboxPath.Type | None, 1] = None
            path: Annotated[str, 2]

        class CSIVolume(Proto, frozen=True, kw_only=True):
            class VolumeCapability(Proto, frozen=True, kw_only=True):
                class BlockVolume(Proto, frozen=True, kw_only=True):
                    pass

                class MountVolume(Proto, frozen=True, kw_only=True):
                    fs_type: Annotated[str | None, 1] = None
                    mount_flags: Annotated[tuple[str, ...], 2] = ()

                class AccessMode(Proto, frozen=True, kw_only=True):
                    class Mode(ProtoEnum):
                        UNKNOWN = "UNKNOWN", 0
                        SINGLE_NODE_WRITER = "SINGLE_NODE_WRITER", 1
                        SINGLE_NODE_READER_ONLY = "SINGLE_NODE_READER_ONLY", 2
                        MULTI_NODE_READER_ONLY = "MULTI_NODE_READER_ONLY", 3
                        MULTI_NODE_SINGLE_WRITER = "MULTI_NODE_SINGLE_WRITER", 4
                        MULTI_NODE_MULTI_WRITER = "MULTI_NODE_MULTI_WRITER", 5

                    mode: Annotated[Volume.Source.CSIVolume.VolumeCapability.AccessMode.Mode, 1]

                block: Annotated[
                    Volume.Source.CSIVolume.VolumeCapability.BlockVolume | None, 1, OneOf("access_type")
                ] = None
                mount: Annotated[
                    Volume.Source.CSIVolume.VolumeCapability.MountVolume | None, 2, OneOf("access_type")
                ] = None
                access_mode: Annotated[Volume.Source.CSIVolume.VolumeCapability.AccessMode, 3]

            class StaticProvisioning(Proto, frozen=True, kw_only=True):
                volume_id: Annotated[str, 1]
                volume_capability: Annotated[Volume.Source.CSIVolume.VolumeCapability, 2]
                node_stage_secrets: Annotated[dict[str, Secret], 3] = {}
                node_publish_secrets: Annotated[dict[str, Secret], 4] = {}
                volume_context: Annotated[dict[str, str], 5] = {}

            plugin_name: Annotated[str, 1]
            static_provisioning: Annotated[Volume.Source.CSIVolume.StaticProvisioning | None, 2] = None

        type: Annotated[Volume.Source.Type | None, 1] = None
        docker_volume: Annotated[Volume.Source.DockerVolume | None, 2] = None
        host_path: Annotated[Volume.Source.HostPath | None, 5] = None
        sandbox_path: Annotated[Volume.Source.SandboxPath | None, 3] = None
        secret: Annotated[Secret | None, 4] = None
        csi_volume: Annotated[Volume.Source.CSIVolume | None, 6] = None

    mode: Annotated[Volume.Mode, 3]
    container_path: Annotated[str, 1]
    host_path: Annotated[str | None, 2] = None
    image: Annotated[Image | None, 4] = None
    source: Annotated[Volume.Source | None, 5] = None
