"""How tasks are looked after: health checks, checks, and what they have seen."""

from __future__ import annotations

from typing import Any

from cluster.messages import (
    Check,
    CheckKind,
    CheckStatusInfo,
    CommandCheck,
    HealthCheck,
    HTTPCheck,
    TCPCheck,
)
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError
from cluster.v1.types.commands import HealthCheck as V1HealthCheck

from .commands import environment_of
from .common import refuse

__all__ = [
    "check_of",
    "check_status_of",
    "check_status_to",
    "check_to",
    "health_check_of",
    "health_check_to",
]

IPV6 = v1.NetworkInfo.Protocol.IPv6


def health_check_of(check: V1HealthCheck, path: str) -> HealthCheck:
    """A health check. RefusedError for what is none, or not here."""
    _check_type(check, path)
    given: dict[str, Any] = _seconds(check)
    if check.command is not None:
        given["command"] = _command(check.command, f"{path}.command")
    if check.http is not None:
        _check_protocol(check.http.protocol, f"{path}.http")
        given["http"] = HTTPCheck(
            check.http.port,
            check.http.path or "/",
            check.http.scheme or "http",
            check.http.statuses,
        )
    if check.tcp is not None:
        _check_protocol(check.tcp.protocol, f"{path}.tcp")
        given["tcp"] = TCPCheck(check.tcp.port)
    if check.consecutive_failures is not None:
        given["consecutive_failures"] = check.consecutive_failures
    if check.grace_period_seconds is not None:
        given["grace_period_seconds"] = check.grace_period_seconds
    return HealthCheck(**given)


def health_check_to(check: HealthCheck) -> V1HealthCheck:
    """The same in Mesos's words."""
    http, tcp = check.http, check.tcp
    return V1HealthCheck(
        type=V1HealthCheck.Type.named(check.kind),
        command=None if check.command is None else _command_to(check.command),
        http=None
        if http is None
        else V1HealthCheck.HTTPCheckInfo(
            port=http.port, path=http.path, scheme=http.scheme, statuses=http.statuses
        ),
        tcp=None if tcp is None else V1HealthCheck.TCPCheckInfo(port=tcp.port),
        delay_seconds=check.delay_seconds,
        interval_seconds=check.interval_seconds,
        timeout_seconds=check.timeout_seconds,
        consecutive_failures=check.consecutive_failures,
        grace_period_seconds=check.grace_period_seconds,
    )


def check_of(check: v1.CheckInfo, path: str) -> Check:
    """A check. RefusedError for what is none, or not here."""
    _check_type(check, path)
    given: dict[str, Any] = _seconds(check)
    if check.command is not None:
        given["command"] = _command(check.command.command, f"{path}.command.command")
    if check.http is not None:
        given["http"] = HTTPCheck(check.http.port, check.http.path or "/")
    if check.tcp is not None:
        given["tcp"] = TCPCheck(check.tcp.port)
    return Check(**given)


def check_to(check: Check) -> v1.CheckInfo:
    """The same in Mesos's words; it has no scheme for these."""
    command, http, tcp = check.command, check.http, check.tcp
    return v1.CheckInfo(
        type=v1.CheckInfo.Type.named(check.kind),
        command=None if command is None else v1.CheckInfo.Command(command=_command_to(command)),
        http=None if http is None else v1.CheckInfo.Http(port=http.port, path=http.path),
        tcp=None if tcp is None else v1.CheckInfo.Tcp(port=tcp.port),
        delay_seconds=check.delay_seconds,
        interval_seconds=check.interval_seconds,
        timeout_seconds=check.timeout_seconds,
    )


def check_status_of(status: v1.CheckStatusInfo) -> CheckStatusInfo | None:
    """What a check has seen, or None if it does not say of which kind it is."""
    if status.type is None or status.type is v1.CheckInfo.Type.UNKNOWN:
        return None
    kind = CheckKind(status.type)
    return CheckStatusInfo(
        kind,
        exit_code=status.command.exit_code if kind is CheckKind.COMMAND and status.command else None,
        status_code=status.http.status_code if kind is CheckKind.HTTP and status.http else None,
        succeeded=status.tcp.succeeded if kind is CheckKind.TCP and status.tcp else None,
    )


def check_status_to(status: CheckStatusInfo) -> v1.CheckStatusInfo:
    """The same in Mesos's words: with an empty message of its kind while nothing is known."""
    V1 = v1.CheckStatusInfo  # noqa: N806 - a class
    kind = v1.CheckInfo.Type.named(status.kind)
    if status.kind is CheckKind.COMMAND:
        return V1(type=kind, command=V1.Command(exit_code=status.exit_code))
    if status.kind is CheckKind.HTTP:
        return V1(type=kind, http=V1.Http(status_code=status.status_code))
    return V1(type=kind, tcp=V1.Tcp(succeeded=status.succeeded))


def _check_type(check: v1.CheckInfo | V1HealthCheck, path: str) -> None:
    """The type must be that of the field that is given; without a type that field says it."""
    kind = check.type
    if kind is None or kind == "UNKNOWN":
        return
    for name in ("command", "http", "tcp"):
        if (getattr(check, name) is not None) != (kind == name.upper()):
            given = "missing" if kind == name.upper() else "given"
            raise RefusedError(f"{path}.{name} is {given}, though {path}.type is {kind}")


def _seconds(check: v1.CheckInfo | V1HealthCheck) -> dict[str, float]:
    names = ("delay_seconds", "interval_seconds", "timeout_seconds")
    return {name: getattr(check, name) for name in names if getattr(check, name) is not None}


def _check_protocol(protocol: v1.NetworkInfo.Protocol | None, path: str) -> None:
    if protocol is IPV6:
        raise RefusedError(f"{path}.protocol: checks are made to 127.0.0.1 here, not by IPv6")


def _command(command: v1.CommandInfo, path: str) -> CommandCheck:
    refuse(command.uris, f"{path}.uris", "a check finds the files of its task")
    refuse(command.user or None, f"{path}.user", "a check runs as its task does here")
    shell = command.shell is None or command.shell
    return CommandCheck(
        command.value or "",
        () if shell else command.arguments,
        shell,
        environment_of(command.environment, f"{path}.environment"),
    )


def _command_to(command: CommandCheck) -> v1.CommandInfo:
    variables = tuple(
        v1.Environment.Variable(name=name, type=v1.Environment.Variable.Type.VALUE, value=value)
        for name, value in command.environment.items()
    )
    return v1.CommandInfo(
        value=command.value,
        arguments=command.arguments,
        shell=command.shell,
        environment=v1.Environment(variables=variables) if variables else None,
    )
