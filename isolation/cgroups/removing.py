"""Removes groups. The kernel may say for a moment after the last process of one ended that it is busy."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from collections.abc import Iterable

__all__ = ["Remover", "remove"]

log = logging.getLogger("ostrom.isolation")

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 1.0
"""Seconds between two attempts, doubled each time."""
PATIENCE = 60.0
"""Seconds after which a group is left to the next owner of the root."""
LAST_PATIENCE = 0.05


def remove(directory: str) -> bool:
    """Remove a group with all that were made in it; return whether it is gone. OSError if that is not allowed."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
            raise
        return _remove_below(directory)
    return True


def _remove_below(directory: str) -> bool:
    """Remove what is in it first, if anything is."""
    try:
        with os.scandir(directory) as entries:
            below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return True
    return bool(below) and all(map(remove, below)) and remove(directory)


class Remover:
    """Removes groups now or, those that are busy, a little later."""

    def __init__(self) -> None:
        self._busy: dict[str, float] = {}

    def remove(self, directories: Iterable[str]) -> None:
        """Remove groups in which nothing runs."""
        for directory in directories:
            self._busy[directory] = time.monotonic()
            self._attempt(directory, FIRST_PAUSE)

    def removed(self, directory: str) -> bool:
        """Whether nothing is left of a group, or it was not to be removed; one more attempt is made."""
        if directory in self._busy and remove(directory):
            del self._busy[directory]
        return directory not in self._busy

    def close(self) -> None:
        """Make the last attempts, for some hundredths of a second."""
        until = time.monotonic() + LAST_PATIENCE
        while self._busy and time.monotonic() < until:
            for directory in list(self._busy):
                self.removed(directory)
            if self._busy:
                time.sleep(FIRST_PAUSE)
        for directory in self._busy:
            log.warning("control group %s cannot be removed yet: it is busy", directory)
        self._busy.clear()

    def _attempt(self, directory: str, pause: float) -> None:
        since = self._busy.get(directory)
        if since is None:
            return
        try:
            gone = remove(directory)
        except OSError as error:
            log.warning("control group %s cannot be removed: %s", directory, error)
            gone = True
        if gone:
            del self._busy[directory]
        elif time.monotonic() - since > PATIENCE:
            log.warning("control group %s is busy after %s s: it is left", directory, PATIENCE)
            del self._busy[directory]
        else:
            asyncio.get_running_loop().call_later(
                pause, self._attempt, directory, min(pause * 2, LONGEST_PAUSE)
            )
