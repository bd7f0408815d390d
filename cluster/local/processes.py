"""Nodes of a local cluster as processes of their own: the same command line that operators use."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from .lifeline import ENVIRONMENT

__all__ = ["NodeFailedError", "NodeProcess"]

READY_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0
LOG_TAIL = 4000


class NodeFailedError(Exception):
    """A node's process ended, or did not become ready; the text has the end of its log."""


class NodeProcess:
    """One `ostrom` process. It ends with this one, whatever ends this one."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self.address = ""
        self._arguments = list(arguments)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._line: socket.socket | None = None

    @property
    def pid(self) -> int:
        """Its process id. NodeFailedError if it was not started."""
        if self._process is None:
            raise NodeFailedError(f"{self.name} was not started")
        return self._process.pid

    @property
    def command(self) -> list[str]:
        """The command line that it is started with."""
        return [sys.executable, "-m", "cluster.cli", *self._arguments]

    def add_arguments(self, *arguments: str) -> None:
        """Start it with these besides, from now on."""
        self._arguments += arguments

    async def restart(self) -> None:
        """Start it again where it was, with the same port, after it was killed."""
        await self.wait()
        if "--port" in self._arguments and self.address:
            place = self._arguments.index("--port") + 1
            self._arguments[place] = self.address.rpartition(":")[2]
        await self.start()

    async def start(self) -> None:
        """Start it, and return when it serves; `address` is where."""
        if self._line is not None:
            self._line.close()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._line = ours
        environment = {**os.environ, ENVIRONMENT: str(theirs.fileno())}
        environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        with theirs, self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=[theirs.fileno()],
                # Ctrl-C is for the parent alone, which then ends its nodes in order.
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                text = await asyncio.get_running_loop().sock_recv(ours, 256)
        except TimeoutError:
            text = b""
        if not text:
            await self.stop()
            status = self._process.returncode
            raise NodeFailedError(f"{self.name} did not start, status {status}:\n{self.log_tail()}")
        self.address = text.decode().strip()

    def log_tail(self) -> str:
        """The end of its log."""
        return self._log.read_bytes()[-LOG_TAIL:].decode(errors="replace")

    async def wait(self) -> int:
        """Its exit status, when it has ended."""
        return 0 if self._process is None else await self._process.wait()

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        """End it for good, with all that it runs (SIGUSR1); SIGKILL if it does not end in time."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGUSR1)
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._line is not None:
            self._line.close()
            self._line = None
