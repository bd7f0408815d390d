"""The files of a node under the names that Mesos has for them: logs, and the sandboxes of executors."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from cluster.agent import Agent
from cluster.v1.errors import shown

from .beneath import OutsideError, open_beneath
from .file_rows import FileRow, Owners, file_row

__all__ = [
    "AGENT_LOG",
    "MASTER_LOG",
    "MAX_READ",
    "FileRow",
    "FilesError",
    "MesosFiles",
    "NoFileError",
    "OpenFile",
    "agent_files",
    "master_files",
    "virtual_sandbox",
]

MASTER_LOG = "/master/log"
AGENT_LOG = "/slave/log"
MAX_READ = 65536
"""Bytes that one read gives at most, as in Mesos."""
MAX_ENTRIES = 10_000


class FilesError(Exception):
    """What is asked for cannot be given: 400 over HTTP. The text names the path."""


class NoFileError(FilesError):
    """There is nothing of that name: 404 over HTTP."""


class Place(NamedTuple):
    """Where a virtual path leads: a file or directory, and a name in it. `ours`: no task can put a link there."""

    root: Path
    name: str
    ours: bool = False


class OpenFile:
    """A regular file. `size` is its size when it was opened, in bytes."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self.name = name
        """The last part of its path."""
        self.size = os.fstat(fd).st_size

    async def read(self, offset: int, length: int) -> bytes:
        """What is there, at most that much; nothing at its end. OSError of the disk."""
        return await asyncio.to_thread(os.pread, self._fd, length, offset)

    def close(self) -> None:
        """Close it, once nobody reads any more."""
        os.close(self._fd)


Resolver = Callable[[str], Place | None]


class MesosFiles:
    """The virtual files of one node: those in `attached`, by the name for each, and those that `resolve` finds."""

    def __init__(
        self,
        attached: Mapping[str, Path] | None = None,
        resolve: Resolver = lambda _path: None,
        listed: Callable[[], Mapping[str, Path]] = dict,
    ) -> None:
        self._attached = dict(attached or {})
        self._resolve = resolve
        self._listed = listed

    def attached(self) -> dict[str, Path]:
        """All virtual names that are known now, and where they lead (`/files/debug`)."""
        return {**self._attached, **self._listed()}

    async def browse(self, path: str) -> list[FileRow]:
        """The entries of a directory by name, at most 10,000. FilesError."""
        place = self._find(path)
        return await asyncio.to_thread(_browse, path, place)

    async def read(self, path: str, offset: int, length: int | None = None) -> tuple[bytes, int]:
        """A part of a file, at most 64 KiB, and the file's size. FilesError. An offset of -1 is the file's end."""
        if offset < -1 or (length is not None and length < 0):
            raise FilesError(f"offset and length must be 0 or more, not {offset} and {length}")
        place = self._find(path)
        return await asyncio.to_thread(_read, path, place, offset, length)

    async def open(self, path: str) -> OpenFile:
        """Open a file to read all of it. FilesError."""
        place = self._find(path)
        name = path.rstrip("/").rpartition("/")[2]
        return OpenFile(await asyncio.to_thread(_open_file, path, place), name)

    def _find(self, path: str) -> Place:
        if not path:
            raise FilesError("path is missing")
        path = path.rstrip("/")
        name, rest = path, ""
        while name:
            if name in self._attached:
                return Place(self._attached[name], rest, ours=True)
            name, _, last = name.rpartition("/")
            rest = f"{last}/{rest}" if rest else last
        place = self._resolve(path)
        if place is None:
            raise _nothing(path)
        return place


def master_files(log_file: Path | None = None) -> MesosFiles:
    """Those of a master: its log, if it has one."""
    return MesosFiles({} if log_file is None else {MASTER_LOG: log_file})


