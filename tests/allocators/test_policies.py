"""Policies over a pool: the examples of the papers, an obviously right implementation beside, and bad input."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocators import AllocatorError
from allocators.policies import (
    Pool,
    Property,
    asset_fairness,
    ceei,
    drf,
    equal_split,
    max_min,
    measure,
    random_pool,
    single_resource,
    slot_fair,
)

MODULES = ["", ".fair", ".filling", ".nash", ".pool", ".properties", ".catalogue"]
MODULES += [".bands", ".capacity", ".discrete", ".policy", ".queueing", ".whole", ".whole_catalogue"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_the_documentation(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"allocators.policies{module}")).failed == 0


PAPER = Pool.of([[1, 4], [3, 1]], [9, 18])


def test_the_papers_example() -> None:
    assert drf(PAPER) == pytest.approx([3, 2])
    assert asset_fairness(PAPER) == pytest.approx([2.52, 2.16])
    assert ceei(PAPER) == pytest.approx([45 / 11, 18 / 11])
    assert single_resource(PAPER) == pytest.approx([54 / 13, 18 / 13])
    assert single_resource(PAPER, 1) == pytest.approx([9 / 13, 36 / 13])
    assert equal_split(PAPER) == pytest.approx([2.25, 1.5])
    # Nine slots of <1, 2>: a task of the first takes two of them, one of the second three.
    assert slot_fair(PAPER, [1, 2]) == pytest.approx([2.25, 1.5])


def test_the_dynamic_sharing_of_the_paper() -> None:
    """Section 6.1: 48 nodes of 4 CPUs and 14 GB; the dominant shares of the three phases."""
    for demands, shares in (
        ([[1, 10], [1, 1]], (0.741, 0.741)),
        ([[2, 4], [1, 3]], (0.5, 0.5)),
        ([[1, 7], [1, 4]], (0.5, 0.5)),
    ):
        pool = Pool.of(demands, [192, 672])
        assert (drf(pool) * pool.fractions().max(axis=1)).round(3) == pytest.approx(shares)


def test_weights() -> None:
    assert drf(Pool.of([[1, 1], [1, 1]], [30, 60], [1, 2])) == pytest.approx([10, 20])
    # One for each user and resource: the second counts its memory half, and so may have twice of it.
    assert drf(Pool.of([[1, 2], [1, 2]], [30, 30], [[1, 1], [1, 2]])) == pytest.approx([5, 10])
    for policy in (asset_fairness, single_resource, equal_split, ceei):
        with pytest.raises(AllocatorError, match="a weight for each resource is for DRF alone"):
            policy(Pool.of([[1, 2], [1, 2]], [30, 30], [[1, 1], [1, 2]]))


def test_limits_free_what_others_take() -> None:
    assert drf(Pool.of([[1, 4], [3, 1]], [9, 18], limits=[1, np.inf])) == pytest.approx([1, 8 / 3])
    assert drf(Pool.of([[1, 4], [3, 1]], [9, 18], limits=[1, 2])).tolist() == [1, 2]
    assert drf(Pool.of([[1, 4], [3, 1]], [9, 18], limits=[0, np.inf])) == pytest.approx([0, 3])


def test_who_needs_what_there_is_not_gets_nothing_and_holds_up_nobody() -> None:
    pool = Pool.of([[1, 1], [1, 0]], [4, 0])
    for policy in (drf, asset_fairness, single_resource, ceei):
        assert policy(pool) == pytest.approx([0, 4])
    assert equal_split(pool) == pytest.approx([0, 2])


def slowly(pool: Pool, cost: np.ndarray) -> np.ndarray:
    """Everybody grows by a small step, for as long as there is all that it needs."""
    step = 1e-4
    tasks, left = np.zeros(pool.users), pool.capacity.astype(float)
    growing = np.ones(pool.users, dtype=bool)
    while growing.any():
        for user in np.flatnonzero(growing):
            more = min(step / cost[user], pool.limits[user] - tasks[user])
            if (pool.demands[user] * more > left).any() or more <= 0:
                growing[user] = False
            else:
                tasks[user] += more
                left -= pool.demands[user] * more
    return tasks


@pytest.mark.parametrize("seed", range(12))
def test_filling_is_what_small_steps_come_to(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = random_pool(rng, zeros=True)
    limits = np.where(rng.random(pool.users) < 0.5, rng.random(pool.users) * 3, np.inf)
    pool = Pool(pool.demands, pool.capacity, pool.weights, limits)
    cost = pool.weighted().max(axis=1)
    assert drf(pool) == pytest.approx(slowly(pool, cost), abs=2e-3 / cost.min(), rel=1e-2)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(0, 300), st.data())
@settings(max_examples=200)
def test_max_min_is_max_min(demands: list[float], capacity: float, data: st.DataObject) -> None:
    size = len(demands)
    weights = data.draw(st.lists(st.floats(0.1, 10), min_size=size, max_size=size))
    got = max_min(demands, capacity, weights)
    assert (got <= np.array(demands) + 1e-9).all()
    assert got.sum() == pytest.approx(min(capacity, sum(demands)), abs=1e-6)
    # Who is not satisfied has, for its weight, at least what anybody else has.
    level = got / weights
    wanting = got < np.array(demands) - 1e-6
    assert (level[wanting] >= level.max() - 1e-6 * (1 + level.max())).all()


def test_a_million_users() -> None:
    rng = np.random.default_rng(1)
    pool = Pool.of(rng.integers(1, 10, (1_000_000, 3)), [10**6] * 3, limits=rng.random(1_000_000))
    used = (pool.demands * drf(pool)[:, None]).sum(axis=0)
    assert used.max() == pytest.approx(10**6)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([[1, 2]], [1]), r"demands \(1, 2\) and capacity \(1,\)"),
        (([[1.5]], [3]), "demands must hold integers"),
        (([[-1]], [3]), "demands must be finite and not negative"),
        (([[1]], [2**60]), "capacity must not be above"),
        (([[1], [0]], [3]), "user 1 demands nothing"),
        (([[1]], [3], [0]), "weights must be above zero, user 0 has 0"),
        (([[1]], [3], [np.nan]), "weights must be finite"),
        (([[1]], [3], [1, 2]), r"weights \(2,\) must have shape \(1,\)"),
        (([[np.nan, 1]], [3, 3]), r"demands must be finite and not negative, not nan at \[0, 0\]"),
        (([[1, 1]], [3, -2]), r"capacity must be finite and not negative, not -2 at \[1\]"),
        (([[1]], [3], ["many"]), "weights must hold numbers"),
        (([[1]], [3], None, ["many"]), "limits is not an array of numbers"),
        (([[1]], [3], None, [np.nan]), "limits must be numbers of tasks, user 0 has nan"),
        (([[1]], [3], None, [-1]), "limits must be numbers of tasks, user 0 has -1"),
        (([[1]], [3], None, [1, 2]), r"limits \(2,\) must have shape \(1,\)"),
    ],
)
def test_what_is_no_pool(arguments: tuple[object, ...], text: str) -> None:
    with pytest.raises(AllocatorError, match=text):
        Pool.of(*arguments)


def test_other_bad_input() -> None:
    with pytest.raises(AllocatorError, match="resource is 2, not from 0 to 1"):
        single_resource(PAPER, 2)
    with pytest.raises(AllocatorError, match="no slot of"):
        slot_fair(PAPER, [10, 2])
    with pytest.raises(AllocatorError, match="slots have none of resource 1"):
        slot_fair(PAPER, [1, 0])
    with pytest.raises(AllocatorError, match=r"slots .* must have shape"):
        slot_fair(PAPER, [1])
    with pytest.raises(AllocatorError, match="user 1 has a limit"):
        ceei(Pool.of([[1], [1]], [3], limits=[np.inf, 2]))
    with pytest.raises(AllocatorError, match="weights must be above zero, user 1 has 0"):
        max_min([1, 2], 3, [1, 0])
    with pytest.raises(AllocatorError, match="a number"):
        max_min([1, 2], [3, 4])


@pytest.mark.parametrize("policy", [drf, asset_fairness, single_resource])
def test_never_more_than_there_is_is_given(policy):
    # Users without a limit who demand none of what is used up last once hid what the others take of it.
    pools = [Pool.of([[3, 3, 4], [4, 4, 0]], [20, 16, 3], [8, 1])]
    rng = np.random.default_rng(8)
    pools += [random_pool(rng, zeros=True) for _ in range(1500)]
    for pool in pools:
        used = policy(pool) @ pool.demands
        assert (used <= pool.capacity * (1 + 1e-9)).all(), (pool.demands.tolist(), pool.capacity.tolist())


def test_a_policy_that_gives_too_much_is_found_out():
    def generous(pool):
        return 2 * drf(pool)

    rng = np.random.default_rng(1)
    assert max(measure(Property.PARETO_EFFICIENCY, generous, rng) for _ in range(20)) > 0.5


@pytest.mark.parametrize("weights", [[1e308, 1e308], [1e-300, 1.0]])
def test_weights_beyond_all_reason_are_refused(weights):
    with pytest.raises(AllocatorError, match=r"weights must be from 1e-12 to 1e\+12, user 0 has"):
        Pool.of([[1], [1]], [10], weights)
