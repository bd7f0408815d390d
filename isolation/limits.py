"""What a container may use at most, as it is asked for; how it is held to that, isolators decide."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

__all__ = ["DeviceRule", "IoLimit", "LimitKind", "Limitation", "Limits"]

LimitKind = Literal["memory", "disk", "ports", "pids"]

DEVICE = re.compile(r"\d+:\d+")
SHARES = (2, 262144)
"""What the kernel takes as cpu.shares."""
SHARES_OF_A_CPU = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class IoLimit:
    """What may be read and written of a block device, in bytes and operations a second; None is no limit."""

    read_bps: int | None = None
    write_bps: int | None = None
    read_iops: int | None = None
    write_iops: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not value > 0:
                raise ValueError(f"IoLimit.{each.name}: {value!r} must be above 0")


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """Devices that may be used: `kind` "c" or "b", numbers (None: all), and `access`, some of "rwm"."""

    kind: Literal["c", "b"]
    major: int | None
    minor: int | None
    access: str = "rwm"

    def __post_init__(self) -> None:
        if self.kind not in ("c", "b"):
            raise ValueError(f"DeviceRule.kind: {self.kind!r} must be 'c' or 'b'")
        if not self.access or set(self.access) - set("rwm"):
            raise ValueError(f"DeviceRule.access: {self.access!r} must be some of 'rwm'")

    def __str__(self) -> str:
        """As the devices controller of cgroups v1 reads it."""
        major, minor = ("*" if number is None else str(number) for number in (self.major, self.minor))
        return f"{self.kind} {major}:{minor} {self.access}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked for; None is no limit. ValueError, naming the field, for what cannot be.

    `cpus` is the part of the processors that it has when all want them (a weight: 1024 shares for each). `cpu_quota` is
    what it has at most, in processors. `memory` and `disk` are bytes; `disk` is of its working directory, with all in
    it. `cpuset` are the processors that it may run on. `io` is by device, "MAJOR:MINOR". `devices` are all that it may
    use. `ports` are ranges, both ends in it, that it may listen on. What is `best_effort` has what others leave.
    """

    cpus: float | None = None
    cpu_quota: float | None = None
    memory: int | None = None
    pids: int | None = None
    cpuset: frozenset[int] | None = None
    io: Mapping[str, IoLimit] = field(default_factory=dict)
    devices: tuple[DeviceRule, ...] | None = None
    disk: int | None = None
    ports: tuple[tuple[int, int], ...] | None = None
    best_effort: bool = False

    def __post_init__(self) -> None:
        for name in ("cpus", "cpu_quota"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise _wrong(name, value, "must be a number above 0")
        for name in ("memory", "pids"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 2**63:
                raise _wrong(name, value, "must be a whole number above 0")
        if self.disk is not None and not 0 <= self.disk < 2**63:
            raise _wrong("disk", self.disk, "must be 0 bytes or more")
        if self.cpuset is not None and (not self.cpuset or min(self.cpuset) < 0):
            raise _wrong("cpuset", self.cpuset, "must name processors")
        for device in self.io:
            if not DEVICE.fullmatch(device):
                raise _wrong("io", device, "is no device like 254:0")
        for low, high in self.ports or ():
            if not 0 <= low <= high <= 65535:
                raise _wrong("ports", (low, high), "is no range of ports")

    @property
    def shares(self) -> int | None:
        """Its weight in shares, None if it asks for none."""
        if self.best_effort:
            return SHARES[0]
        if self.cpus is None:
            return None
        return min(max(SHARES[0], round(self.cpus * SHARES_OF_A_CPU)), SHARES[1])

    def asked(self) -> frozenset[str]:
        """The names of the fields that are set."""
        return frozenset(
            each.name for each in fields(self) if getattr(self, each.name) not in (None, False, {})
        )


@dataclass(frozen=True, slots=True)
class Limitation:
    """A limit that a container has hit, and is ended for: which, and in words how, with what it used."""

    kind: LimitKind
    text: str


def _wrong(label: str, value: Any, why: str) -> ValueError:
    return ValueError(f"Limits.{label}: {value!r} {why}")
