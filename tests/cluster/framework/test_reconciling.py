"""What an answer says of a task that was launched, and when unanswered questions are asked again."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

from cluster.framework.reconciling import Attempt, MasterView, Reconciler, Verdict, judge
from cluster.messages import Reason, TaskState, TaskStatus

FOLLOW, NEVER, DOUBT, STALE = Verdict.FOLLOW, Verdict.NEVER_LAUNCHED, Verdict.DOUBTFUL, Verdict.STALE

BEFORE = Attempt("A1", 1, "M1")
NOW = Attempt("A1", 2, "M1")
SAME, OTHER, OTHER_WITH_AGENT = (
    MasterView(2, "M1"),
    MasterView(2, "M2"),
    MasterView(2, "M2", {"A1"}),
)


def answer(state: TaskState, *, known: bool = False) -> TaskStatus:
    return TaskStatus("t", state, reason=Reason.RECONCILIATION, executor_id="t" if known else "")


@pytest.mark.parametrize(
    ("state", "master", "verdict"),
    [
        (TaskState.LOST, SAME, NEVER),
        (TaskState.UNKNOWN, SAME, NEVER),
        (TaskState.GONE, SAME, NEVER),
        (TaskState.GONE, OTHER, NEVER),
        (TaskState.LOST, OTHER, DOUBT),
        (TaskState.UNKNOWN, OTHER, DOUBT),
        (TaskState.LOST, OTHER_WITH_AGENT, NEVER),
        (TaskState.UNKNOWN, OTHER_WITH_AGENT, NEVER),
        (TaskState.DROPPED, SAME, NEVER),
        # The agent may run it.
        (TaskState.UNREACHABLE, SAME, FOLLOW),
        (TaskState.UNREACHABLE, OTHER_WITH_AGENT, FOLLOW),
        # It may have run there.
        (TaskState.GONE_BY_OPERATOR, OTHER, FOLLOW),
        (TaskState.RUNNING, OTHER, FOLLOW),
    ],
)
def test_an_answer_to_what_went_over_a_broken_connection(
    state: TaskState, master: MasterView, verdict: Verdict
) -> None:
    assert judge(answer(state), BEFORE, master, heard=False) is verdict


@pytest.mark.parametrize("state", [TaskState.LOST, TaskState.GONE, TaskState.UNREACHABLE])
@pytest.mark.parametrize("master", [SAME, OTHER, OTHER_WITH_AGENT])
def test_a_master_that_has_the_task_on_record_is_believed(state: TaskState, master: MasterView) -> None:
    assert judge(answer(state, known=True), BEFORE, master, heard=False) is FOLLOW
    assert judge(answer(state, known=True), NOW, SAME, heard=False) is FOLLOW


@pytest.mark.parametrize("state", [TaskState.LOST, TaskState.GONE, TaskState.DROPPED, TaskState.FINISHED])
def test_what_was_heard_of_is_never_launched_again(state: TaskState) -> None:
    assert judge(answer(state), BEFORE, SAME, heard=True) is FOLLOW
    assert judge(answer(state), None, SAME, heard=False) is FOLLOW


def test_that_nobody_knows_it_is_doubtful_for_what_was_heard_of() -> None:
    assert judge(answer(TaskState.UNKNOWN), BEFORE, SAME, heard=True) is DOUBT
    assert judge(answer(TaskState.UNKNOWN), None, SAME, heard=False) is DOUBT


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (TaskState.LOST, STALE),
        (TaskState.GONE, STALE),
        (TaskState.UNKNOWN, STALE),
        (TaskState.DROPPED, STALE),
        (TaskState.UNREACHABLE, STALE),
        (TaskState.STAGING, FOLLOW),
        (TaskState.FINISHED, FOLLOW),
    ],
)
def test_an_answer_over_the_connection_of_the_launch_may_be_older(state: TaskState, verdict: Verdict) -> None:
    assert judge(answer(state), NOW, SAME, heard=False) is verdict


def test_what_was_not_asked_for_is_no_old_answer() -> None:
    dropped = TaskStatus("t", TaskState.DROPPED, reason=Reason.INVALID_OFFERS, executor_id="t")
    assert judge(dropped, NOW, SAME, heard=False) is NEVER
    lost = TaskStatus("t", TaskState.LOST, reason=Reason.AGENT_REMOVED, executor_id="t")
    assert judge(lost, NOW, SAME, heard=False) is FOLLOW


def test_an_agent_that_drops_an_earlier_launch_says_nothing_of_this_one() -> None:
    dropped = TaskStatus("t", TaskState.DROPPED, agent_id="A2", executor_id="t", uuid="u")
    assert judge(dropped, NOW, SAME, heard=False) is STALE


class Asker:
    """A Reconciler, and what it asks over time."""

    def __init__(self, interval: float = 900.0) -> None:
        self.now = 100.0
        self.reconciler = Reconciler(Random(1), interval)
        self.running: dict[str, str] = {}

    def due(self) -> list[Mapping[str, str] | None]:
        return list(self.reconciler.due(self.now, self.running.items()))

    def wait(self) -> tuple[float, list[Mapping[str, str] | None]]:
        """Wait for the next question: how long that took, and what was asked."""
        at = self.reconciler.next()
        assert at is not None
        waited, self.now = max(0.0, at - self.now), max(at, self.now)
        return waited, self.due()


def test_nothing_is_asked_without_a_master() -> None:
    asker = Asker()
    asker.reconciler.ask({"a": "A1"})
    assert asker.reconciler.next() is None
    assert asker.due() == []
    asker.reconciler.begin(asker.now)
    assert asker.wait() == (0.0, [{"a": "A1"}])
    asker.reconciler.pause()
    assert asker.reconciler.next() is None
    asker.reconciler.begin(asker.now)
    assert asker.wait() == (0.0, [{"a": "A1"}])


def test_the_pauses_double_with_jitter_up_to_a_minute() -> None:
    asker = Asker(interval=1e9)
    asker.reconciler.begin(asker.now)
    asker.reconciler.ask({"a": "A1", "b": ""})
    assert asker.wait() == (0.0, [{"a": "A1", "b": ""}])
    asker.reconciler.answered("b")
    waits = []
    for _ in range(9):
        waited, asked = asker.wait()
        assert asked == [{"a": "A1"}]
        waits.append(waited)
    for waited, most in zip(waits, [2, 4, 8, 16, 32, 60, 60, 60, 60], strict=True):
        assert most / 2 <= waited <= most
    asker.reconciler.answered("a")
    assert asker.reconciler.next() == pytest.approx(1e9, rel=0.2)


def test_what_is_asked_later_does_not_wait_for_the_pause_of_others() -> None:
    asker = Asker()
    asker.reconciler.begin(asker.now)
    asker.reconciler.ask({"a": ""})
    asker.wait()
    asker.reconciler.ask({"b": ""})
    assert asker.wait() == (0.0, [{"b": ""}])
    assert asker.wait()[1] == [{"a": "", "b": ""}]


def test_at_an_interval_all_are_asked_for_and_then_those_that_were_not_mentioned() -> None:
    asker = Asker()
    asker.reconciler.begin(asker.now)
    asker.running = {"a": "A1", "b": "A2"}
    waited, asked = asker.wait()
    assert 810 <= waited <= 990
    assert asked == [None]
    asker.reconciler.answered("a")
    assert asker.wait()[1] == [{"b": "A2"}]
    asker.reconciler.answered("b")
    waited, asked = asker.wait()
    assert waited > 800
    assert asked == [None]


def test_many_are_asked_for_in_several_messages() -> None:
    asker = Asker()
    asker.reconciler.begin(asker.now)
    asker.reconciler.ask({f"t{number}": "" for number in range(2500)})
    _, asked = asker.wait()
    assert [len(tasks or {}) for tasks in asked] == [1000, 1000, 500]
