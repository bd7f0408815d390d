"""Single events: a task that had a whole agent ends, and the agent goes to whoever is next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from allocators import DRFAllocator
from allocators.core import UNRESERVED, Given
from allocators.grants import Grants
from benchmarks.report import Row, quantile

from .clusters import flat, tree
from .timing import by_turns, figure, uncollected
from .workload import AGENT, ENGINES, Build, Cluster

__all__ = ["check_events", "measure_events", "measure_names"]

SIZE = (20_000, 2_000)
LIMITS = {"event": 5.0, "event_tree_quota": 8.0}
"""Microseconds that are aimed at, with numba."""


def _turn(cluster: Cluster) -> Callable[[int, int], Sequence[Given]]:
    """What takes an agent from a client and offers it anew."""
    if not cluster.compiled:
        core, whole = cluster.core, list(AGENT)

        def turn(agent: int, client: int) -> Sequence[Given]:
            core.give(agent, client, UNRESERVED, whole)
            return core.run([agent])

        return turn
    from allocators.core.arrays import ArrayCore

    if not isinstance(cluster.core, ArrayCore):
        raise TypeError("not the compiled engine")
    call, row = cluster.core.turn, np.array(AGENT, np.int64)
    return lambda agent, client: call(agent, client, UNRESERVED, row)


class Ends:
    """A full cluster, in which tasks end on one agent after the other, in a random order."""

    def __init__(self, cluster: Cluster, given: Sequence[Given]) -> None:
        # An agent that a quota cut has two holders, and is not among those where a task ends.
        self._holders = {each.agent: each.client for each in given if each.parts[0][1] == AGENT}
        self._agents = np.random.default_rng(2).permutation(np.array(list(self._holders))).tolist()
        self._next = 0
        self._turn = _turn(cluster)

    def events(self, number: int) -> list[tuple[int, int]]:
        """So many; return what was given."""
        turn, holders = self._turn, self._holders
        given = []
        for agent in self._choose(number):
            (grant,) = turn(agent, holders[agent])
            holders[agent] = grant.client
            given.append((agent, grant.client))
        return given

    def mean(self, number: int) -> float:
        """Microseconds for one of so many."""
        turn, holders, agents = self._turn, self._holders, self._choose(number)
        began = time.perf_counter()
        for agent in agents:
            holders[agent] = turn(agent, holders[agent])[0].client
        return 1e6 * (time.perf_counter() - began) / number

    def each(self, number: int) -> list[float]:
        """Microseconds of each of so many."""
        turn, holders, clock = self._turn, self._holders, time.perf_counter
        found = []
        with uncollected():
            for agent in self._choose(number):
                began = clock()
                given = turn(agent, holders[agent])
                found.append(1e6 * (clock() - began))
                holders[agent] = given[0].client
        return found

    def _choose(self, number: int) -> list[int]:
        chosen = [self._agents[place % len(self._agents)] for place in range(self._next, self._next + number)]
        self._next += number
        return chosen


def full(build: Build) -> dict[str, Ends]:
    """A full cluster in each engine; the first fills its own, and the others are told what it gave."""
    found: dict[str, Ends] = {}
    given: list[Given] = []
    for engine in ENGINES:
        cluster = build(engine)
        if not found:
            given = list(cluster.run())
        else:
            for agent, client, parts in given:
                for part, row in parts:
                    cluster.core.take(agent, client, part, row, counts=True)
        found[engine] = Ends(cluster, given)
    return found


def check_events() -> None:
    """See that both engines give the same when tasks end, RuntimeError else."""
    for build in (flat(200, 20), tree(400, 200)):
        results = [each.events(500) for each in full(build).values()]
        if any(result != results[0] for result in results):
            raise RuntimeError("the engines do not give the same")


def measure_events(quick: bool) -> list[Row]:
    """One call each: the mean, and what one in a hundred takes longer than."""
    times = 3 if quick else 9
    # With quotas plain takes 0.8 ms for one.
    numbers = {"numba": 5_000 if quick else 10_000, "plain": 50 if quick else 200}
    builds: dict[str, Build] = {"event": flat(*SIZE)}
    if "numba" in ENGINES:
        # To fill it, plain takes a minute.
        builds["event_tree_quota"] = tree(*SIZE)
    rows: list[Row] = []
    for name, build in builds.items():
        ends = full(build)
        for each in ends.values():
            each.events(100)
        found = by_turns({engine: _mean(each, numbers[engine]) for engine, each in ends.items()}, times)
        worst = {engine: quantile(each.each(5 * numbers[engine]), 0.99) for engine, each in ends.items()}
        size = f"{SIZE[0]}x{SIZE[1]}"
        if "numba" in found:
            rows += [
                figure(
                    f"{name}_{size}",
                    found["numba"],
                    "us",
                    reference="plain",
                    reference_value=found["plain"],
                    at_most=LIMITS[name],
                ),
                figure(
                    f"{name}_p99_{size}",
                    worst["numba"],
                    "us",
                    reference="plain",
                    reference_value=worst["plain"],
                ),
            ]
        rows.append(figure(f"plain_{name}_{size}", found["plain"], "us"))
    return rows


def _mean(ends: Ends, number: int) -> Callable[[], float]:
    return lambda: ends.mean(number)


# By names


class Named:
    """The allocator with its names and checks, and a cluster of one role."""

    def __init__(self, engine: str, agents: int, frameworks: int) -> None:
        self.allocator = DRFAllocator(engine=engine)
        for number in range(frameworks):
            self.allocator.set_framework(f"f{number:05}", ["*"])
        for number in range(agents):
            self.allocator.add_agent(f"a{number:05}", _NAMED)
        self.pairs: list[tuple[str, str]] = []

    def whole(self) -> float:
        """Milliseconds of a pass over all agents, who gets which of them read."""
        for agent, framework in self.pairs:
            self.allocator.release(agent, framework, "*", _NAMED)
        began = time.perf_counter()
        grants = self.allocator.allocate(0.0, full=True).grants
        if not isinstance(grants, Grants):
            raise TypeError("not the grants of a large pass")
        # Names, without an object for each.
        self.pairs = [(agent, client[0]) for agent, client in zip(grants.agents, grants.clients, strict=True)]
        return 1e3 * (time.perf_counter() - began)

    def event(self, number: int) -> float:
        """Microseconds of one of so many ends of a task, with who gets the agent then."""
        allocator, pairs = self.allocator, self.pairs
        began = time.perf_counter()
        for place in range(number):
            agent, framework = pairs[place]
            allocator.release(agent, framework, "*", _NAMED)
            (grant,) = allocator.allocate(0.0).grants
            pairs[place] = (agent, grant.framework)
        return 1e6 * (time.perf_counter() - began) / number


_NAMED = dict(zip(("cpus", "mem", "disk", "ports"), AGENT, strict=True))


def measure_names(quick: bool) -> list[Row]:
    """The same by names: a pass, and single events."""
    rows: list[Row] = []
    times = 3 if quick else 11
    agents, frameworks = 10_000, 1_000
    clusters = {engine: Named(engine, agents, frameworks) for engine in ENGINES}
    for each in clusters.values():
        each.whole()
    if any(each.pairs != clusters["plain"].pairs for each in clusters.values()):
        raise RuntimeError("the engines do not give the same")
    passes = by_turns({engine: each.whole for engine, each in clusters.items()}, times)
    number = 500 if quick else 2_000
    events = by_turns({engine: _event(each, number) for engine, each in clusters.items()}, times)
    for kind, found, unit in (("full_pass_by_names", passes, "ms"), ("event_by_names", events, "us")):
        name = f"{kind}_{agents}x{frameworks}"
        if "numba" in found:
            rows.append(figure(name, found["numba"], unit, reference="plain", reference_value=found["plain"]))
        rows.append(figure(f"plain_{name}", found["plain"], unit))
    return rows


def _event(named: Named, number: int) -> Callable[[], float]:
    return lambda: named.event(number)
