"""Who gives way to whom, beside all sets of victims there are, and bad input."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from allocators.errors import AllocatorError
from allocators.policies import Band, BandTask, preempt_by_priority


def test_bands() -> None:
    assert [Band.of(priority) for priority in (0, 99, 100, 199, 200, 299, 300, 399)] == [
        band for band in reversed(Band) for _ in range(2)
    ]


def test_production_never_preempts_production_and_all_others_do() -> None:
    for high in range(0, 400, 20):
        for low in range(0, 400, 20):
            both = 200 <= high < 300 and 200 <= low < 300
            asks, has = BandTask("a", high, (1,)), BandTask("b", low, (1,))
            assert asks.may_preempt(has) is (low < high and not both)
            verdict = preempt_by_priority([1], [has], asks)
            assert verdict.admitted is (low < high and not both)
            assert verdict.preempted == (("b",) if verdict.admitted else ())


def test_free_is_taken_first_and_refusal_ends_nothing() -> None:
    running = [BandTask("a", 0, (5,)), BandTask("b", 250, (4,))]
    assert preempt_by_priority([10], running, BandTask("c", 300, (1,))).preempted == ()
    refused = preempt_by_priority([10], running, BandTask("c", 299, (7,)))
    assert (refused.admitted, refused.preempted) == (False, ())
    assert refused.reason == "resource 0 is short of 1"


def test_who_covers_most_is_spared_where_others_have_to_go_anyhow() -> None:
    running = [BandTask("most", 0, (4, 4)), BandTask("left", 0, (6, 0)), BandTask("right", 0, (0, 6))]
    verdict = preempt_by_priority([10, 10], running, BandTask("new", 100, (6, 6)))
    assert sorted(verdict.preempted) == ["left", "right"]


def all_sets(capacity, running, arriving):
    """All sets of victims that are enough: of them, those with the fewest of the highest priority, and so on down."""
    able = [task for task in running if arriving.may_preempt(task)]
    free = capacity - sum((np.array(task.amounts) for task in running), np.zeros(len(capacity), dtype=int))
    levels = sorted({task.priority for task in able}, reverse=True)
    best = None
    for size in range(len(able) + 1):
        for victims in combinations(able, size):
            freed = free + sum(
                (np.array(task.amounts) for task in victims), np.zeros(len(capacity), dtype=int)
            )
            if (freed >= arriving.amounts).all():
                key = [sum(task.priority == level for task in victims) for level in levels]
                best = key if best is None else min(best, key)
    return levels, best


@pytest.mark.parametrize("resources", [1, 3])
def test_beside_all_sets_of_victims(resources: int) -> None:
    rng = np.random.default_rng(resources)
    seen = more = 0
    for _ in range(1_000):
        running = [
            BandTask(
                f"t{i}", int(rng.choice([0, 50, 150, 210, 250, 310])), tuple(rng.integers(0, 9, resources))
            )
            for i in range(rng.integers(0, 8))
        ]
        capacity = sum((np.array(task.amounts) for task in running), rng.integers(0, 4, resources))
        arriving = BandTask(
            "new", int(rng.choice([0, 100, 190, 220, 260, 350])), tuple(rng.integers(0, 14, resources))
        )
        verdict = preempt_by_priority(capacity, running, arriving)
        levels, best = all_sets(capacity, running, arriving)
        assert verdict.admitted is (best is not None)
        if best is None:
            assert verdict.preempted == ()
            assert verdict.reason.startswith("resource ")
            continue
        victims = [task for task in running if task.name in verdict.preempted]
        assert len(victims) == len(verdict.preempted)
        assert all(arriving.may_preempt(task) for task in victims)

        def enough(ended, running=running, capacity=capacity, arriving=arriving) -> bool:
            rest = [np.array(task.amounts) for task in running if task not in ended]
            return bool((sum(rest, np.array(arriving.amounts)) <= capacity).all())

        assert enough(victims)
        assert not any(enough([other for other in victims if other is not task]) for task in victims)
        key = [sum(task.priority == level for task in victims) for level in levels]
        seen += len(victims) > 0
        if resources == 1:
            assert key == best
        else:
            # The highest that is touched is as low as can be.
            first = next((at for at, count in enumerate(best) if count), len(best))
            assert not any(key[:first])
            more += key != best
    assert seen > 100
    assert more < seen / 20


TASK = BandTask("a", 100, (1, 2))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Band.of(400), "priority must be an integer from 0 to 399, not 400"),
        (lambda: BandTask("a", -1, (1,)), "task 'a': priority must be an integer from 0 to 399, not -1"),
        (lambda: BandTask("a", 1.5, (1,)), "task 'a': priority must be an integer"),
        (lambda: BandTask("a", True, (1,)), "task 'a': priority must be an integer"),
        (lambda: BandTask("", 1, (1,)), "a task's name must be a non-empty string"),
        (
            lambda: BandTask("a", 1, (-1,)),
            r"task 'a': amounts must be finite and not negative, not -1 at \[0\]",
        ),
        (lambda: BandTask("a", 1, (float("nan"),)), r"task 'a': amounts must be .*, not nan at \[0\]"),
        (lambda: BandTask("a", 1, (2**60,)), "task 'a': amounts must not be above"),
        (lambda: BandTask("a", 1, (1.5,)), "task 'a': amounts must hold integers"),
        (lambda: BandTask("a", 1, ((1,),)), r"task 'a': amounts \(1, 1\) must have shape"),
        (lambda: preempt_by_priority([1, -2], [], TASK), r"capacity must be .* not -2 at \[1\]"),
        (lambda: preempt_by_priority(3, [], TASK), r"capacity \(\) must have shape"),
        (lambda: preempt_by_priority([1], [], TASK), "task 'a' has 2 amounts, and capacity 1"),
        (lambda: preempt_by_priority([5, 5], [TASK], TASK), "two tasks are named 'a'"),
        (lambda: preempt_by_priority([5, 5], ["a"], TASK), "a task must be a BandTask, not 'a'"),
        (
            lambda: preempt_by_priority([5, 1], [BandTask("b", 0, (1, 2))], TASK),
            "tasks use 2 of resource 1, of which there is 1",
        ),
    ],
)
def test_bad_input(call, text: str) -> None:
    with pytest.raises(AllocatorError, match=text):
        call()
