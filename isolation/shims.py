"""The launcher's ends of its shims: small processes, each of which runs one container after the other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Protocol

__all__ = ["Shim", "ShimUser"]

MAX_READ = 4096


class ShimUser(Protocol):
    """What a shim runs now."""

    def told(self, line: str) -> None:
        """Take a line of the shim's report."""

    def lost(self) -> None:
        """Learn that the shim was killed, and that nothing of the container is left as far as can be known."""


class Shim:
    """A connection to a shim. `user` is the container that it runs, None while it is idle.

    `gone` is called when it is of no use any more: killed, or closed.
    """

    def __init__(self, number: int, connection: socket.socket, gone: Callable[[Shim], None]) -> None:
        self.number = number
        self.user: ShimUser | None = None
        self._connection = connection
        self._gone = gone
        self._data = b""
        self._at_end = False
        self._orphaned = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection.fileno(), self._readable)

    @property
    def usable(self) -> bool:
        """Whether it can take another order."""
        return not self._at_end and not self._orphaned and self._connection.fileno() >= 0

    async def order(self, frame: bytes) -> None:
        """Send an order. OSError if the shim is gone."""
        await self._loop.sock_sendall(self._connection, frame)

    def send(self, frame: bytes) -> None:
        """Send a small frame; no effect when the shim is gone, which its user hears of."""
        # It fits the buffer unless thousands wait there, and then the shim is stopped: the zygote kills it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, BlockingIOError):
            self._connection.send(frame)

    def lose(self) -> None:
        """Note that the zygote has seen its end, and killed what it left."""
        self.close()
        user, self.user = self.user, None
        if user is not None:
            user.lost()

    def orphan(self) -> None:
        """Note that the zygote is gone: from now on the shim's end is all there is to learn."""
        self._orphaned = True
        if self._at_end or self.user is None:
            self.lose()

    def close(self) -> None:
        """Let go of it; it ends, and kills what it runs."""
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection.fileno())
            self._connection.close()
            self._gone(self)

    def _readable(self) -> None:
        try:
            data = self._connection.recv(MAX_READ)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            data = b""
        *lines, self._data = (self._data + data).split(b"\n")
        for line in lines:
            if self.user is not None:
                self.user.told(line.decode())
        if not data and self._connection.fileno() >= 0:
            self._at_end = True
            self._loop.remove_reader(self._connection.fileno())
            if self._orphaned or self.user is None:
                self.lose()
            # Else it was killed. The zygote kills what it leaves, and then tells: see Launcher.
