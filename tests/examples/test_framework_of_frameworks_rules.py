"""What becomes of a request, without a cluster; and what the store keeps."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from cluster import Reason, TaskState, TaskStatus
from examples.framework_of_frameworks import rules
from examples.framework_of_frameworks.rules import Entry, Request, State
from examples.framework_of_frameworks.store import Store

ENTRY = Entry(Request("r", "true", attempts=2))
RUNNING = rules.launched(ENTRY, "F1", "A1")


def told(entry: Entry, state: TaskState, reason: Reason = Reason.NONE, data: bytes = b"") -> Entry:
    return rules.told(entry, TaskStatus(entry.task_id, state, reason=reason, message="why", data=data))


def test_a_launch_names_task_and_engine_as_none_before() -> None:
    again = rules.launched(RUNNING, "F1", "A2")
    assert (RUNNING.state, RUNNING.task_id, RUNNING.engine, RUNNING.agent_id) == (
        State.RUNNING,
        "r.1",
        "F1-r.1",
        "A1",
    )
    assert (again.task_id, again.engine, again.agent_id) == ("r.2", "F1-r.2", "A2")


def test_what_finishes_leaves_a_result_and_nothing_to_clean() -> None:
    entry = told(RUNNING, TaskState.FINISHED, data=b"42")
    assert (entry.state, entry.result, entry.engine) == (State.FINISHED, "42", "")


@pytest.mark.parametrize("state", [TaskState.FAILED, TaskState.LOST, TaskState.GONE, TaskState.KILLED])
def test_an_engine_that_ends_otherwise_costs_an_attempt(state: TaskState) -> None:
    once = told(RUNNING, state)
    assert (once.state, once.failures, once.engine) == (State.WAITING, 1, "F1-r.1")
    twice = told(rules.launched(replace(once, engine=""), "F1", "A1"), state)
    assert (twice.state, twice.failures, twice.engine) == (State.FAILED, 2, "F1-r.2")
    assert twice.error == f"{state.short}: why"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (TaskState.DROPPED, Reason.INVALID_OFFERS),
        (TaskState.LOST, Reason.RECONCILIATION),
        (TaskState.UNKNOWN, Reason.RECONCILIATION),
    ],
)
def test_what_never_ran_costs_no_attempt(state: TaskState, reason: Reason) -> None:
    entry = told(RUNNING, state, reason)
    assert (entry.state, entry.failures, entry.engine) == (State.WAITING, 0, "F1-r.1")


def test_what_is_refused_is_not_tried_again() -> None:
    assert told(RUNNING, TaskState.ERROR).state is State.FAILED


@pytest.mark.parametrize("state", [TaskState.STAGING, TaskState.RUNNING, TaskState.UNREACHABLE])
def test_what_may_go_on_changes_nothing(state: TaskState) -> None:
    assert told(RUNNING, state) == RUNNING


def test_cancel() -> None:
    assert rules.cancelled(ENTRY).state is State.CANCELLED
    cancelling = rules.cancelled(RUNNING)
    assert cancelling.state is State.CANCELLING
    assert rules.cancelled(cancelling) == cancelling
    killed = told(cancelling, TaskState.KILLED)
    assert (killed.state, killed.engine) == (State.CANCELLED, "F1-r.1")
    # It came too late.
    assert told(cancelling, TaskState.FINISHED).state is State.FINISHED
    for state in (State.FINISHED, State.FAILED, State.CANCELLED):
        assert rules.cancelled(replace(ENTRY, state=state)).state is state


def test_launchable_is_the_oldest_that_no_engine_is_left_of() -> None:
    waiting = [Entry(Request(str(number), "true")) for number in range(4)]
    entries = [RUNNING, rules.cancelled(RUNNING), replace(waiting[0], engine="F1-0.1"), *waiting[1:]]
    assert rules.launchable(entries, 2) == []
    assert rules.launchable(entries, 1) == []
    assert rules.launchable(entries, 4) == waiting[1:3]
    assert rules.launchable(entries, 9) == waiting[1:]


def test_the_store_keeps_what_was_saved_last_in_the_order_of_the_first(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "s")) as store:
        assert (store.entries, store.framework_id) == ({}, "")
        other = Entry(Request("a", "true"))
        for entry in (ENTRY, other, RUNNING):
            store.save(entry)
        store.name("F1")
        store.name("F2")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Store(tmp_path / "s")
    with closing(Store(tmp_path / "s")) as store:
        assert list(store.entries.values()) == [RUNNING, other]
        assert store.framework_id == "F2"
