"""ATTACH_CONTAINER_INPUT: a request whose body is a stream of calls, each with a piece of input."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator

import msgspec

from cluster.agent.nested import InputClosedError, Switchboard, WindowSize
from cluster.http.v1.media import Media
from cluster.v1 import recordio
from cluster.v1 import types as v1
from cluster.v1.errors import MessageError, RefusedError
from cluster.v1.types.agent import Call, ProcessIO

__all__ = ["InputCalls", "UnexpectedCallError", "container_of", "feed", "quoted_records", "window_of"]

MAX_RECORD = 4 * 2**20
"""Bytes of one call, which may hold less input than that."""
LAST_INPUT = 1.0
"""Seconds that a client has to end its request when the process has nothing more to say, as in Mesos."""
Kind = Call.AttachContainerInput.Type


class InputCalls:
    """The calls in a body that comes in pieces, read as they are taken. MessageError for what is none."""

    def __init__(self, body: AsyncIterable[bytes], media: Media) -> None:
        self._body = body
        self._media = media
        self._decoder = recordio.Decoder(MAX_RECORD)
        self._records = self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        async for data in self._body:
            for record in self._decoder.feed(data):
                yield record
        if not self._decoder.at_boundary():
            raise MessageError("recordio: the body ends within a record")

    async def next(self) -> Call.AttachContainerInput | None:
        """The next call's part; None at the end of the body."""
        record = await anext(self._records, None)
        if record is None:
            return None
        call = self._media.decode(record, Call)
        if call.type is not Call.Type.ATTACH_CONTAINER_INPUT:
            raise UnexpectedCallError(call.type)
        return part_of(call)


class UnexpectedCallError(Exception):
    """A stream of other calls than these."""

    def __init__(self, kind: Call.Type | None) -> None:
        super().__init__(kind)
        self.kind = kind


def part_of(call: Call) -> Call.AttachContainerInput:
    """What the call says. RefusedError if it says nothing."""
    if call.attach_container_input is None:
        raise RefusedError("attach_container_input is missing, though the type is ATTACH_CONTAINER_INPUT")
    return call.attach_container_input


def container_of(part: Call.AttachContainerInput | None) -> v1.ContainerID:
    """The container that the first call of a stream names. RefusedError if it names none."""
    if part is None:
        raise RefusedError("the body is empty")
    if part.type is not Kind.CONTAINER_ID:
        raise RefusedError(
            f"attach_container_input.type is {part.type}, must be CONTAINER_ID in the first call"
        )
    if part.container_id is None:
        raise RefusedError("attach_container_input.container_id is missing")
    return part.container_id


def quoted_records(body: bytes) -> AsyncIterable[bytes] | None:
    """The body that a JSON string holds, if it is one: there is a client, PyMesos, that sends its records so."""
    if not body.startswith(b'"'):
        return None
    try:
        text = msgspec.json.decode(body, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None

    async def once() -> AsyncIterator[bytes]:
        yield text.encode()

    return once()


async def feed(calls: InputCalls, switchboard: Switchboard) -> None:
    """Give a process its input, until the body or the process ends. RefusedError, MessageError."""
    feeding = asyncio.ensure_future(_feed(calls, switchboard))
    try:
        await asyncio.wait({feeding, switchboard.finished}, return_when=asyncio.FIRST_COMPLETED)
        if not feeding.done():
            await asyncio.wait({feeding}, timeout=LAST_INPUT)
        if feeding.done():
            feeding.result()
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError, MessageError):
            await feeding


async def _feed(calls: InputCalls, switchboard: Switchboard) -> None:
    while (part := await calls.next()) is not None:
        if part.type is not Kind.PROCESS_IO or part.process_io is None:
            raise RefusedError("attach_container_input.process_io is missing")
        await _take(part.process_io, switchboard, "attach_container_input.process_io")


async def _take(message: ProcessIO, switchboard: Switchboard, path: str) -> None:
    if message.type is ProcessIO.Type.DATA and message.data is not None:
        if message.data.type is not ProcessIO.Data.Type.STDIN:
            raise RefusedError(f"{path}.data.type is {message.data.type}, must be STDIN")
        if message.data.data is None:
            raise RefusedError(f"{path}.data.data is missing")
        if not message.data.data:
            switchboard.close_input()
            return
        try:
            await switchboard.write(message.data.data)
        except InputClosedError:
            if not switchboard.finished.done():
                raise RefusedError(f"{path}.data: the process reads no input any more") from None
    elif message.type is ProcessIO.Type.CONTROL and message.control is not None:
        _control(message.control, switchboard, f"{path}.control")
    else:
        raise RefusedError(f"{path}.type is {message.type}, must be DATA or CONTROL, with what it says")


def _control(control: ProcessIO.Control, switchboard: Switchboard, path: str) -> None:
    if control.type is ProcessIO.Control.Type.HEARTBEAT:
        return
    if control.type is not ProcessIO.Control.Type.TTY_INFO:
        raise RefusedError(f"{path}.type is {control.type}, must be TTY_INFO or HEARTBEAT")
    window = window_of(control.tty_info, f"{path}.tty_info")
    if window is None:
        raise RefusedError(f"{path}.tty_info.window_size is missing")
    if not switchboard.terminal:
        raise RefusedError(f"{path}.tty_info: the container has no terminal")
    switchboard.resize(window)


def window_of(info: v1.TTYInfo | None, path: str) -> WindowSize | None:
    """The size of a terminal, if it is said. RefusedError."""
    if info is None or info.window_size is None:
        return None
    size = info.window_size
    if max(size.rows, size.columns) > 65535:
        raise RefusedError(f"{path}.window_size is {size.rows} by {size.columns}, at most 65535 are possible")
    return WindowSize(size.rows, size.columns)