def agent_files(agent: Agent, log_file: Path | None = None) -> MesosFiles:
    """Those of an agent: its log, if it has one, and its sandboxes as long as they are there.

    A sandbox has its absolute path, and the latest of an executor `virtual_sandbox`. The tasks of a task group have
    sandboxes of their own; `tasks/<task>` below the group's executor is one, too, as with Mesos's default executor.
    """

    def latest(framework_id: str, executor_id: str) -> Path | None:
        try:
            return agent.sandboxes.latest(agent.state.info.id, framework_id, executor_id)
        except ValueError:
            return None

    def virtual(path: str) -> Place | None:
        match path.split("/"):
            case ["", "frameworks", framework_id, "executors", executor_id, "runs", "latest", *rest]:
                if (root := latest(framework_id, executor_id)) is not None:
                    return Place(root, "/".join(rest))
                if (
                    len(rest) > 1
                    and rest[0] == "tasks"
                    and (root := latest(framework_id, rest[1])) is not None
                ):
                    return Place(root, "/".join(rest[2:]))
        return None

    def absolute(path: str) -> Place | None:
        work_dir = agent.sandboxes.work_dir
        if not path.startswith(f"{work_dir}/"):
            return None
        match path.removeprefix(f"{work_dir}/").split("/"):
            case ["agents", agent_id, "frameworks", framework_id, "executors", name, *rest]:
                ids = agent_id, framework_id, name
                if all(part not in ("", ".", "..") and "\0" not in part for part in ids):
                    root = work_dir / "agents" / agent_id / "frameworks" / framework_id / "executors" / name
                    return Place(root, "/".join(rest))
        return None

    def listed() -> Mapping[str, Path]:
        found = {}
        for run in agent.state.runs.values():
            if run.sandbox and (path := latest(*run.key)) is not None:
                found[str(path)] = found[virtual_sandbox(*run.key)] = path
        return found

    return MesosFiles(
        {} if log_file is None else {AGENT_LOG: log_file},
        lambda path: virtual(path) or absolute(path),
        listed,
    )


def virtual_sandbox(framework_id: str, executor_id: str) -> str:
    """The virtual path of an executor's latest sandbox."""
    return f"/frameworks/{framework_id}/executors/{executor_id}/runs/latest"


# What blocks, in threads.


def _open(path: str, place: Place) -> int:
    try:
        if place.ours and not place.name:
            return os.open(place.root, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        return open_beneath(place.root, place.name)
    except OutsideError:
        raise FilesError(f"path: {shown(path)} leads out of its directory") from None
    except (OSError, ValueError) as error:
        raise _nothing(path) from error


def _open_file(path: str, place: Place) -> int:
    fd = _open(path, place)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            raise FilesError(f"path: {shown(path)} is a directory")
        if not stat.S_ISREG(mode):
            raise _nothing(path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _read(path: str, place: Place, offset: int, length: int | None) -> tuple[bytes, int]:
    fd = _open_file(path, place)
    try:
        size = os.fstat(fd).st_size
        offset = size if offset == -1 else offset
        if offset >= size:
            return b"", size
        return os.pread(fd, MAX_READ if length is None else min(length, MAX_READ), offset), size
    except OSError as error:
        raise FilesError(f"path: {shown(path)} cannot be read: {error.strerror}") from error
    finally:
        os.close(fd)


def _browse(path: str, place: Place) -> list[FileRow]:
    fd = _open(path, place)
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise FilesError(f"path: {shown(path)} is no directory")
        with os.scandir(fd) as found:
            names = sorted(entry.name for entry in found)
        rows, owners = [], Owners()
        for name in itertools.islice(names, MAX_ENTRIES):
            # What is removed meanwhile is left out.
            with contextlib.suppress(FileNotFoundError):
                rows.append(file_row(f"{path.rstrip('/')}/", name, _status(fd, name, place), owners))
        return rows
    except OSError as error:
        raise FilesError(f"path: {shown(path)} cannot be read: {error.strerror}") from error
    finally:
        os.close(fd)


def _status(directory: int, name: str, place: Place) -> os.stat_result:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        with contextlib.suppress(OSError, OutsideError):
            fd = open_beneath(place.root, f"./{place.name}/{name}")
            try:
                return os.fstat(fd)
            finally:
                os.close(fd)
    return status


def _nothing(path: str) -> NoFileError:
    return NoFileError(f"path: there is no {shown(path)} here")
