r"""The first process of a PID namespace: starts the command in it, adopts orphans, tells how the command ended.

    shim -- init -- command
        \__/ one socket

The command says on the socket that it is there, and the kernel adds by which number the shim knows it. The command's
end is told, by its status, before it is reaped, and it is reaped only when init ends: so its number, by which the shim
signals its group, is its own as long as the shim uses it. Then the shim kills init, and the kernel everything that is
in the namespace, before init's own end is seen. Init ends by itself when the shim is gone.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterable

from .failure import LaunchFailureError
from .linux import CLONE_NEWPID, PR_SET_DUMPABLE, PR_SET_NAME, prctl, setns, unshare

CREDENTIALS = struct.Struct("3i")
"""struct ucred: of the sender, in the numbers of the receiver."""
HERE = b"here"


def fork_into_namespace() -> int:
    """Fork a child that is the first of a new PID namespace; other children are in ours, as before.

    Raises LaunchFailureError.
    """
    try:
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        try:
            unshare(CLONE_NEWPID)
            try:
                pid = os.fork()
            except OSError as error:
                setns(own, CLONE_NEWPID)
                raise LaunchFailureError("fork", error.errno or errno.EAGAIN) from error
            if pid:
                setns(own, CLONE_NEWPID)
            return pid
        finally:
            os.close(own)
    except OSError as error:
        raise LaunchFailureError("namespace:pid", error.errno or errno.EIO) from error


def talk() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a socket: the shim's, which learns who sends, and init's. Raises LaunchFailureError."""
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as error:
        raise LaunchFailureError("namespace:pid", error.errno or errno.EIO) from error
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


def greeted(ours: socket.socket) -> int:
    """Return the process id of the command, which was executed. LaunchFailureError if init was killed before."""
    data, ancillary, _flags, _address = ours.recvmsg(64, socket.CMSG_SPACE(CREDENTIALS.size))
    if data == HERE:
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                return int(CREDENTIALS.unpack(content)[0])
    raise LaunchFailureError("namespace:pid", errno.ESRCH)


def told_status(ours: socket.socket) -> int | None:
    """Return the status of the command, if init has told it; does not wait."""
    try:
        data = ours.recv(64, socket.MSG_DONTWAIT)
    except (BlockingIOError, ConnectionResetError):
        return None
    return int(data) if data else None


def be_init(theirs: socket.socket, failed: int, become: Callable[[], None], streams: Iterable[int]) -> None:
    """Be the first process of a PID namespace, until the shim wants it no more. Returns only then.

    `become` becomes the command, in a fork, or raises LaunchFailureError, which is written to `failed`.
    """
    os.setsid()
    prctl(PR_SET_NAME, b"ostrom-init")
    # Nobody below is to see our root and our descriptors by way of /proc.
    prctl(PR_SET_DUMPABLE, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # What the shim has open is to end with the shim.
    close_all_but({theirs.fileno(), failed, *streams})
    try:
        command = os.fork()
    except OSError as error:
        raise LaunchFailureError("fork", error.errno or errno.EAGAIN) from error
    if command == 0:
        theirs.send(HERE)
        become()
    # An end of the command's output is to be seen when it closes it.
    close_all_but({theirs.fileno()})
    watch(theirs, command)


def watch(theirs: socket.socket, command: int) -> None:
    """Reap all but the command, whose status is told at its end; return when the shim is gone."""
    woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    poller = select.poll()
    poller.register(theirs.fileno(), select.POLLIN)
    poller.register(woken, select.POLLIN)
    os.write(wake, b"0")
    while True:
        for fd, _events in poller.poll():
            if fd != woken:
                # The shim never says anything: it is gone.
                return
            os.read(woken, 512)
            if reap_until(command):
                ended = os.waitid(os.P_PID, command, os.WEXITED | os.WNOWAIT)
                if ended is not None:
                    theirs.send(b"%d" % status_of(ended))
                poller.unregister(woken)


def reap_until(command: int) -> bool:
    """Reap what has ended; return whether the command is among that, which is left as it is."""
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return False
        if ended.si_pid == command:
            return True
        os.waitpid(ended.si_pid, 0)


def status_of(ended: os.waitid_result) -> int:
    """Return the status that waitpid() would have given."""
    if ended.si_code == os.CLD_EXITED:
        return ended.si_status << 8
    return ended.si_status | (0x80 if ended.si_code == os.CLD_DUMPED else 0)


def close_all_but(kept: Iterable[int]) -> None:
    """Close all descriptors but those, and the three of every program."""
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = max(low, fd + 1)
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))
