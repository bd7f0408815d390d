"""The launcher's ends of its zygotes: the processes that fork shims, and tell of those that were lost."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from .epochs import Epoch
from .errors import LauncherClosedError
from .shims import Shim
from .zygote.frames import ATTACH, FORK, NEWS, REQUEST, REST

__all__ = ["Zygote", "start_zygote"]

log = logging.getLogger("ostrom.isolation")

PROGRAM = """\
import os, sys
sys.path.append(sys.argv.pop())
from zygote.main import main
os._exit(main())
"""
"""Imports the package zygote alone, by its own name: all of isolation would make every fork of it dearer. It ends
without the interpreter's clean-up, which costs a shim more than all its work; an error still shows its trace."""
RETRY = 0.2
"""Seconds until a shim is asked for again, when the system had no descriptor to pass."""


class Zygote:
    """A connection to a zygote, and those to its shims.

    `ready` ends with its first word: that of one just started, or from one that another owner left behind, when all
    shims that were not attached are killed. `ended` is called when it is gone. `epoch` is where its containers are
    on record, None when they are not.
    """

    def __init__(
        self,
        control: socket.socket,
        ended: Callable[[Zygote], None],
        epoch: Epoch | None,
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self.epoch = epoch
        self.shims: dict[int, Shim] = {}
        self._numbers = 0
        self._control = control
        self._ended = ended
        self._process = process
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._readable)

    @property
    def forks(self) -> bool:
        """Whether it is ours, and not one that another owner left behind."""
        return self._process is not None

    @property
    def alive(self) -> bool:
        """Whether its end is not known."""
        return self._control.fileno() >= 0

    async def fork(self, gone: Callable[[Shim], None]) -> Shim:
        """Have it fork a shim. OSError if it cannot be asked; what goes wrong then, the shim's user is told."""
        self._numbers += 1
        return await self._connect(self._numbers, FORK, gone)

    async def attach(self, number: int, gone: Callable[[Shim], None]) -> Shim:
        """Have it hand us a shim that another owner left behind. OSError if it cannot be asked."""
        return await self._connect(number, ATTACH, gone)

    async def kill_rest(self) -> None:
        """Have it kill all shims that are not attached; `ready` is when it has. OSError if it cannot be asked."""
        await self._request(REQUEST.pack(0, REST), None)

    def close(self) -> None:
        """Let go of it and its shims. Both end, except for lasting shims that run something, and their zygote."""
        self._closing = True
        for shim in list(self.shims.values()):
            shim.close()
        if self.alive:
            # Not close(): a child of ours may have inherited the descriptor.
            self._control.shutdown(socket.SHUT_WR)

    async def wait_end(self) -> None:
        """Wait, after `close`, until its process has ended, or until it waits for another owner."""
        if self.alive:
            await asyncio.shield(self._gone)
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)

    def leave(self) -> None:
        """Let go of it as `close` does, without waiting for anything."""
        self.close()
        self._drop()
        if self._process is not None:
            # Somebody has to reap it, should it end before us.
            threading.Thread(target=self._process.wait, name="ostrom-zygote", daemon=True).start()

    async def _connect(self, number: int, kind: int, gone: Callable[[Shim], None]) -> Shim:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        shim = self.shims[number] = Shim(self, number, ours, gone)
        try:
            with theirs:
                await self._request(REQUEST.pack(number, kind), theirs)
        except (OSError, asyncio.CancelledError):
            shim.close()
            raise
        return shim

    async def _request(self, message: bytes, theirs: socket.socket | None) -> None:
        fds = [theirs.fileno()] if theirs is not None else []
        while True:
            try:
                socket.send_fds(self._control, [message], fds)
            except BlockingIOError:
                await self._writable()
            except OSError as error:
                if error.errno != errno.ETOOMANYREFS:
                    raise
                await asyncio.sleep(RETRY)
            else:
                return

    async def _writable(self) -> None:
        """Wait until the zygote has read some of what was sent."""
        # A second descriptor, since several launches may wait and a loop has one writer for each.
        with self._control.dup() as copy:
            writable: asyncio.Future[None] = self._loop.create_future()
            self._loop.add_writer(copy.fileno(), _resolve, writable)
            try:
                await writable
            finally:
                self._loop.remove_writer(copy.fileno())

    def _readable(self) -> None:
        while self.alive:
            try:
                message = self._control.recv(NEWS.size)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionResetError:
                message = b""
            if len(message) != NEWS.size:
                self._lost()
                return
            number, code = NEWS.unpack(message)
            if number == 0:
                _resolve(self.ready)
            elif shim := self.shims.get(number):
                shim.lose(code)

    def _lost(self) -> None:
        """It ended. Its shims kill their containers when it does."""
        self._drop()
        if self._closing:
            return
        status = self._process.wait() if self._process is not None else None
        if self._process is not None or any(shim.user for shim in self.shims.values()):
            log.error("the launcher's helper process ended (%s); its containers are being killed", status)
        self._ended(self)
        for shim in list(self.shims.values()):
            shim.orphan()

    def _drop(self) -> None:
        if self.alive:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()
            _resolve(self._gone)
            if not self.ready.done():
                self.ready.set_exception(LauncherClosedError("the launcher's helper process ended at once"))
                # Perhaps nobody waits.
                self.ready.exception()


def start_zygote(ended: Callable[[Zygote], None], epoch: Epoch | None, recovery_timeout: float) -> Zygote:
    """Start a zygote, one whose containers last if it has an epoch. LauncherClosedError if it cannot be."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arguments = [str(theirs.fileno()), str(os.getpid())]
    if epoch is not None:
        arguments += [str(epoch.state), epoch.name, repr(recovery_timeout)]
    command = [sys.executable, "-I", "-S", "-E", "-c", PROGRAM, *arguments, str(Path(__file__).parent)]
    # What lasts must not hold our own output open.
    output = open_log(epoch) if epoch is not None else None
    with theirs:
        try:
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise LauncherClosedError(f"the launcher's helper process cannot be started: {error}") from error
        finally:
            if output is not None:
                os.close(output)
    return Zygote(ours, ended, epoch, process)


def open_log(epoch: Epoch) -> int:
    """Open the file for what a lasting zygote and its shims say, which is of errors alone."""
    return os.open(epoch.state / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
