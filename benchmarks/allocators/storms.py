"""Storms of declines: all frameworks decline all they are offered, with filters, until nobody is left to offer to."""

from __future__ import annotations

import time

import numpy as np

from allocators.core import Given
from benchmarks.report import Row, row

from .clusters import flat
from .timing import by_turns, figure, timed, uncollected
from .workload import AGENT, ENGINES, FOREVER, Cluster

__all__ = ["check_storm", "measure_storms"]


def storm(cluster: Cluster) -> tuple[int, float]:
    """Return how many declines there were, and how many seconds it took."""
    declines = 0
    with uncollected():
        began = time.perf_counter()
        gifts = cluster.run()
        while gifts:
            declines += len(gifts)
            cluster.give_back(gifts, FOREVER)
            gifts = cluster.run()
        return declines, time.perf_counter() - began


def check_storm() -> None:
    """See that all is declined by all, once, in the same order by both engines, RuntimeError else."""
    agents, frameworks = 80, 9
    results: list[list[list[Given]]] = []
    for engine in ENGINES:
        cluster = flat(agents, frameworks)(engine)
        rounds = []
        while gifts := list(made := cluster.run()):
            cluster.give_back(made, FOREVER)
            rounds.append(gifts)
        results.append(rounds)
    if any(result != results[0] for result in results):
        raise RuntimeError("the engines do not give the same")
    if sum(map(len, results[0])) != agents * frameworks:
        raise RuntimeError("not all was declined once")


def measure_storms(quick: bool) -> list[Row]:
    """A storm at two sizes, and the pass after it."""
    rows: list[Row] = []
    each: dict[tuple[int, int], float] = {}
    plain = flat(200, 40)("plain")
    reference, seconds = storm(plain)
    rows.append(figure("plain_decline_storm_200x40", 1e6 * seconds / reference, "us/decline"))
    if "numba" in ENGINES:
        storm(flat(200, 40)("numba"))
        sizes = ((250, 50), (1_000, 200)) if quick else ((1_000, 200), (10_000, 1_000))
        quiet: Cluster | None = None
        for agents, frameworks in sizes:
            cluster = flat(agents, frameworks)("numba")
            cluster.settle()
            declines, seconds = storm(cluster)
            if declines != agents * frameworks:
                raise RuntimeError(f"{declines} declines")
            each[agents, frameworks] = 1e6 * seconds / declines
            rows.append(figure(f"decline_storm_{agents}x{frameworks}", seconds, "s"))
            if agents == 1_000:
                quiet = cluster
        few, many = (f"{agents}x{frameworks}" for agents, frameworks in sizes)
        rows.append(
            row(
                f"decline_{many}",
                round(each[sizes[1]], 3),
                "us",
                reference=f"at {few}",
                reference_value=each[sizes[0]],
                at_most=2,
            )
        )
        if quiet is not None:
            rows.append(_filtered(quiet, 5 if quick else 15))
    return rows


def _filtered(quiet: Cluster, times: int) -> Row:
    """The pass where all is filtered, and that of the plain engine."""
    slow = flat(1_000, 200)("plain")
    for agent in slow.order.tolist():
        for client in slow.clients:
            slow.core.refuse(agent, client, list(AGENT), FOREVER)
    slow.settle()

    def one(cluster: Cluster) -> float:
        milliseconds, gifts = timed(cluster.run)
        if len(gifts):
            raise RuntimeError("not all was filtered")
        return milliseconds

    found = by_turns({"numba": lambda: one(quiet)}, times)
    plain = float(np.median([one(slow)]))
    return figure(
        "all_filtered_1000x200", found["numba"], "ms", reference="plain", reference_value=plain, at_most=1.0
    )
