"""Opening what others have put into a directory, and nothing outside of it, whatever they change meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from pathlib import Path

__all__ = ["OutsideError", "open_beneath"]

MAX_LINKS = 40
MAX_DEPTH = 100
"""Directories that are open at once."""
MAX_NAME = 4096


class OutsideError(Exception):
    """A name that leads out of its directory."""


def open_beneath(root: Path, name: str) -> int:
    """Open a regular file or a directory for reading; the descriptor is the caller's.

    The way is gone from one directory to the next by descriptors, and links are followed by hand: a directory or
    file that is replaced by a link on the way is not followed. An absolute name or link is one of what is below
    `root` by its text. OSError if there is nothing of that name, or something else; OutsideError. Blocks on the disk
    only.
    """
    if len(name) > MAX_NAME or "\0" in name:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    try:
        return _Way(root).go(name)
    except UnicodeEncodeError as error:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT)) from error


class _Way:
    """The descriptors of the directories from the root to where one is."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._here: list[int] = []
        self._links = 0

    def go(self, name: str) -> int:
        try:
            self._here.append(
                os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
            )
            parts: deque[str] = deque()
            self._lead(name, parts)
            while parts:
                self._step(parts.popleft(), parts)
            return self._here.pop()
        finally:
            for fd in self._here:
                os.close(fd)

    def _step(self, part: str, rest: deque[str]) -> None:
        if part == "..":
            if len(self._here) == 1:
                raise OutsideError
            os.close(self._here.pop())
            return
        if len(self._here) >= MAX_DEPTH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        here = self._here[-1]
        mode = os.stat(part, dir_fd=here, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            self._links += 1
            if self._links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            self._lead(os.readlink(part, dir_fd=here), rest)
        elif stat.S_ISDIR(mode) or rest:
            self._here.append(_open(part, here, os.O_DIRECTORY))
        elif stat.S_ISREG(mode):
            # Should it have become a pipe by now, opening it does not wait.
            fd = _open(part, here, os.O_NONBLOCK | os.O_NOCTTY)
            self._here.append(fd)
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
        else:
            raise OSError(errno.EINVAL, "not a regular file")

    def _lead(self, name: str, rest: deque[str]) -> None:
        """Have a name gone before the rest."""
        if name.startswith("/"):
            if not f"{name}/".startswith(f"{self._root}/"):
                raise OutsideError
            name = name[len(self._root) :]
            while len(self._here) > 1:
                os.close(self._here.pop())
        rest.extendleft(part for part in reversed(name.split("/")) if part not in ("", "."))


def _open(name: str, directory: int, flags: int) -> int:
    return os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | flags, dir_fd=directory)
