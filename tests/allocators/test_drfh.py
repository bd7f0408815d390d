"""DRF on servers that differ: a slow reference beside, the experiment of the DRF paper, and bad input."""

from __future__ import annotations

import doctest
import importlib
import importlib.util

import numpy as np
import pytest
from numpy.random import Generator

from allocators import AllocatorError
from allocators.policies import heterogeneous as module
from allocators.policies.heterogeneous import Fit, Placement, drfh
from tests.allocators.slow_policies import place_tasks

HOW = [False, True] if importlib.util.find_spec("numba") else [False]


def pairs(placement: Placement) -> dict[tuple[int, int], int]:
    return dict(
        zip(
            zip(placement.user.tolist(), placement.server.tolist(), strict=True),
            placement.tasks.tolist(),
            strict=True,
        )
    )


def random_instance(rng: Generator, most_servers: int) -> tuple[np.ndarray, ...]:
    users, servers, width = rng.integers(1, 7), rng.integers(0, most_servers), rng.integers(1, 5)
    unit = rng.choice([1, 1000], width)
    demands = rng.integers(0, 8, (users, width)) * unit
    idle = ~demands.any(axis=1)
    demands[idle, rng.integers(width)] = 3
    shapes = rng.integers(0, 25, (rng.integers(1, 5), width)) * unit
    return (
        demands,
        shapes[rng.integers(0, len(shapes), servers)]
        if rng.random() < 0.7
        else rng.integers(0, 25, (servers, width)),
        rng.integers(1, 4, users),
        rng.integers(0, 12, users),
    )


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(importlib.import_module("allocators.policies.heterogeneous")).failed == 0


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("seed", range(10))
def test_it_is_what_one_task_after_the_other_gives(seed: int, fit: Fit) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(250):
        demands, servers, weights, limits = random_instance(rng, 9)
        if not len(servers):
            servers = np.zeros((1, demands.shape[1]), dtype=np.int64)
        slow = place_tasks(demands.tolist(), servers.tolist(), weights.tolist(), limits.tolist(), fit)
        for compiled in HOW:
            fast = drfh(demands, servers, weights, limits, fit=fit, compiled=compiled)
            assert pairs(fast) == slow
            assert list(pairs(fast)) == sorted(slow)
            assert fast.counts.sum() == sum(slow.values())


