"""Whole passes: which engine takes how long for which cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from allocators.core import Given
from benchmarks.report import Row, row

from .clusters import filtered, flat, full_roles, large_and_small_quota, one_role_each, starved, tree
from .timing import by_turns, figure, timed
from .workload import ENGINES, Build, Cluster

__all__ = ["check_small", "measure_passes", "measure_quota", "measure_skew"]

SIZES = {
    (1_000, 100): 2.0,
    (5_000, 500): 5.0,
    (10_000, 1_000): 6.0,
    (20_000, 2_000): 12.0,
    (50_000, 6_000): 35.0,
}
"""Agents and frameworks, and how many milliseconds a pass may take."""
MIDDLE = (10_000, 1_000)
WITHOUT_NUMBA = 20.0
"""Milliseconds, for the middle size."""


def rounds(
    clusters: dict[str, Cluster], prepare: Callable[[Cluster], None] | None = None
) -> dict[str, Callable[[], float]]:
    """Rounds of a pass on each of these clusters, that leave it as it was; `prepare` is called before the pass."""

    def one(cluster: Cluster) -> Callable[[], float]:
        def run() -> float:
            if prepare is not None:
                prepare(cluster)
            milliseconds, gifts = timed(cluster.run)
            cluster.give_back(gifts)
            return milliseconds

        return run

    return {name: one(cluster) for name, cluster in clusters.items()}


def check(build: Build, engines: Sequence[str] = ENGINES) -> dict[str, Cluster]:
    """Return a cluster in each engine, warmed up, after they gave the same to the same."""
    clusters = {engine: build(engine) for engine in engines}
    results: list[list[Given]] = []
    for cluster in clusters.values():
        gifts = cluster.run()
        results.append(list(gifts))
        cluster.give_back(gifts)
        cluster.settle()
    if any(result != results[0] for result in results):
        raise RuntimeError("the engines do not give the same")
    return clusters


def check_small() -> None:
    """See that both engines give the same in small clusters of all kinds, RuntimeError else."""
    rng = np.random.default_rng(1)
    for build in (
        flat(200, 20),
        one_role_each(200, rng.uniform(1, 10, 30).tolist()),
        starved(200, 20, 3),
        tree(400, 200),
        filtered(400, 200),
        full_roles(300, 120),
        large_and_small_quota(60),
    ):
        check(build)


def measure_passes(quick: bool) -> list[Row]:
    """Passes over a cluster of one role, empty or nearly full, of all sizes."""
    rows: list[Row] = []
    figures: dict[tuple[int, int], float] = {}
    for size, limit in SIZES.items():
        name = f"{size[0]}x{size[1]}"
        slow = quick and size > MIDDLE
        clusters = check(flat(*size), ENGINES[:1] if slow and len(ENGINES) > 1 else ENGINES)
        times = (3 if slow else 5) if quick else 15
        found = by_turns(rounds(clusters), times)
        plain = found.get("plain")
        if "numba" in found:
            figures[size] = found["numba"]
            rows.append(
                figure(
                    f"full_pass_{name}",
                    found["numba"],
                    "ms",
                    reference="plain",
                    reference_value=plain,
                    at_most=limit,
                )
            )
        if plain is not None:
            most = WITHOUT_NUMBA if size == MIDDLE else None
            rows.append(figure(f"plain_{name}", plain, "ms", at_most=most))
        if size == MIDDLE:
            rows += _others(clusters, name, times)
    if figures:
        slope = np.polyfit([math.log(agents) for agents, _ in figures], np.log(list(figures.values())), 1)[0]
        rows.append(row("full_pass_growth", round(float(slope), 3), "exponent", at_most=1.2))
    return rows


def _others(clusters: dict[str, Cluster], name: str, times: int) -> list[Row]:
    """The first pass after a change for which all is sorted anew; and one when a tenth of the agents is free."""
    rows = []
    found = by_turns(
        rounds(clusters, lambda cluster: cluster.core.set_weight(cluster.clients[0], 1.0)), times
    )
    rows += pair(f"resorted_pass_{name}", found)
    for cluster in clusters.values():
        tenth = cluster.order[: len(cluster.order) // 10]
        cluster.core.run(np.sort(cluster.order)[np.isin(np.sort(cluster.order), tenth, invert=True)])
        cluster.order = tenth
        cluster.settle()
    rows += pair(f"tenth_free_{name}", by_turns(rounds(clusters), 3 * times), at_most=1.0)
    return rows


def pair(name: str, found: dict[str, float], *, at_most: float | None = None) -> list[Row]:
    """The row of what was measured with numba, or else, under a name of its own, of plain."""
    if "numba" not in found:
        return [figure(f"plain_{name}", found["plain"], "ms")]
    plain = found.get("plain")
    return [figure(name, found["numba"], "ms", reference="plain", reference_value=plain, at_most=at_most)]


def measure_quota(quick: bool) -> list[Row]:
    """Passes with a tree and quotas, and passes in which nothing can be given."""
    if "numba" not in ENGINES:
        return []
    times = 3 if quick else 15
    rows: list[Row] = []
    for roles in (3_000,) if quick else (300, 3_000):
        # At 3,000 plain takes minutes.
        clusters = check(large_and_small_quota(roles), ENGINES if roles < 3_000 else ENGINES[:1])
        most = {3_000: (20.0, 2.0)}.get(roles, (None, None))
        rows += pair(
            f"full_pass_quota_{roles}",
            by_turns(rounds(clusters), times if roles >= 3_000 else 3),
            at_most=most[0],
        )
        rows += pair(
            f"idle_pass_quota_{roles}", _idle(clusters, times if roles >= 3_000 else 3), at_most=most[1]
        )
    # The filters of the larger one take half a minute to make.
    for size in (MIDDLE,) if quick else (MIDDLE, (20_000, 2_000)):
        name = f"{size[0]}x{size[1]}"
        plain_case = check(flat(*size), ENGINES[:1])["numba"]
        hard = check(filtered(*size), ENGINES[:1])["numba"]
        found = by_turns(rounds({"flat": plain_case, "hard": hard}), times)
        rows.append(
            row(
                f"tree_quota_filtered_{name}",
                round(found["hard"], 3),
                "ms",
                reference=f"full_pass_{name}",
                reference_value=found["flat"],
                at_most=5,
            )
        )
    clusters = check(full_roles(50_000, 6_000), ENGINES[:1])
    return rows + pair("all_at_limit_50000x6000", _idle(clusters, times), at_most=10.0)


def _idle(clusters: dict[str, Cluster], times: int) -> dict[str, float]:
    """The pass after a pass, which finds nothing to give to anybody."""

    def one(cluster: Cluster) -> Callable[[], float]:
        cluster.run()
        cluster.order = cluster.order[np.isin(cluster.order, cluster.core.offerable())]

        def run() -> float:
            milliseconds, gifts = timed(cluster.run)
            if len(gifts):
                raise RuntimeError("there was something left to give")
            return milliseconds

        return run

    return by_turns({name: one(cluster) for name, cluster in clusters.items()}, times)


def measure_skew(quick: bool) -> list[Row]:
    """Frameworks far apart: how much more a pass takes than where all are alike."""
    agents, frameworks = MIDDLE
    rng = np.random.default_rng(4)
    cases = {
        "even": flat(agents, frameworks),
        "ten_starved": starved(agents, frameworks, 10),
        "one_starved": starved(agents, frameworks, 1),
        "even_roles": one_role_each(agents, [1.0] * frameworks),
        "weights_1_to_10": one_role_each(agents, rng.uniform(1, 10, frameworks).tolist()),
        "lognormal_weights": one_role_each(agents, rng.lognormal(0, 2, frameworks).tolist()),
    }
    engine = ENGINES[0]
    clusters = {name: check(build, [engine] if quick else ENGINES)[engine] for name, build in cases.items()}
    found = by_turns(rounds(clusters), 5 if quick else 15)
    prefix = "skew_" if engine == "numba" else "plain_skew_"
    rows = [
        figure(
            f"{prefix}even_roles", found["even_roles"], "ms", reference="even", reference_value=found["even"]
        )
    ]
    for name, even in (
        ("ten_starved", "even"),
        ("one_starved", "even"),
        ("weights_1_to_10", "even_roles"),
        ("lognormal_weights", "even_roles"),
    ):
        rows.append(
            row(
                f"{prefix}{name}",
                round(found[name], 3),
                "ms",
                reference=even.replace("_", " "),
                reference_value=found[even],
                at_most=3,
            )
        )
    return rows
