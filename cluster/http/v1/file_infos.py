"""Files as the operator APIs show them."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.http.file_rows import FileRow
from cluster.v1 import types as v1

__all__ = ["file_infos"]


def file_infos(rows: Iterable[FileRow]) -> tuple[v1.FileInfo, ...]:
    """The entries of a directory."""
    return tuple(
        v1.FileInfo(
            path=row.path,
            nlink=row.nlink,
            size=row.size,
            mtime=v1.TimeInfo(nanoseconds=row.mtime),
            mode=row.mode,
            uid=row.uid,
            gid=row.gid,
        )
        for row in rows
    )
