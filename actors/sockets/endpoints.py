"""Where a system listens and how another is dialled: TCP or a Unix socket, with TLS or without."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from pathlib import Path

from actors.tls import Tls
from actors.upid import Address

__all__ = ["Listener", "dial", "is_unix", "listen", "nobody_listens"]

BACKLOG = 4096
HANDSHAKE_TIMEOUT = 10.0
SHUTDOWN_TIMEOUT = 2.0
"""Seconds for the other end to agree that TLS ends."""
CLOSE_TIMEOUT = 1.0


def is_unix(address: Address) -> bool:
    """Whether that is the path of a Unix socket."""
    return address[0].startswith("/")


class Listener:
    """Something that listens: the server, and the port if it has one."""

    def __init__(self, server: asyncio.Server, port: int, path: Path | None = None) -> None:
        self.port = port
        self._server = server
        self._path = path
        self._inode = path.stat().st_ino if path is not None else 0

    def close(self) -> None:
        """Listen no more. The file of a Unix socket is removed, not one that took its place.

        They are told apart by the inode, whose number nobody else has as long as the socket is open.
        """
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                if self._path.lstat().st_ino == self._inode:
                    self._path.unlink()
        self._server.close()

    async def closed(self) -> None:
        """Wait until it is closed, and all that came from it; not for those that are still in their TLS handshake."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._server.wait_closed()


async def listen(factory: Callable[[], asyncio.BaseProtocol], address: Address, tls: Tls | None) -> Listener:
    """Listen. OSError if the address is taken.

    A Unix socket is for its owner alone (mode 0600), and without TLS: the kernel knows who is there. One that a process
    left behind when it died is taken over, one that somebody listens at is not.
    """
    loop = asyncio.get_running_loop()
    host, port = address
    if is_unix(address):
        try:
            bound = _bind(Path(host))
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}: unix:{host}") from error
        return Listener(await loop.create_unix_server(factory, sock=bound, backlog=BACKLOG), 0, Path(host))
    server = await loop.create_server(
        factory,
        host,
        port,
        backlog=BACKLOG,
        ssl=tls.server if tls is not None else None,
        ssl_handshake_timeout=HANDSHAKE_TIMEOUT if tls is not None else None,
        ssl_shutdown_timeout=SHUTDOWN_TIMEOUT if tls is not None else None,
    )
    return Listener(server, server.sockets[0].getsockname()[1])


def _bind(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _somebody_listens(path):
            path.unlink()
        bound.bind(str(path))
        # Nobody can connect before it listens: there is no moment in which others could.
        path.chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            # Its backlog is full.
            return True
    return True


async def dial(factory: Callable[[], asyncio.BaseProtocol], address: Address, tls: Tls | None) -> None:
    """Connect. OSError, or ValueError and OverflowError for what can be no host name, no port."""
    loop = asyncio.get_running_loop()
    if is_unix(address):
        await loop.create_unix_connection(factory, address[0])
    elif tls is None:
        await loop.create_connection(factory, *address)
    else:
        await loop.create_connection(
            factory,
            *address,
            ssl=tls.client,
            server_hostname=address[0],
            ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
        )


def nobody_listens(error: Exception) -> bool:
    """Whether a machine answered that nobody listens there, at every address of its name."""
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return True
    # asyncio joins the errors of several addresses into the text of one error without a number.
    text = str(error)
    return (
        isinstance(error, OSError)
        and text.startswith("Multiple exceptions: ")
        and text.count("[Errno ") == text.count(f"[Errno {errno.ECONNREFUSED}]")
    )
