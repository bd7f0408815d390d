"""Where an agent's books are written down: the interface, in memory, and in SQLite."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Protocol

from .checkpoint import CheckpointError, RecordKey

__all__ = ["AgentStore", "MemoryStore", "SqliteStore"]


class AgentStore(Protocol):
    """Records by their keys. What is committed outlives the agent's process."""

    def load(self) -> dict[RecordKey, bytes]:
        """Everything that is stored. CheckpointError if it cannot be read."""

    def commit(self, changes: Mapping[RecordKey, bytes | None]) -> Awaitable[None] | None:
        """Make these changes, all or none; None deletes. Return what to await until they are made, or None.

        CheckpointError if they cannot be.
        """

    def close(self) -> None:
        """Release what is held."""


class MemoryStore:
    """Records in a dict, whose owner may keep it longer than the agent: a disk, for simulations."""

    def __init__(self, records: dict[RecordKey, bytes] | None = None) -> None:
        self.records = {} if records is None else records

    def load(self) -> dict[RecordKey, bytes]:
        """A copy."""
        return dict(self.records)

    def commit(self, changes: Mapping[RecordKey, bytes | None]) -> Awaitable[None] | None:
        """At once."""
        for key, data in changes.items():
            if data is None:
                self.records.pop(key, None)
            else:
                self.records[key] = data
        return None

    def close(self) -> None:
        """Nothing is held."""


class SqliteStore:
    """A file of SQLite's in the agent's work directory, for one agent at a time.

    A commit is one transaction, in the kernel's hands when it returns: the end of the process, whatever ends it, loses
    nothing. The end of the machine may lose the last of it, and has then ended the tasks too. Waiting for the disk
    at each commit would buy nothing more, and cost a few milliseconds each time.

    CheckpointError if the file is another agent's, or none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CheckpointError(f"checkpoint {path}: {error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS records (kind TEXT, framework TEXT, id TEXT, value BLOB, "
                "PRIMARY KEY (kind, framework, id)) WITHOUT ROWID"
            )
        except BlockingIOError as error:
            os.close(self._lock)
            raise CheckpointError(f"checkpoint {path}: another agent uses it") from error
        except (OSError, sqlite3.Error) as error:
            os.close(self._lock)
            raise CheckpointError(f"checkpoint {path}: {error}") from error

    def load(self) -> dict[RecordKey, bytes]:
        """Read everything."""
        try:
            rows = self._db.execute("SELECT kind, framework, id, value FROM records")
            return {(kind, framework, id_): value for kind, framework, id_, value in rows}
        except sqlite3.Error as error:
            raise CheckpointError(f"checkpoint {self._path}: {error}") from error

    def commit(self, changes: Mapping[RecordKey, bytes | None]) -> Awaitable[None] | None:
        """One transaction, made when this returns."""
        gone = [key for key, data in changes.items() if data is None]
        kept = [(*key, data) for key, data in changes.items() if data is not None]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", kept)
            self._db.executemany("DELETE FROM records WHERE kind = ? AND framework = ? AND id = ?", gone)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise CheckpointError(f"checkpoint {self._path}: {error}") from error
        return None

    def close(self) -> None:
        """Close the file."""
        self._db.close()
        os.close(self._lock)
