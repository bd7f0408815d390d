"""A registry in a file of SQLite's."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from .interface import RegistryError
from .state import KINDS, Change, RegistryState, decode, encode

__all__ = ["SqliteRegistry"]


class SqliteRegistry:
    """A file of SQLite's. Each write is one transaction, on disk when the call returns.

    RegistryError if it cannot be opened, or another master has it: two would forget each other's agents.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0)
            # The kernel's lock, held until the file is closed: the end of the process, whatever ends it, frees it.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS objects (kind TEXT, id TEXT, value BLOB, PRIMARY KEY (kind, id))"
            )
        except (OSError, sqlite3.Error) as error:
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            why = "another master uses it" if busy else str(error)
            raise RegistryError(f"registry {path}: {why}") from error
        self._path = path
        # SQLite blocks while it syncs: in a thread, one call at a time.
        self._lock = asyncio.Lock()

    async def load(self) -> RegistryState:
        """Read everything. RegistryError if the file is not ours."""
        state = RegistryState()
        try:
            for kind, id_, value in self._db.execute("SELECT kind, id, value FROM objects"):
                if kind not in KINDS:
                    # Deciding without it would be to forget it: say, that an agent is gone.
                    raise RegistryError(f"registry {self._path}: {kind!r} is of a newer version")
                state.apply(Change(kind, id_, decode(kind, value)))
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise RegistryError(f"registry {self._path}: {error}") from error
        return state

    async def write(self, changes: Sequence[Change]) -> None:
        """Write them in one transaction."""
        rows = [(each.kind, each.id, None if each.value is None else encode(each)) for each in changes]

        def write() -> None:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for kind, id_, value in rows:
                    if value is None:
                        self._db.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, id_))
                    else:
                        self._db.execute(
                            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (kind, id_, value)
                        )
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise RegistryError(f"registry {self._path}: {error}") from error

        async with self._lock:
            await asyncio.to_thread(write)

    async def close(self) -> None:
        """Close the file."""
        async with self._lock:
            self._db.close()
