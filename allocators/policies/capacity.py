"""The capacity scheduler of Hadoop: a tree of queues, each with a part that it is sure of and one that it may grow to.

Sources: Hadoop's documentation, "Capacity Scheduler" (capacity, maximum-capacity, minimum-user-limit-percent,
user-limit-factor), and Vavilapalli et al., YARN, SoCC 2013. All is reckoned in integers and fractions. Shares are those
of the resource that a queue or user has most of: Hadoop's dominant resource calculator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from allocators.errors import AllocatorError

from .discrete import fits, whole_limits
from .pool import Pool, WholeTasks

__all__ = ["Preemption", "Queue", "capacity_scheduler", "preempt_for_capacity", "queue_for_each"]

Part = int | float | Fraction


@dataclass(frozen=True)
class Queue:
    """A queue, of `queues` below it or of `users`: their numbers in the pool, who came first before others.

    `guaranteed` and `maximum` are percents of the queue above; the guarantees of the queues in one are at most 100 in
    sum. A user gets a task while its share is below its limit: the queue's guarantee (or what the queue has, once
    that is more) divided by the number of users who want tasks, but not less than `user_percent` of it, and not more
    than `user_factor` guarantees. With 100, first come is first served; with a factor of 1 one user alone cannot
    have more than the guarantee. Both are what Hadoop sets unless told.

    AllocatorError for percents out of 0 to 100, a maximum below the guarantee, guarantees above 100 in sum, a factor
    not above zero, and a queue that has both queues and users.
    """

    name: str
    guaranteed: Part = 100
    maximum: Part = 100
    queues: tuple[Queue, ...] = ()
    users: tuple[int, ...] = ()
    user_percent: Part = 100
    user_factor: Part = 1

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise AllocatorError(f"a queue's name must be a non-empty string, not {self.name!r}")
        for what in ("guaranteed", "maximum", "user_percent"):
            if not 0 <= self._number(what) <= 100:
                raise AllocatorError(
                    f"queue {self.name!r}: {what} must be from 0 to 100 percent, not {getattr(self, what)}"
                )
        if self._number("user_factor") <= 0:
            raise AllocatorError(
                f"queue {self.name!r}: user_factor must be above zero, not {self.user_factor}"
            )
        if self.maximum < self.guaranteed:
            raise AllocatorError(
                f"queue {self.name!r}: maximum {self.maximum} is below guaranteed {self.guaranteed}"
            )
        if self.queues and self.users:
            raise AllocatorError(f"queue {self.name!r} has queues and users, and may have one of them")
        if sum(Fraction(below.guaranteed) for below in self.queues) > 100:
            parts = [below.guaranteed for below in self.queues]
            raise AllocatorError(f"queue {self.name!r}: its queues are guaranteed {parts}, above 100 in sum")

    def _number(self, what: str) -> Fraction:
        value = getattr(self, what)
        try:
            return (
                value
                if isinstance(value, Fraction)
                else Fraction("" if isinstance(value, bool | str) else value)
            )
        except (TypeError, ValueError, OverflowError):
            raise AllocatorError(
                f"queue {self.name!r}: {what} must be a finite number, not {value!r}"
            ) from None


def queue_for_each(pool: Pool) -> Queue:
    """The flat tree: for each user a queue, guaranteed its part by weight, that may grow to all there is."""
    weights = [Fraction(weight) for weight in pool.user_weights().tolist()]
    total = sum(weights)
    return Queue(
        "root",
        queues=tuple(
            Queue(f"user {user}", 100 * weight / total, users=(user,), user_factor=total / weight)
            for user, weight in enumerate(weights)
        ),
    )


def capacity_scheduler(pool: Pool, queues: Queue | None = None) -> WholeTasks:
    """Give task by task to the queue that has least of its guarantee, and in it to the first below its limit.

    `queues` is the root of the tree, which has each user of the pool in one queue; default `queue_for_each`, which is
    DRF with whole tasks but for ties. What a queue leaves, others take, up to their maximum. A queue without a
    guarantee comes last; of equal ones the first in the tree. Weights count in `queue_for_each` alone. The result has
    shape (users,).

    Pareto efficient if all maxima are 100 percent and user limits do not bind. Time is
    O(tasks * (queues + users of a queue) * resources).

    AllocatorError if a user is in no queue, in two, or not in the pool, and if two queues have one name.

    >>> queues = Queue("root", queues=(
    ...     Queue("prod", 70, users=(0,)),
    ...     Queue("dev", 30, 50, users=(1, 2), user_percent=50),
    ... ))
    >>> capacity_scheduler(Pool.of([[1], [1], [1]], [100]), queues).tolist()
    [70, 15, 15]

    With nobody in production, development grows to its maximum.

    >>> capacity_scheduler(Pool.of([[1], [1], [1]], [100], limits=[0, 99, 99]), queues).tolist()
    [0, 25, 25]
    """
    tree = _Tree(pool, queues, [0] * pool.users)
    while (user := tree.next_user()) is not None:
        tree.give(user)
    return np.array(tree.tasks, dtype=np.int64)


@dataclass(frozen=True)
class Preemption:
    """How many tasks of each user are to end, and how many of each can then start; both of shape (users,)."""

    taken: WholeTasks
    given: WholeTasks


def preempt_for_capacity(pool: Pool, queues: Queue, tasks: ArrayLike) -> Preemption:
    """Say what is to end so that every queue has its guarantee, as far as whole tasks of it fill that.

    `tasks` (users,) is what runs; a user wants `pool.limits` in all. For a queue that wants and could run a task within
    its guarantee, what is free is taken first; then tasks of a queue above its guarantee, of what is short:
    from one beside the outermost queue around the needy one that is still below its own guarantee, and in it from the
    queue that is most above, the last user first. Never from a queue that is at its guarantee or below, nor from one
    within such a one. Nothing that can be spared is taken. Time is O((taken + given) * queues * users * resources).

    AllocatorError as for `capacity_scheduler`, and if `tasks` are not whole numbers that fit into the pool.

    >>> queues = Queue("root", queues=(Queue("prod", 70, users=(0,)), Queue("dev", 30, users=(1,))))
    >>> pool = Pool.of([[10], [4]], [100], limits=[5, 25])
    >>> preempt_for_capacity(pool, queues, [2, 20])
    Preemption(taken=array([0, 8]), given=array([3, 0]))
    """
    tree = _Tree(pool, queues, _running(pool, tasks))
    taken, given = [0] * pool.users, [0] * pool.users
    while (user := tree.next_needy()) is not None:
        victims: list[int] = []
        while (place := tree.short(user)) is not None:
            victims.append(tree.victim(user, *place))
            tree.take(victims[-1])
        for victim in victims:
            tree.give(victim)
            if tree.short(user) is not None:
                tree.take(victim)
                taken[victim] += 1
        tree.give(user)
        given[user] += 1
    both = np.minimum(taken, given)
    return Preemption(np.array(taken, dtype=np.int64) - both, np.array(given, dtype=np.int64) - both)


def _running(pool: Pool, tasks: ArrayLike) -> list[int]:
    number = np.asarray(tasks)
    if number.shape != (pool.users,) or number.dtype.kind not in "iu" or (number < 0).any():
        raise AllocatorError(f"tasks must be {pool.users} whole numbers, one for each user, not {tasks!r}")
    running: list[int] = number.tolist()
    for resource, capacity in enumerate(pool.capacity.tolist()):
        column = pool.demands[:, resource].tolist()
        used = sum(count * need for count, need in zip(running, column, strict=True))
        if used > capacity:
            raise AllocatorError(f"tasks use {used} of resource {resource}, of which there is {capacity}")
    return running


class _Node:
    """A queue of the tree, with what it has and may have of each resource."""

    def __init__(self, queue: Queue, above: _Node | None, capacity: Sequence[int]) -> None:
        self.queue = queue
        self.above = above
        self.part: Fraction = Fraction(queue.guaranteed) / 100 * (1 if above is None else above.part)
        self.most: Fraction = Fraction(queue.maximum) / 100 * (1 if above is None else above.most)
        # What is used is whole: so it is within a fraction if and only if it is within what that is rounded down to.
        self.guarantee = [self.part.numerator * amount // self.part.denominator for amount in capacity]
        self.maximum = [self.most.numerator * amount // self.most.denominator for amount in capacity]
        self.used = [0] * len(capacity)
        self.below: list[_Node] = []
        self.users = list(queue.users)
        self.user_factor = Fraction(queue.user_factor).as_integer_ratio()
        # All in the tree's unit, set when the whole tree is there.
        self.share = self.size = self.inverse = 0

    def path(self) -> Iterator[_Node]:
        """The queue, and those around it, up to the root."""
        node: _Node | None = self
        while node is not None:
            yield node
            node = node.above

    def fullness(self) -> tuple[bool, int]:
        """What is used for what is guaranteed, to compare with the queues beside; without a guarantee, last."""
        return (False, self.share * self.inverse) if self.size else (True, self.share)


class _Tree:
    """The queues with the tasks that run in them."""

    def __init__(self, pool: Pool, queues: Queue | None, tasks: Sequence[int]) -> None:
        self.capacity: list[int] = pool.capacity.tolist()
        self.rows: list[list[int]] = pool.demands.tolist()
        self.limits = whole_limits(pool)
        self.tasks = [0] * pool.users
        self.leaf: dict[int, _Node] = {}
        self.nodes: dict[str, _Node] = {}
        top = queue_for_each(pool) if queues is None else queues
        if not isinstance(top, Queue):
            raise AllocatorError(f"queues must be a Queue, the root, not {top!r}")
        if not top.guaranteed == top.maximum == 100:
            raise AllocatorError(
                f"queue {top.name!r} is the root, whose guaranteed and maximum are 100 percent"
            )
        self.root = self._plant(top, None)
        missing = [user for user in range(pool.users) if user not in self.leaf]
        if missing:
            raise AllocatorError(f"user {missing[0]} is in no queue")
        self._agree_on_a_unit()
        for user, count in enumerate(tasks):
            self._move(user, count)

    def _plant(self, queue: Queue, above: _Node | None) -> _Node:
        if queue.name in self.nodes:
            raise AllocatorError(f"two queues are named {queue.name!r}")
        self.nodes[queue.name] = node = _Node(queue, above, self.capacity)
        for user in queue.users:
            if isinstance(user, bool) or not isinstance(user, int) or not 0 <= user < len(self.rows):
                raise AllocatorError(
                    f"queue {queue.name!r}: user {user!r} is not from 0 to {len(self.rows) - 1}"
                )
            if user in self.leaf:
                raise AllocatorError(
                    f"user {user} is in queue {self.leaf[user].queue.name!r} and in {queue.name!r}"
                )
            self.leaf[user] = node
        node.below = [self._plant(below, node) for below in queue.queues]
        return node

    def _agree_on_a_unit(self) -> None:
        """Have shares and guarantees be integers: so many parts of the cluster."""
        unit = math.lcm(
            *filter(None, self.capacity), *(node.part.denominator for node in self.nodes.values())
        )
        self.factors = [unit // amount if amount else 0 for amount in self.capacity]
        for node in self.nodes.values():
            node.size = node.part.numerator * (unit // node.part.denominator)
        for node in self.nodes.values():
            common = math.lcm(*(below.size for below in node.below if below.size))
            for below in node.below:
                below.inverse = common // below.size if below.size else 0
        self.each = [self._share(row) for row in self.rows]

    def _share(self, used: Sequence[int]) -> int:
        return max((part * by for part, by in zip(used, self.factors, strict=True)), default=0)

    def give(self, user: int) -> None:
        """Start a task."""
        self._move(user, 1)

    def take(self, user: int) -> None:
        """End one."""
        self._move(user, -1)

    def _move(self, user: int, count: int) -> None:
        self.tasks[user] += count
        for node in self.leaf[user].path():
            node.used = [had + count * need for had, need in zip(node.used, self.rows[user], strict=True)]
            node.share = self._share(node.used)

    def next_user(self) -> int | None:
        """Whose task is next. Who is found to get none any more, as nothing is given back, is not asked again."""
        return self._next(self.root, self._may_run)

    def next_needy(self) -> int | None:
        """Whose task is next of those that their queue's guarantee has room for, be it free or not."""
        return self._next(self.root, self._may_claim)

    def _next(self, node: _Node, may: Callable[[int, _Node], bool]) -> int | None:
        for user in tuple(node.users):
            if may(user, node):
                return user
        # Most often the first has somebody; so there is no point in sorting them all.
        rest = [below for below in node.below if below.users or below.below]
        while rest:
            best = min(rest, key=_Node.fullness)
            if (found := self._next(best, may)) is not None:
                return found
            rest.remove(best)
        return None

    def _may_run(self, user: int, node: _Node) -> bool:
        if self.tasks[user] >= self.limits[user] or self.short(user) is not None:
            node.users.remove(user)
            return False
        return self._below_user_limit(user, node)

    def _may_claim(self, user: int, node: _Node) -> bool:
        used = (had + need for had, need in zip(node.used, self.rows[user], strict=True))
        return (
            self.tasks[user] < self.limits[user]
            and fits(list(used), node.guarantee)
            and self._below_user_limit(user, node)
        )

    def _below_user_limit(self, user: int, node: _Node) -> bool:
        share, one = self.tasks[user] * self.each[user], self.each[user]
        whole = max(node.size, one)
        above, below = node.user_factor
        if share * below >= whole * above:
            return False
        current = whole if node.share < node.size else node.share + one
        if node.queue.user_percent == 100:
            return share < current
        wanting = sum(self.tasks[other] < self.limits[other] for other in node.queue.users)
        part = max(Fraction(1, wanting), Fraction(node.queue.user_percent) / 100)
        return share < current * part

    def short(self, user: int) -> tuple[_Node, int] | None:
        """The innermost queue whose maximum a task more would exceed, and the resource; the root's is all there is."""
        row = self.rows[user]
        for node in self.leaf[user].path():
            for resource, need in enumerate(row):
                if need and node.used[resource] + need > node.maximum[resource]:
                    return node, resource
        return None

    def victim(self, user: int, node: _Node, resource: int) -> int:
        """The user below `node` who loses a task so that a claim of `user` has more of the resource.

        There is one: on the way down what is in `node`, with the claim, is more than it is guaranteed, and so more than
        all below it are; the claimant's own queue is not above its guarantee even with the claim.
        """
        around = list(self.leaf[user].path())
        need = self.rows[user][resource]
        while node.below:
            above = [
                below
                for below in node.below
                if below.used[resource] + (need if below in around else 0) > below.guarantee[resource]
            ]
            inside = [below for below in above if below in around]
            node = (
                inside[0]
                if inside
                else max(reversed(above), key=lambda below: below.used[resource] - below.guarantee[resource])
            )
        return next(
            other for other in reversed(node.queue.users) if self.tasks[other] and self.rows[other][resource]
        )
