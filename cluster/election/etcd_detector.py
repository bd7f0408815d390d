"""Who leads an election in etcd."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from random import Random

from actors import UPID, Clock
from cluster.etcd import (
    CompactedError,
    Etcd,
    EtcdRefusedError,
    EtcdUnavailableError,
    KeyValue,
    WatchSilentError,
)

from .clocks import BootClock, sleep
from .leader import Leader, leader_key
from .pauses import Pauses
from .standalone import is_here

__all__ = ["EtcdDetector"]

log = logging.getLogger("ostrom.election")

SPREAD = 0.5
"""Seconds: some thousands of agents come to a new master in them without a queue. With more of them take more."""
REFUSED_AGAIN = 5.0
"""Seconds until etcd is asked again that has refused to tell: an operator may mend that."""


class EtcdDetector:
    """Follows the leader at a path of etcd's.

    While etcd cannot be reached the last leader that is known is taken for it: whether it still leads is for itself to
    know, and a cluster should not stand still for that. `etcd` is closed with the detector.
    """

    def __init__(
        self,
        etcd: Etcd,
        path: str,
        clock: Clock | None = None,
        rng: Random | None = None,
        spread: float = SPREAD,
    ) -> None:
        self.key = leader_key(path)
        self.spread = spread
        self._etcd = etcd
        self._clock = clock
        self._pauses = Pauses(rng)
        self._known: tuple[UPID | None, int] | None = None
        self._following: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        """Call back with the leader as soon as it is known, and at every change; None while there is none."""
        if self._following is not None:
            raise RuntimeError("it is watched already")
        self._following = asyncio.get_running_loop().create_task(self._follow(changed))
        self._following.add_done_callback(_report)

    async def on_this_machine(self) -> bool:
        """Whether the leader can be reached from here alone: then so it is with those who contend with it."""
        clock = self._clock or BootClock()
        while True:
            pause = self._pauses.next()
            try:
                item, _ = await self._etcd.get(self.key)
                if item is not None:
                    return is_here(Leader.decode(item.value))
            except EtcdUnavailableError as error:
                self._pauses.note(error)
            except (EtcdRefusedError, ValueError) as error:
                log.error("etcd does not tell who leads: %s", error)  # noqa: TRY400 - no news in the traceback
                pause = REFUSED_AGAIN
            await sleep(clock, pause)

    def close(self) -> None:
        """Stop watching."""
        if self._following is not None:
            self._following.cancel()
        elif self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._etcd.close())

    async def _follow(self, changed: Callable[[UPID | None], None]) -> None:
        clock = self._clock or BootClock()
        try:
            while True:
                try:
                    item, revision = await self._etcd.get(self.key)
                    self._pauses.over()
                    self._tell(item, changed)
                    async with aclosing(self._etcd.watch(self.key, revision + 1)) as watch:
                        async for events in watch:
                            for event in events:
                                self._tell(event.item, changed)
                    pause = self._pauses.next()
                except WatchSilentError:
                    continue
                except (CompactedError, EtcdUnavailableError) as error:
                    self._pauses.note(error)
                    pause = self._pauses.next()
                except EtcdRefusedError as error:
                    log.error("etcd does not tell who leads: %s", error)  # noqa: TRY400 - no news in the traceback
                    pause = REFUSED_AGAIN
                await sleep(clock, pause)
        finally:
            await self._etcd.close()

    def _tell(self, item: KeyValue | None, changed: Callable[[UPID | None], None]) -> None:
        leader, term = None, 0
        if item is not None:
            term = item.create_revision
            try:
                leader = Leader.decode(item.value)
            except ValueError as error:
                log.warning("%s in etcd names no leader: %s", self.key, error)
        if (leader, term) == self._known:
            return
        self._known = (leader, term)
        changed(leader)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": "the detector of the leader ended", "exception": error, "task": task}
        )
