r"""The small process that forks a shim for each container, and the shim itself.

This file is a program: the launcher starts it once with `python -I -S -E zygote.py FD OWNER [scan]`, and it imports
nothing but the standard library. It has one thread and keeps its memory frozen, so that forking it is safe and
costs a fraction of what forking an agent would.

    owner (launcher) -- zygote -- shim -- command
                   \______________/ one socket a container

Zygote and shims are subreapers: whatever loses its parent below a shim becomes the shim's own child, and what loses
its shim becomes the zygote's. So a shim that is told by waitpid() that it has no child left knows that nothing of
its container is left, however its processes forked, changed session or ignored signals.

Three lifelines, each the end of a file: the owner is gone when the control socket ends, the owner has let go of a
container when the container's socket ends, the zygote is gone when the pipe all shims share ends. Each means: kill.

What this cannot hold: a task that runs as our own user and kills both its shim and the zygote with SIGKILL, or asks
a process outside its tree (cron, a container daemon) to run something. That takes cgroups, a PID namespace or
another user.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable

PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

REQUEST = struct.Struct("!Q")
"""Owner to zygote: the number of a launch; the container's socket comes with it."""
NEWS = struct.Struct("!QI")
"""Zygote to owner: the number of a launch, and the errno of fork(), or 0: its shim was lost, all of it is killed.
Number 0 says that the zygote is ready."""
FRAME = struct.Struct("!BI")
"""Owner to shim: what follows, ORDER, SIGNAL or DESTROY, and its length."""
ORDER, SIGNAL, DESTROY = 1, 2, 3
HEADER = struct.Struct("!5I")
"""The beginning of an order: umask, number of arguments, of variables, of limits, 1 to search PATH."""

FIRST_PAUSE = 1
LONGEST_PAUSE = 100
"""Milliseconds between two rounds of killing, doubled each time. SIGCHLD ends a pause early; the pause is there for
a process that forks from a place not seen yet, and its growth for one stuck in the kernel."""

IGNORED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
"""What a terminal or a service manager sends to everything at once: whether tasks end then is for the owner to say."""
CHANGED = (*IGNORED, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)
"""Signals whose disposition differs from the default here, and is put back before a command starts."""

LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int | bytes) -> None:
    """Set an attribute of this process. Raises OSError."""
    argument = value if isinstance(value, bytes) else ctypes.c_ulong(value)
    if LIBC.prctl(option, argument, ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"prctl {option}")


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


