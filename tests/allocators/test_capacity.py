"""Hadoop's capacity scheduler: its rules on small trees, plain reckoning beside, what is preempted, and bad input."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from allocators.errors import AllocatorError
from allocators.policies import (
    Pool,
    Queue,
    capacity_scheduler,
    discrete_drf,
    preempt_for_capacity,
    queue_for_each,
)


def leaf(name: str, guaranteed: float, *users: int, **more) -> Queue:
    return Queue(name, guaranteed, users=users, **more)


def root(*queues: Queue) -> Queue:
    return Queue("root", queues=queues)


def test_what_one_leaves_another_takes_up_to_its_maximum() -> None:
    queues = root(leaf("a", 20, 0, user_factor=9), leaf("b", 80, 1, user_factor=9, maximum=90))
    for limits, tasks in (([99, 99], [20, 80]), ([99, 10], [90, 10]), ([5, 99], [5, 90])):
        assert capacity_scheduler(Pool.of([[1], [1]], [100], limits=limits), queues).tolist() == tasks


def test_guarantees_are_parts_of_the_queue_above() -> None:
    inner = Queue("eng", 60, queues=(leaf("dev", 50, 0), leaf("test", 50, 1)))
    queues = root(inner, leaf("ops", 40, 2))
    assert capacity_scheduler(Pool.of([[1]] * 3, [100]), queues).tolist() == [30, 30, 40]


def test_a_maximum_binds_the_subtree() -> None:
    inner = Queue("eng", 20, 50, queues=(leaf("dev", 50, 0, user_factor=9), leaf("test", 50, 1)))
    pool = Pool.of([[1]] * 3, [100], limits=[99, 99, 0])
    assert capacity_scheduler(pool, root(inner, leaf("ops", 40, 2))).tolist() == [40, 10, 0]


@pytest.mark.parametrize(
    ("percent", "factor", "tasks"),
    [
        (100, 1, [50, 0, 0]),
        (50, 1, [25, 25, 0]),
        (25, 1, [17, 17, 16]),
        (100, Fraction(1, 5), [10, 10, 10]),
    ],
)
def test_user_limits(percent: int, factor: Fraction, tasks: list[int]) -> None:
    """Half of 100 is guaranteed to the queue and is all it may have."""
    queue = leaf("a", 50, 0, 1, 2, maximum=50, user_percent=percent, user_factor=factor)
    assert capacity_scheduler(Pool.of([[1]] * 3, [100]), root(queue)).tolist() == tasks


def test_a_queue_without_a_guarantee_comes_last_and_still_gets_what_is_left() -> None:
    queues = root(leaf("a", 0, 0), leaf("b", 100, 1))
    pool = Pool.of([[1], [1]], [10], limits=[3, 8])
    # One user may have a guarantee, and no less than a task: of nothing it is one.
    assert capacity_scheduler(pool, queues).tolist() == [1, 8]


def random_tree(rng: np.random.Generator, users: int) -> Queue:
    """One or two levels, users spread at random; guarantees may leave something over."""
    count = [0]

    def parts(number: int) -> list[int]:
        cuts = rng.multinomial(100 if rng.random() < 0.7 else 80, np.ones(number) / number)
        return [int(cut) for cut in cuts]

    def grow(guaranteed: int, members: list[int], depth: int) -> Queue:
        count[0] += 1
        name = f"q{count[0]}"
        maximum = 100 if depth == 0 or rng.random() < 0.6 else int(rng.integers(guaranteed, 101))
        if depth == 2 or (depth == 1 and rng.random() < 0.5):
            percent, factor = int(rng.choice([100, 50, 25])), int(rng.choice([1, 2, 100]))
            return Queue(name, guaranteed, maximum, (), tuple(members), percent, factor)
        number = int(rng.integers(2, 4))
        share = [members[child::number] for child in range(number)]
        below = [grow(part, own, depth + 1) for part, own in zip(parts(number), share, strict=True)]
        return Queue(name, guaranteed, maximum, tuple(below))

    return grow(100, rng.permutation(users).tolist(), 0)


def random_pool(rng: np.random.Generator) -> Pool:
    users, resources = int(rng.integers(1, 8)), int(rng.integers(1, 4))
    limits = np.where(rng.random(users) < 0.5, rng.integers(0, 12, users), np.inf)
    capacity = rng.integers(20, 80, resources) * (rng.random(resources) > 0.05)
    return Pool.of(rng.integers(1, 8, (users, resources)), capacity, limits=limits)


class Plain:
    """All in fractions, and reckoned anew from the tasks each time."""

    def __init__(self, pool: Pool, queues: Queue) -> None:
        self.pool, self.tasks = pool, [0] * pool.users
        self.capacity = pool.capacity.tolist()
        self.parts: dict[str, tuple[Fraction, Fraction, list[int]]] = {}
        self.paths: dict[int, list[Queue]] = {}
        self.queues = queues
        self._enter(queues, Fraction(1), Fraction(1), [])

    def _enter(self, queue: Queue, part: Fraction, most: Fraction, path: list[Queue]) -> list[int]:
        part, most = part * queue.guaranteed / 100, most * queue.maximum / 100
        path = [*path, queue]
        members = list(queue.users)
        for user in queue.users:
            self.paths[user] = path
        for below in queue.queues:
            members += self._enter(below, part, most, path)
        self.parts[queue.name] = (part, most, members)
        return members

    def used(self, queue: Queue, resource: int, more: int | None = None) -> int:
        members = self.parts[queue.name][2]
        total = sum(self.tasks[user] * int(self.pool.demands[user, resource]) for user in members)
        return total + (int(self.pool.demands[more, resource]) if more in members else 0)

    def share(self, amounts) -> Fraction:
        return max(
            (Fraction(int(a), c) for a, c in zip(amounts, self.capacity, strict=True) if c),
            default=Fraction(0),
        )

    def queue_share(self, queue: Queue) -> Fraction:
        return self.share([self.used(queue, resource) for resource in range(len(self.capacity))])

    def over(self, queue: Queue, resource: int) -> bool:
        return self.used(queue, resource) > self.parts[queue.name][0] * self.capacity[resource]

    def user_may(self, user: int) -> bool:
        queue = self.paths[user][-1]
        part, one = self.parts[queue.name][0], self.share(self.pool.demands[user])
        whole, held = max(part, one), self.queue_share(queue)
        current = whole if held < part else held + one
        wanting = sum(self.tasks[other] < self.pool.limits[other] for other in queue.users)
        if not wanting:
            return False
        limit = max(current / wanting, current * queue.user_percent / 100)
        share = self.tasks[user] * one
        return self.tasks[user] < self.pool.limits[user] and share < min(limit, whole * queue.user_factor)

    def may(self, user: int) -> bool:
        return self.user_may(user) and all(
            self.used(queue, resource, user) <= self.parts[queue.name][1] * self.capacity[resource]
            for queue in self.paths[user]
            for resource in range(len(self.capacity))
        )

    def needy(self, user: int) -> bool:
        queue = self.paths[user][-1]
        return self.user_may(user) and all(
            self.used(queue, resource, user) <= self.parts[queue.name][0] * self.capacity[resource]
            for resource in range(len(self.capacity))
        )

    def next(self, queue: Queue) -> int | None:
        for user in queue.users:
            if self.may(user):
                return user

        def fullness(below: Queue):
            part, share = self.parts[below.name][0], self.queue_share(below)
            return (0, share / part) if part else (1, share)

        for below in sorted(queue.queues, key=fullness):
            found = self.next(below)
            if found is not None:
                return found
        return None


def test_same_as_plain_reckoning() -> None:
    rng = np.random.default_rng(1)
    for _ in range(250):
        pool = random_pool(rng)
        queues = random_tree(rng, pool.users)
        plain = Plain(pool, queues)
        while (user := plain.next(queues)) is not None:
            plain.tasks[user] += 1
        assert capacity_scheduler(pool, queues).tolist() == plain.tasks


def test_a_queue_for_each_is_drf_but_for_ties() -> None:
    """Where no two are ever equal, it is the same."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        demands = rng.choice([[101, 7], [103, 11], [107, 5], [109, 3]], 4, replace=False)
        pool = Pool.of(demands, [10007, 10009], rng.choice([1, 2, 3, 5], 4, replace=False))
        # All start with nothing, so with a tie: and all do get a first task.
        assert capacity_scheduler(pool, queue_for_each(pool)) == pytest.approx(discrete_drf(pool), abs=0)


