"""Reads processes from /proc; the parsing is pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat says of a process.

    CPU times are seconds, `reaped_*` those of ended children that were waited for. `rss_bytes` is resident memory.
    `start_ticks` is the start, in clock ticks since boot: with the pid it names a process for the life of a boot.
    """

    pid: int
    command: str
    state: str
    parent: int
    group: int
    session: int
    user_seconds: float
    system_seconds: float
    reaped_user_seconds: float
    reaped_system_seconds: float
    threads: int
    start_ticks: int
    rss_bytes: int


def parse_stat(data: bytes) -> Stat:
    """Return the fields of a line of /proc/PID/stat. Raises ValueError when it is not one."""
    # The name of the command may hold blanks and parentheses; only the last parenthesis ends it.
    head, parenthesis, tail = data.rpartition(b")")
    pid, opening, command = head.partition(b"(")
    fields = tail.split()
    if not parenthesis or not opening or len(fields) < 22:
        raise ValueError(f"not a line of /proc/PID/stat: {data!r}")
    user, system, reaped_user, reaped_system = (int(field) / TICKS for field in fields[11:15])
    return Stat(
        pid=int(pid),
        command=os.fsdecode(command),
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        user_seconds=user,
        system_seconds=system,
        reaped_user_seconds=reaped_user,
        reaped_system_seconds=reaped_system,
        threads=int(fields[17]),
        start_ticks=int(fields[19]),
        rss_bytes=int(fields[21]) * PAGE,
    )


def parse_children(data: bytes) -> list[int]:
    """Return the pids in a /proc/PID/task/TID/children. Raises ValueError when it is not one."""
    return [int(word) for word in data.split()]


def below(root: int, children: Callable[[int], Iterable[int]]) -> list[int]:
    """Return the descendants of a process, parents before children, without itself."""
    found: dict[int, None] = {}
    todo = [root]
    while todo:
        for child in children(todo.pop()):
            if child not in found and child != root:
                found[child] = None
                todo.append(child)
    return list(found)


def tree(stats: Iterable[Stat]) -> Mapping[int, list[int]]:
    """Return the children of each process that has any."""
    table: dict[int, list[int]] = {}
    for stat in stats:
        table.setdefault(stat.parent, []).append(stat.pid)
    return table


def read_stat(pid: int, proc: Path = PROC) -> Stat | None:
    """Return what is known of a process, None when there is no such process."""
    try:
        return parse_stat((proc / str(pid) / "stat").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return None


def read_all(proc: Path = PROC) -> Iterator[Stat]:
    """Return every process of the machine that can be seen."""
    for entry in os.scandir(proc):
        if entry.name.isdigit() and (stat := read_stat(int(entry.name), proc)):
            yield stat


def read_children(pid: int, proc: Path = PROC) -> list[int]:
    """Return the children of all threads of a process, none when it is gone.

    Raises FileNotFoundError when the kernel keeps no such file (it is built without CONFIG_PROC_CHILDREN).
    """
    found: list[int] = []
    try:
        threads = list((proc / str(pid) / "task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return found
    for thread in threads:
        try:
            found += parse_children((thread / "children").read_bytes())
        except FileNotFoundError:
            if thread.exists():
                raise
        except ProcessLookupError:
            continue
    return found


def descendants(root: int, proc: Path = PROC) -> list[int]:
    """Return all processes below one, parents before children, without itself; one may end any moment."""
    try:
        return below(root, lambda pid: read_children(pid, proc))
    except FileNotFoundError:
        table = tree(read_all(proc))
        return below(root, lambda pid: table.get(pid, ()))
