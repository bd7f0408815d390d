"""The failover benchmark: its figures are those of the events, and every task is accounted for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.failover import agents
from benchmarks.failover.__main__ import rows_of, tasks_of
from benchmarks.failover.crowd import CrowdError, Tasks
from benchmarks.failover.events import Event, Following, Kind, Summary, decode, tell
from benchmarks.failover.frameworks import summary
from benchmarks.failover.recovery import Recovery, Seconds
from benchmarks.failover.scene import Loss
from benchmarks.processor import scheduled
from cluster import TaskState
from cluster.election import StandaloneDetector, detector_for
from isolation import ContainerSpec

OLD, NEW = "master@127.0.0.1:1", "master@127.0.0.1:2"


def event(kind: Kind, member: str, at: float, leader: str = NEW) -> Event:
    return Event(kind, member, leader, at)


def test_times_count_from_the_loss_and_to_the_last():
    recovery = Recovery(["a", "f"], began=100.0)
    for each in (
        event("taken", "a", 99.0, OLD),
        # Before it is known here who leads.
        event("told", "a", 103.0),
        event("told", "f", 103.5),
        event("taken", "a", 104.0),
        # Once more counts no more.
        event("taken", "a", 109.0),
        event("offer", "f", 104.5),
    ):
        recovery.note(each)
    recovery.leads(NEW, 103.25)
    assert recovery.seconds() is None
    assert recovery.missing() == ["f"]
    recovery.note(event("taken", "f", 105.0))
    assert recovery.seconds() == Seconds(
        elected=3.0, detection=3.5, reregistration=1.5, all_back=5.0, first_offer=4.5
    )


def test_what_was_before_the_loss_does_not_count_though_the_same_master_leads_again():
    recovery = Recovery(["f"], began=100.0)
    for each in (event("told", "f", 98.0), event("taken", "f", 99.0), event("offer", "f", 99.5)):
        recovery.note(each)
    recovery.leads(NEW, 101.0)
    assert recovery.seconds() is None


def test_after_two_elections_the_last_leader_counts():
    recovery = Recovery(["f"], began=0.0)
    for at, leader in ((1.0, OLD), (5.0, NEW)):
        recovery.leads(leader, at)
        for kind in ("told", "taken", "offer"):
            recovery.note(event(kind, "f", at + 1, leader))
    found = recovery.seconds()
    assert found is not None
    assert (found.all_back, recovery.elections) == (6.0, 2)


def test_every_task_is_accounted_for():
    ends = {
        "well": [TaskState.FINISHED],
        "again": [TaskState.FINISHED, TaskState.FINISHED],
        "twice": [TaskState.FINISHED],
        "both": [TaskState.FINISHED, TaskState.LOST],
        "badly": [TaskState.LOST],
        "never": [],
    }
    first = Summary({"well": 1, "again": 1, "twice": 1, "both": 1})
    tasks = Tasks([summary(ends)], [first, Summary({"twice": 1, "badly": 1})])
    assert (tasks.asked, tasks.lost, tasks.doubled, tasks.again) == (6, 2, 2, 1)
    assert [(row.name, row.value, row.met) for row in tasks_of([tasks])] == [
        ("tasks", 6, None),
        ("tasks_lost", 2, False),
        ("tasks_doubled", 2, False),
        ("ends_told_again", 1, False),
    ]


def test_that_no_start_was_seen_is_no_proof():
    with pytest.raises(CrowdError, match="1 tasks"):
        Tasks([summary({"a": [TaskState.FINISHED]})], [Summary({})])


def test_rows_carry_the_time_of_the_lease_unless_it_is_the_default():
    losses = [Loss(Seconds(9.0, 9.1, each, 9.1 + each, 9.2), 0.1, 0.2) for each in (0.5, 0.6, 3.0)]
    rows = {row.name: row for row in rows_of(10, losses, losses[:1])}
    assert (rows["all_back_s"].value, rows["all_back_s"].met) == (9.7, True)
    assert (rows["all_back_worst_s"].value, rows["all_back_worst_s"].met) == (12.1, False)
    assert rows["clean_resign_s"].target == "<= 1"
    assert all(row.name.endswith("_ttl5") for row in rows_of(5, losses, losses))


def test_a_line_is_read_as_it_was_told(capfdbinary: pytest.CaptureFixture[bytes]):
    tell(event("told", "a", 1.5))
    tell(Summary({"t": 1}, failed=2))
    lines = capfdbinary.readouterr().out.splitlines()
    assert [decode(line) for line in lines] == [event("told", "a", 1.5), Summary({"t": 1}, failed=2)]


def test_who_is_told_of_a_leader_says_so(capfdbinary: pytest.CaptureFixture[bytes]):
    detector = detector_for("127.0.0.1:5050")
    assert isinstance(detector, StandaloneDetector)
    found = []
    following = Following("a", detector)
    following.watch(found.append)
    said = decode(capfdbinary.readouterr().out)
    assert isinstance(said, Event)
    assert (said.kind, said.member, said.leader) == ("told", "a", "master@127.0.0.1:5050")
    assert found == [following.leader]


def test_starts_are_counted_by_task(tmp_path: Path):
    starts = agents.Starts()
    for number in range(2):
        argv = ("sleep", "0.5", "t")
        out, err = tmp_path / "out", tmp_path / "err"
        spec = ContainerSpec(id=f"c{number}", argv=argv, env={}, cwd=tmp_path, stdout=out, stderr=err)
        assert starts.duration(spec) == 0.5
    assert starts.times == {"t": 2}


def test_a_process_that_is_gone_has_not_run():
    process = asyncio.run(_ended())
    assert scheduled(process) == (0.0, 0.0)


async def _ended() -> int:
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    return process.pid
