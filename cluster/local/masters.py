"""Several masters of a local cluster, and the etcd in which they elect one of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from cluster.election import DEFAULT_TTL, leader_of
from cluster.etcd.server import EtcdCluster

from .processes import NodeFailedError, NodeProcess

__all__ = ["LocalMasters"]

log = logging.getLogger("ostrom.local")

ELECTED_WITHIN = 60.0
RESTART_PAUSE = 0.5


class LocalMasters:
    """So many masters as processes, each started again when it has ended: one that has lost the lead ends.

    `arguments` gives the command line of a master by its name and number; what is for the election is added.
    """

    def __init__(
        self,
        count: int,
        work_dir: Path,
        arguments: Callable[[str, int], list[str]],
        lease_ttl: int = DEFAULT_TTL,
    ) -> None:
        self._etcd = EtcdCluster(1, work_dir / "etcd")
        self.url = f"etcd://{','.join(self._etcd.endpoints)}/ostrom"
        """What agents, frameworks and commands are given."""
        election = ["--election", self.url, "--lease-ttl", str(lease_ttl)]
        names = [f"master-{number}" for number in range(count)]
        self.nodes = [
            NodeProcess(name, [*arguments(name, number), *election], work_dir / f"{name}.log")
            for number, name in enumerate(names)
        ]
        self._supervising: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all; return when one leads. EtcdServerError, NodeFailedError or TimeoutError if that is not to be."""
        await self._etcd.start()
        await asyncio.gather(*(node.start() for node in self.nodes))
        self._supervising = [asyncio.ensure_future(_supervise(node)) for node in self.nodes]
        await leader_of(self.url, ELECTED_WITHIN)

    async def stop(self) -> None:
        """End all."""
        for task in self._supervising:
            task.cancel()
        await asyncio.gather(*self._supervising, return_exceptions=True)
        await asyncio.gather(*(node.stop() for node in self.nodes))
        await self._etcd.stop()


async def _supervise(node: NodeProcess) -> None:
    while True:
        status = await node.wait()
        log.warning("%s ended with status %s, starting it again", node.name, status)
        try:
            await node.restart()
        except NodeFailedError as error:
            log.warning("%s", error)
        await asyncio.sleep(RESTART_PAUSE)
