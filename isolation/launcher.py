"""Starts containers by way of one small helper process, and kills them for good."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .container import Container
from .errors import LauncherClosedError, LaunchError
from .isolator import Isolator
from .posix import PosixIsolator
from .shims import Shim
from .spec import ContainerSpec
from .wire import encode_order
from .zygote.frames import NEWS, REQUEST

__all__ = ["Launcher"]

log = logging.getLogger("ostrom.isolation")

PROGRAM = """\
import os, sys
sys.path.append(sys.argv.pop())
from zygote.main import main
os._exit(main())
"""
"""Imports the package zygote alone, by its own name: all of isolation would make every fork of it dearer. It ends
without the interpreter's clean-up, which costs a shim more than all its work; an error still shows its trace."""
MAX_IDLE = 32
"""Shims that are kept for the next containers: each some 2 MB of memory of its own, and a millisecond to fork."""


class Launcher:
    """Runs commands in containers. One per agent; a few milliseconds and a small process to start.

    >>> async with Launcher() as launcher:
    ...     container = await launcher.launch(spec)
    ...     end = await container.wait()

    What it promises: when `Container.wait` or `destroy` returns, no process that the command started is left, be
    it in another session or group, orphaned, or deaf to signals. When this process ends, in whatever way, all
    containers are killed. See the package zygote for how, and for what could get around it.
    """

    def __init__(self, isolators: Sequence[Isolator] | None = None) -> None:
        self._isolators = tuple(isolators) if isolators is not None else (PosixIsolator(),)
        self._containers: dict[int, Container] = {}
        self._shims: dict[int, Shim] = {}
        self._idle: list[Shim] = []
        self._numbers = 0
        self._control: socket.socket | None = None
        self._zygote: subprocess.Popen[bytes] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def containers(self) -> Sequence[Container]:
        """Those that run."""
        return list(self._containers.values())

    async def start(self) -> None:
        """Start the helper process. LauncherClosedError if it cannot be."""
        if self._closed:
            raise LauncherClosedError("the launcher is closed")
        if self._ready is None:
            self._start_zygote()
        if self._ready is not None:
            await asyncio.shield(self._ready)

    async def launch(self, spec: ContainerSpec) -> Container:
        """Start a command; return when it has been executed.

        Raises LaunchError if it cannot be: no such command, working directory, output file, or a limit that is
        refused; ValueError if an isolator cannot do what the spec wants. Then nothing is left of it. When the
        helper process was killed, a new one is started.
        """
        for isolator in self._isolators:
            spec = isolator.prepare(spec)
        frame = encode_order(spec)
        await self.start()
        shim = self._idle.pop() if self._idle else await self._new_shim(spec)
        container = Container(spec, shim, self._isolators, self._container_ended)
        self._containers[shim.number] = container
        try:
            await shim.order(frame)
        except OSError:
            # It was killed: its end is told by the zygote, once nothing of it is left.
            pass
        except asyncio.CancelledError:
            # It has not got the whole order: nothing runs, but nobody can order anything else of it.
            shim.close()
            container.fail(LaunchError(spec.id, 0, "the launch was cancelled"))
            raise
        try:
            await asyncio.shield(container.started)
        except asyncio.CancelledError:
            container.doom()
            raise
        return container

    async def close(self) -> None:
        """Destroy all containers; return when nothing is left."""
        self._closed = True
        for container in self.containers:
            container.doom()
        for container in self.containers:
            await container.wait()
        for shim in list(self._shims.values()):
            shim.close()
        self._drop_control()
        if self._zygote is not None:
            await asyncio.to_thread(self._zygote.wait)
            self._zygote = None

    def _start_zygote(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [str(theirs.fileno()), str(os.getpid()), str(Path(__file__).parent)]
        command = [sys.executable, "-I", "-S", "-E", "-c", PROGRAM, *arguments]
        with theirs:
            try:
                self._zygote = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
                )
            except OSError as error:
                ours.close()
                raise LauncherClosedError(
                    f"the launcher's helper process cannot be started: {error}"
                ) from error
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        self._control = ours
        self._ready = loop.create_future()
        loop.add_reader(ours.fileno(), self._readable)

    async def _new_shim(self, spec: ContainerSpec) -> Shim:
        """Have the zygote fork a shim. LaunchError if it cannot; LauncherClosedError if there is none."""
        control = self._control
        if control is None:
            raise LauncherClosedError("the launcher is closed")
        self._numbers += 1
        number = self._numbers
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        shim = self._shims[number] = Shim(number, ours, self._shim_gone)
        try:
            with theirs:
                await self._request(control, number, theirs)
        except OSError as error:
            shim.close()
            raise LaunchError(spec.id, error.errno or 0, "the launcher's helper process") from error
        except asyncio.CancelledError:
            shim.close()
            raise
        return shim

    def _shim_gone(self, shim: Shim) -> None:
        self._shims.pop(shim.number, None)
        self._containers.pop(shim.number, None)
        if shim in self._idle:
            self._idle.remove(shim)

    def _container_ended(self, shim: Shim) -> None:
        """Keep the shim for the next container, if there are not many that wait for one."""
        self._containers.pop(shim.number, None)
        if shim.usable and not self._closed and len(self._idle) < MAX_IDLE:
            self._idle.append(shim)
        else:
            shim.close()

    async def _request(self, control: socket.socket, number: int, theirs: socket.socket) -> None:
        message = REQUEST.pack(number)
        while True:
            try:
                socket.send_fds(control, [message], [theirs.fileno()])
            except BlockingIOError:
                await self._writable(control)
            else:
                return

    async def _writable(self, control: socket.socket) -> None:
        """Wait until the zygote has read some of what was sent."""
        loop = asyncio.get_running_loop()
        # A second descriptor, since several launches may wait and a loop has one writer for each.
        with control.dup() as copy:
            writable: asyncio.Future[None] = loop.create_future()
            loop.add_writer(copy.fileno(), _resolve, writable)
            try:
                await writable
            finally:
                loop.remove_writer(copy.fileno())

    def _readable(self) -> None:
        if self._control is None:
            return
        while True:
            try:
                message = self._control.recv(NEWS.size)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionResetError:
                message = b""
            if len(message) != NEWS.size:
                self._zygote_lost()
                return
            number, code = NEWS.unpack(message)
            if number == 0:
                if self._ready is not None and not self._ready.done():
                    self._ready.set_result(None)
            elif shim := self._shims.get(number):
                container = self._containers.get(number)
                if code and container is not None:
                    container.fail(LaunchError(container.id, code, "a process for it"))
                shim.lose()

    def _zygote_lost(self) -> None:
        """The helper ended while we live: killed, or broken. Its shims kill their containers when it does."""
        ready, self._ready = self._ready, None
        self._drop_control()
        zygote, self._zygote = self._zygote, None
        status = zygote.wait() if zygote is not None else 0
        log.error("the launcher's helper process ended (%s); what ran in containers is being killed", status)
        if ready is not None and not ready.done():
            ready.set_exception(
                LauncherClosedError(f"the launcher's helper process ended at once ({status})")
            )
        for shim in list(self._shims.values()):
            shim.orphan()

    def _drop_control(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
