"""What can go wrong when a container is started."""

from __future__ import annotations

import os


class LaunchError(Exception):
    """A container could not be started; nothing of it is left behind.

    `id` is that of its spec, `errno` the error of the system or 0, `text` says what failed and why, for people.
    """

    def __init__(self, id: str, errno: int, what: str) -> None:  # noqa: A002 (it is the spec's field)
        super().__init__(id, errno, what)
        self.id = id
        self.errno = errno
        self.text = f"{what}: {os.strerror(errno)}" if errno else what

    def __str__(self) -> str:
        return f"container {self.id} cannot be started: {self.text}"


class LauncherClosedError(Exception):
    """The launcher was not started, is closed, or its own process cannot be started."""


class StateInUseError(LauncherClosedError):
    """The launcher was not started: another one that lives has the same `state_dir`."""
