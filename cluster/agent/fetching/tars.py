"""Tar archives. Nothing of `tarfile` is used that writes: its filters are not in every Python 3.11.

What stands in the archive is not trusted. Headers are read within bounds, in one pass without seeking; members
go to a `Tree`, which keeps them below it; all that is not a file, a directory or a link is refused.
"""

from __future__ import annotations

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
"""Bytes of headers that one member may have. They are read into memory, and searched with regular expressions."""

BLOCKS = 64 << 10

_BROKEN = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most that many bytes; none at the end."""


class _Bounded:
    """Lets the headers of one member be of bounded size, whatever they say of themselves."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._left: int | None = None

    def bound(self, left: int | None) -> None:
        """How much may be read from now on; None, anything."""
        self._left = left

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise CauseError(f"a member has more than {HEADERS} bytes of headers")
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
    bounded = _Bounded(source)
    stream: Any = bounded
    bounded.bound(HEADERS + 2 * BLOCKS)
    with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCKS, tarinfo=_StrictInfo) as tar:
        while True:
            bounded.bound(HEADERS + 2 * BLOCKS)
            info = tar.next()
            if info is None:
                break
            # Else it keeps all that it has read.
            tar.members = []  # type: ignore[attr-defined]
            bounded.bound(None)
            budget.member()
            _extract(tar, info, tree, budget)
    # The checksum of what is compressed stands at its end.
    bounded.bound(None)
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
