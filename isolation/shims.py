"""The launcher's ends of its shims: small processes, each of which runs one container after the other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .zygotes import Zygote

__all__ = ["Shim", "ShimUser"]

MAX_READ = 4096


class ShimUser(Protocol):
    """What a shim runs now."""

    def told(self, line: str) -> None:
        """Take a line of the shim's report."""

    def lost(self, *, proven: bool) -> None:
        """Learn that the shim is gone. `proven` says that nothing of the container is left, as its zygote knows."""

    def refused(self, code: int) -> None:
        """Learn that there is no shim, by the errno of the zygote."""


class Shim:
    """A connection to a shim. `user` is the container that it runs, None while it is idle.

    `gone` is called when it is of no use any more: killed, or closed.
    """

    def __init__(
        self, zygote: Zygote, number: int, connection: socket.socket, gone: Callable[[Shim], None]
    ) -> None:
        self.zygote = zygote
        self.number = number
        self.user: ShimUser | None = None
        self._connection = connection
        self._gone = gone
        self._data = b""
        self._unsent = bytearray()
        self._at_end = False
        self._orphaned = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection.fileno(), self._readable)

    @property
    def usable(self) -> bool:
        """Whether it can take another order."""
        return not self._at_end and not self._orphaned and self._connection.fileno() >= 0

    def send(self, frame: bytes) -> None:
        """Send a frame; no effect when the shim is gone, which its user hears of."""
        self._unsent += frame
        # What waits has a writer already.
        if len(self._unsent) == len(frame) and self._connection.fileno() >= 0:
            self._flush()
            if self._unsent:
                self._loop.add_writer(self._connection.fileno(), self._writable)

    def lose(self, code: int = 0) -> None:
        """Note that the zygote has seen its end, and killed what it left; or, by an errno, that there is none."""
        self.close()
        user, self.user = self.user, None
        if user is None:
            return
        if code:
            user.refused(code)
        else:
            user.lost(proven=not self._orphaned)

    def orphan(self) -> None:
        """Note that the zygote is gone: from now on the shim's end is all there is to learn."""
        self._orphaned = True
        if self._at_end or self.user is None:
            self.lose()

    def close(self) -> None:
        """Let go of it; it ends, and kills what it runs, unless that is lasting."""
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection.fileno())
            self._loop.remove_writer(self._connection.fileno())
            self._connection.close()
            self.zygote.shims.pop(self.number, None)
            self._gone(self)

    def _flush(self) -> None:
        try:
            del self._unsent[: self._connection.send(self._unsent)]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self._unsent.clear()

    def _writable(self) -> None:
        self._flush()
        if not self._unsent:
            self._loop.remove_writer(self._connection.fileno())

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
            self._loop.remove_writer(self._connection.fileno())
            self._unsent.clear()
            if self._orphaned or self.user is None:
                self.lose()
            # Else it was killed. The zygote kills what it leaves, and then tells: see Launcher.
