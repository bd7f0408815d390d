"""Options: each also an environment variable (OSTROM_<NAME>) and a key of the TOML file."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from actors import parse_address
from cluster.attributes import Attributes
from cluster.election import check_master
from cluster.etcd import EtcdAddress
from cluster.http.bodies import meant_by
from cluster.master.options import RateLimit
from cluster.master.validation import role_problem
from cluster.registry import Quota
from cluster.resources import Resources
from cluster.zookeeper import ZooKeeperAddress

__all__ = [
    "ADDRESS",
    "ANNOUNCE",
    "ATTRIBUTES",
    "ETCD",
    "MASTER",
    "PRIORITY",
    "QUOTA",
    "RATE",
    "RATE_LIMIT",
    "RESOURCES",
    "ROLE",
    "SECONDS",
    "WEIGHT",
    "allocator_option",
    "detail",
    "load_config",
    "master_option",
    "option",
    "quota_options",
    "quotas",
]


log = logging.getLogger("ostrom.master")

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_MASTER = "127.0.0.1:5050"
DEFAULT_CONFIG = Path("ostrom.toml")
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]+)")
UNITS = {"ms": 0.001, "secs": 1.0, "mins": 60.0, "hrs": 3600.0, "days": 86400.0, "weeks": 604800.0}
"""Mesos's units of time, in seconds."""


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """A click option that is also an environment variable, with its default shown."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = "OSTROM_" + long.removeprefix("--").replace("-", "_").upper()
    settings.setdefault("show_default", settings.get("default") is not None)
    return click.option(*names, envvar=variable, show_envvar=True, **settings)


def detail(*names: str, **settings: Any) -> Callable[[F], F]:
    """A click option that is a part of one order, not a setting: the environment does not give it."""
    settings.setdefault("show_default", settings.get("default") is not None)
    return click.option(*names, **settings)


class _Parsed(click.ParamType[Any]):
    """A value that one of our parsers understands; its ValueError is the message."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _master(text: str) -> str:
    check_master(text)
    return text


def _address(text: str) -> str:
    parse_address(text)
    return text


def _role(text: str) -> str:
    if problem := role_problem(text):
        raise ValueError(problem)
    return text


def _weight(text: str) -> tuple[str, float]:
    role, separator, number = text.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if not separator or not 0 < weight < float("inf"):
        raise ValueError(f"{text!r} is not ROLE=NUMBER with a number above 0")
    return _role(role), weight


def _quota(text: str) -> tuple[str, Resources]:
    role, separator, resources = text.partition("=")
    if not separator:
        raise ValueError(f"{text!r} is not ROLE=RESOURCES, like prod=cpus:4;mem:1024")
    return _role(role), Resources.parse(resources)


def _rate(text: str) -> tuple[int, float]:
    number, separator, duration = text.partition("/")
    match = DURATION.fullmatch(duration.strip())
    seconds = float(match[1]) * UNITS.get(match[2], 0.0) if match else 0.0
    number = number.strip()
    if not separator or not number.isascii() or not number.isdecimal() or int(number) < 1 or not seconds > 0:
        units = ", ".join(UNITS)
        raise ValueError(f"{text!r} is not NUMBER/DURATION, like 1/10mins; units are {units}")
    return int(number), seconds


def _rate_limit(text: str) -> tuple[str, RateLimit]:
    principal, separator, rate = text.rpartition("=")
    qps, colon, capacity = rate.partition(":")
    if not separator or not principal:
        raise ValueError(f"{text!r} is not PRINCIPAL=QPS or PRINCIPAL=QPS:CAPACITY")
    try:
        return principal, RateLimit(float(qps), int(capacity) if colon else None)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from error


def _priority(text: str) -> tuple[str, int]:
    role, separator, number = text.rpartition("=")
    if not separator or not number.removeprefix("-").isdecimal():
        raise ValueError(f"{text!r} is not ROLE=NUMBER with a whole number")
    return _role(role), int(number)


