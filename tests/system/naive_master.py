"""A master without what keeps one that was stopped from acting: the control of test_stopped_leader.py.

It contends as a real one, and then believes that it leads until somebody tells it otherwise.
"""

from __future__ import annotations

import asyncio
import sys

from cluster.cli.serve import serve
from cluster.etcd import EtcdAddress
from cluster.local import MasterNode, elected
from cluster.master import MasterOptions


class Naive:
    leads = True

    def __init__(self, contender: object) -> None:
        self._contender = contender
        self.contend = contender.contend  # type: ignore[attr-defined]

    async def lost(self) -> str:
        return await asyncio.get_running_loop().create_future()

    async def resign(self) -> None:
        await self._contender.resign()  # type: ignore[attr-defined]


def main() -> None:
    url, ttl = sys.argv[1:]

    def make() -> MasterNode:
        contender, detector, _ = elected(EtcdAddress.parse(url), int(ttl))
        options = MasterOptions(ping_interval=1.0)
        return MasterNode(contender=Naive(contender), detector=detector, options=options)

    serve(make)


if __name__ == "__main__":
    main()
