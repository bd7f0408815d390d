"""The kernel's kills for lack of memory, as they happen.

v1 tells by an eventfd that a group is at its limit, a moment before it kills; v2 by an event on `memory.events`. In
both only a counter that has grown tells that it killed: a process can be killed by SIGKILL for other reasons.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
from collections.abc import Callable
from dataclasses import dataclass

from isolation.limits import Limitation

from .files import GONE, numbers, read, write
from .sizes import size

__all__ = ["KILLS", "OomWatch", "limitation", "oom_kills"]

KILLS = {1: "memory.oom_control", 2: "memory.events"}
"""Which file of a group counts them, by version."""
FIRST_PAUSE, LOOKS = 0.001, 10
"""Seconds until the counter is looked at again after an event, doubled each time; how often: a second in all."""


@dataclass(frozen=True, slots=True)
class _Watched:
    id: str
    fd: int
    directory: str
    version: int
    told: Callable[[int], None]


class OomWatch:
    """Watches groups, of either version, by one descriptor in the event loop."""

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._watched: dict[int, _Watched] = {}
        self._looking: set[_Watched] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self, id_: str, directory: str, version: int, told: Callable[[int], None]) -> None:
        """Call `told` with the number of kills when there are some. OSError if the kernel has no descriptor for it."""
        fd = _eventfd(directory) if version == 1 else os.open(f"{directory}/memory.events", os.O_RDONLY)
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._epoll.fileno(), self._stirred)
        self._watched[fd] = _Watched(id_, fd, directory, version, told)
        self._epoll.register(fd, select.EPOLLIN if version == 1 else select.EPOLLPRI)

    def unwatch(self, id_: str) -> None:
        """Look at it no more."""
        for watched in [each for each in self._watched.values() if each.id == id_]:
            self._forget(watched)

    def close(self) -> None:
        """Look at nothing more."""
        for watched in list(self._watched.values()):
            self._forget(watched)
        if self._epoll is not None and self._loop is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _forget(self, watched: _Watched) -> None:
        del self._watched[watched.fd]
        if self._epoll is not None:
            self._epoll.unregister(watched.fd)
        os.close(watched.fd)

    def _stirred(self) -> None:
        if self._epoll is None:
            return
        for fd, _events in self._epoll.poll(0):
            watched = self._watched.get(fd)
            if watched is None:
                continue
            try:
                # Reading is what makes it quiet again.
                if watched.version == 1:
                    os.eventfd_read(fd)
                else:
                    os.pread(fd, 4096, 0)
            except OSError as error:
                if error.errno not in GONE:
                    raise
                self._forget(watched)
                continue
            # v2 counts first and tells then.
            if watched not in self._looking:
                self._look(watched, FIRST_PAUSE, LOOKS if watched.version == 1 else 0)

    def _look(self, watched: _Watched, pause: float, looks: int) -> None:
        self._looking.discard(watched)
        if self._watched.get(watched.fd) is not watched or self._loop is None:
            return
        if kills := oom_kills(watched.directory, watched.version):
            watched.told(kills)
        elif looks:
            self._looking.add(watched)
            self._loop.call_later(pause, self._look, watched, pause * 2, looks - 1)


def _eventfd(directory: str) -> int:
    control = os.open(f"{directory}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
    try:
        event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            write(f"{directory}/cgroup.event_control", f"{event} {control}")
        except OSError:
            os.close(event)
            raise
        return event
    finally:
        os.close(control)


def oom_kills(directory: str, version: int) -> int:
    """How many processes of a group the kernel has killed for lack of memory; 0 if the group is gone."""
    try:
        return numbers(read(f"{directory}/{KILLS[version]}")).get(b"oom_kill", 0)
    except OSError as error:
        if error.errno in (*GONE, errno.EINVAL):
            return 0
        raise


def limitation(kills: int, limit: int | None, peak: int | None) -> Limitation:
    """Say in words that the kernel killed, at the container's limit or for want of memory on the whole machine."""
    used = "" if peak is None else f": peak {size(peak)} used"
    many = "a process was" if kills == 1 else f"{kills} processes were"
    # A limit is in whole pages, and a peak may miss the last of them.
    own = limit is not None and (peak is None or peak >= 0.95 * limit)
    what = f"memory limit {size(limit)}" if own and limit is not None else "the machine has no memory left"
    return Limitation("memory", f"{what}{used}, {many} killed by the kernel")
