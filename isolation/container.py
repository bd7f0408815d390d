"""A running container, as its owner sees it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Sequence

from .errors import LaunchError
from .isolator import Isolator
from .outcome import LOST, Exit
from .spec import ContainerSpec
from .usage import Usage
from .wire import decode_exit, describe_stage

__all__ = ["Container"]

MAX_LINE = 4096


class Container:
    """One command that runs, with all that it starts. Made by `Launcher.launch`."""

    def __init__(
        self,
        spec: ContainerSpec,
        connection: socket.socket,
        isolators: Sequence[Isolator],
        forget: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._spec = spec
        self._connection = connection
        self._isolators = isolators
        self._forget = forget
        self._data = b""
        self._told = False
        self._at_end = False
        self._orphaned = False
        self._shim_pid = 0
        self._pid = 0
        self._usage = Usage()
        self.started: asyncio.Future[None] = self._loop.create_future()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._loop.add_reader(connection.fileno(), self._readable)

    @property
    def id(self) -> str:
        """The spec's id."""
        return self._spec.id

    @property
    def pid(self) -> int:
        """The main process's id: it leads its session and group. It may be another's once that has ended."""
        return self._pid

    @property
    def keeper_pid(self) -> int:
        """The id of the shim, the process that adopts the container's orphans; 0 when it has ended."""
        return 0 if self._exit.done() else self._shim_pid

    @property
    def ended(self) -> bool:
        """The main process has ended and nothing of the others is left."""
        return self._exit.done()

    async def wait(self) -> Exit:
        """Wait until the main process has ended and nothing is left of what it started; return how."""
        return await asyncio.shield(self._exit)

    def signal(self, number: int) -> None:
        """Send a signal to the main process's group; no effect when it has ended. ValueError for no signal."""
        if number not in signal.valid_signals():
            raise ValueError(f"signal: {number} is no signal of this system")
        if not self._exit.done() and not self._told:
            # One line fits the socket's buffer unless thousands wait there, and then the shim is gone or stopped.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, BlockingIOError):
                self._connection.send(b"signal %d\n" % number)

    def doom(self) -> None:
        """Have everything in the container killed; `wait` tells when it is done."""
        if not self._told and not self._exit.done():
            self._told = True
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)

    async def destroy(self) -> Exit:
        """Kill everything in the container; return when nothing is left. No effect when it has ended."""
        self.doom()
        return await self.wait()

    def usage(self) -> Usage:
        """What all its processes use now, or used in all once it has ended. Reads /proc: some 50 us a process."""
        known = self._usage
        for isolator in self._isolators:
            known = isolator.usage(self, known)
        return known

    def lose(self) -> None:
        """Note that the shim was lost, and that nothing is left or that nobody can tell."""
        self._end(LOST, LaunchError(self.id, 0, "the process that was to start it was killed"))

    def fail(self, error: LaunchError) -> None:
        """Note that it could not be started."""
        self._end(LOST, error)

    def orphan(self) -> None:
        """Note that the zygote is gone: from now on the shim's end is all there is to learn."""
        self._orphaned = True
        if self._at_end:
            self.lose()

    def _readable(self) -> None:
        try:
            data = self._connection.recv(MAX_LINE)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            data = b""
        *lines, self._data = (self._data + data).split(b"\n")
        for line in lines:
            self._told_by_shim(line.decode())
        if not data and not self._exit.done():
            # The shim was killed. The zygote kills what it leaves, and then tells: see Launcher.
            self._at_end = True
            self._loop.remove_reader(self._connection.fileno())
            if self._orphaned:
                self.lose()

    def _told_by_shim(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "started":
            self._shim_pid, self._pid = map(int, rest.split())
            if not self.started.done():
                self.started.set_result(None)
        elif word == "error":
            code, _, stage = rest.partition(" ")
            self._end(LOST, LaunchError(self.id, int(code), describe_stage(stage, self._spec)))
        else:
            status, told, user, system = rest.split()
            self._usage = Usage(user_seconds=float(user), system_seconds=float(system))
            self._end(decode_exit(int(status), told == "1"), None)

    def _end(self, exit_: Exit, error: LaunchError | None) -> None:
        if self._exit.done():
            return
        self._exit.set_result(exit_)
        if not self.started.done():
            if error is None:
                self.started.set_result(None)
            else:
                self.started.set_exception(error)
                # A launch that was cancelled has nobody who would look.
                self.started.exception()
        self._loop.remove_reader(self._connection.fileno())
        self._connection.close()
        self._forget()
