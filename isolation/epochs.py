"""The directory in which lasting containers are on record.

    STATE/lock            held by the owner, the launcher that lives
    STATE/log             what zygotes and shims say when they fail
    STATE/live.EPOCH/     the containers of one zygote: a record each, ID.container, and the zygote's socket
    STATE/old.EPOCH/      the same, when another owner took over

A shim begins a record by a path through `live.EPOCH`, and starts nothing if it cannot. So once that is renamed, and
those who just do so are waited for, all that runs or will run is on record in there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from .errors import LauncherClosedError, StateInUseError
from .records import LOST_RECORD, Record, parse_record
from .zygote.frames import MARKER, SOCKET
from .zygote.lines import LIVE, NEW, OLD, SUFFIX
from .zygote.passing import peer_of

__all__ = ["Epoch", "RecordFile", "StateDir"]


class Epoch:
    """The directory of all containers that one zygote starts."""

    def __init__(self, state: Path, prefix: str, name: str) -> None:
        self.state = state
        self.name = name
        self.folder = state / (prefix + name)

    def settle(self) -> bool:
        """Return whether no shim is just beginning a record; from then on, once renamed, none can."""
        with _opened(self.folder) as fd:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def files(self) -> list[RecordFile]:
        """Return the records that there are, in no order."""
        names = [entry.name for entry in os.scandir(self.folder)]
        return [RecordFile(self, name.removesuffix(SUFFIX)) for name in names if name.endswith(SUFFIX)]

    def connect(self) -> socket.socket | None:
        """Return a connection to its zygote, None if that is gone. LauncherClosedError if it is another user's."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.setblocking(False)
        try:
            # By way of its directory's descriptor: an address holds 107 bytes only.
            with _opened(self.folder) as fd:
                connection.connect(f"/proc/self/fd/{fd}/{SOCKET}")
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except OSError as error:
            connection.close()
            raise LauncherClosedError(f"{self.folder / SOCKET}: {error}") from error
        _pid, user = peer_of(connection)
        if user != os.geteuid():
            connection.close()
            raise LauncherClosedError(f"{self.folder / SOCKET}: the process behind it is of user {user}")
        return connection

    def remove_if_empty(self) -> None:
        """Delete it when it holds no record; for when its zygote is gone."""
        with contextlib.suppress(FileNotFoundError):
            if not self.files():
                shutil.rmtree(self.folder)


class RecordFile:
    """Where the record of one container is."""

    def __init__(self, epoch: Epoch, name: str) -> None:
        self.epoch = epoch
        self.id = name
        # Not a Path, which costs as much as the file.
        self._path = f"{epoch.folder}/{name}{SUFFIX}"

    @property
    def marker(self) -> bytes:
        """The variable that its processes have in their environment, unless they took it away."""
        return f"{MARKER}={self.epoch.name}/{self.id}".encode()

    def read(self) -> Record | None:
        """Return what it says, None if there is none (any more)."""
        try:
            return parse_record(Path(self._path).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            return Record(trouble=str(error))

    def lose(self) -> None:
        """Have it say that its container was lost. OSError if that cannot be written."""
        # Another file, as the old one may be torn, or still be written to.
        new = self.epoch.folder / f"lost{NEW}"
        new.write_bytes(LOST_RECORD)
        new.rename(self._path)

    def remove(self) -> None:
        """Delete it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)  # noqa: PTH108 (see above)


class StateDir:
    """A state directory, held by one owner at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.old: list[Epoch] = []
        self._lock = -1

    @property
    def taken(self) -> bool:
        """Whether we are its owner."""
        return self._lock >= 0

    def take(self) -> None:
        """Become its owner, the only one who may launch. StateInUseError if another is; OSError if it is unusable."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._lock, 32).decode(errors="replace").strip()
            os.close(self._lock)
            self._lock = -1
            if error.errno != errno.EWOULDBLOCK:
                raise
            raise StateInUseError(f"state_dir: {self.path} is in use by process {holder or '?'}") from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        for entry in list(os.scandir(self.path)):
            if entry.name.startswith(LIVE):
                (self.path / entry.name).rename(self.path / entry.name.replace(LIVE, OLD, 1))
        names = sorted(entry.name for entry in os.scandir(self.path) if entry.name.startswith(OLD))
        self.old = [Epoch(self.path, OLD, name.removeprefix(OLD)) for name in names]

    def begin_epoch(self) -> Epoch:
        """Make the directory of a new zygote."""
        epoch = Epoch(self.path, LIVE, uuid.uuid4().hex[:16])
        epoch.folder.mkdir(mode=0o700)
        return epoch

    def release(self) -> None:
        """Let another be the owner."""
        if self._lock >= 0:
            # Not by closing alone: a child of ours may have inherited it.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = -1


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
