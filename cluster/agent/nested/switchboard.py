"""What goes in and out of a container's process: by pipes, or by a terminal."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import shutil
import struct
import tempfile
import termios
from pathlib import Path
from typing import NamedTuple, TypedDict

from .viewers import Stream, Viewer

__all__ = ["InputClosedError", "Switchboard", "WindowSize"]

log = logging.getLogger("ostrom.agent")

CHUNK = 65536
"""Bytes that are read at once: what a pipe of Linux holds."""


class InputClosedError(Exception):
    """The process reads no input any more."""


class WindowSize(NamedTuple):
    """A terminal's, in characters."""

    rows: int
    columns: int


class Streams(TypedDict, total=False):
    """Fields of a ContainerSpec."""

    stdin: Path
    stdout: Path
    stderr: Path
    terminal: Path


class Switchboard:
    """The agent's ends of a process's input and outputs.

    A process whose output nobody takes is held up by its pipe, which is full; not more than two pieces of it are kept
    here. Without any viewer output is lost, but for a `journal`, a file that has it all. With a terminal all output is
    STDOUT.

    Made before the process, with `streams` for its spec; `launched` when it runs; `start` when its output is to be
    read; `close` at the end.
    """

    def __init__(
        self,
        base: Path,
        *,
        window: WindowSize | None = None,
        terminal: bool = False,
        journal: Path | None = None,
    ) -> None:
        """Make pipes in a directory of their own below `base`, or a terminal. OSError if that cannot be."""
        self.terminal = terminal
        self.input_taken = False
        """Whether somebody writes to it: one at a time can."""
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing comes out any more."""
        self._outputs: dict[Stream, int] = {}
        self._input = -1
        self._theirs = -1
        self._directory: Path | None = None
        self._journal = -1
        self._viewers: dict[Viewer, None] = {}
        self._pumps: list[asyncio.Task[None]] = []
        self._writable: asyncio.Future[None] | None = None
        self.streams: Streams = {}
        try:
            if terminal:
                self._open_terminal(window)
            else:
                self._open_pipes(base)
            if journal is not None:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                self._journal = os.open(journal, flags, 0o644)
        except BaseException:
            self.close()
            raise

    def _open_terminal(self, window: WindowSize | None) -> None:
        master, self._theirs = os.openpty()
        self._outputs[Stream.STDOUT] = self._input = master
        os.set_blocking(master, False)
        if window is not None:
            self.resize(window)
        self.streams = {"terminal": Path(os.ttyname(self._theirs))}

    def _open_pipes(self, base: Path) -> None:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory = Path(tempfile.mkdtemp(dir=base))
        stdin, stdout, stderr = (directory / name for name in ("stdin", "stdout", "stderr"))
        for path in (stdin, stdout, stderr):
            os.mkfifo(path, 0o600)
        flags = os.O_NONBLOCK | os.O_CLOEXEC
        # There must be a reader before it can be opened for writing.
        self._theirs = os.open(stdin, os.O_RDONLY | flags)
        self._input = os.open(stdin, os.O_WRONLY | flags)
        self._outputs[Stream.STDOUT] = os.open(stdout, os.O_RDONLY | flags)
        self._outputs[Stream.STDERR] = os.open(stderr, os.O_RDONLY | flags)
        self.streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}

    def launched(self) -> None:
        """The process has its ends: let go of what was held open for it."""
        if self._theirs >= 0:
            os.close(self._theirs)
            self._theirs = -1
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    # Output.

    def start(self) -> None:
        """Read what comes out, if that has not begun: for those who view it by then, and later."""
        if not self._pumps and not self.finished.done():
            loop = asyncio.get_running_loop()
            self._pumps = [loop.create_task(self._pump(stream)) for stream in self._outputs]

    def view(self) -> Viewer:
        """Be shown what comes out."""
        viewer = Viewer()
        if self.finished.done():
            viewer.end()
        else:
            self._viewers[viewer] = None
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """It wants no more."""
        self._viewers.pop(viewer, None)
        viewer.close()

    async def _pump(self, stream: Stream) -> None:
        while data := await self._read(stream):
            self._note(data)
            for viewer in list(self._viewers):
                await viewer.put(stream, data)
        current = asyncio.current_task()
        if all(pump is current or pump.done() for pump in self._pumps):
            self._finish()

    async def _read(self, stream: Stream) -> bytes:
        """What there is, waiting for it; nothing at its end."""
        loop = asyncio.get_running_loop()
        while (fd := self._outputs.get(stream)) is not None:
            try:
                return os.read(fd, CHUNK)
            except BlockingIOError:
                readable: asyncio.Future[None] = loop.create_future()
                loop.add_reader(fd, _set, readable)
                try:
                    await readable
                finally:
                    # Once it is closed, the number may be that of another file.
                    if self._outputs.get(stream) == fd:
                        loop.remove_reader(fd)
            except OSError as error:
                # A terminal that nobody has open any more.
                if error.errno == errno.EIO:
                    return b""
                raise
        return b""

    def _note(self, data: bytes) -> None:
        try:
            while data and self._journal >= 0:
                data = data[os.write(self._journal, data) :]
        except OSError as error:
            log.warning("output of a container is not kept any more: %s", error)
            os.close(self._journal)
            self._journal = -1

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)
        for viewer in self._viewers:
            viewer.end()
        self._viewers.clear()

    # Input.

    async def write(self, data: bytes) -> None:
        """Write all of it, as the process reads it. InputClosedError if it does not any more."""
        view = memoryview(data)
        while view:
            if self._input < 0:
                raise InputClosedError
            try:
                view = view[os.write(self._input, view) :]
            except BlockingIOError:
                await self._until_writable()
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.EIO):
                    raise
                raise InputClosedError from error

    async def _until_writable(self) -> None:
        loop = asyncio.get_running_loop()
        self._writable = loop.create_future()
        fd = self._input
        loop.add_writer(fd, _set, self._writable)
        try:
            await self._writable
        finally:
            if self._input == fd:
                loop.remove_writer(fd)
            self._writable = None

    def close_input(self) -> None:
        """Let the process read its input's end. With a terminal it is for whom types to say so."""
        if not self.terminal and self._input >= 0:
            asyncio.get_running_loop().remove_writer(self._input)
            os.close(self._input)
            self._input = -1
            self._wake_writer()

    def _wake_writer(self) -> None:
        if self._writable is not None:
            _set(self._writable)

    def resize(self, window: WindowSize) -> None:
        """Set the size of the terminal; the process is told by SIGWINCH. OSError without one."""
        fcntl.ioctl(self._input, termios.TIOCSWINSZ, struct.pack("HHHH", *window, 0, 0))

    # The end.

    def close(self) -> None:
        """Let go of all: the process reads its input's end, and dies of SIGPIPE or SIGHUP if it still writes."""
        for pump in self._pumps:
            pump.cancel()
        loop = asyncio.get_running_loop()
        fds = {*self._outputs.values(), self._input, self._journal} - {-1}
        self._outputs.clear()
        self._input = self._journal = -1
        for fd in fds:
            loop.remove_reader(fd)
            loop.remove_writer(fd)
            os.close(fd)
        self._wake_writer()
        self._finish()
        self.launched()


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
