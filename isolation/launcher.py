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
from .spec import ContainerSpec
from .wire import NEWS, REQUEST, encode_order

__all__ = ["Launcher"]

log = logging.getLogger("ostrom.isolation")

PROGRAM = Path(__file__).with_name("zygote.py")


class Launcher:
    """Runs commands in containers. One per agent; a few milliseconds and a small process to start.

    >>> async with Launcher() as launcher:
    ...     container = await launcher.launch(spec)
    ...     end = await container.wait()

    What it promises: when `Container.wait` or `destroy` returns, no process that the command started is left, be
    it in another session or group, orphaned, or deaf to signals. When this process ends, in whatever way, all
    containers are killed. See zygote.py for how, and for what could get around it.
    """

    def __init__(self, isolators: Sequence[Isolator] | None = None) -> None:
        self._isolators = tuple(isolators) if isolators is not None else (PosixIsolator(),)
        self._containers: dict[int, Container] = {}
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
        await self.start()
        control = self._control
        if control is None:
            raise LauncherClosedError("the launcher is closed")
        loop = asyncio.get_running_loop()
        self._numbers += 1
        number = self._numbers
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        container = Container(spec, ours, self._isolators, lambda: self._forget(number))
        self._containers[number] = container
        try:
            with theirs:
                await self._request(control, number, theirs)
            await loop.sock_sendall(ours, encode_order(spec))
        except OSError as error:
            if not container.ended:
                container.fail(LaunchError(spec.id, error.errno or 0, "the launcher's helper process"))
        except asyncio.CancelledError:
            # The shim, if there is one, has not got the whole order: it ends without running anything.
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
        self._drop_control()
        if self._zygote is not None:
            await asyncio.to_thread(self._zygote.wait)
            self._zygote = None

    def _start_zygote(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-I", "-S", "-E", str(PROGRAM), str(theirs.fileno()), str(os.getpid())]
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
            elif container := self._containers.get(number):
                if code:
                    container.fail(LaunchError(container.id, code, "a process for it"))
                else:
                    container.lose()

    def _forget(self, number: int) -> None:
        self._containers.pop(number, None)

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
        for container in self.containers:
            container.orphan()

    def _drop_control(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
