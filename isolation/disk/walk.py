"""What a directory takes of its file system, as du counts it, while others write and delete in it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Count", "Stop", "count"]

BLOCK = 512
"""The unit of st_blocks, whatever the file system's own blocks are."""
LARGE = (1 << 20) // BLOCK
"""Files from 1 MiB on are remembered like hard links: one that is moved during the walk is not there twice."""
FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""It was deleted, or is something else now than it was a moment ago."""

Inode = tuple[int, int]
Stop = Callable[[], bool]


@dataclass(slots=True)
class Count:
    """What was counted.

    It is not `whole` if something could not be read, was moved away under the walk, or it was stopped: then it is that
    much at least.
    """

    used_bytes: int = 0
    whole: bool = True
    seen: set[Inode] = field(default_factory=set)


def count(directory: Path, total: Count, stop: Stop = lambda: False) -> None:
    """Add to `total` what is in a directory, with itself; nothing if it is not there, or is a link.

    Hard links count once, sparse files with what they have, other file systems not at all. Nothing outside is
    reached through links, even if a directory is replaced by one meanwhile: each is opened from its parent. Three
    descriptors are open at a time, however deep it goes. `stop` is asked before each directory, and ends the walk.
    OSError if the file system fails.
    """
    try:
        at = os.open(directory, FLAGS)
    except OSError as error:
        total.whole = total.whole and error.errno in NOT_THERE
        return
    path: list[tuple[Inode, list[str]]] = []
    try:
        top = os.fstat(at)
        if _add(top, total):
            path.append((_inode(top), _look(at, top.st_dev, total)))
        while path:
            _, names = path[-1]
            if names:
                if stop():
                    total.whole = False
                    break
                below = _open(at, names.pop(), total)
                if below is None:
                    continue
                os.close(at)
                at = below
                # What is mounted here meanwhile is not seen before it is open.
                info = os.fstat(at)
                fresh = info.st_dev == top.st_dev and _add(info, total)
                path.append((_inode(info), _look(at, top.st_dev, total) if fresh else []))
            else:
                path.pop()
                if not path:
                    break
                above = os.open("..", FLAGS, dir_fd=at)
                os.close(at)
                at = above
                if _inode(os.fstat(at)) != path[-1][0]:
                    # It was moved: the rest of where it was cannot be found from here.
                    total.whole = False
                    break
    finally:
        os.close(at)


def _open(at: int, name: str, total: Count) -> int | None:
    try:
        return os.open(name, FLAGS, dir_fd=at)
    except OSError as error:
        total.whole = total.whole and error.errno in NOT_THERE
        return None


def _look(at: int, device: int, total: Count) -> list[str]:
    """Count the files of a directory; return the directories in it."""
    names = []
    with os.scandir(at) as entries:
        for entry in entries:
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if info.st_dev != device:
                continue
            if stat.S_ISDIR(info.st_mode):
                names.append(entry.name)
            else:
                _add(info, total)
    return names


def _add(info: os.stat_result, total: Count) -> bool:
    """Count it, unless it was; whether it was not."""
    if info.st_nlink > 1 or info.st_blocks >= LARGE or stat.S_ISDIR(info.st_mode):
        if _inode(info) in total.seen:
            return False
        total.seen.add(_inode(info))
    total.used_bytes += info.st_blocks * BLOCK
    return True


def _inode(info: os.stat_result) -> Inode:
    return info.st_dev, info.st_ino
