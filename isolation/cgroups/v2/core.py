"""What v2 does without any controller: kill, freeze, seconds of cpu, pressure."""

from __future__ import annotations

import os

from isolation.cgroups.files import numbers, read, write
from isolation.cgroups.group import Group, Values
from isolation.cgroups.part import Part
from isolation.usage import Pressure

__all__ = ["CorePart", "parse_pressure"]

RESOURCES = ("cpu", "memory", "io")


class CorePart(Part):
    """The group itself."""

    controller = "cgroup"
    tells = ("cpu usage", "pressure", "kill", "freeze")
    core_file = "cpu.stat"

    def parse(self, data: bytes, values: Values) -> None:
        """Add seconds, and throttled time if the cpu controller is here."""
        stat = numbers(data)
        if not stat:
            return
        values["user_seconds"] = stat[b"user_usec"] / 1e6
        values["system_seconds"] = stat[b"system_usec"] / 1e6
        if b"nr_periods" in stat:
            values["periods"] = stat[b"nr_periods"]
            values["throttled_periods"] = stat[b"nr_throttled"]
            values["throttled_seconds"] = stat[b"throttled_usec"] / 1e6

    def measure(self, group: Group, values: Values) -> None:
        """Add the pressure of its own tasks."""
        directory = group.directories.get(self.hierarchy)
        if directory is None:
            return
        for resource in RESOURCES:
            words = _pressure(f"{directory}/{resource}.pressure")
            if words is not None:
                values[f"{resource}_pressure"] = words

    def kill(self, directory: str) -> None:
        """Kill all that is in a group, and what it forks meanwhile. OSError, FileNotFoundError before Linux 5.14."""
        write(f"{directory}/cgroup.kill", "1")

    def freeze(self, directory: str) -> None:
        """Begin to stop what is in a group; SIGKILL still has its effect. OSError."""
        write(f"{directory}/cgroup.freeze", "1")

    def thaw(self, directory: str) -> None:
        """Let it go on. OSError."""
        write(f"{directory}/cgroup.freeze", "0")

    def frozen(self, directory: str) -> bool:
        """Whether all of it stands still. OSError."""
        return numbers(read(f"{directory}/cgroup.events")).get(b"frozen") == 1


def _pressure(path: str) -> Pressure | None:
    if not os.path.exists(path):
        return None
    try:
        return parse_pressure(read(path))
    except OSError:
        # EOPNOTSUPP: the kernel was booted with psi=0, and has the files nevertheless.
        return None


def parse_pressure(data: bytes) -> Pressure:
    """Return what the lines `some` and `full` of a file of pressure say. ValueError, KeyError if it is none."""
    lines: dict[bytes, dict[bytes, bytes]] = {}
    for line in data.splitlines():
        kind, *words = line.split()
        lines[kind] = dict((word.partition(b"=")[::2]) for word in words)
    some = lines[b"some"]
    full = lines.get(b"full", {})
    return Pressure(
        some_avg10=float(some[b"avg10"]),
        full_avg10=float(full.get(b"avg10", 0)),
        some_seconds=int(some[b"total"]) / 1e6,
        full_seconds=int(full.get(b"total", 0)) / 1e6,
    )
