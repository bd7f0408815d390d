"""One container's control groups: a directory in each hierarchy that it is in."""

from __future__ import annotations

import os
from typing import Protocol

from .files import GONE, Descriptors, read
from .hierarchy import Hierarchy

__all__ = ["Group", "Source"]


class Source(Protocol):
    """A file of each group that is read again and again."""

    hierarchy: Hierarchy
    core_file: str


class Group:
    """The groups of the container `id`. `oom_kills` are those that are known of, -1 when nobody has looked."""

    def __init__(self, id_: str, descriptors: Descriptors) -> None:
        self.id = id_
        self.directories: dict[Hierarchy, str] = {}
        self.oom_kills = -1
        self._descriptors = descriptors
        self._kept: dict[Source, int] = {}

    def pread(self, source: Source) -> bytes:
        """Return what a file of it holds; nothing if it is gone, or was never there."""
        fd = self._kept.get(source)
        try:
            if fd is not None:
                return os.pread(fd, 4096, 0)
            directory = self.directories.get(source.hierarchy)
            if directory is None:
                return b""
            path = f"{directory}/{source.core_file}"
            fd = self._descriptors.open(path)
            if fd is None:
                return read(path)
            self._kept[source] = fd
            return os.pread(fd, 4096, 0)
        except OSError as error:
            if error.errno in GONE:
                return b""
            raise

    def let_go(self) -> None:
        """Close what is open of it."""
        for fd in self._kept.values():
            self._descriptors.close(fd)
        self._kept.clear()