@pytest.mark.skipif(len(HOW) < 2, reason="numba is not installed")
@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("seed", range(6))
def test_the_kernel_gives_the_same_on_many_servers(seed: int, fit: Fit) -> None:
    """So many that they are in several blocks, which are made anew several times."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        demands, servers, weights, limits = random_instance(rng, 300)
        plain, fast = (drfh(demands, servers, weights, limits * 20, fit=fit, compiled=how) for how in HOW)
        assert pairs(fast) == pairs(plain)
        assert (fast.counts == plain.counts).all()


@pytest.mark.skipif(len(HOW) < 2, reason="numba is not installed")
def test_numba_is_for_many_tasks_and_only_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drfh([[1]], [[100_000]]).counts.tolist() == [100_000]
    monkeypatch.setattr(module, "_numba", lambda: False)
    assert drfh([[1]], [[100_000]]).counts.tolist() == [100_000]
    with pytest.raises(AllocatorError, match="compiled is True, but numba is not installed"):
        drfh([[1]], [[1]], compiled=True)


def test_the_dynamic_sharing_of_the_paper() -> None:
    """DRF paper, section 6.1: 48 nodes of 4 CPUs and 14 GB, three phases of demands.

    The fluid shares are 0.741, 0.5 and 0.5 each. First-fit loses a fifth of the memory in the third phase (0.396 and
    0.405), best-fit an eighth (0.438 and 0.435); in the second it is best-fit that is less even (0.458 and 0.542).
    """
    servers = [[4, 14]] * 48
    for demands, first, best in (
        ([[1, 10], [1, 1]], [48, 144], [48, 144]),
        ([[2, 4], [1, 3]], [48, 96], [44, 104]),
        ([[1, 7], [1, 4]], [38, 68], [42, 73]),
    ):
        for compiled in HOW:
            got = drfh(demands, servers, fit=Fit.FIRST, compiled=compiled)
            assert got.counts.tolist() == first
            assert drfh(demands, servers, compiled=compiled).counts.tolist() == best


def test_weights_and_limits() -> None:
    servers = [[10, 10], [20, 20]]
    assert drfh([[1, 1], [1, 1]], servers, weights=[1, 2]).counts.tolist() == [10, 20]
    assert drfh([[1, 1], [1, 1]], servers, limits=[4, 100]).counts.tolist() == [4, 26]
    assert drfh([[1, 1], [1, 1]], servers, limits=[0, 0]).counts.tolist() == [0, 0]


def test_a_task_is_on_one_server() -> None:
    assert drfh([[3]], [[2], [2], [4]]).server.tolist() == [2]
    assert drfh([[1, 1]], [[5, 0], [0, 5]]).counts.tolist() == [0]
    nothing = drfh([[1]], np.zeros((0, 1), dtype=np.int64))
    assert (nothing.counts.tolist(), nothing.user.size) == ([0], 0)
    assert drfh(np.zeros((0, 2), dtype=np.int64), [[1, 1]]).counts.size == 0


def test_best_fit_takes_totals_into_account() -> None:
    """Where there is little of the third resource, what a server has of it counts more."""
    demands = [[1000, 1000, 1]]
    servers = [[6000, 6000, 3], [6000, 5000, 6], [10**6, 10**6, 10**6]]
    assert drfh(demands, servers, limits=[1]).server.tolist() == [0]
    assert drfh(demands, [*servers[:2], [10**6, 10**6, 0]], limits=[1]).server.tolist() == [1]


def test_large_amounts_are_compared_exactly_or_not_at_all() -> None:
    odd = 2**40 + 1
    assert drfh([[odd, 1]], [[2 * odd, 9], [3 * odd, 9]], fit=Fit.FIRST).counts.tolist() == [5]
    with pytest.raises(AllocatorError, match="too fine for best-fit"):
        drfh([[odd, odd], [odd + 1, odd + 2]], [[2 * odd, 2 * odd + 1]])
    # Of one unit, and so not large.
    assert drfh([[2**45, 2**45]], [[2**47, 2**46]]).counts.tolist() == [2]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([[1, 2]], [[1]]), r"demands \(1, 2\) and servers \(1, 1\) must be"),
        (([1], [[1]]), r"demands \(1,\) and servers \(1, 1\) must be"),
        (([[1.5]], [[1]]), "demands must hold integers"),
        (([[np.nan]], [[1]]), "demands must be finite"),
        (([[-1]], [[1]]), "demands must be finite and not negative"),
        (([["x"]], [[1]]), "demands must hold numbers"),
        (([[1]], [[-1]]), "servers must be finite and not negative"),
        (([[1]], [[np.inf]]), "servers must be finite"),
        (([[1]], [[2**53]]), "servers must not be above"),
        (([[1], [0]], [[1]]), "user 1 demands nothing"),
        (([[1]], [[1]], [0]), "weights must be above zero, user 0 has 0"),
        (([[1]], [[1]], [0.5]), "weights must hold integers"),
        (([[1]], [[1]], [1, 2]), r"weights \(2,\) must have shape \(1,\)"),
        (([[1]], [[1]], None, [-1]), "limits must be finite and not negative"),
        (([[1]], [[1]], None, [np.nan]), "limits must be finite"),
        (([[1]], [[1]], None, [[1]]), r"limits \(1, 1\) must have shape \(1,\)"),
        (([[1]], [[2**52], [2**52], [1]]), "resource 0: what the servers have, 9007199254740993"),
        (([[1]], [[2**50]], [2**4]), "times the largest weight 16 must not be above"),
    ],
)
def test_what_is_no_instance(arguments: tuple[object, ...], text: str) -> None:
    with pytest.raises(AllocatorError, match=text):
        drfh(*arguments)


@pytest.mark.parametrize("compiled", HOW)
@pytest.mark.parametrize("fit", Fit)
def test_nobody_gets_nothing(fit: Fit, compiled: bool) -> None:
    none = drfh(np.zeros((0, 1), int), [[2**40]], fit=fit, compiled=compiled)
    assert (none.counts.size, none.user.size, none.server.size, none.tasks.size) == (0, 0, 0, 0)


@pytest.mark.parametrize("fit", ["best", None])
def test_what_is_no_fit_is_refused(fit: str | None) -> None:
    with pytest.raises(AllocatorError, match="fit must be a Fit"):
        drfh([[1]], [[1]], fit=fit)
