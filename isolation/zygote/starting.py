"""Starts a command: by posix_spawn(), or by a fork that sets its limits."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

from .entering import be_scored, enter_groups, lower
from .failure import LaunchFailureError
from .init import be_init, fork_into_namespace, greeted, talk
from .killing import kill
from .namespaces import enter_namespaces
from .order import Order
from .signals import CHANGED


@dataclass
class Started:
    """A command that was executed: its process id, that of our child (itself, or its init), the socket to its init."""

    main: int
    child: int
    init: socket.socket | None = None


def spawn(order: Order) -> Started:
    """Start the command of an order. Raises LaunchFailureError; then nothing was started."""
    streams: list[tuple[int, int]] = []
    try:
        open_streams(order, streams)
        if "pid" in order.extra.get("namespaces", ()):
            return spawn_below_init(order, streams)
        pid = spawn_forked(order, streams) if order.forks else spawn_plain(order, streams)
        return Started(pid, pid)
    finally:
        for fd, _number in streams:
            os.close(fd)


def open_streams(order: Order, streams: list[tuple[int, int]]) -> None:
    """Add what a command gets: a descriptor of ours, and its number there. Raises LaunchFailureError."""
    if order.terminal:
        # Here only to learn whether it is there, and before anything is started: the command opens it once more.
        streams.append((open_terminal(order.terminal, os.O_NOCTTY), 0))
        return
    if order.stdin:
        streams.append((open_input(order.stdin), 0))
    streams.append((open_output(order.stdout, "stdout"), 1))
    streams.append((open_output(order.stderr, "stderr"), 2))


def spawn_plain(order: Order, streams: list[tuple[int, int]]) -> int:
    """Start a command without limits of its own, which posix_spawn() does at a third of the cost of a fork."""
    actions: list[tuple[int, int, int] | tuple[int, int, bytes, int, int]]
    if order.terminal:
        # It leads a session by then, so the first terminal that it opens is its own.
        actions = [(os.POSIX_SPAWN_OPEN, 0, order.terminal, os.O_RDWR, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
    else:
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for fd, number in streams]
    started: list[int] = []

    def execute(program: bytes) -> None:
        started.append(
            os.posix_spawn(
                program, order.argv, order.env, file_actions=actions, setsid=True, setsigdef=CHANGED
            )
        )

    # It inherits both from us, as posix_spawn() can set neither.
    change_directory(order.cwd)
    os.umask(order.umask)
    try:
        first_of(order, execute, until=lambda: started)
    finally:
        os.umask(0o022)
        os.chdir("/")
    return started[0]


def spawn_forked(order: Order, streams: list[tuple[int, int]]) -> int:
    """Start a command with limits and the like, which only the process itself can set for itself alone."""
    outcome, failed = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            pid = os.fork()
        except OSError as error:
            raise LaunchFailureError("fork", error.errno or errno.EAGAIN) from error
        if pid == 0:
            try:
                become(order, streams)
            except LaunchFailureError as failure:
                os.write(failed, f"{failure.code} {failure.stage}".encode())
            finally:
                os._exit(127)
        os.close(failed)
        failed = -1
        # The pipe ends when the command is executed, or holds what went wrong.
        if data := os.read(outcome, 512):
            os.waitpid(pid, 0)
            code, _, stage = data.decode().partition(" ")
            raise LaunchFailureError(stage, int(code))
        return pid
    finally:
        for fd in (outcome, failed):
            if fd >= 0:
                os.close(fd)


def spawn_below_init(order: Order, streams: list[tuple[int, int]]) -> Started:
    """Start a command in a PID namespace of its own."""
    ours, theirs = talk()
    outcome, failed = os.pipe2(os.O_CLOEXEC)
    try:
        pid = fork_into_namespace()
        if pid == 0:
            try:
                be_init(theirs, failed, lambda: become(order, streams), [fd for fd, _number in streams])
            except LaunchFailureError as failure:
                os.write(failed, f"{failure.code} {failure.stage}".encode())
            finally:
                os._exit(127)
        theirs.close()
        os.close(failed)
        failed = -1
        try:
            if data := os.read(outcome, 512):
                code, _, stage = data.decode().partition(" ")
                raise LaunchFailureError(stage, int(code))
            return Started(greeted(ours), pid, ours)
        except LaunchFailureError:
            kill(pid)
            os.waitpid(pid, 0)
            raise
    except LaunchFailureError:
        ours.close()
        raise
    finally:
        theirs.close()
        for fd in (outcome, failed):
            if fd >= 0:
                os.close(fd)


def open_output(path: bytes, stage: str) -> int:
    """Open a file for a command's output. Raises LaunchFailureError; a symbolic link is ELOOP."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        # Non-blocking only to open it: a FIFO that nobody reads is then an error, not a shim that hangs.
        fd = os.open(path, flags | os.O_NONBLOCK, 0o644)
    except OSError as error:
        raise LaunchFailureError(stage, error.errno or errno.EIO) from error
    os.set_blocking(fd, True)
    return fd


