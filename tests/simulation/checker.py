"""What must hold at every moment, and what the campaign knows to judge it by: the truth of each task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cluster.master import invariants
from cluster.messages import TRANSITIONS, Reason, Source, TaskInfo, TaskState, TaskStatus
from cluster.resources import Resources
from isolation import Exit

__all__ = ["Checker", "Truth", "may_come_after"]

FULL_CHECK = 50
"""Every so many turns of a master all of its state is checked; in between, the agents that changed."""


def _closure() -> dict[TaskState, frozenset[TaskState]]:
    """Which states can ever come after each, over any number of steps."""
    after = {
        state: set(TRANSITIONS[state]) | {state} for state in TaskState if state is not TaskState.UNKNOWN
    }
    for _ in after:
        for state, more in after.items():
            for each in list(more):
                more |= after.get(each, set())
            after[state] = more
    return {state: frozenset(more) for state, more in after.items()}


_AFTER = _closure()


def may_come_after(before: TaskState, after: TaskState) -> bool:
    """Whether a task that was seen in one state may be seen in the other later. UNKNOWN says nothing."""
    if TaskState.UNKNOWN in (before, after):
        return True
    return after in _AFTER[before]


def _goes_on(before: TaskState | None, now: TaskState) -> bool:
    """Whether a node's books may say so after that. What was not launched may be asked for anew, under the same id."""
    return before in (None, TaskState.DROPPED, TaskState.ERROR) or may_come_after(before, now)


@dataclass
class Truth:
    """One task: who asked for it, where it ran, what its framework was told."""

    framework_id: str
    task_id: str
    asked: int = 0
    starts: list[tuple[float, str]] = field(default_factory=list)
    ends: list[tuple[float, Exit]] = field(default_factory=list)
    told: TaskState | None = None
    told_at: float = 0.0
    told_to: object = None

    @property
    def runs(self) -> bool:
        """Whether it runs now, somewhere."""
        return len(self.starts) > len(self.ends)

    def __str__(self) -> str:
        starts = ", ".join(f"{at:.3f} on {machine}" for at, machine in self.starts) or "never"
        ends = ", ".join(f"{at:.3f} {exit_.describe()}" for at, exit_ in self.ends) or "never"
        told = f"{self.told.short} at {self.told_at:.3f}" if self.told else "nothing"
        return f"task {self.task_id} of {self.framework_id}: started {starts}; ended {ends}; told {told}"


