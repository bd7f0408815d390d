"""The zygote itself: forks shims, and cleans up after those that were killed."""

from __future__ import annotations

import array
import contextlib
import errno
import os
import select
import socket
import struct

from .frames import NEWS, REQUEST
from .killing import FIRST_PAUSE, LONGEST_PAUSE, Killer, kill
from .shim import Shim
from .signals import ChildSignal


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
            if self._closing and not self._shims and not self._lost:
                return None
            pause = min(pause * 2, LONGEST_PAUSE) if self._lost else FIRST_PAUSE
            for fd, _events in self._poller.poll(pause if self._lost else None):
                if fd == self._owner_fd:
                    self._close()
                elif fd == self._control.fileno() and (shim := self._receive()):
                    return shim

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
                if number and status != 0:
                    self._lost.append(number)

    def _receive(self) -> Shim | None:
        message, connection = receive_request(self._control)
        if len(message) != REQUEST.size or connection is None:
            self._close()
            return None
        (number,) = REQUEST.unpack(message)
        try:
            pid = os.fork()
        except OSError as error:
            connection.close()
            self._tell(number, error.errno or errno.EAGAIN)
            return None
        if pid:
            self._shims[pid] = number
            connection.close()
            return None
        self._children.close()
        self._control.close()
        os.close(self._lifeline_end)
        if self._owner_fd >= 0:
            os.close(self._owner_fd)
        return Shim(connection, self._lifeline, self._killer)

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


def receive_request(control: socket.socket) -> tuple[bytes, socket.socket | None]:
    """Return a message and the socket that came with it; an empty message when the owner is gone."""
    # Not socket.recv_fds(): it has no MSG_CMSG_CLOEXEC.
    space = socket.CMSG_SPACE(struct.calcsize("i"))
    try:
        message, ancillary, _flags, _address = control.recvmsg(REQUEST.size, space, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return b"", None
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return message, socket.socket(fileno=fds[0]) if fds else None