def open_input(path: bytes) -> int:
    """Open a file for a command's input. Raises LaunchFailureError; a symbolic link is ELOOP."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        # Non-blocking only to open it: a FIFO that nobody writes to yet would hang the shim.
        fd = os.open(path, flags | os.O_NONBLOCK)
    except OSError as error:
        raise LaunchFailureError("stdin", error.errno or errno.EIO) from error
    os.set_blocking(fd, True)
    return fd


def open_terminal(path: bytes, flags: int) -> int:
    """Open a terminal. Raises LaunchFailureError, also if it is something else."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags)
    except OSError as error:
        raise LaunchFailureError("terminal", error.errno or errno.EIO) from error
    if not os.isatty(fd):
        os.close(fd)
        raise LaunchFailureError("terminal", errno.ENOTTY)
    return fd


def become(order: Order, streams: list[tuple[int, int]]) -> None:
    """Become the command, in a fork. Raises LaunchFailureError, and does not return otherwise."""
    os.setsid()
    enter_groups(order.extra.get("groups", ()))
    be_scored(order.extra)
    os.umask(order.umask)
    if order.terminal:
        # The owner's path, as those of the other streams, which are open.
        terminal = open_terminal(order.terminal, 0)
        streams = [(terminal, 0), (terminal, 1), (terminal, 2)]
    enter_namespaces(order.extra)
    change_directory(order.cwd)
    for fd, number in streams:
        os.dup2(fd, number)
    for number in CHANGED:
        signal.signal(number, signal.SIG_DFL)
    for limit, soft, hard in order.limits:
        try:
            resource.setrlimit(limit, (soft, hard))
        except ValueError as error:  # this is what Python makes of EPERM and EINVAL
            unlimited = hard if hard >= 0 else sys.maxsize
            code = errno.EINVAL if soft > unlimited or (soft < 0 <= hard) else errno.EPERM
            raise LaunchFailureError(f"limit:{limit}", code) from error
        except OSError as error:
            raise LaunchFailureError(f"limit:{limit}", error.errno or errno.EIO) from error
    lower(order.extra)
    first_of(order, lambda program: os.execve(program, order.argv, order.env))


def change_directory(path: bytes) -> None:
    """Change the working directory. Raises LaunchFailureError."""
    try:
        os.chdir(path)
    except OSError as error:
        raise LaunchFailureError("cwd", error.errno or errno.EIO) from error


def first_of(
    order: Order, execute: Callable[[bytes], object], until: Callable[[], object] = lambda: False
) -> None:
    """Execute the first program of an order that can be, as execvp() does. Raises LaunchFailureError."""
    # Not os.execvpe(): it decodes and encodes each path again, and its error is that of the last directory.
    code = errno.ENOENT
    for program in order.programs():
        try:
            execute(program)
        except OSError as error:
            if error.errno == errno.EACCES:
                code = errno.EACCES
            elif error.errno not in (errno.ENOENT, errno.ENOTDIR) or not order.search:
                raise LaunchFailureError("command", error.errno or errno.EIO) from error
        if until():
            return
    raise LaunchFailureError("command", code)
