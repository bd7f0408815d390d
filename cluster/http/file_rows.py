"""What is shown of a file: as Mesos's `FileInfo` has it."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass

__all__ = ["FileRow", "Owners", "file_row"]


@dataclass(frozen=True, slots=True)
class FileRow:
    """An entry of a directory. `path` is virtual, with the path that was asked for; what is no UTF-8 in it is replaced.

    A link is shown as what it leads to, or as itself if that is nothing in the sandbox. `size` is in bytes, `mtime` in
    nanoseconds since the epoch, `mode` has the kind of file in it; `uid` and `gid` are names, where they have some.
    """

    path: str
    nlink: int
    size: int
    mtime: int
    mode: int
    uid: str
    gid: str

    @property
    def mode_text(self) -> str:
        """As `ls -l` shows it: `-rw-r--r--`."""
        return stat.filemode(self.mode)


class Owners:
    """The names of users and groups, each asked for once: that may take a request over the network."""

    def __init__(self) -> None:
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}

    def user(self, number: int) -> str:
        """Its name, or its number."""
        if number not in self._users:
            try:
                self._users[number] = pwd.getpwuid(number).pw_name
            except KeyError:
                self._users[number] = str(number)
        return self._users[number]

    def group(self, number: int) -> str:
        """Its name, or its number."""
        if number not in self._groups:
            try:
                self._groups[number] = grp.getgrgid(number).gr_name
            except KeyError:
                self._groups[number] = str(number)
        return self._groups[number]


def file_row(directory: str, name: str, status: os.stat_result, owners: Owners) -> FileRow:
    """The row of a name in a directory; `directory` ends with a slash."""
    return FileRow(
        directory + name.encode(errors="surrogateescape").decode(errors="replace"),
        status.st_nlink,
        status.st_size,
        status.st_mtime_ns,
        status.st_mode,
        owners.user(status.st_uid),
        owners.group(status.st_gid),
    )
