"""The processes of many containers, from one pass over /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .proc import PAGE, PROC

__all__ = ["Process", "processes_below"]

STAT_BYTES = 1024
"""A line of stat has 52 numbers and a name of 64 bytes at most."""
STATE, PARENT, START, RSS = 0, 1, 19, 21
"""Fields of stat after the name; see proc(5)."""


@dataclass(slots=True)
class Process:
    """A process at one moment. With `start` (clock ticks since boot) `pid` names it for the life of a boot."""

    pid: int
    command: str
    start: int
    rss_bytes: int


def processes_below(keepers: Iterable[int], proc: Path = PROC) -> Mapping[int, list[Process]]:
    """Return the living processes below each of some processes, without these.

    One of them whose parent ends in this very moment may be missed, once.
    """
    found: dict[int, Process] = {}
    children: dict[int, list[int]] = {}
    for name in os.listdir(proc):  # noqa: PTH208 (Path is slow, and there are thousands)
        if not name.isdigit():
            continue
        data = _read(f"{proc}/{name}/stat")
        head, parenthesis, tail = data.rpartition(b")")
        fields = tail.split(None, RSS + 1)
        if not parenthesis or len(fields) <= RSS:
            continue
        pid = int(name)
        children.setdefault(int(fields[PARENT]), []).append(pid)
        if fields[STATE] not in b"ZX":
            command = os.fsdecode(head.partition(b"(")[2])
            found[pid] = Process(pid, command, int(fields[START]), int(fields[RSS]) * PAGE)
    return {keeper: _below(keeper, children, found) for keeper in keepers}


def _below(keeper: int, children: Mapping[int, list[int]], found: Mapping[int, Process]) -> list[Process]:
    below: list[Process] = []
    seen = {keeper}
    todo = [keeper]
    while todo:
        for pid in children.get(todo.pop(), ()):
            # While it is read, pids are used again: what was read need not be a tree.
            if pid in seen:
                continue
            seen.add(pid)
            todo.append(pid)
            if process := found.get(pid):
                below.append(process)
    return below


def _read(path: str) -> bytes:
    """Return what a small file says, nothing when its process is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
    try:
        return os.read(fd, STAT_BYTES)
    except ProcessLookupError:
        return b""
    finally:
        os.close(fd)