ADDRESS = _Parsed("host:port", _address)
MASTER = _Parsed("host:port|etcd://hosts/path", _master)
ETCD = _Parsed("etcd://hosts/path", EtcdAddress.parse)
ANNOUNCE = _Parsed("zk://hosts/path", ZooKeeperAddress.parse)
RESOURCES = _Parsed("resources", Resources.parse)
ATTRIBUTES = _Parsed("attributes", Attributes.parse)
ROLE = _Parsed("role", _role)
WEIGHT = _Parsed("role=number", _weight)
QUOTA = _Parsed("role=resources", _quota)
PRIORITY = _Parsed("role=number", _priority)
SECONDS = click.FloatRange(min=0, min_open=True)
RATE = _Parsed("number/duration", _rate)
RATE_LIMIT = _Parsed("principal=qps[:capacity]", _rate_limit)


def master_option(function: F) -> F:
    """`--master`, the same for every command."""
    text = "Where the master is: its address, that of any of several, or that of the etcd which elects it."
    decorate = option("--master", type=MASTER, default=DEFAULT_MASTER, help=text)
    return decorate(function)


def quota_options(function: F) -> F:
    """`--guarantee`, `--limit` and `--priority`, the same for every command that runs a master; see `quotas`."""
    guarantee = option(
        "--guarantee", "guarantees", type=QUOTA, multiple=True, help="ROLE=RESOURCES kept free for a role."
    )
    limit = option(
        "--limit", "limits", type=QUOTA, multiple=True, help="ROLE=RESOURCES that a role gets at most."
    )
    priority = option(
        "--priority", "priorities", type=PRIORITY, multiple=True, help="ROLE=NUMBER, for allocator priority."
    )
    return guarantee(limit(priority(function)))


def quotas(
    guarantees: Iterable[tuple[str, Resources]],
    limits: Iterable[tuple[str, Resources]],
    priorities: Iterable[tuple[str, int]],
) -> dict[str, Quota]:
    """The quotas of roles that such options set. What may be a slip is told in the log."""
    guaranteed, limited, prior = dict(guarantees), dict(limits), dict(priorities)
    for field, given in (("guarantee", guaranteed), ("limit", limited)):
        for role, resources in given.items():
            for name in resources.names():
                if close := meant_by(name):
                    log.warning("--%s %s=%s: is %s meant, not %s?", field, role, resources, close, name)
    return {
        role: Quota(guaranteed.get(role, Resources()), limited.get(role, Resources()), prior.get(role, 0))
        for role in {*guaranteed, *limited, *prior}
    }


def allocator_option(function: F) -> F:
    """`--allocator`, the same for every command that runs a master."""
    decorate = option(
        "--allocator",
        default="drf",
        help="Who is offered what next: drf, drf-numba (compiled, for thousands of agents), capacity, fifo, "
        "lottery, priority, one of an installed package, or MODULE:NAME.",
    )
    return decorate(function)


def load_config(ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """Read the TOML file into click's defaults: a table for each command, `[agent]`, `[master]`.

    Keys are options' names, with - or _. What no command knows is an error that names it.
    """
    if path is None:
        if not DEFAULT_CONFIG.is_file():
            return None
        path = DEFAULT_CONFIG
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{path}: {error}") from error
    group = ctx.command
    if not isinstance(group, click.Group):
        raise TypeError("the configuration belongs to the whole command")
    defaults: dict[str, dict[str, Any]] = {}
    for table, values in tables.items():
        command = group.commands.get(table)
        if command is None or not isinstance(values, dict):
            known = ", ".join(sorted(group.commands))
            raise click.BadParameter(f"{path}: [{table}] is no command; commands are {known}")
        names = {
            option[2:]: parameter.name
            for parameter in command.params
            for option in parameter.opts
            if option.startswith("--") and parameter.name is not None
        }
        for key, value in values.items():
            name = names.get(key.replace("_", "-"))
            if name is None:
                raise click.BadParameter(f"{path}: [{table}] has no option {key!r}")
            defaults.setdefault(table, {})[name] = value
    ctx.default_map = defaults
    return path
