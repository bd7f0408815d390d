"""The files of control groups: read, written, and changed in a way that can be undone."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Sequence
from typing import Any

__all__ = ["GONE", "Change", "Descriptors", "numbers", "read", "read_words", "write"]

log = logging.getLogger("ostrom.isolation")

GONE = (errno.ENOENT, errno.ENODEV)
"""What reading a file of a group that was removed gives: not found, or, of one that is open, no device."""


def read(path: str) -> bytes:
    """Return what a file holds. OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, 65536)
        # Only lists of processes are longer.
        while len(data) % 4096 == 0 and data and (more := os.read(fd, 65536)):
            data += more
        return data
    finally:
        os.close(fd)


def read_words(path: str) -> list[bytes]:
    """Return the words that a file holds; none if there is no such file, or its group is gone."""
    try:
        return read(path).split()
    except OSError as error:
        if error.errno in GONE:
            return []
        raise


def numbers(data: bytes) -> dict[bytes, int]:
    """Return the pairs of a name and a number that a file of lines like `nr_periods 12` holds."""
    words = data.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=False))


def write(path: str, text: str) -> None:
    """Write a file in one go, as the kernel wants it. OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


class Change:
    """Several settings of a group, which are in force together or not at all.

    For a group that was only just made (`fresh`) nothing is kept to go back to.
    """

    def __init__(self, *, fresh: bool = False) -> None:
        self.fresh = fresh
        self._undo: list[tuple[Any, str, Any]] = []

    def set(self, controller: Any, name: str, value: Any) -> None:
        """Set an attribute of a controller, which is a file of a group, unless it is so already. OSError."""
        if self.fresh:
            setattr(controller, name, value)
            return
        before = getattr(controller, name)
        if before != value:
            # Noted first: a file of several lines may be half set when one of them is refused.
            self._undo.append((controller, name, before))
            setattr(controller, name, value)

    def undo(self) -> None:
        """Go back, the last first."""
        while self._undo:
            controller, name, before = self._undo.pop()
            try:
                setattr(controller, name, before)
            except OSError as error:
                log.warning("%s cannot be set back to %r: %s", name, before, error)


class Descriptors:
    """How many descriptors of files that are read again and again may be kept: reading a kept one costs a fourth.

    What is more is opened each time.
    """

    def __init__(self, most: int) -> None:
        self.left = most

    def open(self, paths: Sequence[str]) -> list[int]:
        """Return descriptors of some files, none at all when there are enough, or one of the files is not there."""
        if self.left < len(paths):
            return []
        opened: list[int] = []
        try:
            for path in paths:
                opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401 (one may fail)
        except OSError as error:
            for fd in opened:
                os.close(fd)
            if error.errno in (errno.EMFILE, errno.ENFILE, *GONE):
                return []
            raise
        self.left -= len(opened)
        return opened

    def close(self, fds: Sequence[int]) -> None:
        """Let go of some."""
        for fd in fds:
            os.close(fd)
        self.left += len(fds)
