"""Where operators' calls meet the master: what is seen, and what is changed, each in a turn of the master's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from cluster.http.mesos_files import MesosFiles
from cluster.http.snapshot import Snapshots
from cluster.master import Master, MasterState
from cluster.registry import RegistryError

__all__ = ["Desk", "bad", "conflict", "missing"]

T = TypeVar("T")


class Desk:
    """One master's. `snapshots` are those of its other pages, which are to show what was changed here."""

    def __init__(self, master: Master, snapshots: Snapshots, files: MesosFiles) -> None:
        self.master = master
        self.files = files
        self._snapshots = snapshots

    async def see(self, look: Callable[[MasterState], T]) -> T:
        """Look at the master's state, in a turn; what is returned must not change with it."""
        # In a tuple: what is returned may be awaitable.
        (seen,) = await self.master.system.call(self.master.upid, lambda: (look(self.master.state),))
        result: T = seen
        return result

    async def change(
        self, rule: Callable[[], str | None], refuse: Callable[[str], web.HTTPException]
    ) -> None:
        """Change something by a rule that returns what is wrong with it, or None. Returns when it is on record.

        HTTPServiceUnavailable if it may be forgotten.
        """
        master = self.master

        def turn() -> tuple[object]:
            if (problem := rule()) is not None:
                raise refuse(problem)
            self._snapshots.forget()
            return (master.recorded(),)

        (recorded,) = await master.system.call(master.upid, turn)
        try:
            await recorded
        except RegistryError as error:
            raise web.HTTPServiceUnavailable(text=f"it may be forgotten: {error}\n") from error


def bad(text: str) -> web.HTTPException:
    """400."""
    return web.HTTPBadRequest(text=f"{text}\n")


def conflict(text: str) -> web.HTTPException:
    """409."""
    return web.HTTPConflict(text=f"{text}\n")


def missing(text: str) -> web.HTTPException:
    """404."""
    return web.HTTPNotFound(text=f"{text}\n")
