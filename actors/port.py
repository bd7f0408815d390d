"""Port: a program outside as an actor, in Erlang's sense of the word."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Mapping, Sequence
from os import PathLike
from typing import ClassVar

from .actor import Actor, handles
from .commands import CHUNK, end_group, start_process
from .errors import AskTimeoutError, PeerGoneError, RefusedError, RemoteError
from .links import NORMAL
from .message import Message
from .upid import UPID

__all__ = ["CloseInput", "Output", "Port", "Write"]


class Write(Message, tag="ostrom.Write"):
    """To a port: bytes for the program's standard input. An ask is answered when they have left."""

    data: bytes


class CloseInput(Message, tag="ostrom.CloseInput"):
    """To a port: the end of the program's standard input."""


class Output(Message, tag="ostrom.Output"):
    """From a port to its owner: what the program wrote, to its standard error if `error`.

    It is an ask: the port reads on when the owner's handler is done, so that no program can flood its owner.
    """

    data: bytes
    error: bool = False


class Port(Actor):
    """Runs a program: its output goes to the actor `owner` as `Output`; `Write` and `CloseInput` are its input.

    The port ends when the program has, and all that it wrote was handled: `normal` for exit status 0, else
    `error: exit status 3`, `error: SIGSEGV`. So links, monitors and supervisors are for programs too. When the port
    ends first, by `terminate` or because its owner ended, the program's process group gets SIGTERM, and SIGKILL after
    `grace` seconds. With `lines`, an Output is a line, without its end, or 64 KiB of one that is longer.

    A program that cannot be started ends the port with the reason.
    """

    ACK_TIMEOUT: ClassVar[float] = 60.0
    """Seconds that an owner may take over one Output, before the port goes on all the same: its mailbox may have
    dropped it."""

    def __init__(
        self,
        argv: Sequence[str | PathLike[str]],
        owner: UPID,
        *,
        lines: bool = False,
        grace: float = 5.0,
        cwd: str | PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.owner = owner
        self.process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.SubprocessTransport | None = None
        self._argv = argv
        self._lines = lines
        self._grace = grace
        self._cwd, self._env = cwd, env
        self._reading: list[asyncio.Task[None]] = []

    async def initialize(self) -> None:
        """Start the program."""
        self.link(self.owner)
        process, self._transport = await start_process(self._argv, cwd=self._cwd, env=self._env)
        self.process = process
        self._reading = [
            asyncio.create_task(self._pass_on(stream, error))
            for stream, error in ((process.stdout, False), (process.stderr, True))
            if stream is not None
        ]
        self._reading.append(asyncio.create_task(self._wait(process, list(self._reading))))

    async def _pass_on(self, stream: asyncio.StreamReader, error: bool) -> None:
        while data := await (self._line(stream) if self._lines else stream.read(CHUNK)):
            output = Output(data.removesuffix(b"\n") if self._lines else data, error)
            try:
                await self.ask(self.owner, output, self.ACK_TIMEOUT)
            except (AskTimeoutError, RemoteError):
                # It is the owner's loss alone, and its system has logged it.
                continue
            except PeerGoneError as gone:
                # The owner is, or can be sent no Output of this size.
                self.defer(self.terminate, f"error: {gone}")
                return

    async def _line(self, stream: asyncio.StreamReader) -> bytes:
        try:
            return await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError as error:
            return await stream.readexactly(min(error.consumed, CHUNK))

    async def _wait(self, process: asyncio.subprocess.Process, reading: list[asyncio.Task[None]]) -> None:
        status = await process.wait()
        await asyncio.gather(*reading)
        self.defer(self.terminate, _reason(status))

    # Not `async def`: in order with the next Write, and with CloseInput, and not in the way of the owner's end.
    @handles(Write, concurrent=True)
    def write(self, message: Write) -> Awaitable[None]:
        """Write to the program; who asks is answered when it has been read, or fits into its pipe."""
        if self.process is None or self.process.stdin is None or self.process.stdin.is_closing():
            raise RefusedError("the program's input is closed")
        self.process.stdin.write(message.data)
        return self._drained(self.process.stdin)

    async def _drained(self, stdin: asyncio.StreamWriter) -> None:
        try:
            await stdin.drain()
        except ConnectionError as error:
            raise RefusedError("the program reads no more") from error

    @handles(CloseInput)
    def close_input(self, _message: CloseInput) -> None:
        """Tell the program that there is no more."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def exited(self, upid: UPID, reason: str) -> None:
        """The owner ended, or cannot be reached any more: nobody would learn what the program says."""
        if upid == self.owner:
            self.terminate(f"error: the owner of the port: {reason}" if reason != NORMAL else NORMAL)

    async def finalize(self) -> None:
        """End the program, if it runs, and all that it started in its group."""
        process = self.process
        if process is None:
            return
        try:
            if process.returncode is None:
                end_group(process.pid, signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._grace):
                        await process.wait()
        finally:
            if process.returncode is None or not all(task.done() for task in self._reading):
                end_group(process.pid, signal.SIGKILL)
            for task in self._reading:
                task.cancel()
            if self._transport is not None:
                self._transport.close()
            # Not long after SIGKILL: also a port that is killed leaves nothing to be reaped.
            await asyncio.gather(process.wait(), *self._reading, return_exceptions=True)


def _reason(status: int) -> str:
    if status == 0:
        return NORMAL
    if status < 0:
        named = {each.value: each.name for each in signal.Signals}
        return f"error: {named.get(-status, f'signal {-status}')}"
    return f"error: exit status {status}"