def test_preemption_on_small_trees() -> None:
    queues = root(leaf("prod", 70, 0), leaf("dev", 30, 1))
    pool = Pool.of([[10], [4]], [100], limits=[5, 25])
    taken = preempt_for_capacity(pool, queues, [2, 20])
    assert (taken.taken.tolist(), taken.given.tolist()) == ([0, 8], [3, 0])
    # Free is taken first.
    free = preempt_for_capacity(pool, queues, [2, 10])
    assert (free.taken.tolist(), free.given.tolist()) == ([0, 0], [3, 0])
    # Development has more than 30 only where production has less than 70: now nothing is to be done.
    even = preempt_for_capacity(Pool.of([[10], [4]], [100]), queues, [7, 7])
    assert (even.taken.tolist(), even.given.tolist()) == ([0, 0], [0, 0])


def test_who_can_be_spared_is() -> None:
    """Two small tasks are taken first for one resource; the large one, for the other, has enough of both."""
    queues = root(leaf("prod", 50, 0), leaf("dev", 50, 1, 2))
    pool = Pool.of([[4, 5], [2, 6], [3, 1]], [10, 10], limits=[1, 1, 2])
    verdict = preempt_for_capacity(pool, queues, [0, 1, 2])
    assert (verdict.taken.tolist(), verdict.given.tolist()) == ([0, 1, 0], [1, 0, 0])


