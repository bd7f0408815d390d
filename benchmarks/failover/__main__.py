"""How long a cluster is without its leading master when that is killed, or ends in order: `python -m benchmarks.failover`.

A real etcd of three members, three masters as processes that are started again when they end, 200 agents (50 in a
process; their tasks are timers), 20 frameworks (10 in a process) that run 10 short tasks at a time each. The leader is
killed (SIGKILL) at a random time, 10 times for each time of the lease; besides it is ended (SIGTERM), 5 times.
Figures without a suffix are for the default lease of 10 s. All are from the signal on, and medians, but for `worst`.

At the end every task is accounted for: `tasks_lost` are those that were not told to have ended well, `tasks_doubled`
those that were started, or told to have ended, more than once.

Quick: one member of etcd, a lease of 2 s alone, 3 kills, 2 ends in order.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.report import Row, main, row
from cluster.election import DEFAULT_TTL
from cluster.etcd.server import EtcdCluster

from .crowd import AGENTS, FRAMEWORKS, Crowd, CrowdError, Tasks
from .events import Event
from .masters import Masters
from .recovery import Recovery, Seconds

__all__ = ["measure"]

SETTLED = 2.0
"""Seconds from when all is well until the leader may be lost: the master that ended last is there again."""
LIMIT = 60.0
"""Seconds until all must be back, beyond the lease's."""
SLACK = 2.0
RESIGNED = 1.0


class Scene:
    """A cluster under load, whose leader can be lost."""

    def __init__(self, endpoints: list[str], ttl: int, directory: Path) -> None:
        directory.mkdir()
        self._ttl = ttl
        self._masters = Masters(
            f"etcd://{','.join(endpoints)}/failover-{ttl}", ttl, directory, lambda *args: self._recovery.leads(*args)
        )
        self.crowd = Crowd(
            self._masters.election, directory / "crowd.log", lambda event: self._recovery.note(event)
        )
        self._recovery = Recovery(self.crowd.members, time.monotonic())
        self.unplanned = 0
        """Elections for which we gave no reason: a leader could not renew its lease in time."""

    async def start(self) -> None:
        """Start it, and return when all are there."""
        await self._masters.start()
        await self.crowd.start()
        await self._recovered()
        self._recovery.elections = 1

    async def lose(self, how: Callable[[Masters], None]) -> Seconds:
        """Lose the leader; return the times when all are back. CrowdError if that takes very long."""
        self.unplanned += self._recovery.elections - 1
        self._recovery = Recovery(self.crowd.members, time.monotonic())
        how(self._masters)
        return await self._recovered()

    async def _recovered(self) -> Seconds:
        end = time.monotonic() + self._ttl + LIMIT
        while (seconds := self._recovery.seconds()) is None:
            self.crowd.check()
            if time.monotonic() > end:
                missing = self._recovery.missing()
                raise CrowdError(f"{len(missing)} are not back: {', '.join(missing[:10])}")
            await asyncio.sleep(0.1)
        return seconds

    async def end(self) -> Tasks:
        """Let all tasks end."""
        return await self.crowd.end()

    async def stop(self) -> None:
        """End what is left."""
        await self.crowd.kill()
        await self._masters.stop()


async def _scene(
    endpoints: list[str], ttl: int, directory: Path, kills: int, ends: int
) -> tuple[list[Seconds], list[Seconds], Tasks, int]:
    rng = Random(ttl)
    scene = Scene(endpoints, ttl, directory)
    killed, ended = [], []
    try:
        await scene.start()
        for number in range(kills + ends):
            # The lease is renewed every quarter of its time.
            await asyncio.sleep(SETTLED + rng.uniform(0, ttl / 4))
            if number < kills:
                killed.append(await scene.lose(Masters.kill_leader))
            else:
                ended.append(await scene.lose(Masters.end_leader))
            last = (killed + ended)[-1]
            print(f"lease {ttl} s, {'killed' if number < kills else 'ended'}: {last}", file=sys.stderr, flush=True)
        return killed, ended, await scene.end(), scene.unplanned
    finally:
        await scene.stop()


def rows_of(ttl: int, killed: list[Seconds], ended: list[Seconds]) -> list[Row]:
    """The figures for one time of the lease."""
    suffix = "" if ttl == DEFAULT_TTL else f"_ttl{ttl}"

    def figure(name: str, seconds: float, at_most: float | None = None) -> Row:
        return row(f"{name}{suffix}", round(seconds, 2), "s", at_most=at_most)

    return [
        figure("elected_s", median(each.elected for each in killed)),
        figure("detection_s", median(each.detection for each in killed)),
        figure("reregistration_s", median(each.reregistration for each in killed)),
        figure("all_back_s", median(each.all_back for each in killed), ttl + SLACK),
        figure("all_back_worst_s", max(each.all_back for each in killed), ttl + SLACK),
        figure("first_offer_s", median(each.first_offer for each in killed)),
        figure("clean_resign_s", median(each.all_back for each in ended), RESIGNED),
        figure("clean_resign_worst_s", max(each.all_back for each in ended), RESIGNED),
        figure("clean_resign_first_offer_s", median(each.first_offer for each in ended)),
    ]


async def _measure(quick: bool) -> list[Row]:
    members, ttls, kills, ends = (1, (2,), 3, 2) if quick else (3, (DEFAULT_TTL, 5, 2), 10, 5)
    rows: list[Row] = []
    asked = lost = doubled = unplanned = 0
    with tempfile.TemporaryDirectory(prefix="ostrom-failover-") as directory:
        async with EtcdCluster(members, Path(directory) / "etcd") as etcd:
            for ttl in ttls:
                killed, ended, tasks, more = await _scene(
                    etcd.endpoints, ttl, Path(directory) / f"ttl{ttl}", kills, ends
                )
                rows += rows_of(ttl, killed, ended)
                if tasks.unseen:
                    raise CrowdError(f"{tasks.unseen} tasks ended that no agent has started")
                asked += tasks.asked
                lost += tasks.lost
                doubled += tasks.doubled
                unplanned += more
    return [
        *rows,
        row("tasks", asked, ""),
        row("tasks_lost", lost, "", at_most=0),
        row("tasks_doubled", doubled, "", at_most=0),
        row("unplanned_elections", unplanned, ""),
    ]


def measure(quick: bool) -> list[Row]:
    """Measure it all: 40 s if quick, some 8 minutes else."""
    print(f"{AGENTS} agents, {FRAMEWORKS} frameworks", end="", file=sys.stderr)
    print("; quick: one member of etcd, a lease of 2 s alone" if quick else "", file=sys.stderr, flush=True)
    return asyncio.run(_measure(quick))


if __name__ == "__main__":
    main("failover", "The leading master is lost", measure)
