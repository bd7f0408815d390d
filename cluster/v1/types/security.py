"""Credentials, secrets, and what a container may do."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Double, Proto, ProtoEnum, UInt64

__all__ = ["CapabilityInfo", "Credential", "Credentials", "RateLimit", "RateLimits", "SeccompInfo", "Secret"]

PACKAGE = "mesos.v1"


class Credential(Proto, frozen=True, kw_only=True):
    principal: Annotated[str, 1]
    secret: Annotated[str | None, 2] = None


class Credentials(Proto, frozen=True, kw_only=True):
    credentials: Annotated[tuple[Credential, ...], 1] = ()


class Secret(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        REFERENCE = "REFERENCE", 1
        VALUE = "VALUE", 2

    class Reference(Proto, frozen=True, kw_only=True):
        name: Annotated[str, 1]
        key: Annotated[str | None, 2] = None

    class Value(Proto, frozen=True, kw_only=True):
        data: Annotated[bytes, 1]

    type: Annotated[Secret.Type | None, 1] = None
    reference: Annotated[Secret.Reference | None, 2] = None
    value: Annotated[Secret.Value | None, 3] = None


class RateLimit(Proto, frozen=True, kw_only=True):
    qps: Annotated[Double | None, 1] = None
    principal: Annotated[str, 2]
    capacity: Annotated[UInt64 | None, 3] = None


class RateLimits(Proto, frozen=True, kw_only=True):
    limits: Annotated[tuple[RateLimit, ...], 1] = ()
    aggregate_default_qps: Annotated[Double | None, 2] = None
    aggregate_default_capacity: Annotated[UInt64 | None, 3] = None


class CapabilityInfo(Proto, frozen=True, kw_only=True):
    class Capability(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        CHOWN = "CHOWN", 1000
        DAC_OVERRIDE = "DAC_OVERRIDE", 1001
        DAC_READ_SEARCH = "DAC_READ_SEARCH", 1002
        FOWNER = "FOWNER", 1003
        FSETID = "FSETID", 1004
        KILL = "KILL", 1005
        SETGID = "SETGID", 1006
        SETUID = "SETUID", 1007
        SETPCAP = "SETPCAP", 1008
        LINUX_IMMUTABLE = "LINUX_IMMUTABLE", 1009
        NET_BIND_SERVICE = "NET_BIND_SERVICE", 1010
        NET_BROADCAST = "NET_BROADCAST", 1011
        NET_ADMIN = "NET_ADMIN", 1012
        NET_RAW = "NET_RAW", 1013
        IPC_LOCK = "IPC_LOCK", 1014
        IPC_OWNER = "IPC_OWNER", 1015
        SYS_MODULE = "SYS_MODULE", 1016
        SYS_RAWIO = "SYS_RAWIO", 1017
        SYS_CHROOT = "SYS_CHROOT", 1018
        SYS_PTRACE = "SYS_PTRACE", 1019
        SYS_PACCT = "SYS_PACCT", 1020
        SYS_ADMIN = "SYS_ADMIN", 1021
        SYS_BOOT = "SYS_BOOT", 1022
        SYS_NICE = "SYS_NICE", 1023
        SYS_RESOURCE = "SYS_RESOURCE", 1024
        SYS_TIME = "SYS_TIME", 1025
        SYS_TTY_CONFIG = "SYS_TTY_CONFIG", 1026
        MKNOD = "MKNOD", 1027
        LEASE = "LEASE", 1028
        AUDIT_WRITE = "AUDIT_WRITE", 1029
        AUDIT_CONTROL = "AUDIT_CONTROL", 1030
        SETFCAP = "SETFCAP", 1031
        MAC_OVERRIDE = "MAC_OVERRIDE", 1032
        MAC_ADMIN = "MAC_ADMIN", 1033
        SYSLOG = "SYSLOG", 1034
        WAKE_ALARM = "WAKE_ALARM", 1035
        BLOCK_SUSPEND = "BLOCK_SUSPEND", 1036
        AUDIT_READ = "AUDIT_READ", 1037
        PERFMON = "PERFMON", 1038
        BPF = "BPF", 1039
        CHECKPOINT_RESTORE = "CHECKPOINT_RESTORE", 1040

    capabilities: Annotated[tuple[CapabilityInfo.Capability, ...], 1] = ()


class SeccompInfo(Proto, frozen=True, kw_only=True):
    profile_name: Annotated[str | None, 1] = None
    unconfined: Annotated[bool | None, 2] = None
