"""Kills what is left of containers whose shim and zygote were killed, as far as it can be found."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .proc import Stat, below, read_all, read_stat, tree
from .zygote.frames import MARKER
from .zygote.killing import read_file

__all__ = ["Trace", "find", "outlive", "sweep"]

log = logging.getLogger("ostrom.isolation")

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.1
"""Seconds between two rounds of killing, doubled each time."""
SECOND_LOOK = 0.02
"""Seconds until a round that found nothing is followed by another."""
VARIABLE = MARKER.encode() + b"="


@dataclass(frozen=True, slots=True)
class Trace:
    """By what processes of a container are found.

    `marker` is the variable in their environment, `pid` and `start` are of the main process, `shim_pid` and
    `shim_start` of the shim; 0 where they are not known.
    """

    marker: bytes
    pid: int = 0
    start: int = 0
    shim_pid: int = 0
    shim_start: int = 0


def find(
    traces: Iterable[Trace], stats: Iterable[Stat], environment: Callable[[int], bytes]
) -> Sequence[Stat]:
    """Return the living processes of containers: never a shim, nor one that merely has a number of theirs now.

    They are a main process, what is in its session or group as long as it is there itself (then the number cannot
    be another's), what has a marker, what is below a shim, and all that is below any of these. `environment` gives
    a process's, for which all are asked.
    """
    table = {stat.pid: stat for stat in stats if stat.pid > 1}
    markers, sessions, roots = set(), set(), set()
    for trace in traces:
        markers.add(trace.marker)
        if (main := table.get(trace.pid)) and main.start_ticks == trace.start:
            sessions.add(main.pid)
        if (shim := table.get(trace.shim_pid)) and shim.start_ticks == trace.shim_start:
            roots.add(shim.pid)
    found = {
        stat.pid
        for stat in table.values()
        if stat.session in sessions or stat.group in sessions or _marker(environment(stat.pid)) in markers
    }
    children = tree(table.values())
    for root in [*roots, *found]:
        found.update(below(root, lambda pid: children.get(pid, ())))
    return [table[pid] for pid in found - roots if table[pid].state not in "ZX"]


async def sweep(traces: Sequence[Trace]) -> None:
    """Kill what is left of containers; return when nothing is found any more."""
    pause = FIRST_PAUSE
    found, before = True, True
    # Twice, as the environment of a process seems empty while it executes a program.
    while found or before:
        found, before = await asyncio.to_thread(_round, traces), found
        await asyncio.sleep(pause if found else SECOND_LOOK)
        pause = min(pause * 2, LONGEST_PAUSE)


async def outlive(pid: int, start: int) -> None:
    """Wait until a process that is not our child has ended. One that is stopped goes on first."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        stat = read_stat(pid)
        if stat is None or stat.start_ticks != start:
            return
        loop.add_reader(fd, ended.set)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, signal.SIGCONT)
        await ended.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _round(traces: Sequence[Trace]) -> bool:
    """Kill what is found; return whether anything was that could be killed."""
    return sum(_kill(stat) for stat in find(traces, read_all(), _environment)) > 0


def _kill(stat: Stat) -> bool:
    try:
        fd = os.pidfd_open(stat.pid)
    except ProcessLookupError:
        return True
    try:
        # From here on the number is that process's; whether it was before, its start tells.
        now = read_stat(stat.pid)
        if now is None or now.start_ticks != stat.start_ticks:
            return True
        if stat.group == stat.pid:
            # In one step of the kernel, in which none of the group can fork.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(stat.pid, signal.SIGKILL)
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        log.warning("process %s of a lost container cannot be killed: %s", stat.pid, error)
        return False
    finally:
        os.close(fd)
    return True


def _environment(pid: int) -> bytes:
    return read_file(f"/proc/{pid}/environ")


def _marker(environment: bytes) -> bytes:
    return next((part for part in environment.split(b"\0") if part.startswith(VARIABLE)), b"")
