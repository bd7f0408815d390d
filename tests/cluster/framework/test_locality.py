"""Delay scheduling: plain cases, the paper's algorithm beside ours, and what holds whatever happens."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.attributes import Attributes
from cluster.framework import DelayScheduler, Locality
from cluster.messages import CommandInfo, ExecutorInfo, Offer, TaskInfo
from cluster.resources import Resources

RACKS = {"a": "1", "b": "1", "c": "2", "d": "2"}


def offer(host: str, cpus: int = 1, offer_id: str = "") -> Offer:
    attributes = Attributes.parse(f"rack:{RACKS[host]}")
    return Offer(
        offer_id or f"o-{host}", "f", f"agent-{host}", host, Resources.of(cpus=cpus), "*", attributes
    )


def task(task_id: str, cpus: int = 1) -> TaskInfo:
    return TaskInfo(task_id, Resources.of(cpus=cpus), command=CommandInfo("true"))


def ids(scheduler: DelayScheduler, now: float, *offers: Offer) -> dict[str, list[str]]:
    hosts = {o.id: o.hostname for o in offers}
    placed = scheduler.match(offers, now)
    return {hosts[offer_id]: [t.task_id for t in tasks] for offer_id, tasks in placed.items()}


def test_an_offer_of_the_right_host_is_taken_at_once() -> None:
    scheduler = DelayScheduler(5.0)
    scheduler.add(task("t"), hosts=["b", "c"])
    assert ids(scheduler, 0.0, offer("a"), offer("c")) == {"c": ["t"]}
    assert len(scheduler) == 0
    assert scheduler.launches == {Locality.NODE: 1}


def test_another_is_passed_on_until_the_wait_is_over() -> None:
    scheduler = DelayScheduler(5.0)
    scheduler.add(task("t"), hosts=["b"])
    assert scheduler.next_deadline(90.0) is None
    assert ids(scheduler, 100.0, offer("a")) == {}
    assert scheduler.next_deadline(100.0) == 105.0
    assert ids(scheduler, 104.9, offer("a")) == {}
    assert scheduler.refuse_seconds(104.9) == pytest.approx(0.1, abs=0.002)
    assert ids(scheduler, 105.0, offer("a")) == {"a": ["t"]}
    assert scheduler.launches == {Locality.ANY: 1}


def test_an_offer_declined_for_the_wait_does_not_come_back_too_early() -> None:
    scheduler = DelayScheduler(1.0)
    scheduler.add(task("t"), hosts=["b"])
    for began in (0.1, 0.7, 1e6 + 0.3):
        scheduler.match([offer("a")], began)
        later = began + 0.3004
        seconds = scheduler.refuse_seconds(later)
        assert seconds == pytest.approx(0.7)
        assert ids(scheduler, later + seconds, offer("a")) == {"a": ["t"]}
        scheduler = DelayScheduler(1.0)
        scheduler.add(task("t"), hosts=["b"])


def test_nothing_is_declined_for_longer_if_nobody_waits() -> None:
    scheduler = DelayScheduler(5.0)
    assert scheduler.refuse_seconds(0.0) is None
    scheduler.add(task("t", cpus=2), hosts=["b"])
    assert ids(scheduler, 0.0, offer("a", cpus=1), offer("b", cpus=1)) == {}
    # It fits nowhere: that is no offer that was passed on.
    assert scheduler.refuse_seconds(0.0) is None


def test_who_has_waited_takes_what_comes_until_it_is_local_again() -> None:
    scheduler = DelayScheduler(5.0)
    for number in range(6):
        scheduler.add(task(f"t{number}"), hosts=["b"])
    scheduler.match([offer("a")], 0.0)
    assert ids(scheduler, 5.0, offer("a", cpus=2)) == {"a": ["t0", "t1"]}
    assert ids(scheduler, 5.1, offer("a")) == {"a": ["t2"]}
    assert ids(scheduler, 5.2, offer("b")) == {"b": ["t3"]}
    assert ids(scheduler, 5.3, offer("a")) == {}
    assert scheduler.next_deadline(5.3) == 10.3


def test_first_the_rack_then_anything() -> None:
    scheduler = DelayScheduler(5.0, 3.0)
    for number in range(3):
        scheduler.add(task(f"t{number}"), hosts=["a"], racks=["1"])
    assert ids(scheduler, 0.0, offer("b"), offer("c")) == {}
    assert scheduler.next_deadline(0.0) == 5.0
    assert ids(scheduler, 5.0, offer("c"), offer("b")) == {"b": ["t0"]}
    # Its rack now without a wait, another after the second wait, which began when "c" was passed on.
    assert scheduler.next_deadline(5.0) == 8.0
    assert ids(scheduler, 7.9, offer("c")) == {}
    assert ids(scheduler, 8.0, offer("c"), offer("b")) == {"b": ["t1"]}
    assert ids(scheduler, 8.0, offer("c")) == {}
    assert ids(scheduler, 11.0, offer("c")) == {"c": ["t2"]}
    assert scheduler.launches == {Locality.RACK: 2, Locality.ANY: 1}


def test_each_job_waits_for_itself() -> None:
    scheduler = DelayScheduler(5.0)
    scheduler.add(task("one"), hosts=["b"], job="1")
    scheduler.match([offer("a")], 0.0)
    scheduler.add(task("two"), hosts=["b"], job="2")
    assert ids(scheduler, 5.0, offer("a", cpus=2)) == {"a": ["one"]}
    assert ids(scheduler, 9.9, offer("a")) == {}
    assert ids(scheduler, 10.0, offer("a")) == {"a": ["two"]}


def test_what_one_job_passes_on_another_may_use() -> None:
    scheduler = DelayScheduler(5.0)
    scheduler.add(task("one"), hosts=["b"], job="1")
    scheduler.add(task("two"), hosts=["a"], job="2")
    assert ids(scheduler, 0.0, offer("a")) == {"a": ["two"]}
    # The offer was the first job's to take: its wait began.
    assert scheduler.next_deadline(0.0) == 5.0


def test_jobs_with_fewer_tasks_go_first() -> None:
    running = {"1": 2, "2": 0}
    scheduler = DelayScheduler(running=running.__getitem__)
    for number in range(4):
        scheduler.add(task(f"one-{number}"), hosts=["a"], job="1")
        scheduler.add(task(f"two-{number}"), hosts=["a"], job="2")
    assert ids(scheduler, 0.0, offer("a", cpus=4)) == {"a": ["two-0", "two-1", "one-0", "two-2"]}


def test_tasks_without_data_wait_for_nothing_and_change_nobodys_wait() -> None:
    scheduler = DelayScheduler(5.0)
    scheduler.add(task("t"), hosts=["b"])
    scheduler.match([offer("a")], 0.0)
    scheduler.add(task("anywhere"))
    assert ids(scheduler, 1.0, offer("a", cpus=2)) == {"a": ["anywhere"]}
    assert scheduler.next_deadline(1.0) == 5.0


def test_tasks_are_spread_over_the_offers() -> None:
    scheduler = DelayScheduler(0.0)
    for number in range(4):
        scheduler.add(task(f"t{number}"), hosts=["a", "b"] if number % 2 else ["d"])
    assert ids(scheduler, 0.0, offer("a", 4), offer("b", 4)) == {"a": ["t1", "t0"], "b": ["t3", "t2"]}


def test_executors_are_counted_once() -> None:
    executor = ExecutorInfo("e", CommandInfo("run"), Resources.of(cpus=1))
    scheduler = DelayScheduler(0.0)
    for number in range(5):
        scheduler.add(TaskInfo(f"t{number}", Resources.of(cpus=1), executor=executor), hosts=["a", "b"])
    placed = scheduler.match([offer("a", 3), offer("b", 3)], 0.0, lambda agent, _: agent == "agent-a")
    # On "a" the executor runs already, on "b" it needs one of the three.
    assert {i: len(tasks) for i, tasks in placed.items()} == {"o-a": 3, "o-b": 2}


def test_a_constraint_binds_at_every_level() -> None:
    scheduler = DelayScheduler(0.0)
    scheduler.add(task("t"), lambda o: o.hostname == "c", hosts=["b"])
    assert ids(scheduler, 0.0, offer("b"), offer("a"), offer("c")) == {"c": ["t"]}


def test_a_task_that_is_removed_is_forgotten() -> None:
    scheduler = DelayScheduler(5.0)
    scheduler.add(task("t"), hosts=["b"], racks=["1"])
    scheduler.match([offer("a")], 0.0)
    removed = scheduler.remove("t")
    assert removed is not None
    assert removed.task_id == "t"
    assert scheduler.remove("t") is None
    assert scheduler.next_deadline(0.0) is None
    # Its data moved: the old host is not local to it any more.
    scheduler.add(task("t"), hosts=["c"])
    assert ids(scheduler, 0.0, offer("b")) == {}
    assert ids(scheduler, 0.0, offer("c")) == {"c": ["t"]}


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"node_wait is -1, not"):
        DelayScheduler(-1)
    with pytest.raises(ValueError, match=r"rack_wait is inf, not"):
        DelayScheduler(1, float("inf"))
    scheduler = DelayScheduler()
    scheduler.add(task("t"))
    with pytest.raises(ValueError, match="'t' waits already"):
        scheduler.add(task("t"))
    with pytest.raises(ValueError, match=r"'u' has racks \['1'\], but no hosts"):
        scheduler.add(task("u"), racks=["1"])


# The paper's algorithm, a slot at a time, beside ours.

HOSTS = st.sampled_from("abcd")
WAITS = st.sampled_from([0.0, 1.0, 2.5])
TASKS = st.lists(st.tuples(st.sampled_from("xyz"), st.frozensets(HOSTS, min_size=1, max_size=2)), max_size=12)
SLOTS = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), HOSTS), max_size=40)


@dataclass
class PaperJob:
    waiting: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    level: int = 0
    since: float | None = None


def paper(jobs: dict[str, PaperJob], host: str, now: float, w1: float, w2: float) -> str | None:
    for job in jobs.values():
        if not job.waiting:
            continue
        wait = 0.0 if job.since is None else now - job.since
        rack = {h for h, r in RACKS.items() if r == RACKS[host]}
        node_local = [t for t in job.waiting if host in t[1]]
        rack_local = [t for t in job.waiting if rack & t[1]]
        if node_local:
            job.level, chosen = 0, node_local[0]
        elif rack_local and (job.level >= 1 or wait >= w1):
            job.level, chosen = 1, rack_local[0]
        elif job.level == 2 or (job.level == 1 and wait >= w2) or (job.level == 0 and wait >= w1 + w2):
            job.level, chosen = 2, job.waiting[0]
        else:
            job.since = now if job.since is None else job.since
            continue
        job.since = None
        job.waiting.remove(chosen)
        if not job.waiting:
            job.level = 0
        return chosen[0]
    return None


@given(TASKS, SLOTS, WAITS, WAITS)
def test_slot_by_slot_it_is_the_papers_algorithm(
    tasks: list[tuple[str, frozenset[str]]], slots: list[tuple[float, str]], w1: float, w2: float
) -> None:
    scheduler, jobs = DelayScheduler(w1, w2), defaultdict[str, PaperJob](PaperJob)
    for number, (job, hosts) in enumerate(tasks):
        scheduler.add(task(f"t{number}"), hosts=hosts, racks={RACKS[h] for h in hosts}, job=job)
        jobs[job].waiting.append((f"t{number}", hosts))
    now = 0.0
    for pause, host in slots:
        now += pause
        expected = paper(jobs, host, now, w1, w2)
        assert ids(scheduler, now, offer(host)) == ({host: [expected]} if expected else {})


BATCHES = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.3, 1.0, 4.0]),
        st.lists(st.tuples(HOSTS, st.integers(0, 4)), min_size=1, max_size=5),
    ),
    max_size=15,
)
MIXED = st.lists(
    st.tuples(st.sampled_from("xy"), st.frozensets(HOSTS, max_size=2), st.integers(1, 3)), max_size=20
)


@given(MIXED, BATCHES, WAITS, WAITS)
def test_whatever_comes(
    tasks: list[tuple[str, frozenset[str], int]],
    batches: list[tuple[float, list[tuple[str, int]]]],
    w1: float,
    w2: float,
) -> None:
    scheduler = DelayScheduler(w1, w2)
    waiting: dict[str, tuple[str, frozenset[str], int]] = {}
    for number, (job, hosts, cpus) in enumerate(tasks):
        scheduler.add(task(f"t{number}", cpus), hosts=hosts, racks={RACKS[h] for h in hosts}, job=job)
        waiting[f"t{number}"] = (job, hosts, cpus)
    passed_on: dict[str, float] = {}
    now = 0.0
    # In the end everything is offered, again and again: nothing is left.
    ending = [(w1 + w2 + 1.0, [(host, 3) for host in "abcd"])] * (len(tasks) + 2)
    for pause, sizes in [*batches, *ending]:
        now += pause
        offers = [offer(host, cpus, f"o{number}") for number, (host, cpus) in enumerate(sizes)]
        left = {o.id: cpus for o, (_, cpus) in zip(offers, sizes, strict=True)}
        for offer_id, placed in scheduler.match(offers, now).items():
            for launched in placed:
                job, hosts, cpus = waiting.pop(launched.task_id)  # once only
                left[offer_id] -= cpus
                if hosts:
                    passed_on.pop(job, None)
        assert min(left.values()) >= 0
        for job, hosts, cpus in waiting.values():
            if any(room >= cpus for room in left.values()):
                assert hosts, "a task that has no preference was left waiting"
                since = passed_on.setdefault(job, now)
                assert now < since + w1 + w2, "a job waits longer than it may"
                deadline = scheduler.next_deadline(now)
                assert deadline is not None
                assert deadline <= since + w1 + w2
    assert not waiting
    assert len(scheduler) == 0
    assert scheduler.launches.total() == sum(bool(hosts) for _, hosts, _ in tasks)