def test_a_queue_above_its_guarantee_in_one_that_is_below_is_spared() -> None:
    """`dev` has 40 of its 25, but `eng` around it 40 of its 50: for `ops`, that one is not touched."""
    inner = Queue("eng", 50, queues=(leaf("dev", 50, 0, user_factor=9), leaf("test", 50, 1)))
    queues = root(inner, leaf("ops", 25, 2), leaf("web", 25, 3))
    pool = Pool.of([[1]] * 4, [100], limits=[40, 0, 10, 60])
    verdict = preempt_for_capacity(pool, queues, [40, 0, 0, 60])
    assert (verdict.taken.tolist(), verdict.given.tolist()) == ([0, 0, 0, 10], [0, 0, 10, 0])
    # For `test`, `web` first, until `eng` has its 50; then `dev`.
    pool = Pool.of([[1]] * 4, [100], limits=[40, 25, 0, 60])
    verdict = preempt_for_capacity(pool, queues, [40, 0, 0, 60])
    assert (verdict.taken.tolist(), verdict.given.tolist()) == ([15, 0, 0, 10], [0, 25, 0, 0])


def test_what_is_preempted_is_above_its_guarantee_and_what_is_guaranteed_is_there() -> None:
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(400):
        pool = random_pool(rng)
        queues = random_tree(rng, pool.users)
        before = Plain(pool, queues)
        full = pool.capacity.copy()
        for user in rng.permutation(pool.users):
            number = min((full // pool.demands[user]).min(), pool.limits[user]) * rng.choice([1, 1, 0.5])
            before.tasks[user] = int(number)
            full -= before.tasks[user] * pool.demands[user]
        verdict = preempt_for_capacity(pool, queues, before.tasks)
        after = Plain(pool, queues)
        after.tasks = (np.array(before.tasks) - verdict.taken + verdict.given).tolist()
        seen += int(verdict.taken.sum())
        assert (pool.capacity - np.array(after.tasks) @ pool.demands >= 0).all()
        assert (np.array(after.tasks) <= pool.limits).all()
        assert not ((verdict.taken > 0) & (verdict.given > 0)).any()
        for user in range(pool.users):
            assert not after.needy(user)
            leaf_queue = before.paths[user][-1]
            if verdict.taken[user]:
                assert any(before.over(leaf_queue, resource) for resource in range(len(before.capacity)))
                # The last that was taken was of a queue above its guarantee: with it, it is again.
                after.tasks[user] += 1
                assert any(after.over(leaf_queue, resource) for resource in range(len(after.capacity)))
                after.tasks[user] -= 1
    assert seen > 300


PAIR = Pool.of([[1], [1]], [100])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Queue(""), "a queue's name must be a non-empty string"),
        (lambda: Queue("q", -1), "queue 'q': guaranteed must be from 0 to 100 percent, not -1"),
        (lambda: Queue("q", 50, 101), "queue 'q': maximum must be from 0 to 100 percent, not 101"),
        (lambda: Queue("q", 50, 40), "queue 'q': maximum 40 is below guaranteed 50"),
        (lambda: Queue("q", float("nan")), "queue 'q': guaranteed must be a finite number, not nan"),
        (lambda: Queue("q", float("inf")), "queue 'q': guaranteed must be a finite number, not inf"),
        (lambda: Queue("q", "50"), "queue 'q': guaranteed must be a finite number, not '50'"),
        (lambda: Queue("q", True), "queue 'q': guaranteed must be a finite number, not True"),
        (lambda: Queue("q", user_percent=101), "user_percent must be from 0 to 100"),
        (lambda: Queue("q", user_factor=0), "user_factor must be above zero, not 0"),
        (lambda: Queue("q", queues=(leaf("a", 1),), users=(1,)), "queue 'q' has queues and users"),
        (lambda: root(leaf("a", 60), leaf("b", 50)), r"guaranteed \[60, 50\], above 100 in sum"),
        (lambda: capacity_scheduler(PAIR, leaf("q", 50, 0, 1)), "queue 'q' is the root"),
        (lambda: capacity_scheduler(PAIR, {"q": 1}), "queues must be a Queue, the root"),
        (lambda: capacity_scheduler(PAIR, root(leaf("a", 50, 0))), "user 1 is in no queue"),
        (
            lambda: capacity_scheduler(PAIR, root(leaf("a", 50, 0), leaf("b", 50, 0, 1))),
            "user 0 is in queue 'a' and in 'b'",
        ),
        (
            lambda: capacity_scheduler(PAIR, root(leaf("a", 50, 0, 2))),
            "queue 'a': user 2 is not from 0 to 1",
        ),
        (
            lambda: capacity_scheduler(PAIR, root(leaf("a", 50, 0), leaf("a", 50, 1))),
            "two queues are named 'a'",
        ),
        (
            lambda: capacity_scheduler(Pool.of([[1, 1]], [3, 3], [[1, 1]])),
            "a weight for each resource is for DRF",
        ),
        (lambda: preempt_for_capacity(PAIR, leaf("q", 100, 0, 1), [1]), "tasks must be 2 whole numbers"),
        (lambda: preempt_for_capacity(PAIR, leaf("q", 100, 0, 1), [1, -1]), "tasks must be 2 whole numbers"),
        (lambda: preempt_for_capacity(PAIR, leaf("q", 100, 0, 1), [1, 0.5]), "tasks must be 2 whole numbers"),
        (
            lambda: preempt_for_capacity(PAIR, leaf("q", 100, 0, 1), [60, 50]),
            "tasks use 110 of resource 0, of which there is 100",
        ),
    ],
)
def test_bad_input(call, text: str) -> None:
    with pytest.raises(AllocatorError, match=text):
        call()
