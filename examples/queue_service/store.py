"""What must not be forgotten: sessions, jobs and the framework's id, in a file of SQLite's."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TypeVar

import msgspec

from .jobs import ACTIVE, Job, JobState, Session

SCHEMA = """
CREATE TABLE IF NOT EXISTS framework (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, closed REAL NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, session INTEGER NOT NULL, key TEXT,
    state TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (session, key)
);
CREATE INDEX IF NOT EXISTS sessions_by_closed ON sessions (closed);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
CREATE INDEX IF NOT EXISTS jobs_by_user ON jobs (user);
"""

Kept = TypeVar("Kept", Job, Session)


class Store:
    """Each change is one transaction, on disk when the call returns; sqlite3.Error if it cannot be.

    Calls block while the disk syncs. In return nothing happens between a change in memory, on disk and what
    others are told of it. Where the disk is too slow for that, collect what some milliseconds bring into one
    transaction, and answer after it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=0)
        # The kernel's lock, held until the process ends: two services on one file would launch jobs twice.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def framework_id(self) -> str:
        """The id that the master gave; empty if there is none yet."""
        row = self._db.execute("SELECT id FROM framework").fetchone()
        return "" if row is None else str(row[0])

    def set_framework_id(self, value: str) -> None:
        """Keep the id that the master gave."""
        with self._db:
            self._db.execute("DELETE FROM framework")
            self._db.execute("INSERT INTO framework VALUES (?)", (value,))

    def add(self, thing: Kept) -> Kept:
        """Keep a new job or session; return it with its id, which is never used again."""
        body = msgspec.json.encode(thing)
        with self._db:
            if isinstance(thing, Job):
                row = (thing.user, thing.session, thing.key or None, thing.state, body)
                sql = "INSERT INTO jobs (user, session, key, state, body) VALUES (?, ?, ?, ?, ?)"
                done = self._db.execute(sql, row)
            else:
                sql = "INSERT INTO sessions (closed, body) VALUES (?, ?)"
                done = self._db.execute(sql, (thing.closed, body))
        return msgspec.structs.replace(thing, id=done.lastrowid)

    def save(self, *things: Job | Session) -> None:
        """Keep jobs and sessions as they are now: all of them or, with an error, none."""
        with self._db:
            for thing in things:
                body = msgspec.json.encode(thing)
                if isinstance(thing, Job):
                    sql = "UPDATE jobs SET state = ?, body = ? WHERE id = ?"
                    self._db.execute(sql, (thing.state, body, thing.id))
                else:
                    sql = "UPDATE sessions SET closed = ?, body = ? WHERE id = ?"
                    self._db.execute(sql, (thing.closed, body, thing.id))

    def job(self, job_id: int) -> Job | None:
        """A job by its id."""
        return next(iter(self._all(Job, "jobs WHERE id = ?", job_id)), None)

    def job_with_key(self, session_id: int, key: str) -> Job | None:
        """The job of a session that was asked for with this key."""
        return next(iter(self._all(Job, "jobs WHERE session = ? AND key = ?", session_id, key)), None)

    def jobs(self, user: str, session: int | None, state: JobState | None, above: int) -> list[Job]:
        """The first thousand jobs of a user (of a session, in a state) with ids above that one."""
        query = "jobs WHERE user = ?1 AND (?2 IS NULL OR session = ?2) AND (?3 IS NULL OR state = ?3)"
        return self._all(Job, f"{query} AND id > ?4 ORDER BY id LIMIT 1000", user, session, state, above)

    def active_jobs(self) -> list[Job]:
        """All jobs that have not ended."""
        return self._all(Job, "jobs WHERE state IN (?, ?, ?)", *ACTIVE)

    def session(self, session_id: int) -> Session | None:
        """A session by its id, open or closed."""
        return next(iter(self._all(Session, "sessions WHERE id = ?", session_id)), None)

    def open_sessions(self) -> list[Session]:
        """All that are open."""
        return self._all(Session, "sessions WHERE closed = 0")

    def _all(self, kind: type[Kept], query: str, *values: object) -> list[Kept]:
        rows = self._db.execute(f"SELECT id, body FROM {query}", values)  # noqa: S608 - the queries above
        # A body is first written before its row has an id.
        return [msgspec.structs.replace(msgspec.json.decode(body, type=kind), id=id_) for id_, body in rows]
