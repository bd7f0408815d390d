from __future__ import annotations

import doctest
import importlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocators import AllocatorError, DRFAllocator, OfferAllocator, dominant_share, weighted_drf
from tests.allocators.events import seeded


@pytest.mark.parametrize("module", ["allocators", "allocators.drf"])
def test_examples_in_the_documentation(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_paper_example():
    assert weighted_drf(np.array([[1, 4], [3, 1]]), np.array([9, 18])).tolist() == [3, 2]


def test_weights_one_to_two():
    assert weighted_drf([[1, 1], [1, 1]], [30, 60], [1, 2]).tolist() == [10, 20]


def test_a_tie_is_a_tie_however_floats_are_rounded():
    # 3/10 / 3 is less than 1/10 as floats: then the first user would be first again, though it has more tasks.
    assert weighted_drf([[1], [1]], [13], [3, 1]).tolist() == [9, 4]
    assert weighted_drf([[1], [2]], [10], [3, 1]).tolist() == [6, 2]


def test_zero_capacity_and_no_users():
    assert weighted_drf([[1, 1], [1, 0]], [4, 0]).tolist() == [0, 4]
    assert weighted_drf(np.zeros((0, 2), int), [4, 0]).tolist() == []


def slow(demands, capacity, weights):
    left, tasks = list(capacity), [0] * len(demands)
    while True:
        fitting = [u for u, d in enumerate(demands) if all(x <= y for x, y in zip(d, left, strict=True))]
        if not fitting:
            return tasks

        def key(user):
            shares = [Fraction(tasks[user] * x, y) for x, y in zip(demands[user], capacity, strict=True) if y]
            return (max(shares) / Fraction(weights[user]), tasks[user], user)

        user = min(fitting, key=key)
        tasks[user] += 1
        left = [y - x for x, y in zip(demands[user], left, strict=True)]


def test_same_as_plain_loop():
    random = seeded(5)
    for _ in range(500):
        users, resources = random.randrange(1, 6), random.randrange(1, 4)
        demands = [[random.randrange(1, 10) for _ in range(resources)] for _ in range(users)]
        for row in demands:
            row[random.randrange(resources)] *= random.choice([0, 1]) if resources > 1 else 1
        capacity = [random.randrange(10, 60) for _ in range(resources)]
        weights = [random.choice([0.5, 1, 2, 3]) for _ in range(users)]
        assert weighted_drf(demands, capacity, weights).tolist() == slow(demands, capacity, weights)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5))
def test_nothing_more_fits_and_nothing_is_overdrawn(demands):
    tasks = weighted_drf(demands, [40, 50])
    left = np.array([40, 50]) - tasks @ np.array(demands)
    assert (left >= 0).all()
    assert not (np.array(demands) <= left).all(axis=1).any()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([[1.0]], [1]), "integers"),
        (([[-1]], [1]), "not negative"),
        (([[1]], [-1]), "not negative"),
        (([[1, 2]], [1]), "must be"),
        (([1], [1]), "must be"),
        (([[1], [1, 2]], [1]), "not an array"),
        (([[0]], [1]), "user 0 demands nothing"),
        (([[True]], [1]), "numbers"),
        (([[2**60]], [1]), "above"),
        (([[1]], [1], [0.0]), "above zero"),
        (([[1]], [1], [float("nan")]), "finite"),
        (([[1]], [1], [1, 1]), r"weights \(2,\) must have shape \(1,\)"),
    ],
)
def test_bad_input(arguments, text):
    with pytest.raises(AllocatorError, match=text):
        weighted_drf(*arguments)


def test_dominant_share():
    assert dominant_share([3, 12], [9, 18]) == 12 / 18
    assert dominant_share([[1, 5], [0, 5]], [4, 0]).tolist() == [0.25, 0.0]
    assert dominant_share([[1]], [0]).tolist() == [0.0]
    for bad in [([1], [[1]]), ([[1, 2]], [1]), (1, [1]), ([-1], [1]), ([float("inf")], [1]), (["x"], [1])]:
        with pytest.raises(AllocatorError):
            dominant_share(*bad)


def test_the_allocator_has_the_interface():
    allocator: OfferAllocator = DRFAllocator()
    for name in (name for name in vars(OfferAllocator) if not name.startswith("_")):
        assert callable(getattr(allocator, name))
