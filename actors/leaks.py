"""What a piece of a program leaves behind: tasks that still run, sockets that are still open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

__all__ = ["LeakError", "no_leaks"]

SETTLE_TURNS = 10
"""Turns of the loop in which what was closed and cancelled may come to its end."""
CANCEL_TIMEOUT = 1.0
"""Seconds that a task that was left running may take to end when it is cancelled."""
DESCRIPTORS = Path("/proc/self/fd")


class LeakError(AssertionError):
    """Something was left behind. The text names each task and socket."""


@asynccontextmanager
async def no_leaks() -> AsyncIterator[None]:
    """Raise LeakError if what runs inside leaves a task running or a socket open; the tasks are cancelled then.

    Sockets are looked for where there is /proc. Nothing is raised over an error from inside.
    """
    tasks, sockets = asyncio.all_tasks(), _sockets()
    yield
    left: set[asyncio.Task[Any]] = set()
    opened: dict[str, str] = {}
    for _ in range(SETTLE_TURNS):
        left = {task for task in asyncio.all_tasks() - tasks if task is not asyncio.current_task()}
        opened = {inode: what for inode, what in _sockets().items() if inode not in sockets}
        if not left and not opened:
            return
        await asyncio.sleep(0)
    found = sorted(f"task {task.get_name()}: {task.get_coro()!r}" for task in left)
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=CANCEL_TIMEOUT)
    raise LeakError("left behind: " + "; ".join([*found, *sorted(opened.values())]))


def _sockets() -> dict[str, str]:
    """The sockets of this process by inode, each with what to tell people of it."""
    found: dict[str, str] = {}
    if not DESCRIPTORS.is_dir():
        return found
    for link in DESCRIPTORS.iterdir():
        # The one by which the directory itself is read is gone by now.
        with contextlib.suppress(FileNotFoundError):
            inode = str(link.readlink())
            if inode.startswith("socket:"):
                found[inode] = f"socket {link.name} of {_name(int(link.name))}"
    return found


def _name(descriptor: int) -> str:
    """The addresses of a socket, this end's and the other's."""
    try:
        opened = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return "no address"
    with opened:
        names = []
        for name in (opened.getsockname, opened.getpeername):
            with contextlib.suppress(OSError):
                names.append(str(name()))
    return " to ".join(names)
