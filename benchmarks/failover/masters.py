"""Three masters, each a process that is started again when it ends, and who of them leads."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from actors import UPID, format_address
from benchmarks.processor import scheduled
from cluster.election import Detector, detector_for
from cluster.local import NodeProcess

__all__ = ["Masters"]

COUNT = 3
PAUSE = 1.0
"""Seconds until a supervisor starts a master again. On real machines that start would not slow the others down."""


class Masters:
    """They elect one of them at `election`, etcd://...; `changed` is told who leads, and when that was known here."""

    def __init__(
        self, election: str, ttl: int, directory: Path, changed: Callable[[str, float], None]
    ) -> None:
        self.election = election
        self.leader = ""
        """The UPID of the leader, empty if there is none."""
        self._changed = changed
        self._detector: Detector | None = None
        self._nodes = [
            NodeProcess(
                f"master-{number}",
                [
                    *("master", "--host", "127.0.0.1", "--port", "0", "--election", election),
                    *("--lease-ttl", str(ttl), "--work-dir", str(directory / f"master-{number}")),
                ],
                directory / f"master-{number}.log",
            )
            for number in range(COUNT)
        ]
        self._supervising: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start them; return when all serve, whoever leads."""
        await asyncio.gather(*(node.start() for node in self._nodes))
        self._supervising = [asyncio.ensure_future(self._supervise(node)) for node in self._nodes]
        self._detector = detector_for(self.election)
        self._detector.watch(self._detected)

    def check(self) -> None:
        """NodeFailedError if one of them could not be started again."""
        for task in self._supervising:
            if task.done():
                task.result()

    def kill_leader(self) -> None:
        """SIGKILL it."""
        self.leading.kill()

    def end_leader(self) -> None:
        """SIGTERM: it hands over."""
        os.kill(self.leading.pid, signal.SIGTERM)

    def scheduled(self) -> tuple[float, float]:
        """Seconds that the leader has run, and has waited for a processor: see `processor.scheduled`."""
        return scheduled(self.leading.pid)

    @property
    def leading(self) -> NodeProcess:
        """The process of the leader. LookupError if there is none."""
        if not self.leader:
            raise LookupError("no master leads")
        address = format_address(UPID.parse(self.leader).address)
        return next(node for node in self._nodes if node.address == address)

    async def stop(self) -> None:
        """End all."""
        for task in self._supervising:
            task.cancel()
        await asyncio.gather(*self._supervising, return_exceptions=True)
        if self._detector is not None:
            self._detector.close()
        await asyncio.gather(*(node.stop() for node in self._nodes))

    def _detected(self, leader: UPID | None) -> None:
        self.leader = "" if leader is None else str(leader)
        if leader is not None:
            self._changed(self.leader, time.monotonic())

    async def _supervise(self, node: NodeProcess) -> None:
        while True:
            await node.wait()
            await asyncio.sleep(PAUSE)
            await node.restart()
