"""The records of lasting containers, as their shims write them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys

from .killing import read_file
from .lines import FORMAT, LIVE, NEW, SUFFIX, encode_line, start_of


class Journal:
    """The directory of an epoch: of all containers that one zygote starts.

    A record begins before its command is started, by a path that the next owner takes away when it takes over. So
    either that owner finds the record, or the command is not started: nothing ever runs unknown to it. The shared
    lock of the directory is what that owner waits for, since the kernel may have looked the path up just before.
    """

    def __init__(self, state_fd: int, epoch: str) -> None:
        self.epoch = epoch
        self._state_fd = state_fd
        self._folder = LIVE + epoch
        self.fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=state_fd)
        self._shim = (0, 0)
        self._gate = -1
        self._boot = read_file("/proc/sys/kernel/random/boot_id").decode().strip()

    def begin(self, name: str, number: int) -> Entry:
        """Begin the record of a container, for the shim of this number, which is this process. OSError if it cannot.

        Nothing is synced to the disk: what a process wrote outlives it, and no container outlives the machine.
        """
        new, whole = f"{self._folder}/{number}{NEW}", f"{self._folder}/{name}{SUFFIX}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        entry = Entry(os.open(new, flags, 0o600, dir_fd=self._state_fd), self.fd, name)
        try:
            if self._shim[0] != os.getpid():
                self._shim = os.getpid(), start_of(read_file("/proc/self/stat"))
                # Opened anew: a descriptor that was inherited shares its lock with all other shims.
                self._gate = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
            os.write(entry.fd, encode_line("begun", FORMAT, self._boot, number, *self._shim))
            fcntl.flock(self._gate, fcntl.LOCK_SH | fcntl.LOCK_NB)
            try:
                os.rename(new, whole, src_dir_fd=self._state_fd, dst_dir_fd=self._state_fd)
            finally:
                fcntl.flock(self._gate, fcntl.LOCK_UN)
        except OSError:
            entry.close()
            raise
        return entry


class Entry:
    """The record of one container."""

    def __init__(self, fd: int, directory_fd: int, name: str) -> None:
        self.fd = fd
        self._directory_fd = directory_fd
        self._name = name

    def add(self, *words: object) -> bool:
        """Add a line; False, and a word in the log of the zygote, if it cannot be."""
        try:
            os.write(self.fd, encode_line(*words))
        except OSError as error:
            sys.stderr.write(f"container {self._name}: {words[0]} cannot be recorded: {error}\n")
            return False
        return True

    def withdraw(self) -> None:
        """Delete it: the command was not started."""
        # Not by the path that it was made with: that may be taken away by now.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name + SUFFIX, dir_fd=self._directory_fd)
        self.close()

    def close(self) -> None:
        """Close its file."""
        os.close(self.fd)
