"""How a task is looked after while it runs: health checks, checks, and what they have seen. Mesos's names."""

from __future__ import annotations

import enum

from msgspec import Struct

__all__ = ["Check", "CheckKind", "CheckStatusInfo", "CommandCheck", "HTTPCheck", "HealthCheck", "TCPCheck"]

MIN_INTERVAL = 0.1
MAX_SECONDS = 365 * 86400.0


class CheckKind(enum.StrEnum):
    """How it is looked at."""

    COMMAND = "COMMAND"
    HTTP = "HTTP"
    TCP = "TCP"


class CommandCheck(Struct, frozen=True, omit_defaults=True):
    """A command, run beside the task in its sandbox; status 0 is success.

    A shell line (`value`), or with `shell=False` the program `value` run with `arguments`, which begin with
    argv[0]. `environment` adds to what the task has.
    """

    value: str = ""
    arguments: tuple[str, ...] = ()
    shell: bool = True
    environment: dict[str, str] = {}

    def argv(self) -> tuple[str, ...]:
        """What is run."""
        if self.shell:
            return ("/bin/sh", "-c", self.value)
        return (self.value, *self.arguments[1:])

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        if not self.value:
            return "command.value is empty"
        fields = [("value", self.value)]
        fields += [("arguments", text) for text in self.arguments]
        fields += [("environment", text) for item in self.environment.items() for text in item]
        for name, text in fields:
            if "\0" in text:
                return f"command.{name}: {text[:80]!r} contains a NUL character"
        for name in self.environment:
            if not name or "=" in name:
                return f"command.environment: {name[:80]!r} is not the name of a variable"
        if self.shell and self.arguments:
            return f"command.arguments are given ({len(self.arguments)}), but shell is true"
        return None


class HTTPCheck(Struct, frozen=True, omit_defaults=True):
    """A GET of `scheme://127.0.0.1:port/path`. Certificates are not verified, as in Mesos.

    Redirects are followed as long as they lead to 127.0.0.1 or localhost; of one that leads elsewhere the 3xx is
    the answer. (Mesos follows anywhere.)

    `statuses` are those that a health check takes for success; without any, 200 to 399. (Mesos has that field, and
    its own executors overlook it.)
    """

    port: int
    path: str = "/"
    scheme: str = "http"
    statuses: tuple[int, ...] = ()

    def accepts(self, status: int) -> bool:
        """Whether an answer with this status is a success."""
        return status in self.statuses if self.statuses else 200 <= status <= 399

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        if problem := _port_problem(self.port):
            return f"http.{problem}"
        if not self.path.startswith("/"):
            return f"http.path is {self.path[:80]!r}, must begin with /"
        if not self.path.isprintable():
            return f"http.path is {self.path[:80]!r}, must not contain control characters"
        if self.scheme not in ("http", "https"):
            return f"http.scheme is {self.scheme[:80]!r}, must be http or https"
        for status in self.statuses:
            if not 100 <= status <= 599:
                return f"http.statuses: {status} is not a status, 100 to 599"
        return None


class TCPCheck(Struct, frozen=True, omit_defaults=True):
    """A connection to 127.0.0.1; that it is established is success."""

    port: int

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        problem = _port_problem(self.port)
        return problem and f"tcp.{problem}"


class CheckStatusInfo(Struct, frozen=True, omit_defaults=True):
    """What a check has seen last: the field of its kind, or none while nothing is known (so after a time-out)."""

    kind: CheckKind
    exit_code: int | None = None
    status_code: int | None = None
    succeeded: bool | None = None

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        fields = {
            CheckKind.COMMAND: ("exit_code", self.exit_code),
            CheckKind.HTTP: ("status_code", self.status_code),
            CheckKind.TCP: ("succeeded", self.succeeded),
        }
        for kind, (name, value) in fields.items():
            if kind != self.kind and value is not None:
                return f"check_status.{name} is {value!r}, but the check is {self.kind}"
        return None


class _Repeated(Struct, frozen=True, omit_defaults=True):
    """What checks and health checks have in common."""

    command: CommandCheck | None = None
    http: HTTPCheck | None = None
    tcp: TCPCheck | None = None
    delay_seconds: float = 15.0
    interval_seconds: float = 10.0
    timeout_seconds: float = 20.0

    @property
    def kind(self) -> CheckKind:
        """How it is looked at."""
        if self.command is not None:
            return CheckKind.COMMAND
        return CheckKind.HTTP if self.http is not None else CheckKind.TCP

    def unknown(self) -> CheckStatusInfo:
        """What is said of the task while nothing is known."""
        return CheckStatusInfo(self.kind)

    def _problem(self) -> str | None:
        given = [probe for probe in (self.command, self.http, self.tcp) if probe is not None]
        if len(given) != 1:
            return f"has {len(given)} of command, http and tcp, must have one"
        if problem := given[0].problem():
            return problem
        return (
            _seconds_problem("delay_seconds", self.delay_seconds)
            or _seconds_problem("interval_seconds", self.interval_seconds, MIN_INTERVAL)
            or _seconds_problem("timeout_seconds", self.timeout_seconds)
        )


class Check(_Repeated, frozen=True, omit_defaults=True):
    """A check tells what it sees, and does nothing about it: whether a task is ready, say.

    One of `command`, `http`, `tcp`. The first is made `delay_seconds` after the task runs, the next
    `interval_seconds` (0.1 or more) after the end of the one before. One that takes longer than `timeout_seconds`
    (0: no limit) is ended, and nothing is known.
    """

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        return _labelled("check", self._problem())


class HealthCheck(_Repeated, frozen=True, omit_defaults=True):
    """A check that says whether a task is healthy; the task is killed when it has failed too often in a row.

    As `Check`; a time-out is a failure. `consecutive_failures` (1 or more) have the task killed. Failures in the
    first `grace_period_seconds` since the task runs do not count, until a first success.
    """

    consecutive_failures: int = 3
    grace_period_seconds: float = 10.0

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        problem = self._problem() or _seconds_problem("grace_period_seconds", self.grace_period_seconds)
        if problem is None and self.consecutive_failures < 1:
            # Mesos would kill at the first failure, Marathon never: whoever writes 0 must say which.
            problem = f"consecutive_failures is {self.consecutive_failures}, must be 1 or more"
        return _labelled("health_check", problem)


def _labelled(label: str, problem: str | None) -> str | None:
    if problem is None:
        return None
    return f"{label} {problem}" if problem.startswith("has ") else f"{label}.{problem}"


def _port_problem(port: int) -> str | None:
    return None if 1 <= port <= 65535 else f"port is {port}, must be 1 to 65535"


def _seconds_problem(name: str, seconds: float, least: float = 0.0) -> str | None:
    if least <= seconds <= MAX_SECONDS:
        return None
    return f"{name} is {seconds:g}, must be {least:g} to {MAX_SECONDS:.0f}"
