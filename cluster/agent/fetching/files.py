"""Files on their way: written in pieces, compared with their checksum, moved to where they belong. For threads."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from .errors import CauseError
from .limits import Limits
from .threads import Stop

__all__ = [
    "PIECE",
    "Part",
    "chunks",
    "copy_file",
    "identity",
    "move_in",
    "move_out",
    "remove_tree",
    "write_file",
]

PIECE = 1 << 20
"""Bytes that are read or written at once."""


class Part:
    """A file while it is fetched, under a name that is not its last."""

    def __init__(self, path: Path, checksum: str, limits: Limits, *, durable: bool = False) -> None:
        self.path = path
        self._limits = limits
        self._durable = durable
        self._kind, _, self._expected = checksum.lower().partition(":")
        self._fd = -1
        self._size = 0
        self._hash = hashlib.new(self._kind) if self._kind else None

    def begin(self) -> None:
        """Begin, or begin again, with nothing."""
        self.close()
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._hash = hashlib.new(self._kind) if self._kind else None

    def write(self, data: bytes) -> None:
        """Append. CauseError if it becomes too large."""
        self._size += len(data)
        self._limits.check_size(self._size)
        if self._hash is not None:
            self._hash.update(data)
        _write(self._fd, data)

    def finish(self) -> None:
        """All is there. CauseError if it is not what the checksum says."""
        if self._hash is not None and (found := self._hash.hexdigest()) != self._expected:
            raise CauseError(f"checksum: expected {self._kind}:{self._expected}, found {self._kind}:{found}")
        if self._durable:
            # Else a machine that loses power could find the name there, and nothing under it.
            os.fsync(self._fd)
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def chunks(fd: int) -> Iterator[bytes]:
    """The rest of a file."""
    while data := os.read(fd, PIECE):
        yield data


def write_file(path: Path, mode: int, pieces: Iterable[bytes]) -> None:
    """Write a file that is not there yet."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        for piece in pieces:
            _write(fd, piece)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def identity(path: str) -> str:
    """What changes when a file is changed."""
    return _identity(Path(path).stat())


def _identity(status: os.stat_result) -> str:
    return f"{status.st_dev}.{status.st_ino}.{status.st_size}.{status.st_mtime_ns}"


def copy_file(stop: Stop, source: str, part: Part, expected: str = "") -> None:
    """Copy a regular file. CauseError if it is none, or not, from begin to end, the one with that identity."""
    # Without O_NONBLOCK a pipe would be waited for.
    fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise CauseError("not a regular file")
        part.begin()
        for data in chunks(fd):
            stop.check()
            part.write(data)
        if expected and expected != _identity(os.fstat(fd)):
            raise CauseError("changed while it was copied")
        part.finish()
    finally:
        os.close(fd)
        part.close()


def move_in(tree: Path, sandbox: Path, moved: list[str]) -> None:
    """Move what is in `tree` to the sandbox, where nothing may have those names. `moved` tells how far it came."""
    names = sorted(path.name for path in tree.iterdir())
    for name in names:
        if os.path.lexists(sandbox / name):
            raise CauseError(f"{name!r} is in the sandbox already")
    for name in names:
        (tree / name).rename(sandbox / name)
        moved.append(name)


def move_out(tree: Path, sandbox: Path, moved: list[str]) -> None:
    """Undo `move_in`."""
    for name in moved:
        (sandbox / name).rename(tree / name)


def remove_tree(path: Path) -> None:
    """Remove a directory if it is there."""
    if path.exists():
        shutil.rmtree(path)
