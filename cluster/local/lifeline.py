"""Between a cluster's parent process and its nodes: "I am ready" one way, "I am gone" the other.

A node inherits one end of a socket pair. It writes one line when it serves, and ends when the other end is
closed: however the parent ends, no node outlives it.
"""

from __future__ import annotations

import asyncio
import os
import socket

__all__ = ["ENVIRONMENT", "Lifeline"]

ENVIRONMENT = "OSTROM_LIFELINE"


class Lifeline:
    """A node's end. Without a parent that holds the other end, everything here does nothing."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        text = os.environ.pop(ENVIRONMENT, "")
        if text:
            try:
                self._socket = socket.socket(fileno=int(text))
                self._socket.setblocking(False)
            except (OSError, ValueError) as error:
                raise SystemExit(
                    f"{ENVIRONMENT}={text!r} is not a socket of this process: {error}"
                ) from error

    def ready(self, text: str) -> None:
        """Tell the parent that this node serves; `text` is its address."""
        if self._socket is not None:
            self._socket.send(f"{text}\n".encode())

    async def cut(self) -> None:
        """Return when the parent is gone; never, if there is none."""
        loop = asyncio.get_running_loop()
        if self._socket is None:
            await loop.create_future()
            return
        while await loop.sock_recv(self._socket, 64):
            pass

    def close(self) -> None:
        """Let go of it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