class ChildSignal:
    """Turns SIGCHLD into a readable pipe."""

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def drain(self) -> None:
        """Forget the signals so far; to be called before waitpid()."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self.fd, 512)) == 512:
                pass

    def close(self) -> None:
        """Close the pipe, in a fork that makes its own."""
        signal.set_wakeup_fd(-1)
        os.close(self.fd)
        os.close(self._write_fd)


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


class Order:
    """What a shim is to run, as decoded from its socket; see wire.py for the other side."""

    def __init__(self, body: bytes) -> None:
        self.umask, arguments, variables, limits, self.search = HEADER.unpack_from(body)
        fields = body[HEADER.size :].split(b"\0")
        self.cwd, self.stdout, self.stderr = fields[:3]
        first, second = 3 + arguments, 3 + arguments + variables
        self.argv = fields[3:first]
        self.env = dict(field.split(b"=", 1) for field in fields[first:second])
        self.limits = [tuple(map(int, field.split())) for field in fields[second : second + limits]]

    def programs(self) -> list[bytes]:
        """Return the paths at which to look for the command, in order."""
        if not self.search:
            return [self.argv[0]]
        path = self.env.get(b"PATH", os.fsencode(os.defpath))
        return [os.path.join(directory, self.argv[0]) for directory in path.split(b":")]


class LaunchFailureError(Exception):
    """The command could not be started. `stage` names what failed: cwd, stdout, stderr, command, limit:N, fork."""

    def __init__(self, stage: str, code: int) -> None:
        super().__init__(stage, code)
        self.stage = stage
        self.code = code


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
        self._status: int | None = None
        self._told = False
        self._doomed = False

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
            self._main = spawn(order)
        except LaunchFailureError as failure:
            self._report(f"error {failure.code} {failure.stage}")
            return
        self._report(f"started {os.getpid()} {self._main}")
        self._status, self._told, self._doomed = None, False, False
        self._poller = select.poll()
        for fd in (self._connection.fileno(), self._lifeline, self._children.fd):
            self._poller.register(fd, select.POLLIN)
        # What came in one read with the order makes the connection readable no more.
        self._obey()
        pause = FIRST_PAUSE
        while not self._reap():
            if self._doomed:
                self._killer.round({})
            self._wait(pause if self._doomed else None)
            pause = min(pause * 2, LONGEST_PAUSE) if self._doomed else FIRST_PAUSE
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
        self._report(f"exited {self._status} {self._told:d} {user:.6f} {system:.6f}")

    def _reap(self) -> bool:
        """Reap what has ended; return whether that was all: nothing of the container is left."""
        self._children.drain()
        if self._status is None and os.waitid(os.P_PID, self._main, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            # Before it is reaped, so that the number of its group is still its own.
            kill(self._main)
            self._doom()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._main:
                self._status = status

    def _wait(self, pause: int | None) -> None:
        for fd, _events in self._poller.poll(pause):
            if fd == self._lifeline:
                self._told = True
                self._doom()
            elif fd == self._connection.fileno() and not self._doomed:
                self._obey(gone=not self._inbox.receive())

    def _doom(self) -> None:
        if not self._doomed:
            self._doomed = True
            # Both may be at their end now, and would wake us for ever.
            self._poller.unregister(self._connection.fileno())
            self._poller.unregister(self._lifeline)

    def _obey(self, *, gone: bool = False) -> None:
        """Do what the frames that are here say; the container ends when its owner is gone."""
        while frame := self._inbox.take():
            if frame[0] == SIGNAL:
                # The group's number is ours until the main process is reaped, and then nobody reads here any more.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._main, int(frame[1]))
            elif frame[0] == DESTROY:
                gone = True
        if gone:
            self._told = True
            self._doom()

    def _report(self, line: str) -> None:
        # An owner that is gone needs no report.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sendall(line.encode() + b"\n")


def spawn(order: Order) -> int:
    """Start the command of an order and return its process id. Raises LaunchFailureError; then nothing was started."""
    stdout = stderr = -1
    try:
        stdout = open_output(order.stdout, "stdout")
        stderr = open_output(order.stderr, "stderr")
        return spawn_limited(order, stdout, stderr) if order.limits else spawn_plain(order, stdout, stderr)
    finally:
        for fd in (stdout, stderr):
            if fd >= 0:
                os.close(fd)


def spawn_plain(order: Order, stdout: int, stderr: int) -> int:
    """Start a command without limits, which posix_spawn() does at a third of the cost of a fork."""
    actions = ((os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stderr, 2))
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


def spawn_limited(order: Order, stdout: int, stderr: int) -> int:
    """Start a command with limits, which only the process itself can set for itself alone."""
    outcome, failed = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            pid = os.fork()
        except OSError as error:
            raise LaunchFailureError("fork", error.errno or errno.EAGAIN) from error
        if pid == 0:
            try:
                become(order, stdout, stderr)
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


def become(order: Order, stdout: int, stderr: int) -> None:
    """Become the command, in a fork. Raises LaunchFailureError, and does not return otherwise."""
    os.setsid()
    os.umask(order.umask)
    change_directory(order.cwd)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
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


def main() -> int:
    """Be the zygote; in its forks, be a shim. Return the exit code."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN if number in (*IGNORED, signal.SIGPIPE) else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir("/")
    os.umask(0o022)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_NAME, b"ostrom-zygote")
    if os.geteuid() != 0:
        # A task that became another user by a set-user-ID program could not be killed by us.
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    scan = "scan" in sys.argv[3:] or not os.path.exists(f"/proc/self/task/{os.getpid()}/children")
    gc.disable()
    gc.freeze()
    shim = Zygote(control, int(sys.argv[2]), Killer(scan)).serve()
    return shim.run() if shim else 0


if __name__ == "__main__":
    # Without the interpreter's clean-up, which costs a shim more than all its work; an error still shows its trace.
    os._exit(main())
