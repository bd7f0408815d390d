"""Tar archives. Nothing of `tarfile` is used that writes: its filters are not in every Python 3.11.

What stands in the archive is not trusted. Headers are read within bounds, in one pass without seeking; members
go to a `Tree`, which keeps them below it; all that is not a file, a directory or a link is refused.
"""

from __future__ import annotations

import re
import stat
import tarfile
from collections.abc import Iterator
from typing import IO, Any, Protocol, Self

from .errors import CauseError
from .files import PIECE
from .limits import Budget
from .tree import Parts, Tree, parts_of

__all__ = ["Readable", "extract_tar"]

HEADERS = 64 << 10
"""Bytes of headers that one member may have: they are read into memory."""

DIGITS = 1000
"""`tarfile` before 3.11.10 searches headers in a time that grows with the square of the longest number in them: 64 KiB
of digits held up the whole process for 5 s."""

_BROKEN = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most that many bytes; none at the end."""


class _Stream:
    """What `tarfile` reads from: forward only, and headers only within bounds, whatever they say of themselves."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._position = 0
        self._left: int | None = HEADERS

    def headers(self) -> None:
        """The headers of a member come next."""
        self._left = HEADERS

    def contents(self) -> None:
        """What comes next is not kept in memory."""
        self._left = None

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._position:
            raise CauseError("the archive is damaged: a member begins before the one before it")
        while self._position < position and self.read(min(PIECE, position - self._position)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        if self._left is None:
            return self._exactly(size)
        if not 0 <= size <= self._left:
            raise CauseError(f"a member has more than {HEADERS} bytes of headers")
        self._left -= size
        data = self._exactly(size)
        if size > tarfile.BLOCKSIZE and max(map(len, re.findall(rb"\d+", data)), default=0) > DIGITS:
            raise CauseError(f"a member has a number of more than {DIGITS} digits in its headers")
        return data

    def _exactly(self, size: int) -> bytes:
        """That many bytes, or all that there are."""
        data = self._source.read(size)
        if 0 < len(data) < size:
            pieces = [data]
            while (size := size - len(data)) and (data := self._source.read(size)):
                pieces.append(data)
            data = b"".join(pieces)
        self._position += len(data)
        return data


class _StrictInfo(tarfile.TarInfo):
    """A header. `tarfile` takes one that is damaged for the archive's end, except for the first."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except _BROKEN as error:
            raise CauseError(f"the archive is damaged: {error}") from error


def extract_tar(source: Readable, tree: Tree, budget: Budget) -> None:
    """Extract a tar archive, that is no longer compressed. tarfile.TarError or CauseError if it cannot be."""
    stream = _Stream(source)
    file: Any = stream
    with tarfile.open(fileobj=file, mode="r:", tarinfo=_StrictInfo) as tar:
        while True:
            stream.headers()
            info = tar.next()
            if info is None:
                break
            # Else it keeps all that it has read.
            tar.members = []  # type: ignore[attr-defined]
            stream.contents()
            budget.member()
            _extract(tar, info, tree, budget)
    # The checksum of what is compressed stands at its end.
    while data := source.read(PIECE):
        budget.spend(len(data))


def _extract(tar: tarfile.TarFile, info: tarfile.TarInfo, tree: Tree, budget: Budget) -> None:
    parts = parts_of(info.name)
    if info.isdir():
        tree.directory(parts)
    elif not parts:
        raise CauseError(f"member {info.name!r} is not a directory")
    elif info.isreg():
        _extract_file(tar, info, parts, tree, budget)
    elif info.issym():
        tree.symbolic_link(parts, info.linkname)
    elif info.islnk():
        tree.hard_link(parts, parts_of(info.linkname))
    else:
        kind = {tarfile.CHRTYPE: "a device", tarfile.BLKTYPE: "a device", tarfile.FIFOTYPE: "a pipe"}
        raise CauseError(
            f"member {info.name!r} is {kind.get(info.type, f'of the unknown type {info.type!r}')}"
        )


def _extract_file(
    tar: tarfile.TarFile, info: tarfile.TarInfo, parts: Parts, tree: Tree, budget: Budget
) -> None:
    if info.mode & (stat.S_ISUID | stat.S_ISGID):
        raise CauseError(f"member {info.name!r} is setuid or setgid")
    if info.size < 0:
        raise CauseError(f"member {info.name!r} has a size of {info.size}")
    budget.spend(info.size)
    file = tar.extractfile(info)
    if file is None:
        raise CauseError(f"member {info.name!r} has no contents")
    with file:
        tree.file(parts, info.mode & 0o755 | 0o600, _pieces(file))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while data := file.read(PIECE):
        yield data
