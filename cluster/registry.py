"""The little that a master must not forget: the interface, in memory, and in SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Protocol

import msgspec

from cluster.messages import AgentInfo

__all__ = ["MemoryRegistry", "Registry", "RegistryError", "RegistryState", "SqliteRegistry"]


class RegistryError(Exception):
    """The registry cannot be read or written."""


class RegistryState(msgspec.Struct):
    """All of it: the agents that were admitted, and the weights of roles."""

    agents: dict[str, AgentInfo] = {}
    weights: dict[str, float] = {}


class Registry(Protocol):
    """Durable before it returns; RegistryError if it cannot be."""

    async def load(self) -> RegistryState:
        """Everything that is stored."""

    async def admit_agent(self, agent: AgentInfo) -> None:
        """Remember an agent, or what has changed of it."""

    async def remove_agent(self, agent_id: str) -> None:
        """Forget an agent."""

    async def set_weights(self, weights: dict[str, float]) -> None:
        """Remember weights of roles, beside those stored."""

    async def close(self) -> None:
        """Release what is held."""


class MemoryRegistry:
    """Forgets at the end of the process: for tests and clusters inside one process."""

    def __init__(self) -> None:
        self.state = RegistryState()

    async def load(self) -> RegistryState:
        """Everything since it was made."""
        return self.state

    async def admit_agent(self, agent: AgentInfo) -> None:
        """Remember an agent."""
        self.state.agents[agent.id] = agent

    async def remove_agent(self, agent_id: str) -> None:
        """Forget an agent."""
        self.state.agents.pop(agent_id, None)

    async def set_weights(self, weights: dict[str, float]) -> None:
        """Remember weights."""
        self.state.weights.update(weights)

    async def close(self) -> None:
        """Nothing is held."""


class SqliteRegistry:
    """A file of SQLite's. Each change is one transaction, on disk when the call returns.

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
                "CREATE TABLE IF NOT EXISTS registry (kind TEXT, id TEXT, value BLOB, PRIMARY KEY (kind, id))"
            )
        except (OSError, sqlite3.Error) as error:
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            why = "another master uses it" if busy else str(error)
            raise RegistryError(f"registry {path}: {why}") from error
        self._path = path
        # SQLite blocks while it syncs: in a thread, one call at a time.
        self._lock = asyncio.Lock()

    async def _write(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        def write() -> None:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(sql, rows)
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise RegistryError(f"registry {self._path}: {error}") from error

        async with self._lock:
            await asyncio.to_thread(write)

    async def load(self) -> RegistryState:
        """Read everything. RegistryError if the file is not ours."""
        state = RegistryState()
        try:
            for kind, id_, value in self._db.execute("SELECT kind, id, value FROM registry"):
                if kind == "agent":
                    state.agents[id_] = msgspec.json.decode(value, type=AgentInfo)
                elif kind == "weight":
                    state.weights[id_] = msgspec.json.decode(value, type=float)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise RegistryError(f"registry {self._path}: {error}") from error
        return state

    async def admit_agent(self, agent: AgentInfo) -> None:
        """Write an agent."""
        await self._put([("agent", agent.id, msgspec.json.encode(agent))])

    async def remove_agent(self, agent_id: str) -> None:
        """Delete an agent."""
        await self._write("DELETE FROM registry WHERE kind = 'agent' AND id = ?", [(agent_id,)])

    async def set_weights(self, weights: dict[str, float]) -> None:
        """Write weights, all or none."""
        await self._put([("weight", role, msgspec.json.encode(weight)) for role, weight in weights.items()])

    async def _put(self, rows: list[tuple[object, ...]]) -> None:
        await self._write("INSERT OR REPLACE INTO registry VALUES (?, ?, ?)", rows)

    async def close(self) -> None:
        """Close the file."""
        async with self._lock:
            self._db.close()
