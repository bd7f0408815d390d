"""The zygote itself: forks shims, and cleans up after those that were killed."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket

from .frames import NEWS, REQUEST
from .killing import FIRST_PAUSE, LONGEST_PAUSE, Killer, kill
from .passing import receive_with_socket
from .shim import Shim
from .signals import ChildSignal

Ends = tuple[socket.socket, socket.socket]
"""Of a socket pair: ours, and the shim's."""


class Zygote:
    """Forks shims, and cleans up after those that were killed."""

    def __init__(self, control: socket.socket, owner_pid: int, killer: Killer) -> None:
        self._control = control
        self._killer = killer
        self._shims: dict[int, int] = {}
        self._lost: list[int] = []
        self._closing = False
        self._lifeline, self._lifeline_end = os.pipe2(os.O_CLOEXEC)
        self._children = ChildSignal()
        self._poller = select.poll()
        self._poller.register(control.fileno(), select.POLLIN)
        self._poller.register(self._children.fd, select.POLLIN)
        # A child that the owner forked may hold the control socket open beyond the owner's death; this sees it.
        self._owner_fd = -1
        with contextlib.suppress(OSError):
            self._owner_fd = os.pidfd_open(owner_pid)
            self._poller.register(self._owner_fd, select.POLLIN)
        if os.getppid() != owner_pid:
            self._close()

    def serve(self) -> Shim | None:
        """Return a shim, in its process; None, in the zygote, when the owner and all shims are gone."""
        self._tell(0, 0)
        pause = FIRST_PAUSE
        while True:
            self._children.drain()
            self._reap()
            if self._lost and not self._killer.round(self._shims):
                for number in self._lost:
                    self._tell(number, 0)
                self._lost.clear()
            if not self._lost:
                self._settled()
            if self._closing and not self._shims and not self._lost:
                return None
            pause = min(pause * 2, LONGEST_PAUSE) if self._lost else FIRST_PAUSE
            for fd, _events in self._poller.poll(pause if self._lost else None):
                if fd == self._owner_fd:
                    self._close()
                elif fd == self._control.fileno():
                    if shim := self._receive():
                        return shim
                else:
                    self._stirred(fd)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                # A shim that was stopped cannot obey; only its own task could mean that. Then it is lost.
                if pid in self._shims:
                    kill(pid)
            else:
                number = self._shims.pop(pid, 0)
                if number:
                    self._shim_ended(number, status)

    def _shim_ended(self, number: int, status: int) -> None:
        if status != 0:
            self._lost.append(number)

    def _receive(self) -> Shim | None:
        message, connection = receive_with_socket(self._control, REQUEST.size)
        if len(message) != REQUEST.size:
            self._close()
            return None
        number, kind = REQUEST.unpack(message)
        return self._handle(number, kind, connection)

    def _handle(self, number: int, _kind: int, connection: socket.socket | None) -> Shim | None:
        return self._fork(number, connection)

    def _fork(self, number: int, connection: socket.socket | None) -> Shim | None:
        """Fork a shim; return it in its process, None in this one."""
        try:
            if connection is None:
                # It was sent, but there was no descriptor left for it.
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            ends = self._open_lifeline()
            pid = os.fork()
        except OSError as error:
            if connection is not None:
                connection.close()
            self._tell(number, error.errno or errno.EAGAIN)
            return None
        if pid:
            self._shims[pid] = number
            self._forked(number, ends)
            connection.close()
            return None
        self._close_in_child()
        return self._make_shim(connection, number, ends)

    def _close_in_child(self) -> None:
        self._children.close()
        self._control.close()
        if self._lifeline_end >= 0:
            os.close(self._lifeline_end)
        if self._owner_fd >= 0:
            os.close(self._owner_fd)

    # What a lasting zygote does otherwise: see lasting.py.

    def _open_lifeline(self) -> Ends | None:
        """Return both ends of a lifeline for one shim, if each has its own. OSError if there is none to be had."""
        return None

    def _forked(self, number: int, ends: Ends | None) -> None:
        """Learn, in the zygote, that a shim was forked."""

    def _make_shim(self, connection: socket.socket, _number: int, _ends: Ends | None) -> Shim:
        return Shim(connection, self._lifeline, self._killer)

    def _settled(self) -> None:
        """Learn that nothing is left of lost shims."""

    def _stirred(self, fd: int) -> None:
        """Learn of an event at a descriptor that this class does not know."""

    def _tell(self, number: int, code: int) -> None:
        with contextlib.suppress(OSError):
            self._control.send(NEWS.pack(number, code))

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            self._poller.unregister(self._control.fileno())
            if self._owner_fd >= 0:
                self._poller.unregister(self._owner_fd)
            os.close(self._lifeline_end)
