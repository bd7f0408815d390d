"""The rules of the queue service: who is next, and what a status does to a job. No cluster."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import Reason, Resources, TaskState, TaskStatus
from examples.queue_service.jobs import (
    MAX_ATTEMPTS,
    Job,
    JobState,
    Queue,
    Session,
    after,
    cancelled,
    launched,
    not_known,
)
from examples.queue_service.rules import Rules


def job(number: int, user: str = "ann", **fields: Any) -> Job:
    return Job(**{"session": 1, "command": "true", "user": user, "submitted": 0.0, "id": number, **fields})


def rules_of(jobs: list[Job], *queues: Queue) -> Rules:
    rules = Rules(queues or [Queue("default")])
    for each in jobs:
        rules.put(each)
    return rules


def one_at_a_time(rules: Rules) -> list[Job]:
    """Run everything on one processor: each ends before the next begins."""
    order = []
    while chosen := rules.choose({"o": Resources.of(cpus=1, mem=128)}):
        ((_, running),) = chosen
        order.append(running)
        rules.put(after(running, status(running, TaskState.FINISHED), 1.0))
    return order


def status(of: Job, state: TaskState, **fields: Any) -> TaskStatus:
    return TaskStatus(of.task_id, state, **fields)


def test_a_users_priorities_order_his_own_jobs_and_take_nothing_from_others() -> None:
    jobs = [job(1), job(2, priority=5), job(3, priority=5), job(4, priority=-1)]
    jobs += [job(n, "bob", priority=1000) for n in (5, 6, 7, 8)]
    order = [each.id for each in one_at_a_time(rules_of(jobs))]
    assert order == [2, 5, 3, 6, 1, 7, 4, 8]


def test_who_has_fewer_running_jobs_is_next() -> None:
    rules = rules_of([job(n) for n in range(1, 9)])
    assert len(rules.choose({"o": Resources.of(cpus=4, mem=9999)})) == 4
    for n in range(11, 19):
        rules.put(job(n, "bob"))
    chosen = rules.choose({"o": Resources.of(cpus=6, mem=9999)})
    assert Counter(each.user for _, each in chosen) == {"bob": 5, "ann": 1}


def test_a_queue_of_higher_priority_is_empty_before_others_have_a_turn() -> None:
    queues = [Queue("batch"), Queue("urgent", priority=1)]
    jobs = [job(1, queue="batch", priority=100), job(2, queue="urgent"), job(3, "bob", queue="urgent")]
    assert [each.id for each in one_at_a_time(rules_of(jobs, *queues))] == [2, 3, 1]


def test_queues_have_turns_by_weight_even_where_one_job_runs_at_a_time() -> None:
    jobs = [job(n, queue="heavy" if n % 2 else "light") for n in range(1, 81)]
    order = one_at_a_time(rules_of(jobs, Queue("heavy", weight=3), Queue("light")))
    assert Counter(each.queue for each in order[:40]) == {"heavy": 30, "light": 10}


def test_queues_hold_running_jobs_by_weight() -> None:
    jobs = [job(n, queue="heavy" if n % 2 else "light") for n in range(1, 81)]
    rules = rules_of(jobs, Queue("heavy", weight=3), Queue("light"))
    chosen = rules.choose({"o": Resources.of(cpus=20, mem=9999)})
    assert Counter(each.queue for _, each in chosen) == {"heavy": 15, "light": 5}


def test_a_queue_that_was_idle_has_saved_up_nothing() -> None:
    rules = rules_of([job(n, queue="a") for n in range(1, 21)], Queue("a"), Queue("b"))
    one_at_a_time(rules)
    for n in range(21, 41):
        rules.put(job(n, queue="a" if n % 2 else "b"))
    assert Counter(each.queue for each in one_at_a_time(rules)[:10]) == {"a": 5, "b": 5}


def test_a_queue_runs_no_more_than_it_may_and_lets_others_pass() -> None:
    jobs = [job(n, "ann" if n % 2 else "bob", queue="few") for n in range(1, 9)]
    rules = rules_of([*jobs, job(10)], Queue("few", priority=9, max_running=3), Queue("default"))
    chosen = [each for _, each in rules.choose({"o": Resources.of(cpus=8, mem=9999)})]
    assert [each.queue for each in chosen] == ["few", "few", "few", "default"]
    assert rules.choose({"o": Resources.of(cpus=8, mem=9999)}) == []
    rules.put(after(chosen[0], status(chosen[0], TaskState.FAILED), 1.0))
    assert len(rules.choose({"o": Resources.of(cpus=8, mem=9999)})) == 1


def test_a_job_that_fits_nowhere_lets_others_pass() -> None:
    rules = rules_of([job(1, cpus=4, priority=9), job(2, cpus=4, priority=8), job(3), job(4, "bob", cpus=2)])
    offers = {"small": Resources.of(cpus=1, mem=128), "large": Resources.of(cpus=3, mem=512)}
    assert {(offer, each.id) for offer, each in rules.choose(offers)} == {("small", 3), ("large", 4)}
    assert [each.id for _, each in rules.choose({"o": Resources.of(cpus=4, mem=128)})] == [1]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(-2, 2), st.integers(1, 5))),
    st.lists(st.integers(0, 7), max_size=4),
)
def test_what_is_chosen_fits_and_what_waits_does_not(
    wanted: list[tuple[str, str, int, int]], sizes: list[int]
) -> None:
    jobs = [
        job(n, user, queue=queue, priority=priority, cpus=cpus)
        for n, (queue, user, priority, cpus) in enumerate(wanted, 1)
    ]
    rules = rules_of(jobs, Queue("a", max_running=3), Queue("b", weight=2))
    left = {str(n): Resources.of(cpus=size, mem=9999) for n, size in enumerate(sizes)}
    chosen = rules.choose(left)
    assert len({each.id for _, each in chosen}) == len(chosen)
    for offer, each in chosen:
        assert each == launched(jobs[each.id - 1]) == rules.tasks[each.task_id]
        left[offer] -= each.resources  # raises if it is not there
    waiting = [each for each in rules.jobs.values() if each.state is JobState.WAITING]
    assert len(waiting) + len(chosen) == len(jobs)
    assert rules.waiting == bool(waiting)
    full = sum(each.queue == "a" for _, each in chosen) == 3
    for each in waiting:
        assert (each.queue == "a" and full) or not any(o.contains(each.resources) for o in left.values())


def test_a_queue_that_is_not_configured_is_named() -> None:
    with pytest.raises(ValueError, match="job 7 is of queue 'gone'"):
        rules_of([job(7, queue="gone")])


def test_sessions_are_idle_when_they_had_no_job_for_long() -> None:
    rules = rules_of([job(1)])
    for number in (1, 2):
        rules.put_session(Session("ann", id=number), 0.0)
    assert rules.idle(59.0, 60.0) == []
    assert [session.id for session in rules.idle(60.0, 60.0)] == [2]
    rules.put_session(Session("ann", closed=60.0, id=2), 60.0)
    rules.put(cancelled(rules.jobs[1], 61.0))
    assert rules.idle(119.0, 60.0) == []
    assert [session.id for session in rules.idle(120.0, 60.0)] == [1]


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (TaskState.FINISHED, JobState.FINISHED),
        (TaskState.FAILED, JobState.FAILED),
        (TaskState.ERROR, JobState.FAILED),
        (TaskState.KILLED, JobState.KILLED),
    ],
)
def test_ends(state: TaskState, end: JobState) -> None:
    running = after(launched(job(1)), status(launched(job(1)), TaskState.RUNNING), 1.0)
    assert running.state is JobState.RUNNING
    ended = after(running, status(running, state, message="why", exit_code=3), 2.0)
    assert (ended.state, ended.message, ended.exit_code, ended.ended) == (end, "why", 3, 2.0)
    assert not ended.active


def test_what_is_lost_runs_again_but_not_for_ever() -> None:
    lost = job(1, retries=2)
    for attempt in (1, 2):
        lost = after(launched(lost), status(lost, TaskState.LOST), 1.0)
        assert (lost.state, lost.attempt, lost.lost) == (JobState.WAITING, attempt, attempt)
    lost = after(launched(lost), status(lost, TaskState.GONE, message="its agent"), 3.0)
    assert (lost.state, lost.attempt, lost.message, lost.ended) == (JobState.LOST, 3, "its agent", 3.0)


def test_what_never_began_was_not_lost_and_is_bounded_too() -> None:
    dropped = job(1, retries=0)
    for _ in range(MAX_ATTEMPTS - 1):
        dropped = after(launched(dropped), status(dropped, TaskState.DROPPED), 1.0)
        assert (dropped.state, dropped.lost) == (JobState.WAITING, 0)
    assert after(launched(dropped), status(dropped, TaskState.DROPPED), 1.0).state is JobState.LOST


def test_what_is_cancelled_is_not_run_again_and_what_finished_before_it_could_be_killed_did() -> None:
    assert cancelled(job(1), 5.0).state is JobState.KILLED
    running = cancelled(launched(job(1)), 5.0)
    assert (running.state, running.ended) == (JobState.STAGING, 0.0)
    assert after(running, status(running, TaskState.LOST), 6.0).state is JobState.KILLED
    assert after(running, status(running, TaskState.FINISHED), 6.0).state is JobState.FINISHED


@pytest.mark.parametrize("state", [TaskState.STAGING, TaskState.KILLING, TaskState.UNREACHABLE])
def test_states_that_change_nothing(state: TaskState) -> None:
    running = launched(job(1))
    assert after(running, status(running, state), 1.0) is running


def test_that_a_task_is_not_known_is_told_from_that_it_was_lost() -> None:
    one = launched(job(1))
    assert not_known(status(one, TaskState.LOST, reason=Reason.RECONCILIATION))
    assert not_known(status(one, TaskState.UNKNOWN, reason=Reason.RECONCILIATION))
    assert not not_known(status(one, TaskState.LOST, reason=Reason.AGENT_REMOVED))
    assert not not_known(status(one, TaskState.GONE, reason=Reason.RECONCILIATION))


def test_an_attempt_has_its_own_task() -> None:
    rules = rules_of([job(4)])
    ((_, first),) = rules.choose({"o": Resources.of(cpus=1, mem=128)})
    rules.put(after(first, status(first, TaskState.LOST), 1.0))
    assert rules.tasks == {}
    ((_, second),) = rules.choose({"o": Resources.of(cpus=1, mem=128)})
    assert (first.task_id, second.task_id) == ("job-4.1", "job-4.2")
    assert list(rules.tasks) == ["job-4.2"]
