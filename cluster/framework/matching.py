"""Which waiting tasks go to which offers: plain rules, no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cluster.messages import ExecutorInfo, Offer, TaskInfo
from cluster.resources import Resources

__all__ = ["Constraint", "Placement", "Queue", "TaskQueue"]

Placement = dict[str, list[TaskInfo]]
"""Tasks for each offer, by the offer's id."""

Constraint = Callable[[Offer], bool]


class Queue(Protocol):
    """What a framework needs of the queue of its tasks: see `TaskQueue`, and `Framework(queue=...)`."""

    def __len__(self) -> int:
        """How many tasks wait."""

    def add(self, task: TaskInfo, constraint: Constraint | None = None) -> None:
        """Queue a task. What else it takes comes from the `hints` of `Framework.submit`."""

    def remove(self, task_id: str) -> TaskInfo | None:
        """Take a task out, if it waits."""

    def match(
        self, offers: Sequence[Offer], *, now: float, runs_there: Callable[[str, str], bool]
    ) -> Placement:
        """Place what is to be placed now, and take it out. `now`: seconds of a clock that never goes back."""

    def refuse_seconds(self, now: float) -> float | None:
        """For how long to decline what a match left; None: as usual."""


@dataclass(frozen=True, slots=True)
class _Item:
    """What is placed at once: a task, or a group of them with its executor."""

    tasks: tuple[TaskInfo, ...]
    executor: ExecutorInfo | None
    constraint: Constraint | None
    is_group: bool = False

    def shape(self) -> tuple[object, ...]:
        executor = self.executor.resources if self.executor is not None else None
        name = "" if self.executor is None or self.is_group else self.executor.executor_id
        wanted = tuple((task.resources, task.revocable) for task in self.tasks)
        return (self.is_group, wanted, name, executor, self.constraint)


class TaskQueue:
    """Tasks that wait for resources, oldest first.

    Tasks that ask for the same are kept together, so that one that does not fit settles it for all like it:
    a match costs in proportion to what is placed, not to what waits.
    """

    def __init__(self) -> None:
        self._shapes: dict[tuple[object, ...], deque[_Item]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, task: TaskInfo, constraint: Constraint | None = None) -> None:
        """Queue a task; with a constraint it goes only to offers that satisfy it."""
        self._add(_Item((task,), task.executor, constraint))

    def add_group(
        self, tasks: Sequence[TaskInfo], executor: ExecutorInfo, constraint: Constraint | None = None
    ) -> None:
        """Queue tasks that go to one offer together, with an executor of their own."""
        self._add(_Item(tuple(tasks), executor, constraint, is_group=True))

    def _add(self, item: _Item) -> None:
        self._shapes.setdefault(item.shape(), deque()).append(item)
        self._count += len(item.tasks)

    def remove(self, task_id: str) -> TaskInfo | None:
        """Take a task out, if it waits; with it all of its group."""
        for shape, waiting in self._shapes.items():
            for item in waiting:
                for task in item.tasks:
                    if task.task_id == task_id:
                        waiting.remove(item)
                        self._count -= len(item.tasks)
                        if not waiting:
                            del self._shapes[shape]
                        return task
        return None

    def match(
        self,
        offers: Sequence[Offer],
        runs_there: Callable[[str, str], bool] = lambda _a, _e: False,
        *,
        now: float = 0.0,
    ) -> Placement:
        """Place as many tasks as fit, spread over the offers, and take them out of the queue.

        `runs_there(agent_id, executor_id)` says that an executor runs already and needs no resources more. Revocable
        tasks go to what is revocable, the others to what is not.
        """
        left = {offer.id: offer.resources for offer in offers}
        revocable_left = {offer.id: offer.revocable for offer in offers}
        placed: Placement = {}
        started: set[tuple[str, str]] = set()
        for shape in list(self._shapes):
            waiting = self._shapes[shape]
            constraint = waiting[0].constraint
            candidates = deque(o for o in offers if constraint is None or constraint(o))
            while waiting and candidates:
                offer, item = candidates[0], waiting[0]
                lasting, revocable = _needed(item, offer.agent_id, runs_there, started)
                if not (
                    left[offer.id].contains(lasting)
                    and (revocable is None or revocable_left[offer.id].contains(revocable))
                ):
                    candidates.popleft()
                    continue
                waiting.popleft()
                self._count -= len(item.tasks)
                left[offer.id] -= lasting
                if revocable is not None:
                    revocable_left[offer.id] -= revocable
                if item.executor is not None and not item.is_group:
                    started.add((offer.agent_id, item.executor.executor_id))
                placed.setdefault(offer.id, []).extend(item.tasks)
                candidates.rotate(-1)
            if not waiting:
                del self._shapes[shape]
        return placed

    def refuse_seconds(self, now: float) -> float | None:
        """Decline what is left as usual."""
        return None

    def smallest(self) -> Iterable[Resources]:
        """What is waited for: each kind of request once."""
        seen = dict.fromkeys(task.resources for waiting in self._shapes.values() for task in waiting[0].tasks)
        return seen.keys()


def _needed(
    item: _Item,
    agent_id: str,
    runs_there: Callable[[str, str], bool],
    started: set[tuple[str, str]],
) -> tuple[Resources, Resources | None]:
    """What is taken of the offer: of what lasts, and of what is revocable."""
    executor = item.executor
    if executor is not None and not item.is_group:
        key = (agent_id, executor.executor_id)
        if key in started or runs_there(*key):
            executor = None
    first = item.tasks[0]
    if executor is None and len(item.tasks) == 1:
        return (Resources(), first.resources) if first.revocable else (first.resources, None)
    lasting = executor.resources if executor is not None else Resources()
    revocable: Resources | None = None
    for task in item.tasks:
        if task.revocable:
            revocable = task.resources if revocable is None else revocable + task.resources
        else:
            lasting += task.resources
    return lasting, revocable
