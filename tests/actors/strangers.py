"""Other ends of a connection, made by hand: what says something wrong on purpose, or nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec

from actors import Address
from actors.wire import PROTOCOL_VERSION, Hello, encode_hello


def frame(value: Any) -> bytes:
    """A frame of this value, or of these bytes as they are."""
    payload = value if isinstance(value, bytes) else msgspec.msgpack.encode(value)
    return len(payload).to_bytes(4, "big") + payload


def hello(
    host: str = "127.0.0.1", port: int = 1, version: int = PROTOCOL_VERSION, incarnation: str = "stranger"
) -> bytes:
    """The frame of a hello."""
    return encode_hello(Hello(ostrom=version, host=host, port=port, incarnation=incarnation))


async def said_until_closed(address: Address, data: bytes) -> bytes:
    """Connect, send, and return what came until the other end closed the connection."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(data)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


class Stranger:
    """A listening peer that is spoken to in frames."""

    def __init__(self) -> None:
        self.accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.address: Address = ("", 0)
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Stranger:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = self._server.sockets[0].getsockname()[:2]
        return self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await self.accepted.put((reader, writer))

    async def connect(
        self, to: Address, incarnation: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a system and say hello."""
        reader, writer = await asyncio.open_connection(*to)
        self._writers.append(writer)
        writer.write(hello(*self.address, incarnation=incarnation))
        return reader, writer

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await self._server.wait_closed()


async def next_frame(reader: asyncio.StreamReader) -> Any:
    """The next frame, decoded without types."""
    async with asyncio.timeout(20):
        size = int.from_bytes(await reader.readexactly(4), "big")
        return msgspec.msgpack.decode(await reader.readexactly(size))
