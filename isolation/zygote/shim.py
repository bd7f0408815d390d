"""The process that runs one command after the other, and leaves nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket

from .failure import LaunchFailureError
from .frames import DESTROY, FRAME, ORDER, SIGNAL
from .init import told_status
from .killing import FIRST_PAUSE, LONGEST_PAUSE, Killer, kill
from .linux import PR_SET_CHILD_SUBREAPER, PR_SET_NAME, prctl
from .order import Order
from .signals import ChildSignal
from .starting import spawn


class Inbox:
    """Frames from the owner, as they come in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = bytearray()

    def receive(self) -> bool:
        """Read what there is, waiting for it; False when the owner is gone."""
        try:
            data = self._connection.recv(1 << 18)
        except ConnectionResetError:
            return False
        self._data += data
        return bool(data)

    def take(self) -> tuple[int, bytes] | None:
        """Return the next whole frame, its kind and its body, if there is one."""
        if len(self._data) < FRAME.size:
            return None
        kind, length = FRAME.unpack_from(self._data)
        end = FRAME.size + length
        if len(self._data) < end:
            return None
        body = bytes(self._data[FRAME.size : end])
        del self._data[:end]
        return kind, body


class Shim:
    """Runs one command after the other, reports on each, and leaves nothing of it behind.

    It answers an order with a line `started SHIM_PID PID` or `error ERRNO STAGE`, and after the former, at the end,
    writes `exited STATUS TOLD USER SYSTEM`: the status of waitpid(), 1 when it was told to destroy, and the seconds
    of CPU of all processes. Then it is as new and takes the next order: forking a shim costs more than its work.
    """

    def __init__(self, connection: socket.socket, lifeline: int, killer: Killer) -> None:
        self._connection = connection
        self._lifeline = lifeline
        self._killer = killer
        self._inbox = Inbox(connection)
        self._main = 0
        self._child = 0
        self._init: socket.socket | None = None
        self._passed: int | None = None
        self._status: int | None = None
        self._told = False
        self._doomed = False
        self._poller = select.poll()

    def run(self) -> int:
        """Do it all; return the exit code of the shim, 0 when nothing is left and all is reported."""
        os.setsid()
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        prctl(PR_SET_NAME, b"ostrom-shim")
        self._children = ChildSignal()
        while order := self._next_order():
            self._contain(order)
        return 0

    def _next_order(self) -> Order | None:
        """Wait for an order; None when the owner has let go, or owner or zygote are gone."""
        poller = select.poll()
        poller.register(self._connection.fileno(), select.POLLIN)
        poller.register(self._lifeline, select.POLLIN)
        while True:
            frame = self._inbox.take()
            if frame is None:
                if any(fd == self._lifeline for fd, _events in poller.poll()) or not self._inbox.receive():
                    return None
            elif frame[0] == ORDER:
                return Order(frame[1])
            # The others were meant for what has just ended.

    def _contain(self, order: Order) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            self._prepare(order)
            started = spawn(order)
        except LaunchFailureError as failure:
            self._failed()
            self._report(f"error {failure.code} {failure.stage}")
            return
        self._main, self._child, self._init = started.main, started.child, started.init
        self._status, self._passed, self._told, self._doomed = None, None, False, False
        self._started()
        self._report(f"started {os.getpid()} {self._main}")
        self._poller = select.poll()
        for fd in (self._connection.fileno(), self._lifeline, self._children.fd):
            self._poller.register(fd, select.POLLIN)
        if self._init is not None:
            self._poller.register(self._init.fileno(), select.POLLIN)
        # What came in one read with the order makes the connection readable no more.
        self._obey()
        pause = FIRST_PAUSE
        while not self._reap():
            if self._doomed:
                self._killer.round({})
            self._wait(pause if self._doomed else None)
            pause = min(pause * 2, LONGEST_PAUSE) if self._doomed else FIRST_PAUSE
        if self._init is not None:
            self._init.close()
            self._init = None
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
        end = f"exited {self._status} {self._told:d} {user:.6f} {system:.6f}"
        self._ended(end)
        self._report(end)

    # What a lasting shim does more: see lasting_shim.py.

    def _prepare(self, order: Order) -> None:
        """Do what is to be done before an order is executed. Raises LaunchFailureError."""

    def _failed(self) -> None:
        """Learn that the order was not executed."""

    def _started(self) -> None:
        """Learn that it was."""

    def _ended(self, end: str) -> None:
        """Learn that nothing of it is left, before the owner does."""

    def _reap(self) -> bool:
        """Reap what has ended; return whether that was all: nothing of the container is left."""
        self._children.drain()
        if self._status is None and os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            # Before it is reaped, so that the number of its group is still its own.
            kill(self._child)
            self._doom()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._child:
                # An init that was killed may have told before what its command came to.
                self._hear_init()
                self._status = status if self._passed is None else self._passed

    def _hear_init(self) -> None:
        """Learn how the command ended that has an init, if it has."""
        if self._init is not None and self._passed is None:
            self._passed = told_status(self._init)

    def _wait(self, pause: int | None) -> None:
        for fd, _events in self._poller.poll(pause):
            if self._init is not None and fd == self._init.fileno():
                self._hear_init()
                # There is no more to hear. Init and what is left in its namespace are to go.
                self._poller.unregister(fd)
                self._doom()
            elif fd == self._lifeline:
                self._lifeline_stirred()
            elif fd == self._connection.fileno() and not self._doomed:
                here = self._inbox.receive()
                self._obey()
                if not here and not self._doomed:
                    self._owner_gone()

    def _lifeline_stirred(self) -> None:
        self._destroy()

    def _owner_gone(self) -> None:
        self._destroy()

    def _destroy(self) -> None:
        self._told = True
        self._doom()

    def _doom(self) -> None:
        if not self._doomed:
            self._doomed = True
            self._deafen()

    def _deafen(self) -> None:
        # Both may be at their end now, and would wake us for ever.
        self._poller.unregister(self._connection.fileno())
        self._poller.unregister(self._lifeline)

    def _obey(self) -> None:
        """Do what the frames that are here say."""
        while frame := self._inbox.take():
            if frame[0] == SIGNAL:
                # The group's number is ours until the main process is reaped, and then nobody reads here any more.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._main, int(frame[1]))
            elif frame[0] == DESTROY:
                self._destroy()

    def _report(self, line: str) -> None:
        # An owner that is gone needs no report.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sendall(line.encode() + b"\n")
