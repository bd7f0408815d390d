"""The files of a group of v2 as attributes of an object, in the manner of cgroupspy, which has none for v2."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from isolation.cgroups.files import read, write
from isolation.cgroups.processors import parse, text

__all__ = ["V2"]

PAIR = re.compile(r"(\w+)=(\w+)")


class _File:
    """A file of text."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: V2, owner: type) -> Any:
        return self.decode(read(f"{instance.directory}/{self._name}").decode().strip())

    def __set__(self, instance: V2, value: Any) -> None:
        for each in self.encode(value):
            write(f"{instance.directory}/{self._name}", each)

    def decode(self, content: str) -> Any:
        return content

    def encode(self, value: Any) -> list[str]:
        return [str(value)]


class _Number(_File):
    """A number, or None for `max`."""

    def decode(self, content: str) -> int | None:
        return None if content == "max" else int(content)

    def encode(self, value: int | None) -> list[str]:
        return ["max" if value is None else str(value)]


class _Quota(_File):
    """Microseconds, None for `max`, and the period."""

    def decode(self, content: str) -> tuple[int | None, int]:
        quota, period = content.split()
        return None if quota == "max" else int(quota), int(period)

    def encode(self, value: tuple[int | None, int]) -> list[str]:
        quota, period = value
        return [f"{'max' if quota is None else quota} {period}"]


class _Processors(_File):
    """A set of numbers; none for what the group above has."""

    def decode(self, content: str) -> frozenset[int]:
        return parse(content)

    def __set__(self, instance: V2, value: frozenset[int]) -> None:
        # The kernel refuses to empty the set of a group in which something runs.
        super().__set__(instance, value or V2(os.path.dirname(instance.directory)).cpuset_effective)

    def encode(self, value: frozenset[int]) -> list[str]:
        return [text(value)]


class _IoMax(_File):
    """Limits by device, each by name: a line, and a write, for each device."""

    def decode(self, content: str) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for line in content.splitlines():
            device, _, rest = line.partition(" ")
            limits = {name: int(value) for name, value in PAIR.findall(rest) if value != "max"}
            if limits:
                found[device] = limits
        return found

    def __set__(self, instance: V2, value: Mapping[str, Mapping[str, int]]) -> None:
        gone = instance.io_max.keys() - value.keys()
        super().__set__(instance, {**{device: {} for device in gone}, **value})

    def encode(self, value: Mapping[str, Mapping[str, int]]) -> list[str]:
        return [
            " ".join(
                (
                    device,
                    *(f"{name}={limits.get(name, 'max')}" for name in ("rbps", "wbps", "riops", "wiops")),
                )
            )
            for device, limits in value.items()
        ]


class V2:
    """A group of v2."""

    cpu_weight = _Number("cpu.weight")
    cpu_max = _Quota("cpu.max")
    cpu_idle = _Number("cpu.idle")
    memory_max = _Number("memory.max")
    memory_high = _Number("memory.high")
    memory_swap_max = _Number("memory.swap.max")
    memory_current = _Number("memory.current")
    memory_oom_group = _Number("memory.oom.group")
    pids_max = _Number("pids.max")
    cpuset_cpus = _Processors("cpuset.cpus")
    cpuset_effective = _Processors("cpuset.cpus.effective")
    io_max = _IoMax("io.max")

    def __init__(self, directory: str) -> None:
        self.directory = directory
