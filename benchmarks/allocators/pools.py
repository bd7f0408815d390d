"""Policies of `allocators.policies` over many users: placement on nodes, and sharing one divisible thing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from allocators.policies import max_min
from allocators.policies.heterogeneous import Fit, Placement, drfh
from benchmarks.report import Row

from .timing import by_turns, figure, timed
from .workload import ENGINES

__all__ = ["compile_ahead", "measure_pools"]


def compile_ahead() -> subprocess.Popen[bytes] | None:
    """Begin to compile the placement in a process of its own, to be waited for: its results are kept on disk."""
    if "numba" not in ENGINES:
        return None
    return subprocess.Popen([sys.executable, "-m", "benchmarks.allocators.pools"])


def measure_pools(quick: bool) -> list[Row]:
    """All rows."""
    return [*_placements(quick), *_filling(quick)]


def _same(one: Placement, other: Placement) -> bool:
    return all(
        np.array_equal(mine, theirs)
        for mine, theirs in (
            (one.counts, other.counts),
            (one.user, other.user),
            (one.server, other.server),
            (one.tasks, other.tasks),
        )
    )


def _placements(quick: bool) -> list[Row]:
    """Discrete DRF with servers, first fit: whole tasks of 1,000 users, all of a user alike, on 10,000 agents."""
    rng = np.random.default_rng(3)
    # From 0.1 to 1 cpu and from 16 to 128 MiB.
    demands = np.column_stack([rng.integers(1, 11, 1_000) * 100, rng.integers(1, 9, 1_000) * 16_000])
    servers = np.tile(np.array([24_000, 4_096_000]), (10_000, 1))
    found: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    results: dict[str, Placement] = {}

    def run(engine: str, count: int = len(servers)) -> float:
        milliseconds, results[engine] = timed(
            lambda: drfh(demands, servers[:count], fit=Fit.FIRST, compiled=engine == "numba")
        )
        return int(results[engine].counts.sum()) / milliseconds * 1e3

    for engine in ENGINES:
        run(engine, 100)
    if not all(_same(result, results["plain"]) for result in results.values()):
        raise RuntimeError("the placements are not the same")
    # The plain one is slow: once, and on a tenth of the agents if quick.
    found["plain"].append(run("plain", 1_000 if quick else 10_000))
    if "numba" not in ENGINES:
        return [figure("plain_placements_1000x10000", found["plain"][0], "1/s")]
    value = by_turns({"numba": lambda: run("numba")}, 3 if quick else 7)["numba"]
    return [
        figure(
            "placements_1000x10000",
            value,
            "1/s",
            reference="plain",
            reference_value=found["plain"][0],
            at_least=1_000_000,
        )
    ]


def _plain_filling(demands: list[float], capacity: float) -> list[float]:
    """Max-min fairness in a loop."""
    shares = [0.0] * len(demands)
    order = sorted(range(len(demands)), key=demands.__getitem__)
    left = capacity
    for place, user in enumerate(order):
        shares[user] = share = min(demands[user], left / (len(order) - place))
        left -= share
    return shares


def _filling(quick: bool) -> list[Row]:
    """A million users who want from 0 to 1, and half of what they want together."""
    demands = np.random.default_rng(5).random(1_000_000)
    capacity = float(demands.sum()) / 2
    wanted = demands.tolist()
    plain, shares = timed(lambda: _plain_filling(wanted, capacity))
    if not np.allclose(shares, max_min(demands, capacity)):
        raise RuntimeError("the shares are not the same")
    value = by_turns(
        {"numpy": lambda: timed(lambda: max_min(demands, capacity))[0] / 1e3}, 3 if quick else 9
    )["numpy"]
    return [
        figure(
            "water_filling_1000000",
            value,
            "s",
            reference="a plain loop",
            reference_value=plain / 1e3,
            at_most=0.5,
        )
    ]


if __name__ == "__main__":
    drfh([[1, 1]], [[1, 1]], fit=Fit.FIRST, compiled=True)
