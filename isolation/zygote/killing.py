"""Kills what is below this process, as /proc shows it."""

from __future__ import annotations

import contextlib
import os
import signal

FIRST_PAUSE = 1
LONGEST_PAUSE = 100
"""Milliseconds between two rounds of killing, doubled each time. SIGCHLD ends a pause early; the pause is there for
a process that forks from a place not seen yet, and its growth for one stuck in the kernel."""


def read_file(path: str) -> bytes:
    """Return the bytes of a file of /proc; nothing when its process is gone."""
    # Not open(): it costs three times as much, and killing races against forking.
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = bytearray()
        while part := os.read(fd, 65536):
            data += part
        return bytes(data)
    except ProcessLookupError:
        return b""
    finally:
        os.close(fd)


def listed_children(pid: int) -> list[int]:
    """Return the children of every thread of a process, from /proc/PID/task/*/children."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [
        int(word) for thread in threads for word in read_file(f"/proc/{pid}/task/{thread}/children").split()
    ]


def scanned_children() -> dict[int, list[int]]:
    """Return the children of every process of the machine, from /proc/*/stat, for kernels without `children`."""
    table: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        # The command name stands in parentheses and may hold anything, so fields are counted from the last one.
        if name.isdigit() and (stat := read_file(f"/proc/{name}/stat")):
            table.setdefault(int(stat.rpartition(b")")[2].split()[1]), []).append(int(name))
    return table


def kill(pid: int) -> None:
    """Send SIGKILL to a process, and to the group that it leads, if it leads one."""
    # The group matters for fork bombs: it is killed in one step of the kernel, in which none of it can fork. The
    # guard is for 0, which /proc shows for a process of another PID namespace, and which would mean our own group.
    if pid > 1:
        for target in (pid, -pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(target, signal.SIGKILL)


class Killer:
    """Kills what is below this process.

    A round is not enough, since what it finds may fork behind its back; callers repeat rounds until there is proof.
    Our own children cannot be mistaken for others, as only we reap them. The number of a deeper process could, in
    theory, be reused between being read and being killed, some microseconds later; the kernel hands out numbers in
    a circle, so that all others would have to be used in that time.
    """

    def __init__(self, scan: bool) -> None:
        self._scan = scan

    def round(self, spared: dict[int, int]) -> bool:
        """Kill all descendants except the trees of spared children; return whether there were any.

        That there were none is proof for a process that does not reap meanwhile: its list of children only grows
        at the end then, and what is not below a child cannot become one.
        """
        table = scanned_children() if self._scan else None
        found = False
        todo = [os.getpid()]
        while todo:
            parent = todo.pop()
            for child in listed_children(parent) if table is None else table.get(parent, ()):
                if child not in spared:
                    kill(child)
                    todo.append(child)
                    found = True
        return found
