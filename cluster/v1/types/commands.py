"""Commands, executors, and how tasks are looked after."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Default, Double, Int32, Proto, ProtoEnum, UInt32

from .containers import ContainerInfo
from .ids import DurationInfo, ExecutorID, FrameworkID, Labels
from .network import DiscoveryInfo, NetworkInfo
from .security import Secret
from .values import Resource

__all__ = [
    "CheckInfo",
    "CheckStatusInfo",
    "CommandInfo",
    "Environment",
    "ExecutorInfo",
    "HealthCheck",
    "KillPolicy",
]

PACKAGE = "mesos.v1"


class Environment(Proto, frozen=True, kw_only=True):
    class Variable(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            VALUE = "VALUE", 1
            SECRET = "SECRET", 2

        name: Annotated[str, 1]
        type: Annotated[Environment.Variable.Type | None, 3, Default("VALUE")] = None
        value: Annotated[str | None, 2] = None
        secret: Annotated[Secret | None, 4] = None

    variables: Annotated[tuple[Environment.Variable, ...], 1] = ()


class CommandInfo(Proto, frozen=True, kw_only=True):
    class URI(Proto, frozen=True, kw_only=True):
        value: Annotated[str, 1]
        executable: Annotated[bool | None, 2] = None
        extract: Annotated[bool | None, 3, Default(True)] = None
        cache: Annotated[bool | None, 4] = None
        output_file: Annotated[str | None, 5] = None

    uris: Annotated[tuple[CommandInfo.URI, ...], 1] = ()
    environment: Annotated[Environment | None, 2] = None
    shell: Annotated[bool | None, 6, Default(True)] = None
    value: Annotated[str | None, 3] = None
    arguments: Annotated[tuple[str, ...], 7] = ()
    user: Annotated[str | None, 5] = None


class KillPolicy(Proto, frozen=True, kw_only=True):
    grace_period: Annotated[DurationInfo | None, 1] = None


class CheckInfo(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        COMMAND = "COMMAND", 1
        HTTP = "HTTP", 2
        TCP = "TCP", 3

    class Command(Proto, frozen=True, kw_only=True):
        command: Annotated[CommandInfo, 1]

    class Http(Proto, frozen=True, kw_only=True):
        port: Annotated[UInt32, 1]
        path: Annotated[str | None, 2] = None

    class Tcp(Proto, frozen=True, kw_only=True):
        port: Annotated[UInt32, 1]

    type: Annotated[CheckInfo.Type | None, 1] = None
    command: Annotated[CheckInfo.Command | None, 2] = None
    http: Annotated[CheckInfo.Http | None, 3] = None
    tcp: Annotated[CheckInfo.Tcp | None, 7] = None
    delay_seconds: Annotated[Double | None, 4, Default(15.0)] = None
    interval_seconds: Annotated[Double | None, 5, Default(10.0)] = None
    timeout_seconds: Annotated[Double | None, 6, Default(20.0)] = None


class HealthCheck(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        COMMAND = "COMMAND", 1
        HTTP = "HTTP", 2
        TCP = "TCP", 3

    class HTTPCheckInfo(Proto, frozen=True, kw_only=True):
        protocol: Annotated[NetworkInfo.Protocol | None, 5, Default("IPv4")] = None
        scheme: Annotated[str | None, 3] = None
        port: Annotated[UInt32, 1]
        path: Annotated[str | None, 2] = None
        statuses: Annotated[tuple[UInt32, ...], 4] = ()

    class TCPCheckInfo(Proto, frozen=True, kw_only=True):
        protocol: Annotated[NetworkInfo.Protocol | None, 2, Default("IPv4")] = None
        port: Annotated[UInt32, 1]

    delay_seconds: Annotated[Double | None, 2, Default(15.0)] = None
    interval_seconds: Annotated[Double | None, 3, Default(10.0)] = None
    timeout_seconds: Annotated[Double | None, 4, Default(20.0)] = None
    consecutive_failures: Annotated[UInt32 | None, 5, Default(3)] = None
    grace_period_seconds: Annotated[Double | None, 6, Default(10.0)] = None
    type: Annotated[HealthCheck.Type | None, 8] = None
    command: Annotated[CommandInfo | None, 7] = None
    http: Annotated[HealthCheck.HTTPCheckInfo | None, 1] = None
    tcp: Annotated[HealthCheck.TCPCheckInfo | None, 9] = None


class CheckStatusInfo(Proto, frozen=True, kw_only=True):
    class Command(Proto, frozen=True, kw_only=True):
        exit_code: Annotated[Int32 | None, 1] = None

    class Http(Proto, frozen=True, kw_only=True):
        status_code: Annotated[UInt32 | None, 1] = None

    class Tcp(Proto, frozen=True, kw_only=True):
        succeeded: Annotated[bool | None, 1] = None

    type: Annotated[CheckInfo.Type | None, 1] = None
    command: Annotated[CheckStatusInfo.Command | None, 2] = None
    http: Annotated[CheckStatusInfo.Http | None, 3] = None
    tcp: Annotated[CheckStatusInfo.Tcp | None, 4] = None


class ExecutorInfo(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        DEFAULT = "DEFAULT", 1
        CUSTOM = "CUSTOM", 2

    type: Annotated[ExecutorInfo.Type | None, 15] = None
    executor_id: Annotated[ExecutorID, 1]
    framework_id: Annotated[FrameworkID | None, 8] = None
    command: Annotated[CommandInfo | None, 7] = None
    container: Annotated[ContainerInfo | None, 11] = None
    resources: Annotated[tuple[Resource, ...], 5] = ()
    name: Annotated[str | None, 9] = None
    source: Annotated[str | None, 10] = None
    data: Annotated[bytes | None, 4] = None
    discovery: Annotated[DiscoveryInfo | None, 12] = None
    shutdown_grace_period: Annotated[DurationInfo | None, 13] = None
    labels: Annotated[Labels | None, 14] = None
