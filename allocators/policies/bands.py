"""Strict priority, and who gives way to whom: the bands of Borg.

Source: Verma et al., Large-scale cluster management at Google with Borg, EuroSys 2015, section 2.5.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from allocators.drf import integers, numbers
from allocators.errors import AllocatorError

from .discrete import discrete_drf
from .pool import Pool, WholeTasks

__all__ = ["Band", "BandTask", "Verdict", "preempt_by_priority", "strict_priority"]


class Band(enum.Enum):
    """Priorities that belong together, highest first; `value` is the lowest priority in it.

    The numbers are ours: the paper names the bands and says no more of them than their order.
    """

    MONITORING = 300
    PRODUCTION = 200
    BATCH = 100
    BEST_EFFORT = 0

    @classmethod
    def of(cls, priority: int) -> Band:
        """The band of a priority, from 0 to 399.

        >>> Band.of(250), Band.of(100)
        (<Band.PRODUCTION: 200>, <Band.BATCH: 100>)
        """
        if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority < 400:
            raise AllocatorError(f"priority must be an integer from 0 to 399, not {priority!r}")
        return next(band for band in cls if priority >= band.value)


@dataclass(frozen=True, slots=True)
class BandTask:
    """A task by name, with its priority and what it takes of each resource, in integers.

    AllocatorError for an empty name, a priority out of 0 to 399, and amounts that are no integers, negative, too large.
    """

    name: str
    priority: int
    amounts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise AllocatorError(f"a task's name must be a non-empty string, not {self.name!r}")
        try:
            Band.of(self.priority)
            checked = integers(self.amounts, "amounts")
            if checked.ndim != 1:
                raise AllocatorError(f"amounts {checked.shape} must have shape (resources,)")
        except AllocatorError as error:
            raise AllocatorError(f"task {self.name!r}: {error}") from None
        object.__setattr__(self, "amounts", tuple(checked.tolist()))

    def may_preempt(self, other: BandTask) -> bool:
        """Whether the other has to give way: of lower priority, and not both of the production band.

        >>> web, search = BandTask("web", 200, (1,)), BandTask("search", 299, (1,))
        >>> search.may_preempt(web), BandTask("probe", 300, (1,)).may_preempt(web)
        (False, True)
        """
        both = Band.of(self.priority) is Band.of(other.priority) is Band.PRODUCTION
        return other.priority < self.priority and not both


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the task can start once `preempted` have ended; if not, nothing ends, and `reason` says why."""

    admitted: bool
    preempted: tuple[str, ...] = ()
    reason: str = ""


def preempt_by_priority(capacity: ArrayLike, running: Iterable[BandTask], arriving: BandTask) -> Verdict:
    """Say whether a task gets its place on a machine (or in a pool) of `capacity` (resources,), and who gives way.

    What is free is taken first. Then the lowest priorities give way first: of a priority tasks are taken only if all
    lower ones together are not enough, and then as few as possible; of equal ones the one named last. That is exact for
    one resource. For several, the fewest is a covering problem (NP-hard): the task that covers most of what is short is
    taken first, and none is taken that could be spared. Time is O(tasks^2 * resources).

    AllocatorError for bad amounts, amounts of another length than `capacity`, a name that is there twice, and
    tasks that take more than there is.

    >>> running = [BandTask("web", 200, (4,)), BandTask("sort", 100, (3,)), BandTask("try", 0, (2,))]
    >>> preempt_by_priority([10], running, BandTask("db", 210, (4,))).preempted
    ('sort',)
    >>> preempt_by_priority([10], running, BandTask("db", 210, (3,))).preempted
    ('try',)
    >>> preempt_by_priority([10], running, BandTask("db", 210, (7,))).reason
    'resource 0 is short of 1'
    """
    checked = integers(capacity, "capacity")
    if checked.ndim != 1:
        raise AllocatorError(f"capacity {checked.shape} must have shape (resources,)")
    whole: list[int] = checked.tolist()
    there = list(running)
    left = _left(whole, there, arriving)
    short = [max(0, need - rest) for need, rest in zip(arriving.amounts, left, strict=True)]
    levels: dict[int, list[BandTask]] = {}
    for task in there:
        if arriving.may_preempt(task):
            levels.setdefault(task.priority, []).append(task)
    victims: list[BandTask] = []
    below = [
        sum(column)
        for column in zip(*(task.amounts for level in levels.values() for task in level), strict=True)
    ]
    below = below or [0] * len(whole)
    for resource, (missing, more) in enumerate(zip(short, below, strict=True)):
        if missing > more:
            return Verdict(False, reason=f"resource {resource} is short of {missing - more}")
    for priority in sorted(levels, reverse=True):
        below = _minus(below, levels[priority])
        least = [max(0, miss - rest) for miss, rest in zip(short, below, strict=True)]
        chosen = _cover(least, short, levels[priority])
        short = [max(0, miss) for miss in _minus(short, chosen)]
        victims += chosen
    return Verdict(True, tuple(task.name for task in victims))


