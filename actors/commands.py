"""Other programs, run and awaited without holding anybody up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

__all__ = ["CHUNK", "Finished", "end_group", "reap", "run_command", "start_process"]

OUTPUT_LIMIT = 1024 * 1024
CHUNK = 65_536
"""Bytes of output that are taken at once."""


class Finished(NamedTuple):
    """How a command ended: `status` as in `subprocess`, negative for a signal; `truncated`: it said more."""

    status: int
    stdout: bytes
    stderr: bytes
    truncated: bool


async def run_command(
    argv: Sequence[str | PathLike[str]],
    *,
    input: bytes = b"",  # noqa: A002 - subprocess's name
    timeout: float | None = None,
    limit: int = OUTPUT_LIMIT,
    cwd: str | PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program to its end, with `input` for its standard input.

    Of each of its outputs `limit` bytes are kept. It leads a process group, that is killed after `timeout` seconds
    (TimeoutError), and when whoever waits is cancelled: the handler of an actor that ends, say. OSError, with the name,
    if it cannot be started.
    """
    process, transport = await start_process(argv, cwd=cwd, env=env)
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("a subprocess without pipes")
    try:
        async with asyncio.timeout(timeout) as limited:
            (stdout, more), (stderr, yet_more), _, status = await asyncio.gather(
                _read(process.stdout, limit),
                _read(process.stderr, limit),
                _feed(process.stdin, input),
                process.wait(),
            )
    except BaseException as error:
        # Also if it has ended itself: something in its group still holds its output.
        end_group(process.pid, signal.SIGKILL)
        # Else its end would not be told before that of who left the group, and holds its output still.
        transport.close()
        await process.wait()
        if isinstance(error, TimeoutError) and limited.expired():
            raise TimeoutError(f"{argv[0]} did not end within {timeout:g} s") from error
        raise
    return Finished(status, stdout, stderr, more or yet_more)


async def start_process(
    argv: Sequence[str | PathLike[str]],
    *,
    cwd: str | PathLike[str] | None,
    env: Mapping[str, str] | None,
) -> tuple[Process, asyncio.SubprocessTransport]:
    """Start a program with pipes, leading a process group. OSError with the name of what is not there.

    As `asyncio.create_subprocess_exec` does, which keeps the transport to itself.
    """
    if isinstance(argv, str | bytes) or not argv:
        raise TypeError(f"argv is {argv!r}, not a list of the program and its arguments")
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=CHUNK, loop=loop),
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        # uvloop does not say what it is that is not there.
        missing = cwd is not None and not await asyncio.to_thread(Path(cwd).is_dir)
        raise OSError(error.errno, error.strerror, str(cwd if missing else argv[0])) from error
    return Process(transport, protocol, loop), transport


async def _read(stream: asyncio.StreamReader, limit: int) -> tuple[bytes, bool]:
    """At most so many bytes, and whether there were more; those are read too, else the program would wait."""
    kept = bytearray()
    more = False
    while data := await stream.read(CHUNK):
        more = more or len(kept) + len(data) > limit
        kept += data[: limit - len(kept)]
    return bytes(kept), more


async def _feed(stream: asyncio.StreamWriter, data: bytes) -> None:
    # A program need not read all that it is given, and may have ended by now: uvloop refuses to write then.
    if stream.is_closing():
        return
    with contextlib.suppress(ConnectionError):
        stream.write(data)
        await stream.drain()
        stream.close()
        await stream.wait_closed()


def end_group(pid: int, number: int) -> None:
    """Send a signal to the process group of a program that was started to lead one.

    No effect if all have ended, or have become somebody else's by setuid.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def reap(pid: int) -> int | None:
    """Wait until a process has ended, and return its status, negative for a signal.

    It need not be a child: then its status is not for us to know, and this returns None; so it does if there is none.
    """
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    ended = asyncio.Event()
    try:
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
        return _status(descriptor)
    finally:
        os.close(descriptor)


def _status(descriptor: int) -> int | None:
    try:
        result = os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