class Checker:
    """Takes note of what happens, and calls `broken` with a text when something is wrong.

    `tolerate` names kinds of violations that are counted only.
    """

    def __init__(
        self,
        now: Callable[[], float],
        broken: Callable[[str, str], object],
        tolerate: frozenset[str] = frozenset(),
    ) -> None:
        self.tasks: dict[tuple[str, str], Truth] = {}
        self.counts: Counter[str] = Counter()
        self.tolerated: Counter[str] = Counter()
        self.now = now
        self._broken = broken
        self._tolerate = tolerate
        self._turns = 0
        self._books: dict[str, tuple[Any, ...]] = {}
        self._master_id = ""
        self._states: dict[tuple[str, tuple[str, str]], TaskState] = {}
        self._agent_states: dict[tuple[str, int, tuple[str, str]], TaskState] = {}

    def violation(self, kind: str, text: str) -> None:
        """Something does not hold."""
        if kind in self._tolerate:
            self.tolerated[kind] += 1
        else:
            self._broken(kind, text)

    def truth(self, framework_id: str, task_id: str) -> Truth:
        """What is known of a task."""
        key = (framework_id, task_id)
        found = self.tasks.get(key)
        if found is None:
            found = self.tasks[key] = Truth(framework_id, task_id)
        return found

    # What frameworks do and hear.

    def asked(self, framework_id: str, task: TaskInfo) -> None:
        """A framework sends an Accept with this task."""
        truth = self.truth(framework_id, task.task_id)
        truth.asked += 1
        self.counts["asked"] += 1
        if truth.told in (TaskState.DROPPED, TaskState.ERROR):
            # It was not launched, so it may be asked for again.
            truth.told = None

    def told(self, framework_id: str, status: TaskStatus, life: object = None) -> None:
        """A framework is told a state, in that life of its scheduler."""
        truth = self.truth(framework_id, status.task_id)
        if truth.told is not None and truth.told.terminal and truth.told_to is not life:
            # It is for a scheduler to know, after it was started again, what it has heard the end of.
            self.counts["told again to a successor"] += 1
            return
        state = status.state
        self.counts[f"told {state.short}"] += 1
        if truth.told is not None and truth.told.terminal and status.reason is Reason.AGENT_RESTARTED:
            # The machine's power has taken the end of its disk, and the scheduler was started again since: nobody
            # remembers that the end was told. Documented; it would take a sync of the disk for each task's end.
            self.counts["told again after a loss of power"] += 1
            return
        unlaunched = TaskState.DROPPED in (state, truth.told) and not truth.starts and state.terminal
        if truth.told is not None and not may_come_after(truth.told, state) and not unlaunched:
            # (That it was never launched may be said of it again, when an Accept comes late.)
            self.violation(
                f"told-back-{truth.told.short}",
                f"{state.short} is told after that: {truth} ({status.message})",
            )
        if state is TaskState.RUNNING and not truth.starts:
            self.violation("told-running", f"RUNNING is told: {truth}")
        if state is TaskState.FINISHED and not any(exit_.code == 0 for _, exit_ in truth.ends):
            self.violation("told-finished", f"FINISHED is told: {truth}")
        if state in (TaskState.DROPPED, TaskState.ERROR) and truth.starts:
            self.violation(
                "told-dropped", f"{state.short} is told of what was launched: {truth} ({status.message})"
            )
        if state.terminal and status.source is not Source.MASTER and truth.runs:
            self.violation("told-ended", f"{state.short} is told of what runs: {truth}")
        if state is not TaskState.UNKNOWN:
            truth.told, truth.told_at, truth.told_to = state, self.now(), life

    def taken_for_unlaunched(self, framework_id: str, status: TaskStatus) -> None:
        """A framework concludes from a state that the task was never launched, and launches it again."""
        truth = self.truth(framework_id, status.task_id)
        if truth.starts:
            self.violation("told-dropped", f"taken for unlaunched: {truth} ({status.message})")

    # What machines do.

    def started(self, machine: str, framework_id: str, task_id: str) -> None:
        """A task starts."""
        truth = self.truth(framework_id, task_id)
        truth.starts.append((self.now(), machine))
        self.counts["started"] += 1
        if len(truth.starts) > 1:
            self.violation("started-twice", str(truth))
        if not truth.asked:
            self.violation("started-unasked", str(truth))
        if truth.told in (TaskState.DROPPED, TaskState.ERROR):
            self.violation("told-dropped", f"it starts all the same: {truth}")

    def ended(self, machine: str, framework_id: str, task_id: str, exit_: Exit) -> None:
        """A task ends."""
        self.truth(framework_id, task_id).ends.append((self.now(), exit_))

    # The master.

    def master_turn(self, state: Any) -> None:
        """After every turn of a master: the books of the agents that changed; everything now and then."""
        self._turns += 1
        if state.master_id != self._master_id:
            self._master_id = state.master_id
            self._books.clear()
        for agent in state.agents.values():
            mark = (agent.unused, len(agent.offers), len(agent.tasks), len(agent.executors), agent.connected)
            known = self._books.get(agent.id)
            if known is None or known[0] is not mark[0] or known[1:] != mark[1:]:
                self._books[agent.id] = mark
                self._check_books(state, agent)
        if self._turns % FULL_CHECK == 0:
            self.check_master(state)

    def _check_books(self, state: Any, agent: Any) -> None:
        self.counts["books"] += 1
        for text in invariants._agent(state, agent):
            self.violation("books", text)
        for key, entry in agent.tasks.items():
            before = self._states.get((state.master_id, key))
            if not _goes_on(before, entry.state):
                self.violation("master-back", f"{key} goes from {before.short} to {entry.state.short}")
            self._states[state.master_id, key] = entry.state

    def check_master(self, state: Any) -> None:
        """All of a master's state."""
        self.counts["full checks"] += 1
        for text in invariants.violations(state):
            self.violation("invariant", text)
        for agent in state.agents.values():
            self._check_books(state, agent)

    # The agents.

    def rebooted(self, name: str) -> None:
        """A machine was started again: its agent may have lost the last of what it wrote down, and think so."""
        self._agent_states = {key: state for key, state in self._agent_states.items() if key[0] != name}

    def agent_turn(self, name: str, life: int, state: Any) -> None:
        """After every turn of an agent: it uses no more than it has, and no task's state goes back."""
        used = Resources()
        dying = Resources()
        for run in state.runs.values():
            ending = run.phase.name == "TERMINATING"
            if run.info is not None:
                used += run.info.resources
                if ending:
                    dying += run.info.resources
            for task_id, task in run.tasks.items():
                key = (run.framework.id, task_id)
                # In each process by itself: what one had not written down, it had not told either. (The agent's own
                # count of its lives is not enough: when the disk fails, that was not written down either.)
                before = self._agent_states.get((name, life, key))
                now = task.status.state
                if not _goes_on(before, now):
                    self.violation("agent-back", f"{name}: {key} goes from {before.short} to {now.short}")
                self._agent_states[name, state.life, key] = now
                if not now.terminal:
                    used += task.info.resources
                    if ending or task.killed:
                        dying += task.info.resources
        there = state.info.resources + state.info.revocable
        if not there.contains(used):
            missing = there.missing(used)
            if there.contains(used - dying):
                # What is to end anyway, and whose framework does not count any more, may overlap with what comes.
                self.violation(
                    "overlap", f"{name} uses more than it has while some of it is ended: {missing}"
                )
            else:
                self.violation("overuse", f"{name} uses more than it has: {missing}")
