"""Reconciliation: asking after tasks until an answer has come, and what an answer says. Plain rules, no I/O."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from cluster.messages import Reason, TaskState, TaskStatus

__all__ = ["Attempt", "MasterView", "Reconciler", "Verdict", "has_record", "judge"]

FIRST_DELAY = 2.0
"""Seconds until an unanswered question is asked again; then twice as many, with jitter."""
LONGEST_DELAY = 60.0
INTERVAL = 900.0
"""Seconds between two rounds over all tasks."""
BATCH = 1000
"""Tasks in one question."""
PATIENCE = 75.0
"""Seconds for which a doubtful answer is not taken for the last: agents that have lost a master need up to a
minute to find the next."""

_NOWHERE = frozenset({TaskState.LOST, TaskState.GONE, TaskState.UNKNOWN})
_FATES = _NOWHERE | {TaskState.GONE_BY_OPERATOR, TaskState.UNREACHABLE}


class Verdict(enum.Enum):
    """What a status says of a task that was submitted."""

    FOLLOW = "follow"
    """The task is in that state."""
    NEVER_LAUNCHED = "never launched"
    """It did not run, and will not: it can be launched again."""
    DOUBTFUL = "doubtful"
    """The master has no record of it, but an agent may still bring it: ask again."""
    STALE = "stale"
    """It says nothing about this launch of the task."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A launch that was asked for: on which agent, and over which subscription to which life of a master."""

    agent_id: str
    subscription: int
    master_id: str


@dataclass(slots=True)
class MasterView:
    """The master as it is seen from here. `agents` are those that it has offered in this subscription."""

    subscription: int = 0
    master_id: str = ""
    agents: set[str] = field(default_factory=set)


def has_record(status: TaskStatus) -> bool:
    """Whether who made the status has the task in his books: otherwise he cannot know its executor."""
    return bool(status.executor_id)


def judge(status: TaskStatus, attempt: Attempt | None, master: MasterView, *, heard: bool) -> Verdict:
    """What a status says of a task whose last launch was `attempt` (None: by somebody else, earlier).

    `heard`: something was heard of that launch before. A task was never launched if

    - TASK_DROPPED says so, and nothing else was heard of it; or
    - nothing was heard of it, the connection over which its Accept went is broken, so that it cannot arrive any more,
      a master without any record of the task answers, and one of three: that master has not changed since (it would
      know); it says TASK_GONE (the task's agent is there, with all that it has); it has offered something of that
      agent before it answered (likewise).

    Other answers without a record can come from a new master to which the task's agent has yet to come back: doubtful.
    An answer to a question over the connection by which the task was launched may be older than the launch: stale. So
    is a TASK_DROPPED of another agent than the one where it was launched last.
    """
    state = status.state
    asked = status.reason is Reason.RECONCILIATION
    if attempt is None or heard:
        return Verdict.DOUBTFUL if state is TaskState.UNKNOWN else Verdict.FOLLOW
    older = state is TaskState.DROPPED or (state in _FATES and not has_record(status))
    if asked and older and attempt.subscription == master.subscription:
        return Verdict.STALE
    if state is TaskState.DROPPED:
        elsewhere = status.agent_id not in ("", attempt.agent_id)
        return Verdict.STALE if elsewhere else Verdict.NEVER_LAUNCHED
    if not asked or state not in _NOWHERE or has_record(status):
        return Verdict.FOLLOW
    same_master = attempt.master_id == master.master_id
    if same_master or state is TaskState.GONE or attempt.agent_id in master.agents:
        return Verdict.NEVER_LAUNCHED
    return Verdict.DOUBTFUL


class Reconciler:
    """Which tasks to ask after, and when: each until it is answered, with growing pauses; all of them at an interval.

    Questions are kept while there is no master, and asked when there is one. `None` as a question means: all tasks.
    """

    def __init__(self, rng: Random, interval: float = INTERVAL) -> None:
        self._rng = rng
        self._interval = interval
        self._waiting: dict[str, str] = {}
        self._fresh: dict[str, None] = {}
        self._all = False
        self._active = False
        self._delay = FIRST_DELAY
        self._again: float | None = None
        self._round = 0.0

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._waiting

    def begin(self, now: float) -> None:
        """There is a master: ask all that waits now."""
        self._active = True
        self._delay = FIRST_DELAY
        self._again = None
        self._fresh.update(dict.fromkeys(self._waiting))
        # Not all frameworks of a master at once.
        self._round = now + self._interval * self._rng.uniform(0.9, 1.1)

    def pause(self) -> None:
        """There is no master."""
        self._active = False

    def ask(self, tasks: Mapping[str, str]) -> None:
        """Ask after tasks, as soon as there is a master; the values are where they are, or empty."""
        if not self._waiting:
            self._delay, self._again = FIRST_DELAY, None
        self._waiting.update(tasks)
        self._fresh.update(dict.fromkeys(tasks))

    def ask_all(self) -> None:
        """Ask once for all that the master has."""
        self._all = True

    def ask_again(self, task_id: str, agent_id: str, now: float) -> None:
        """The answer was none: ask again when it is time to."""
        self._waiting[task_id] = agent_id
        if self._again is None or self._again < now:
            self._delay = FIRST_DELAY
            self._again = self._later(now)

    def answered(self, task_id: str) -> None:
        """A status of the task has come."""
        self._waiting.pop(task_id, None)
        self._fresh.pop(task_id, None)

    def next(self) -> float | None:
        """When to call `due` next; None if there is nothing to ask, or nobody."""
        if not self._active:
            return None
        if self._fresh or self._all:
            return 0.0
        if not self._waiting:
            return self._round
        return self._round if self._again is None else min(self._round, self._again)

    def due(self, now: float, running: Iterable[tuple[str, str]]) -> Iterator[Mapping[str, str] | None]:
        """What to ask now. `running` are all tasks that have not ended, each with its agent."""
        if not self._active:
            return
        if self._again is not None and now >= self._again:
            asked = dict(self._waiting)
            self._delay = min(self._delay * 2, LONGEST_DELAY)
            self._again = None
        else:
            asked = {task_id: self._waiting[task_id] for task_id in self._fresh}
        self._fresh.clear()
        if now >= self._round:
            self._round = now + self._interval * self._rng.uniform(0.9, 1.1)
            self._all = True
            # Those that the master does not mention are asked for one by one, a little later.
            self._waiting.update(running)
        if self._all:
            self._all = False
            yield None
        if not self._waiting:
            self._delay, self._again = FIRST_DELAY, None
        elif self._again is None:
            self._again = self._later(now)
        ids = list(asked)
        for start in range(0, len(ids), BATCH):
            yield {task_id: asked[task_id] for task_id in ids[start : start + BATCH]}

    def _later(self, now: float) -> float:
        return now + self._delay * self._rng.uniform(0.5, 1.0)
