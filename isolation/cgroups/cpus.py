"""What the cpu controllers of both versions have in common: a quota in processors, as microseconds in a period."""

from __future__ import annotations

from .part import refused

__all__ = ["WEIGHT_OF_A_CPU", "quota", "weight"]

PERIOD = 100_000
LONG_PERIOD = 1_000_000
"""Microseconds; the longer one for quotas that are less than what the kernel takes as the least of the other."""
LEAST = 1_000
WEIGHT_OF_A_CPU = 100
WEIGHTS = (1, 10_000)


def quota(cpus: float | None) -> tuple[int | None, int]:
    """Return quota (None for none) and period, both in microseconds. ValueError for less than 0.001 processors."""
    if cpus is None:
        return None, PERIOD
    for period in (PERIOD, LONG_PERIOD):
        microseconds = round(cpus * period)
        if microseconds >= LEAST:
            return microseconds, period
    raise refused("cpu_quota", cpus, f"the kernel gives no less than {LEAST / LONG_PERIOD} processors")


def weight(shares: int) -> int:
    """Return as a weight of v2, 100 for each processor, what v1 has as shares, 1024 for each."""
    least, most = WEIGHTS
    return min(max(least, round(shares * WEIGHT_OF_A_CPU / 1024)), most)
