"""Which waiting tasks go to which offers: plain rules, no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from cluster.messages import Offer, TaskInfo
from cluster.resources import Resources

__all__ = ["Placement", "TaskQueue"]

Placement = dict[str, list[TaskInfo]]
"""Tasks for each offer, by the offer's id."""

Constraint = Callable[[Offer], bool]


class TaskQueue:
    """Tasks that wait for resources, oldest first.

    Tasks that ask for the same are kept together, so that one that does not fit settles it for all like it:
    a match costs in proportion to what is placed, not to what waits.
    """

    def __init__(self) -> None:
        self._shapes: dict[tuple[object, ...], deque[tuple[TaskInfo, Constraint | None]]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, task: TaskInfo, constraint: Constraint | None = None) -> None:
        """Queue a task; with a constraint it goes only to offers that satisfy it."""
        executor = task.executor.executor_id if task.executor is not None else ""
        shape = (task.resources, executor, constraint)
        self._shapes.setdefault(shape, deque()).append((task, constraint))
        self._count += 1

    def remove(self, task_id: str) -> TaskInfo | None:
        """Take a task out, if it waits."""
        for shape, waiting in self._shapes.items():
            for item in waiting:
                if item[0].task_id == task_id:
                    waiting.remove(item)
                    self._count -= 1
                    if not waiting:
                        del self._shapes[shape]
                    return item[0]
        return None

    def match(
        self, offers: Sequence[Offer], runs_there: Callable[[str, str], bool] = lambda _a, _e: False
    ) -> Placement:
        """Place as many tasks as fit, spread over the offers, and take them out of the queue.

        `runs_there(agent_id, executor_id)` says that an executor runs already and needs no resources more.
        """
        left = {offer.id: offer.resources for offer in offers}
        placed: Placement = {}
        started: set[tuple[str, str]] = set()
        for shape in list(self._shapes):
            waiting = self._shapes[shape]
            candidates = deque(o for o in offers if waiting[0][1] is None or waiting[0][1](o))
            while waiting and candidates:
                offer = candidates[0]
                task = waiting[0][0]
                needed = _needed(task, offer.agent_id, runs_there, started)
                if needed is None or not left[offer.id].contains(needed):
                    candidates.popleft()
                    continue
                waiting.popleft()
                self._count -= 1
                left[offer.id] -= needed
                if task.executor is not None:
                    started.add((offer.agent_id, task.executor.executor_id))
                placed.setdefault(offer.id, []).append(task)
                candidates.rotate(-1)
            if not waiting:
                del self._shapes[shape]
        return placed

    def smallest(self) -> Iterable[Resources]:
        """What is waited for: each kind of request once."""
        seen = dict.fromkeys(waiting[0][0].resources for waiting in self._shapes.values())
        return seen.keys()


def _needed(
    task: TaskInfo,
    agent_id: str,
    runs_there: Callable[[str, str], bool],
    started: set[tuple[str, str]],
) -> Resources | None:
    executor = task.executor
    if executor is None:
        return task.resources
    key = (agent_id, executor.executor_id)
    if key in started or runs_there(*key):
        return task.resources
    return task.resources + executor.resources
