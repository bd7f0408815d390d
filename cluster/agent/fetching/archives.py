"""Archives, extracted: nothing outside of the tree, nothing without bounds. For threads."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from .errors import CauseError
from .files import PIECE
from .limits import Budget
from .tars import Readable, extract_tar
from .threads import Stop
from .tree import Parts, Tree
from .xz import XzReader
from .zips import extract_zip

__all__ = ["extract"]

# What the libraries raise over damaged archives. A RecursionError comes of headers within headers.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    ValueError,
)

_MAX_READ = 16 << 20


class _Source(io.FileIO):
    """An archive's bytes. Whoever waits for it no longer stops it here."""

    def __init__(self, path: Path, stop: Stop) -> None:
        super().__init__(path, "rb")
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        self._stop.check()
        if size is not None and size > _MAX_READ:
            # The table of contents of a zip archive, which is read in one piece.
            raise CauseError(f"its table of contents has {size} bytes, the limit is {_MAX_READ}")
        return super().read(-1 if size is None else size) or b""


def extract(kind: str, name: str, path: Path, target: Parts, tree: Tree, budget: Budget, stop: Stop) -> None:
    """Extract an archive: `kind` as in `URI.archive`, compressed as its `name` says. A .gz becomes `target`.

    CauseError if it is damaged, or would write outside of the tree, or exceeds the budget.
    """
    try:
        with _Source(path, stop) as source:
            file = cast(BinaryIO, source)
            if kind == "tar":
                extract_tar(_decompressed(name, file, stop), tree, budget)
            elif kind == "zip":
                extract_zip(file, tree, budget)
            else:
                budget.member()
                tree.file(target, 0o644, _spent(_decompressed(name, file, stop), budget))
    except _DAMAGED as error:
        raise CauseError(f"the archive is damaged: {error or type(error).__name__}") from error
    except OSError as error:
        # gzip and bz2 have no error of their own; zipfile may seek to before the beginning.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise CauseError(f"the archive is damaged: {error}") from error


class _Checked:
    def __init__(self, source: Readable, stop: Stop) -> None:
        self._source = source
        self._stop = stop

    def read(self, size: int, /) -> bytes:
        self._stop.check()
        return self._source.read(size)


def _decompressed(name: str, file: BinaryIO, stop: Stop) -> Readable:
    if name.endswith("gz"):
        return _Checked(gzip.GzipFile(fileobj=file), stop)
    if name.endswith("bz2"):
        return _Checked(bz2.BZ2File(file), stop)
    if name.endswith("xz"):
        return _Checked(XzReader(file), stop)
    return file


def _spent(source: Readable, budget: Budget) -> Iterator[bytes]:
    while data := source.read(PIECE):
        budget.spend(len(data))
        yield data
