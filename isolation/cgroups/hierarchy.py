"""One owner's place in a hierarchy of control groups: a group of its own, and one for each container in that."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Iterable
from pathlib import Path

from isolation.proc import descendants

from .files import read_words, write

__all__ = ["Hierarchy", "RootInUseError", "UnifiedHierarchy", "check_root"]

PREFIX = "c-"
"""Of a container's group: no file that the kernel makes begins so, whatever the container's id."""
PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
LEAF = "ostrom-owner"
"""The group that processes of a group which is to have others below it are moved to: cgroups v2 wants that."""
ROUNDS = 20


class RootInUseError(OSError):
    """Another owner that lives has the same root."""


def check_root(root: str) -> None:
    """ValueError if a name is not that of a group, or several, one below the other, with slashes between."""
    for part in root.split("/"):
        # The kernel's own files have a dot in them, or are these.
        if not PART.fullmatch(part) or part in ("tasks", "notify_on_release", "release_agent"):
            raise ValueError(
                f"CgroupIsolator.root: {root!r} must be names of A-Z a-z 0-9 . _ -, with slashes between"
            )


class Hierarchy:
    """The groups of one owner below `base`: its own is `root`. Made when it is `make`d."""

    version = 1

    def __init__(self, base: Path, name: str, controllers: Iterable[str]) -> None:
        self.base = base
        self.controllers = frozenset(controllers)
        self._names = name.split("/")
        self.root = str(base / name)
        self._lock = -1

    def directory(self, id_: str) -> str:
        """Where a container's group is, or would be."""
        return f"{self.root}/{PREFIX}{id_}"

    def path(self) -> list[str]:
        """All groups from below the base to the root."""
        return [str(self.base.joinpath(*self._names[: n + 1])) for n in range(len(self._names))]

    def make(self) -> None:
        """Make the root, and all above it. OSError."""
        for each in self.path():
            with contextlib.suppress(FileExistsError):
                os.mkdir(each)

    def lock(self) -> None:
        """Have the root for this owner alone, until `close`. RootInUseError, OSError."""
        if self._lock >= 0:
            return
        for _ in range(ROUNDS):
            fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_ino == os.stat(self.root).st_ino:
                    self._lock = fd
                    return
            except BlockingIOError as error:
                os.close(fd)
                raise RootInUseError(errno.EBUSY, "another owner has this root", self.root) from error
            except FileNotFoundError:
                pass
            # The last owner removed it meanwhile.
            os.close(fd)
            self.make()
        raise RootInUseError(errno.EBUSY, "other owners have this root, one after the other", self.root)

    def ids(self) -> set[str]:
        """The containers that have a group here. Groups that are not ours have other names."""
        try:
            with os.scandir(self.root) as entries:
                return {
                    entry.name[len(PREFIX) :]
                    for entry in entries
                    if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)
                }
        except FileNotFoundError:
            return set()

    def refusal(self) -> str | None:
        """Why groups cannot be made here, if they cannot."""
        place: Path | str = self.root if os.path.isdir(self.root) else self.base
        return None if os.access(place, os.W_OK) else f"{place} may not be written by user {os.geteuid()}"

    def close(self) -> None:
        """Let go of the root, and remove it and those above it that hold nothing. No effect if it was not locked."""
        if self._lock < 0:
            return
        with contextlib.suppress(OSError):
            for each in reversed(self.path()):
                os.rmdir(each)
        os.close(self._lock)
        self._lock = -1


class UnifiedHierarchy(Hierarchy):
    """The hierarchy of v2, in which controllers are to be switched on at each level."""

    version = 2

    def __init__(self, base: Path, name: str, controllers: Iterable[str], *, delegated: bool = False) -> None:
        super().__init__(base, name, controllers)
        self._delegated = delegated

    def make(self) -> None:
        """Make the root, and all above it, with the controllers that there are. OSError."""
        super().make()
        if self.controllers:
            for each in (str(self.base), *self.path()):
                self._enable(each)

    def _enable(self, group: str) -> None:
        """Give the groups below one its controllers. OSError."""
        here = set(read_words(f"{group}/cgroup.controllers"))
        lacking = (self.controllers & {each.decode() for each in here}) - {
            each.decode() for each in read_words(f"{group}/cgroup.subtree_control")
        }
        if not lacking:
            return
        wanted = " ".join(f"+{each}" for each in sorted(lacking))
        try:
            write(f"{group}/cgroup.subtree_control", wanted)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            # A group that gives its children controllers may not have processes itself.
            self._empty(group)
            write(f"{group}/cgroup.subtree_control", wanted)

    def _empty(self, group: str) -> None:
        """Move the processes of a group into a leaf below it. OSError."""
        leaf = f"{group}/{LEAF}"
        with contextlib.suppress(FileExistsError):
            os.mkdir(leaf)
        for _ in range(ROUNDS):
            pids = {int(pid) for pid in read_words(f"{group}/cgroup.procs")}
            if not pids:
                return
            if not self._delegated and pids - {os.getpid(), *descendants(os.getpid())}:
                break
            for pid in pids:
                # It may have ended; of a zombie nothing is moved, and nothing needs to be.
                with contextlib.suppress(ProcessLookupError):
                    write(f"{leaf}/cgroup.procs", str(pid))
        os.rmdir(leaf)
        raise OSError(errno.EBUSY, "there are processes of others in the group itself", group)
