"""What a container uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .proc import Stat


@dataclass(frozen=True, slots=True)
class Pressure:
    """How long processes waited for a resource (PSI): `some` of them, or all that were not idle at once (`full`).

    The averages are percents of the last ten seconds, the seconds those since the start.
    """

    some_avg10: float = 0.0
    full_avg10: float = 0.0
    some_seconds: float = 0.0
    full_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What all processes of a container use together. None is what nobody here can tell.

    CPU seconds are those since its start, of living and of ended processes. `rss_bytes` adds up resident memory, so
    that pages which processes share count once for each; with control groups it is the memory that is not of files,
    each page once.

    The rest is known of control groups alone. `memory_bytes` is all that is charged, with `cache_bytes` of files in it;
    `peak_bytes` the most that it was. `oom_kills` are processes that the kernel killed for lack of memory. Of
    `periods` in which it could run under a quota, it was throttled in `throttled_periods`, and waited
    `throttled_seconds`, added up over processors. `io` is what went to and from block devices.
    """

    user_seconds: float = 0.0
    system_seconds: float = 0.0
    rss_bytes: int = 0
    processes: int = 0
    threads: int = 0
    memory_bytes: int | None = None
    cache_bytes: int | None = None
    peak_bytes: int | None = None
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_seconds: float | None = None
    io_read_bytes: int | None = None
    io_write_bytes: int | None = None
    io_reads: int | None = None
    io_writes: int | None = None
    cpu_pressure: Pressure | None = None
    memory_pressure: Pressure | None = None
    io_pressure: Pressure | None = None


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