def _minus(amounts: Sequence[int], tasks: Iterable[BandTask]) -> list[int]:
    rest = list(amounts)
    for task in tasks:
        rest = [had - amount for had, amount in zip(rest, task.amounts, strict=True)]
    return rest


def _cover(least: Sequence[int], short: Sequence[int], tasks: Sequence[BandTask]) -> list[BandTask]:
    """Few of the tasks that together have the `least` that is to come of them, none of which could be spared.

    Of equal ones it is who has more of all that is `short`: the fewer have to follow of lower priority.
    """
    chosen: list[BandTask] = []
    rest, missing = list(reversed(tasks)), list(least)
    while any(missing):
        best = _best(rest, missing, short)
        rest.remove(best)
        chosen.append(best)
        missing = [max(0, miss - amount) for miss, amount in zip(missing, best.amounts, strict=True)]
    for task in tuple(chosen):
        without = [other for other in chosen if other is not task]
        if all(miss <= 0 for miss in _minus(least, without)):
            chosen = without
    return chosen


def _best(tasks: Sequence[BandTask], missing: Sequence[int], short: Sequence[int]) -> BandTask:
    return max(tasks, key=lambda task: (_covers(task, missing), _covers(task, short)))


def _covers(task: BandTask, missing: Sequence[int]) -> Fraction:
    return sum(
        (
            Fraction(min(amount, miss), miss)
            for amount, miss in zip(task.amounts, missing, strict=True)
            if miss
        ),
        start=Fraction(0),
    )


def _left(capacity: Sequence[int], running: Sequence[BandTask], arriving: BandTask) -> list[int]:
    names: set[str] = set()
    for task in (*running, arriving):
        if not isinstance(task, BandTask):
            raise AllocatorError(f"a task must be a BandTask, not {task!r}")
        if task.name in names:
            raise AllocatorError(f"two tasks are named {task.name!r}")
        names.add(task.name)
        if len(task.amounts) != len(capacity):
            raise AllocatorError(
                f"task {task.name!r} has {len(task.amounts)} amounts, and capacity {len(capacity)}"
            )
    left = _minus(capacity, running)
    for resource, rest in enumerate(left):
        if rest < 0:
            raise AllocatorError(
                f"tasks use {capacity[resource] - rest} of resource {resource}, of which there is {capacity[resource]}"
            )
    return left


def strict_priority(pool: Pool, priorities: ArrayLike | None = None) -> WholeTasks:
    """Give all that it can use to the highest priority, what is left to the next; equal ones share by DRF.

    `priorities` (users,) are numbers not below zero, default the weights, which count for nothing else. Whole tasks,
    shape (users,). Pareto efficient and no more. Time is that of `discrete_drf`.

    >>> strict_priority(Pool.of([[1, 4], [3, 1], [1, 1]], [9, 18]), [0, 1, 1]).tolist()
    [0, 2, 3]
    """
    level = numbers(pool.user_weights() if priorities is None else priorities, "priorities")
    if level.shape != (pool.users,):
        raise AllocatorError(f"priorities {level.shape} must have shape ({pool.users},), one for each user")
    left = pool.capacity
    tasks = np.zeros(pool.users, dtype=np.int64)
    for value in np.unique(level)[::-1]:
        who = np.flatnonzero(level == value)
        among = Pool(pool.demands[who], left, np.ones(len(who)), pool.limits[who])
        tasks[who] = discrete_drf(among)
        left = left - tasks[who] @ pool.demands[who]
    return tasks
