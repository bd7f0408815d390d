"""What the dispatcher must not forget, in a file of SQLite's: on disk when a call returns."""

import sqlite3
from pathlib import Path

import msgspec

from .rules import Entry

__all__ = ["Store"]


class Store:
    """The dispatcher's framework id, and every request by its id. sqlite3.Error if the file cannot be used.

    One process at a time: the kernel's lock ends with the process, whatever ends it. A write blocks the event
    loop for the few milliseconds of a sync.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS dispatcher (framework_id TEXT)")
        self._db.execute("CREATE TABLE IF NOT EXISTS entries (id TEXT PRIMARY KEY, entry BLOB)")
        rows = self._db.execute("SELECT id, entry FROM entries ORDER BY rowid")
        self.entries = {str(id_): msgspec.json.decode(data, type=Entry) for id_, data in rows}
        row = self._db.execute("SELECT framework_id FROM dispatcher").fetchone()
        self.framework_id: str = row[0] if row else ""

    def save(self, entry: Entry) -> None:
        """Write a request, new or changed."""
        sql = "INSERT INTO entries VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET entry = excluded.entry"
        self._db.execute(sql, (entry.request.id, msgspec.json.encode(entry)))
        self.entries[entry.request.id] = entry

    def name(self, framework_id: str) -> None:
        """Write the dispatcher's framework id; "" to begin as a new framework next time."""
        self._db.execute("REPLACE INTO dispatcher (rowid, framework_id) VALUES (1, ?)", (framework_id,))
        self.framework_id = framework_id

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
