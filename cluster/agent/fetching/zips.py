"""Zip archives. Only `zipfile`'s reading is used; members go to a `Tree`, which keeps them below it."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from .errors import CauseError
from .files import PIECE
from .limits import Budget
from .tree import Tree, parts_of

__all__ = ["extract_zip"]

# Not LZMA: its reader takes as much memory as the archive says.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_ENCRYPTED = 1
_UNIX = 3
_MAX_TARGET = 4096


def extract_zip(file: BinaryIO, tree: Tree, budget: Budget) -> None:
    """Extract a zip archive. zipfile.BadZipFile or CauseError if it cannot be."""
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            budget.member()
            _extract(archive, info, tree, budget)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, tree: Tree, budget: Budget) -> None:
    parts = parts_of(info.filename)
    # Only a Unix writes a mode there; files of others have the usual one.
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    kind = stat.S_IFMT(mode)
    if info.filename.endswith("/") or kind == stat.S_IFDIR:
        tree.directory(parts)
        return
    if not parts:
        raise CauseError(f"member {info.filename!r} is not a directory")
    if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
        raise CauseError(f"member {info.filename!r} is a device, a pipe or a socket")
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise CauseError(f"member {info.filename!r} is setuid or setgid")
    if info.flag_bits & _ENCRYPTED:
        raise CauseError(f"member {info.filename!r} is encrypted")
    if info.compress_type not in _METHODS:
        raise CauseError(
            f"member {info.filename!r} is compressed by method {info.compress_type}, unsupported here"
        )
    if kind == stat.S_IFLNK:
        with archive.open(info) as link:
            target = link.read(_MAX_TARGET)
        tree.symbolic_link(parts, target.decode(errors="surrogateescape"))
        return
    tree.file(parts, mode & 0o755 | 0o600 if mode else 0o644, _pieces(archive, info, budget))


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    with archive.open(info) as file:
        while data := file.read(PIECE):
            budget.spend(len(data))
            yield data
