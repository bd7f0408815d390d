"""Processor time of other processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["below", "processor_seconds", "scheduled"]

TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    # The command name stands in parentheses and may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def processor_seconds(pid: int, *, reaped: bool = False) -> float:
    """Seconds of processor that a process has used; with `reaped` those of its children that have ended too."""
    return sum(map(int, _fields(pid)[11 : 15 if reaped else 13])) / TICKS


def scheduled(pid: int) -> tuple[float, float]:
    """Seconds for which the main thread of a process has run, and for which it could have, and waited; 0 if it is gone.

    On a machine with nothing else to do it waits for little.
    """
    try:
        ran, waited, _ = map(int, Path(f"/proc/{pid}/schedstat").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    return ran / 1e9, waited / 1e9


def below(pid: int) -> list[int]:
    """All living descendants of a process."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                # It ended while we looked.
                continue
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found
