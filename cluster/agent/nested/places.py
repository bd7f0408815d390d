"""The directories of nested containers: in the sandbox of a task, which may put anything there meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

__all__ = ["below", "environment", "make", "remove"]

FOLDER = "containers"
"""As in Mesos."""
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def below(directory: Path, value: str) -> Path:
    """Where a container's directory is, whose parent's is `directory`."""
    return directory / FOLDER / value


def make(directory: Path, value: str) -> Path:
    """Make it, if it is not there. OSError, also if a link is in its place."""
    parent = os.open(directory, DIRECTORY)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(FOLDER, dir_fd=parent)
        folder = os.open(FOLDER, DIRECTORY, dir_fd=parent)
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(value, dir_fd=folder)
            os.close(os.open(value, DIRECTORY, dir_fd=folder))
        finally:
            os.close(folder)
    finally:
        os.close(parent)
    return below(directory, value)


def remove(path: Path) -> None:
    """Remove it, and all that is in it; what cannot be is left."""
    try:
        folder = os.open(path.parent, DIRECTORY)
    except OSError:
        return
    try:
        # Links are removed, not followed: rmtree sees to that.
        shutil.rmtree(path.name, ignore_errors=True, dir_fd=folder)
    finally:
        os.close(folder)


def environment(directory: Path) -> dict[str, str]:
    """What a container's processes are told of where they are."""
    return {
        "PATH": DEFAULT_PATH,
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(directory),
        "OSTROM_SANDBOX": str(directory),
        "MESOS_SANDBOX": str(directory),
        "MESOS_DIRECTORY": str(directory),
    }
