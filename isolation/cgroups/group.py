"""One container's control groups: a directory in each hierarchy that it is in."""

from __future__ import annotations

from collections.abc import Sequence
from os import pread
from typing import Any, Protocol

from isolation.usage import Usage

from .files import GONE, Descriptors, read
from .hierarchy import Hierarchy

__all__ = ["Group", "Source", "Values"]

MOST = 2048
"""Bytes: more than what is polled holds."""

Values = dict[str, Any]
"""Fields of a Usage, as they are found."""


class Source(Protocol):
    """A file of each group that is read again and again."""

    hierarchy: Hierarchy
    core_file: str

    def parse(self, data: bytes, values: Values) -> None:
        """Add what it says. Nothing, for what is not there."""


class Group:
    """The groups of the container `id`. `oom_kills` are those that are known of, -1 when nobody has looked."""

    def __init__(self, id_: str, descriptors: Descriptors) -> None:
        self.id = id_
        self.directories: dict[Hierarchy, str] = {}
        self.oom_kills = -1
        self._descriptors = descriptors
        self._kept: list[int] = []
        self._data: list[bytes] = []
        self._usage = Usage()
        self._counted = -1

    def poll(self, sources: Sequence[Source]) -> Usage:
        """Return what it uses now, as these files say, always the same ones."""
        data = self._current(sources)
        # Most of them sleep, and then nothing is new.
        if data != self._data or self.oom_kills != self._counted:
            self._usage = Usage(**self._parsed(sources, data))
            self._data, self._counted = data, self.oom_kills
        return self._usage

    def values(self, sources: Sequence[Source]) -> Values:
        """Return the same as fields, of which more are to be found."""
        return self._parsed(sources, self._current(sources))

    def let_go(self) -> None:
        """Close what is open of it."""
        self._descriptors.close(self._kept)
        self._kept = []

    def _current(self, sources: Sequence[Source]) -> list[bytes]:
        try:
            return [pread(fd, MOST, 0) for fd in self._kept] if self._kept else self._read(sources)
        except OSError as error:
            if error.errno not in GONE:
                raise
            # It was removed by somebody else.
            return []

    def _read(self, sources: Sequence[Source]) -> list[bytes]:
        """Read by name, and keep the files open if all of them can be."""
        paths = [
            f"{directory}/{source.core_file}" if (directory := self.directories.get(source.hierarchy)) else ""
            for source in sources
        ]
        if "" not in paths:
            self._kept = self._descriptors.open(paths)
        return [self._content(path) for path in paths]

    def _content(self, path: str) -> bytes:
        try:
            return read(path) if path else b""
        except OSError as error:
            if error.errno not in GONE:
                raise
            return b""

    def _parsed(self, sources: Sequence[Source], data: Sequence[bytes]) -> Values:
        values: Values = {}
        for source, content in zip(sources, data, strict=False):
            source.parse(content, values)
        if self.oom_kills >= 0:
            values["oom_kills"] = self.oom_kills
        return values
