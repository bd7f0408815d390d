"""Reading what tasks wrote. Names and contents are theirs, and not trusted: nothing outside a sandbox is shown."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .beneath import OutsideError, open_beneath

__all__ = ["MAX_LENGTH", "Piece", "browse", "read"]

MAX_LENGTH = 1024 * 1024
MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a file: its bytes, and the file's size when they were read."""

    data: bytes
    size: int


def read(sandbox: Path, name: str, offset: int, length: int) -> Piece | None:
    """Read a part of a regular file in a sandbox; None if there is no such file inside it. Blocks on disk only."""
    try:
        fd = open_beneath(sandbox, name)
    except (OSError, OutsideError):
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        return Piece(os.pread(fd, length, offset), status.st_size)
    except OSError:
        return None
    finally:
        os.close(fd)


def browse(sandbox: Path, name: str) -> list[dict[str, Any]] | None:
    """List a directory in a sandbox, at most a thousand entries; None if there is no such directory inside it."""
    try:
        fd = open_beneath(sandbox, name)
    except (OSError, OutsideError):
        return None
    try:
        entries = []
        with os.scandir(fd) as found:
            for entry in found:
                status = entry.stat(follow_symlinks=False)
                kind = "directory" if entry.is_dir(follow_symlinks=False) else "file"
                kind = "link" if entry.is_symlink() else kind
                entries.append(
                    {"name": entry.name, "kind": kind, "size": status.st_size, "modified": status.st_mtime}
                )
                if len(entries) == MAX_ENTRIES:
                    break
    except OSError:
        return None
    finally:
        os.close(fd)
    return sorted(entries, key=lambda entry: entry["name"])
