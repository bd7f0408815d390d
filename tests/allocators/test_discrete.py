"""Whole tasks, one after another: the table of the paper, a plain loop beside, queues and draws, and bad input."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from allocators.errors import AllocatorError
from allocators.policies import (
    Pool,
    discrete_asset_fairness,
    discrete_drf,
    discrete_single_resource,
    fifo,
    lottery,
    random_picks,
    steps,
    strict_priority,
)

PAPER = Pool.of([[1, 4], [3, 1]], [9, 18])


def test_table_1_of_the_paper() -> None:
    filling = list(steps(PAPER, order=[1, 0]))
    assert [step.user for step in filling] == [1, 0, 0, 1, 0]
    thirds, ninths = Fraction(1, 3), Fraction(1, 9)
    assert [step.shares for step in filling] == [
        (0, thirds),
        (2 * ninths, thirds),
        (4 * ninths, thirds),
        (4 * ninths, 2 * thirds),
        (2 * thirds, 2 * thirds),
    ]
    assert filling[-1].tasks == (3, 2)
    assert filling[-1].left == (0, 4)


def random_case(rng: np.random.Generator, *, table: bool = True) -> Pool:
    """Pools with all there may be: zeros, nothing of a resource, limits, weights of each kind."""
    users, resources = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    demands = rng.integers(0, 8, (users, resources))
    demands[~demands.any(axis=1), 0] = 1
    capacity = rng.integers(10, 60, resources) * (rng.random(resources) > 0.1)
    limits = np.where(rng.random(users) < 0.3, rng.integers(0, 50, users) / 4, np.inf)
    shape = (users, resources) if table and rng.random() < 0.3 else (users,)
    return Pool.of(demands, capacity, rng.choice([0.1, 0.3, 1, 2, 3, 7], shape), limits)


def slowly(pool: Pool, cost, order: list[int]) -> list[int]:
    """Look at everybody for each task, in fractions."""
    tasks, left = [0] * pool.users, pool.capacity.tolist()
    while True:
        able = [
            user
            for user, row in enumerate(pool.demands.tolist())
            if tasks[user] + 1 <= pool.limits[user] and all(a <= b for a, b in zip(row, left, strict=True))
        ]
        if not able:
            return tasks

        def key(user: int):
            weights = np.broadcast_to(pool.weights[user], pool.capacity.shape).tolist()
            shares = [
                Fraction(int(need), whole) / Fraction(weight) if whole else Fraction(0)
                for need, whole, weight in zip(
                    pool.demands[user], pool.capacity.tolist(), weights, strict=True
                )
            ]
            return (tasks[user] * cost(shares), tasks[user], order.index(user))

        best = min(able, key=key)
        tasks[best] += 1
        left = [rest - need for rest, need in zip(left, pool.demands[best].tolist(), strict=True)]


@pytest.mark.parametrize("longest", [1024, 1], ids=["integers", "fractions"])
def test_same_as_a_plain_loop(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocators.policies.discrete.LONGEST", longest)
    rng = np.random.default_rng(3)
    for _ in range(300):
        pool = random_case(rng)
        order = rng.permutation(pool.users).tolist()
        assert discrete_drf(pool, order).tolist() == slowly(pool, max, order)
        pool = random_case(rng, table=False)
        order = list(range(pool.users))
        assert discrete_asset_fairness(pool).tolist() == slowly(pool, sum, order)
        first = slowly(pool, lambda shares: shares[0] or max(shares), order)
        assert discrete_single_resource(pool).tolist() == first


def test_steps_show_what_the_function_comes_to() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        pool = random_case(rng)
        tasks = [0] * pool.users
        for step in steps(pool):
            tasks[step.user] += 1
            weighted = [
                max(
                    (
                        tasks[user] * Fraction(int(need), int(whole)) / Fraction(float(weight))
                        for need, whole, weight in zip(
                            pool.demands[user],
                            pool.capacity,
                            np.broadcast_to(pool.weights[user], pool.capacity.shape),
                            strict=True,
                        )
                        if whole
                    ),
                    default=0,
                )
                for user in range(pool.users)
            ]
            assert list(step.shares) == weighted
            assert list(step.tasks) == tasks
            assert list(step.left) == (pool.capacity - tasks @ pool.demands).tolist()
        assert discrete_drf(pool).tolist() == tasks


def test_equal_shares_are_equal_though_their_floats_are_not() -> None:
    """Three tasks by a weight of 3 are one by 1, and 0.3 / 3 is less than 0.1: fewer tasks are first."""
    assert 3 / 10 / 3 < 1 / 10
    pool = Pool.of([[1], [1]], [10], weights=[3, 1])
    assert [step.user for step in steps(pool)] == [0, 1, 0, 0, 1, 0, 0, 0, 1, 0]


def test_first_come_first_served_is_a_loop() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        pool = random_case(rng)
        order = rng.permutation(pool.users).tolist()
        tasks, left = [0] * pool.users, pool.capacity.copy()
        for user in order:
            while (pool.demands[user] <= left).all() and tasks[user] + 1 <= pool.limits[user]:
                tasks[user] += 1
                left -= pool.demands[user]
        assert fifo(pool, order).tolist() == tasks


@pytest.mark.parametrize("draw", [lottery, random_picks])
def test_draws_leave_no_task_that_fits_and_exceed_nothing(draw) -> None:
    rng = np.random.default_rng(6)
    for _ in range(300):
        pool = random_case(rng, table=False)
        tasks = draw(pool, rng)
        left = pool.capacity - tasks @ pool.demands
        assert (left >= 0).all()
        assert (tasks <= pool.limits).all()
        assert not ((pool.demands <= left).all(axis=1) & (tasks + 1 <= pool.limits)).any()


def test_a_lottery_gives_as_the_tickets_and_a_seed_gives_the_same_again() -> None:
    pool = Pool.of([[1], [1], [1]], [60_000], weights=[1, 2, 3])
    tasks = lottery(pool, np.random.default_rng(1))
    # Four standard deviations: sqrt(60,000 / 6 * 5 / 6) = 91, and 115, 122.
    assert tasks == pytest.approx([10_000, 20_000, 30_000], abs=500)
    assert (lottery(pool, np.random.default_rng(1)) == tasks).all()
    assert (lottery(pool, np.random.default_rng(2)) != tasks).any()
    assert random_picks(pool, np.random.default_rng(1)) == pytest.approx([20_000] * 3, abs=500)


def test_compensation_makes_shares_equal_and_not_tasks() -> None:
    pool = Pool.of([[1, 2], [8, 1]], [80_000, 80_000])
    shares = lottery(pool, np.random.default_rng(1), compensated=True) * pool.fractions().max(axis=1)
    assert shares[1] == pytest.approx(shares[0], rel=0.05)
    plain = lottery(pool, np.random.default_rng(1))
    assert plain[0] == pytest.approx(plain[1], rel=0.05)


def test_priorities_are_served_one_after_another() -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        pool = random_case(rng, table=False)
        levels = rng.integers(0, 3, pool.users)
        tasks, left = np.zeros(pool.users, dtype=int), pool.capacity
        for level in (2, 1, 0):
            who = np.flatnonzero(levels == level)
            if who.size:
                among = Pool.of(pool.demands[who], left, limits=pool.limits[who])
                tasks[who] = slowly(among, max, list(range(who.size)))
                left = left - tasks[who] @ pool.demands[who]
        assert strict_priority(pool, levels).tolist() == tasks.tolist()


def test_nobody_and_who_wants_what_there_is_not() -> None:
    nobody = Pool.of(np.zeros((0, 2), int), [3, 4])
    nothing = Pool.of([[1, 1], [1, 0]], [4, 0])
    rng = np.random.default_rng(1)
    for policy in (
        discrete_drf,
        discrete_asset_fairness,
        discrete_single_resource,
        fifo,
        strict_priority,
        lambda pool: lottery(pool, rng),
        lambda pool: lottery(pool, rng, compensated=True),
        lambda pool: random_picks(pool, rng),
    ):
        assert policy(nobody).tolist() == []
        assert policy(nothing).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: discrete_drf(PAPER, [0]), r"order \[0\] must name each user from 0 to 1 once"),
        (lambda: discrete_drf(PAPER, [0, 0]), r"order \[0, 0\] must name each"),
        (lambda: fifo(PAPER, [0, 2]), r"order \[0, 2\] must name each"),
        (lambda: fifo(PAPER, ["a", "b"]), r"order \['a', 'b'\] must name each"),
        (lambda: fifo(PAPER, [0.0, 1.0]), r"order \[0.0, 1.0\] must name each"),
        (lambda: list(steps(PAPER, order=[1])), r"order \[1\] must name each"),
        (lambda: discrete_single_resource(PAPER, 2), "resource is 2, not from 0 to 1"),
        (lambda: discrete_single_resource(PAPER, -1), "resource is -1, not from 0 to 1"),
        (lambda: lottery(PAPER, 1), "rng must be a numpy.random.Generator, not 1"),
        (lambda: random_picks(PAPER, np.random), "rng must be a numpy.random.Generator"),
        (lambda: strict_priority(PAPER, [1]), r"priorities \(1,\) must have shape \(2,\)"),
        (
            lambda: strict_priority(PAPER, [1, float("nan")]),
            r"priorities must be .* not negative, not nan at \[1\]",
        ),
        (lambda: strict_priority(PAPER, [-1, 1]), r"priorities must be .* not -1 at \[0\]"),
    ],
)
def test_bad_input(call, text: str) -> None:
    with pytest.raises(AllocatorError, match=text):
        call()


@pytest.mark.parametrize("policy", [discrete_asset_fairness, discrete_single_resource, strict_priority])
def test_a_weight_for_each_resource_is_for_drf(policy) -> None:
    with pytest.raises(AllocatorError, match="a weight for each resource is for DRF alone"):
        policy(Pool.of([[1, 2]], [3, 3], [[1, 2]]))
