"""How long a cluster is without its leading master, when that is killed or ends in order.

A real etcd of three members, three masters as processes that are started again when they end, 200 agents (50 in a
process; their tasks are timers), 20 frameworks (10 in a process) that run ten short tasks at a time each. The leader is
killed (SIGKILL) at a random time, 10 times for each time of the lease; besides it is ended (SIGTERM), 5 times.
Figures without a suffix are for the default lease of 10 s. All count from the signal on (`reregistration` from
`detection`), and are medians, but for `worst`. `leader_ran` and `leader_waited` tell for how much of the time from
its election until all were back the new leader ran, and waited for a processor: if it waited much, the machine has
measured itself.

At the end every task is accounted for: `tasks_lost` are those that were not told to have ended well, `tasks_doubled`
those that were started more than once, or told to have ended in two ways, `ends_told_again` the same end told twice.

Quick: one member of etcd, a lease of 2 s alone, two kills, two ends in order.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.report import Row, main, row
from cluster.election import DEFAULT_TTL
from cluster.etcd.server import EtcdCluster

from .crowd import AGENTS, FRAMEWORKS, Tasks
from .masters import Masters
from .scene import Loss, Scene

__all__ = ["measure", "rows_of"]

SETTLED = 2.0
"""Seconds from when all is well until the leader may be lost: the master that ended last is there again."""
SLACK = 2.0
RESIGNED = 1.0


def rows_of(ttl: int, killed: Sequence[Loss], ended: Sequence[Loss]) -> list[Row]:
    """The figures for one time of the lease."""
    suffix = "" if ttl == DEFAULT_TTL else f"_ttl{ttl}"
    kills, ends = [loss.seconds for loss in killed], [loss.seconds for loss in ended]

    def figure(name: str, seconds: float, at_most: float | None = None) -> Row:
        return row(f"{name}{suffix}", round(seconds, 2), "s", at_most=at_most)

    return [
        figure("elected_s", median(each.elected for each in kills)),
        figure("detection_s", median(each.detection for each in kills)),
        figure("reregistration_s", median(each.reregistration for each in kills)),
        figure("all_back_s", median(each.all_back for each in kills), ttl + SLACK),
        figure("all_back_worst_s", max(each.all_back for each in kills), ttl + SLACK),
        figure("first_offer_s", median(each.first_offer for each in kills)),
        figure("clean_resign_s", median(each.all_back for each in ends), RESIGNED),
        figure("clean_resign_worst_s", max(each.all_back for each in ends), RESIGNED),
        figure("clean_resign_elected_s", median(each.elected for each in ends)),
        figure("clean_resign_first_offer_s", median(each.first_offer for each in ends)),
        figure("leader_ran_s", median(each.ran for each in killed)),
        figure("leader_waited_s", median(each.waited for each in killed)),
    ]


def tasks_of(all_tasks: Sequence[Tasks]) -> list[Row]:
    """What became of the tasks."""
    return [
        row("tasks", sum(tasks.asked for tasks in all_tasks), "tasks"),
        row("tasks_lost", sum(tasks.lost for tasks in all_tasks), "tasks", at_most=0),
        row("tasks_doubled", sum(tasks.doubled for tasks in all_tasks), "tasks", at_most=0),
        row("ends_told_again", sum(tasks.again for tasks in all_tasks), "tasks", at_most=0),
    ]


async def _losses(scene: Scene, ttl: int, kills: int, ends: int) -> tuple[list[Loss], list[Loss]]:
    rng = Random(ttl)  # noqa: S311 - when to kill, no secret
    killed: list[Loss] = []
    ended: list[Loss] = []
    for number in range(kills + ends):
        # The lease is renewed every quarter of its time.
        await asyncio.sleep(SETTLED + rng.uniform(0, ttl / 4))
        how, losses = (Masters.kill_leader, killed) if number < kills else (Masters.end_leader, ended)
        losses.append(await scene.lose(how))
        _say(f"lease {ttl} s, {how.__name__}: {losses[-1]}")
    return killed, ended


async def _measure(quick: bool) -> list[Row]:
    members, ttls, kills, ends = (1, (2,), 2, 2) if quick else (3, (DEFAULT_TTL, 5, 2), 10, 5)
    rows: list[Row] = []
    all_tasks: list[Tasks] = []
    unplanned = 0
    with tempfile.TemporaryDirectory(prefix="ostrom-failover-") as directory:
        async with EtcdCluster(members, Path(directory) / "etcd") as etcd:
            for ttl in ttls:
                scene = Scene(etcd.endpoints, ttl, Path(directory) / f"ttl{ttl}")
                try:
                    await scene.start()
                    rows += rows_of(ttl, *await _losses(scene, ttl, kills, ends))
                    all_tasks.append(await scene.end())
                finally:
                    await scene.stop()
                unplanned += scene.unplanned
    return [*rows, *tasks_of(all_tasks), row("unplanned_elections", unplanned, "elections")]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(quick: bool) -> list[Row]:
    """Measure it all: 40 s if quick, some 8 minutes else."""
    left_out = "; quick: one member of etcd, a lease of 2 s alone, two kills and two ends in order"
    _say(f"{AGENTS} agents, {FRAMEWORKS} frameworks{left_out if quick else ''}")
    return asyncio.run(_measure(quick))


if __name__ == "__main__":
    main("failover", "The leading master is lost", measure)
