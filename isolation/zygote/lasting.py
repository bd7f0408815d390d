"""A zygote that outlives its owner, with the shims that run something."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket

from .frames import ATTACH, FORK, SOCKET
from .journal import Journal
from .killing import Killer, kill
from .lasting_shim import LastingShim
from .passing import peer_of
from .server import Ends, Zygote
from .shim import Shim


class LastingZygote(Zygote):
    """Lives until its owner is gone and no shim is left, and hands its shims to a new owner.

    That connects to a socket beside the records, which only our own user may, once the owner before it is gone.
    The new owner has a zygote of its own to fork shims: this one forks no more.
    """

    def __init__(
        self, control: socket.socket, owner_pid: int, killer: Killer, state: str, epoch: str, patience: float
    ) -> None:
        state_fd = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._journal = Journal(state_fd, epoch)
        self._patience = patience
        self._listener = listen(self._journal.fd)
        self._channels: dict[int, socket.socket] = {}
        self._attached: set[int] = set()
        self._resting = False
        super().__init__(control, owner_pid, killer)

    def _handle(self, number: int, kind: int, connection: socket.socket | None) -> Shim | None:
        if kind == FORK:
            return self._fork(number, connection)
        if kind == ATTACH:
            self._attach(number, connection)
        else:
            self._kill_rest()
        return None

    def _attach(self, number: int, connection: socket.socket | None) -> None:
        """Hand the connection to a new owner to a shim. Of a shim that is not there the owner is told."""
        channel = self._channels.get(number)
        # Also when it cannot be handed over now: its owner knows it, and asks again.
        self._attached.add(number)
        if connection is None:
            # It was sent, but there was no descriptor left for it.
            self._tell(number, errno.EMFILE)
            return
        with connection:
            if channel is not None:
                try:
                    socket.send_fds(channel, [b"\0"], [connection.fileno()])
                except (BrokenPipeError, ConnectionResetError):
                    # It ends just now, and then we tell.
                    pass
                except OSError as error:
                    self._tell(number, error.errno or errno.EAGAIN)
            elif number not in self._lost:
                self._tell(number, 0)

    def _kill_rest(self) -> None:
        for pid, number in self._shims.items():
            if number not in self._attached:
                kill(pid)
        self._resting = True

    def _settled(self) -> None:
        if self._resting and self._attached.issuperset(self._shims.values()):
            self._resting = False
            self._tell(0, 0)

    def _shim_ended(self, number: int, status: int) -> None:
        # Told however it ended: an owner that was just handed to it would wait for ever otherwise.
        self._channels.pop(number).close()
        self._lost.append(number)

    def _open_lifeline(self) -> Ends:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def _forked(self, number: int, ends: Ends | None) -> None:
        if ends is not None:
            self._channels[number], theirs = ends
            theirs.close()

    def _make_shim(self, connection: socket.socket, number: int, ends: Ends | None) -> Shim:
        if ends is None:
            raise ValueError("a lasting shim has a lifeline of its own")
        ours, channel = ends
        # Whatever of other lifelines stayed open here would keep their shims from seeing our end.
        for other in (ours, self._listener, *self._channels.values()):
            other.close()
        return LastingShim(connection, channel, self._killer, self._journal, number, self._patience)

    def _stirred(self, fd: int) -> None:
        if fd == self._listener.fileno():
            self._accept()

    def _accept(self) -> None:
        """Take a new owner, if it is of our user."""
        try:
            connection, _address = self._listener.accept()
        except OSError:
            # It gave up, or comes again at once.
            return
        pid, user = peer_of(connection)
        if user != os.geteuid():
            connection.close()
            return
        self._poller.unregister(self._listener.fileno())
        self._control = connection
        self._poller.register(connection.fileno(), select.POLLIN)
        with contextlib.suppress(OSError):
            self._owner_fd = os.pidfd_open(pid)
            self._poller.register(self._owner_fd, select.POLLIN)

    def _close(self) -> None:
        """Let go of an owner that is gone, and wait for another as long as there are shims."""
        self._closing = True
        self._attached.clear()
        self._resting = False
        self._poller.unregister(self._control.fileno())
        self._control.close()
        if self._owner_fd >= 0:
            self._poller.unregister(self._owner_fd)
            os.close(self._owner_fd)
            self._owner_fd = -1
        self._poller.register(self._listener.fileno(), select.POLLIN)


def listen(directory_fd: int) -> socket.socket:
    """Return a socket that listens in a directory."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # By way of the working directory: an address holds 107 bytes only.
    os.fchdir(directory_fd)
    mask = os.umask(0o077)
    try:
        listener.bind(SOCKET)
    finally:
        os.umask(mask)
        os.chdir("/")
    listener.listen(4)
    return listener
