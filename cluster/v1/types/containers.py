"""Containers and devices."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Proto, ProtoEnum, UInt32, UInt64

from .ids import ContainerID, Parameter
from .network import NetworkInfo
from .security import CapabilityInfo, SeccompInfo
from .volumes import Image, Volume

__all__ = [
    "CgroupInfo",
    "ContainerInfo",
    "ContainerStatus",
    "Device",
    "DeviceAccess",
    "DeviceWhitelist",
    "LinuxInfo",
    "RLimitInfo",
    "TTYInfo",
]

PACKAGE = "mesos.v1"


class Device(Proto, frozen=True, kw_only=True):
    class Number(Proto, frozen=True, kw_only=True):
        major_number: Annotated[UInt64, 1]
        minor_number: Annotated[UInt64, 2]

    path: Annotated[str | None, 1] = None
    number: Annotated[Device.Number | None, 2] = None


class DeviceAccess(Proto, frozen=True, kw_only=True):
    class Access(Proto, frozen=True, kw_only=True):
        read: Annotated[bool | None, 1] = None
        write: Annotated[bool | None, 2] = None
        mknod: Annotated[bool | None, 3] = None

    device: Annotated[Device, 1]
    access: Annotated[DeviceAccess.Access, 2]


class DeviceWhitelist(Proto, frozen=True, kw_only=True):
    allowed_devices: Annotated[tuple[DeviceAccess, ...], 1] = ()


class LinuxInfo(Proto, frozen=True, kw_only=True):
    class IpcMode(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        PRIVATE = "PRIVATE", 1
        SHARE_PARENT = "SHARE_PARENT", 2

    capability_info: Annotated[CapabilityInfo | None, 1] = None
    bounding_capabilities: Annotated[CapabilityInfo | None, 2] = None
    effective_capabilities: Annotated[CapabilityInfo | None, 3] = None
    share_pid_namespace: Annotated[bool | None, 4] = None
    seccomp: Annotated[SeccompInfo | None, 5] = None
    ipc_mode: Annotated[LinuxInfo.IpcMode | None, 6] = None
    shm_size: Annotated[UInt32 | None, 7] = None
    share_cgroups: Annotated[bool | None, 8, Default(True)] = None


class RLimitInfo(Proto, frozen=True, kw_only=True):
    class RLimit(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            RLMT_AS = "RLMT_AS", 1
            RLMT_CORE = "RLMT_CORE", 2
            RLMT_CPU = "RLMT_CPU", 3
            RLMT_DATA = "RLMT_DATA", 4
            RLMT_FSIZE = "RLMT_FSIZE", 5
            RLMT_LOCKS = "RLMT_LOCKS", 6
            RLMT_MEMLOCK = "RLMT_MEMLOCK", 7
            RLMT_MSGQUEUE = "RLMT_MSGQUEUE", 8
            RLMT_NICE = "RLMT_NICE", 9
            RLMT_NOFILE = "RLMT_NOFILE", 10
            RLMT_NPROC = "RLMT_NPROC", 11
            RLMT_RSS = "RLMT_RSS", 12
            RLMT_RTPRIO = "RLMT_RTPRIO", 13
            RLMT_RTTIME = "RLMT_RTTIME", 14
            RLMT_SIGPENDING = "RLMT_SIGPENDING", 15
            RLMT_STACK = "RLMT_STACK", 16

        type: Annotated[RLimitInfo.RLimit.Type | None, 1] = None
        hard: Annotated[UInt64 | None, 2] = None
        soft: Annotated[UInt64 | None, 3] = None

    rlimits: Annotated[tuple[RLimitInfo.RLimit, ...], 1] = ()


class TTYInfo(Proto, frozen=True, kw_only=True):
    class WindowSize(Proto, frozen=True, kw_only=True):
        rows: Annotated[UInt32, 1]
        columns: Annotated[UInt32, 2]

    window_size: Annotated[TTYInfo.WindowSize | None, 1] = None


class ContainerInfo(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        DOCKER = "DOCKER", 1
        MESOS = "MESOS", 2

    class DockerInfo(Proto, frozen=True, kw_only=True):
        class Network(ProtoEnum):
            HOST = "HOST", 1
            BRIDGE = "BRIDGE", 2
            NONE = "NONE", 3
            USER = "USER", 4

        class PortMapping(Proto, frozen=True, kw_only=True):
            host_port: Annotated[UInt32, 1]
            container_port: Annotated[UInt32, 2]
            protocol: Annotated[str | None, 3] = None

        image: Annotated[str, 1]
        network: Annotated[ContainerInfo.DockerInfo.Network | None, 2, Default("HOST")] = None
        port_mappings: Annotated[tuple[ContainerInfo.DockerInfo.PortMapping, ...], 3] = ()
        privileged: Annotated[bool | None, 4, Default(False)] = None
        parameters: Annotated[tuple[Parameter, ...], 5] = ()
        force_pull_image: Annotated[bool | None, 6] = None
        volume_driver: Annotated[str | None, 7] = None

    class MesosInfo(Proto, frozen=True, kw_only=True):
        image: Annotated[Image | None, 1] = None

    type: Annotated[ContainerInfo.Type, 1]
    volumes: Annotated[tuple[Volume, ...], 2] = ()
    hostname: Annotated[str | None, 4] = None
    docker: Annotated[ContainerInfo.DockerInfo | None, 3] = None
    mesos: Annotated[ContainerInfo.MesosInfo | None, 5] = None
    network_infos: Annotated[tuple[NetworkInfo, ...], 7] = ()
    linux_info: Annotated[LinuxInfo | None, 8] = None
    rlimit_info: Annotated[RLimitInfo | None, 9] = None
    tty_info: Annotated[TTYInfo | None, 10] = None


class CgroupInfo(Proto, frozen=True, kw_only=True):
    class Blkio(Proto, frozen=True, kw_only=True):
        class Operation(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            TOTAL = "TOTAL", 1
            READ = "READ", 2
            WRITE = "WRITE", 3
            SYNC = "SYNC", 4
            ASYNC = "ASYNC", 5
            DISCARD = "DISCARD", 6

        class Value(Proto, frozen=True, kw_only=True):
            op: Annotated[CgroupInfo.Blkio.Operation | None, 1] = None
            value: Annotated[UInt64 | None, 2] = None

        class CFQ(Proto, frozen=True, kw_only=True):
            class Statistics(Proto, frozen=True, kw_only=True):
                device: Annotated[Device.Number | None, 1] = None
                sectors: Annotated[UInt64 | None, 2] = None
                time: Annotated[UInt64 | None, 3] = None
                io_serviced: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 4] = ()
                io_service_bytes: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 5] = ()
                io_service_time: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 6] = ()
                io_wait_time: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 7] = ()
                io_merged: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 8] = ()
                io_queued: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 9] = ()

        class Throttling(Proto, frozen=True, kw_only=True):
            class Statistics(Proto, frozen=True, kw_only=True):
                device: Annotated[Device.Number | None, 1] = None
                io_serviced: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 2] = ()
                io_service_bytes: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 3] = ()

        class Statistics(Proto, frozen=True, kw_only=True):
            cfq: Annotated[tuple[CgroupInfo.Blkio.CFQ.Statistics, ...], 1] = ()
            cfq_recursive: Annotated[tuple[CgroupInfo.Blkio.CFQ.Statistics, ...], 2] = ()
            throttling: Annotated[tuple[CgroupInfo.Blkio.Throttling.Statistics, ...], 3] = ()

    class NetCls(Proto, frozen=True, kw_only=True):
        classid: Annotated[UInt32 | None, 1] = None

    net_cls: Annotated[CgroupInfo.NetCls | None, 1] = None


class ContainerStatus(Proto, frozen=True, kw_only=True):
    container_id: Annotated[ContainerID | None, 4] = None
    network_infos: Annotated[tuple[NetworkInfo, ...], 1] = ()
    cgroup_info: Annotated[CgroupInfo | None, 2] = None
    executor_pid: Annotated[UInt32 | None, 3] = None
