"""What a container uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .proc import Stat


@dataclass(frozen=True, slots=True)
class Usage:
    """What all processes of a container use together.

    CPU seconds are those since its start, of living and of ended processes. `rss_bytes` adds up resident memory, so
    that pages which processes share count once for each.
    """

    user_seconds: float = 0.0
    system_seconds: float = 0.0
    rss_bytes: int = 0
    processes: int = 0
    threads: int = 0


def add_up(keeper: Stat | None, stats: Iterable[Stat]) -> Usage:
    """Return the sum over the processes of a container.

    `keeper` is the process that adopts the container's orphans: what it reaped counts, what it uses itself does not.
    Zombies count with their time alone.
    """
    user = keeper.reaped_user_seconds if keeper else 0.0
    system = keeper.reaped_system_seconds if keeper else 0.0
    rss = processes = threads = 0
    for stat in stats:
        user += stat.user_seconds + stat.reaped_user_seconds
        system += stat.system_seconds + stat.reaped_system_seconds
        if stat.state not in "ZX":
            rss += stat.rss_bytes
            processes += 1
            threads += stat.threads
    return Usage(
        user_seconds=user, system_seconds=system, rss_bytes=rss, processes=processes, threads=threads
    )
