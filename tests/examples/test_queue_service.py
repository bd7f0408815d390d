"""The queue service on a cluster: every job ends exactly once, whoever dies. What jobs did is counted on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cluster import FrameworkRefusedError, LocalCluster, Offer, Reason, TaskInfo, TaskState, TaskStatus
from examples.queue_service.jobs import Job, Queue, Session
from examples.queue_service.service import QueueService
from tests.examples.queue_users import ServiceProcess, User, in_process, users_of
from tests.system.harness import LIMIT, check, eventually


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    """One agent with one processor: jobs run one after the other."""
    async with LocalCluster(agents=1, resources="cpus:1;mem:1024") as cluster:
        yield cluster
        check(cluster)


def marks(path: Path) -> list[str]:
    """What jobs wrote, in their order: one line for each run."""
    return path.read_text().split() if path.exists() else []


def when(gate: Path, then: str) -> str:
    """A command that waits for a file."""
    return f"until [ -e {gate} ]; do sleep 0.02; done; {then}"


@pytest.mark.asyncio
async def test_users_have_turns_and_priorities_are_kept(cluster: LocalCluster, tmp_path: Path) -> None:
    queues = (Queue("default"), Queue("urgent", priority=1))
    out, gate = tmp_path / "out", tmp_path / "gate"
    async with in_process(tmp_path, cluster.master, queues=queues) as (_, (ann, bob, eve)):
        sessions = [await user.open() for user in (ann, bob, eve)]
        first = await ann.add(sessions[0], when(gate, "true"))
        await ann.until(first, "RUNNING")
        numbers = []
        for name, fields in [("a1", {}), ("a2", {"priority": 1}), ("a3", {}), ("a4", {"priority": -1})]:
            numbers.append(await ann.add(sessions[0], f"echo {name} >> {out}", **fields))
        for name in ("b1", "b2"):
            await bob.add(sessions[1], f"echo {name} >> {out}", priority=100)
        last = await eve.add(sessions[2], f"echo e1 >> {out}", queue="urgent")
        views = {view["name"]: view for view in await eve.ask(200, "GET", "/queues")}
        assert [(views[q]["waiting"], views[q]["running"]) for q in ("default", "urgent")] == [(6, 1), (1, 0)]
        gate.touch()
        assert {(await ann.ended(number))["state"] for number in [first, *numbers]} == {"FINISHED"}
        job = await eve.ended(last)
        assert (job["state"], job["exit_code"], job["attempt"]) == ("FINISHED", 0, 1)
    assert marks(out) == ["e1", "b1", "a2", "b2", "a1", "a3", "a4"]


@pytest.mark.asyncio
async def test_how_a_job_ended_and_what_it_printed(cluster: LocalCluster, tmp_path: Path) -> None:
    async with in_process(tmp_path, cluster.master) as (_, (ann, *_)):
        job = await ann.ended(await ann.add(await ann.open(), "echo hello from $JOB_ID; exit 3"))
        assert (job["state"], job["exit_code"]) == ("FAILED", 3)
        async with ann._http.get(job["stdout"]) as response:
            assert await response.text() == f"hello from {job['id']}\n"


@pytest.mark.asyncio
async def test_closing_a_session_cancels_what_waits_and_kills_what_runs(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    async with in_process(tmp_path, cluster.master, check_seconds=1e9) as (_, (ann, bob, _)):
        session = await ann.open()
        running = await ann.add(session, f"sleep 600; echo ran >> {out}")
        await ann.until(running, "RUNNING")
        waiting = await ann.add(session, f"echo ran >> {out}")
        other = await bob.add(await bob.open(), f"echo bob >> {out}")
        await ann.ask(200, "DELETE", f"/sessions/{session}")
        assert (await ann.job(waiting))["state"] == "KILLED"
        assert (await ann.ended(running))["state"] == "KILLED"
        assert (await bob.ended(other))["state"] == "FINISHED"
    assert marks(out) == ["bob"]


@pytest.mark.asyncio
async def test_one_job_is_killed_while_it_runs(cluster: LocalCluster, tmp_path: Path) -> None:
    async with in_process(tmp_path, cluster.master, check_seconds=1e9) as (_, (ann, *_)):
        session = await ann.open()
        job = await ann.add(session, "sleep 600")
        await ann.until(job, "RUNNING")
        assert (await ann.ask(202, "DELETE", f"/jobs/{job}"))["cancelled"]
        assert (await ann.ended(job))["state"] == "KILLED"
        done = await ann.add(session, "true")
        await ann.ended(done)
        error = await ann.ask(409, "DELETE", f"/jobs/{done}")
        assert error == {"error": f"job {done} has ended: FINISHED"}


@pytest.mark.asyncio
async def test_a_session_that_nobody_uses_is_closed(cluster: LocalCluster, tmp_path: Path) -> None:
    now = [1000.0]
    options: dict[str, Any] = {"idle_seconds": 60.0, "clock": lambda: now[0], "check_seconds": 0.02}
    async with in_process(tmp_path, cluster.master, **options) as (service, (ann, *_)):
        used, unused = await ann.open(), await ann.open()
        await ann.until(await ann.add(used, "sleep 600"), "RUNNING")
        now[0] += 61.0
        await eventually(lambda: unused not in service.rules.sessions)
        assert used in service.rules.sessions
        error = await ann.ask(409, "POST", "/jobs", json={"session": unused, "command": "true"})
        assert error == {"error": f"session {unused} is closed"}


# It dies.


@pytest.mark.asyncio
async def test_kill_9_again_and_again_and_every_job_ends_exactly_once(tmp_path: Path) -> None:
    """Jobs wait, run, and end while it is dead; others are asked for again by who got no answer."""
    turns, gate = 4, tmp_path / "gate"
    count = 4 * turns
    done = [tmp_path / f"done-{n}" for n in range(count)]
    async with asyncio.timeout(LIMIT), LocalCluster(agents=2, resources="cpus:2;mem:1024") as cluster:
        service = ServiceProcess(tmp_path, cluster.master)
        jobs: dict[int, tuple[str, int]] = {}
        sessions: dict[str, int] = {}

        async def ask_for(users: list[User], number: int) -> None:
            # Each gate opens in its turn, so that there is always something that runs, and that waits.
            user = users[number % len(users)]
            line = when(Path(f"{gate}-{number // 4}"), f"echo $JOB_ID >> {done[number]}")
            body = {"session": sessions[user.name], "command": line, "mem": 32, "key": str(number)}
            answer = await user.ask(None, "POST", "/jobs", json=body)
            assert jobs.setdefault(number, (user.name, answer["id"])) == (user.name, answer["id"])

        try:
            for turn in range(turns):
                async with users_of(await service.start()) as users:
                    for user in users:
                        if not turn:
                            sessions[user.name] = await user.open()
                    for number in range(turn * 4, turn * 4 + 4):
                        await ask_for(users, number)
                    await ask_for(users, turn)
                    await eventually_running(users)
                    if turn % 2:
                        Path(f"{gate}-{turn // 2}").touch()
                await service.kill()
                if turn % 2 == 0:
                    # These end while nobody listens.
                    Path(f"{gate}-{turn // 2}").touch()
                    await eventually(lambda: sum(path.exists() for path in done) >= 4)
            for turn in range(turns):
                Path(f"{gate}-{turn}").touch()
            async with users_of(await service.start()) as users:
                by_name = {user.name: user for user in users}
                for number in range(count):
                    name, job_id = jobs[number]
                    assert (await by_name[name].ended(job_id))["state"] == "FINISHED"
                assert await users[0].ask(200, "GET", "/jobs?state=RUNNING") == []
            code, errors = await service.terminate()
            assert (code, "Traceback" in errors) == (0, False), errors
        finally:
            await service.kill()
        check(cluster)
    assert [marks(path) for path in done] == [[str(jobs[number][1])] for number in range(count)]
    assert len({job_id for _, job_id in jobs.values()}) == count


async def eventually_running(users: list[User]) -> None:
    while not any([await user.ask(200, "GET", "/jobs?state=RUNNING") for user in users]):
        await asyncio.sleep(0.01)


class DiesBeforeItLaunches(QueueService):
    """The launch is on disk, and the master never hears of it."""

    def launch(self, *_: Any, **__: Any) -> None:
        self.fail(OSError("dies"))


class DiesBeforeItNotes(QueueService):
    """The job has finished, and that never gets to disk."""

    def _keep(self, *things: Job | Session) -> None:
        if any(isinstance(thing, Job) and not thing.active for thing in things):
            raise OSError("dies")
        super()._keep(*things)

    def acknowledge(self, status: TaskStatus) -> None:
        if status.state.terminal:
            raise ValueError(f"{status.task_id} is acknowledged before it is noted")
        super().acknowledge(status)


class DiesBeforeItAcknowledges(QueueService):
    """The job's end is on disk, and is told again."""

    def acknowledge(self, status: TaskStatus) -> None:
        if status.state.terminal:
            self.fail(OSError("dies"))
        else:
            super().acknowledge(status)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "attempts"),
    [(DiesBeforeItLaunches, 2), (DiesBeforeItNotes, 1), (DiesBeforeItAcknowledges, 1)],
)
async def test_it_dies_between_two_steps(
    cluster: LocalCluster, tmp_path: Path, kind: type[QueueService], attempts: int
) -> None:
    out = tmp_path / "out"
    async with in_process(tmp_path, cluster.master, kind=kind) as (service, (ann, *_)):
        job = await ann.add(await ann.open(), f"echo x >> {out}", cpus=0.5)
        await eventually(lambda: service.error is not None)
        assert str(service.error) == "dies"
        first = service.id
    async with in_process(tmp_path, cluster.master) as (service, (ann, *_)):
        ended = await ann.ended(job)
        assert (ended["state"], ended["attempt"]) == ("FINISHED", attempts)
        # One more job through the same agent: what the first had to say was heard before.
        assert (await ann.ended(await ann.add(ended["session"], "true")))["state"] == "FINISHED"
        assert service.id == first
    assert marks(out) == ["x"]


@pytest.mark.asyncio
async def test_what_was_cancelled_is_killed_by_the_successor(cluster: LocalCluster, tmp_path: Path) -> None:
    class Deaf(QueueService):
        def kill(self, task_id: str, grace_period: float | None = None) -> None:
            pass

    async with in_process(tmp_path, cluster.master, kind=Deaf) as (_, (ann, *_)):
        job = await ann.add(await ann.open(), "sleep 600")
        await ann.until(job, "RUNNING")
        await ann.ask(202, "DELETE", f"/jobs/{job}")
    async with in_process(tmp_path, cluster.master) as (_, (ann, *_)):
        assert (await ann.ended(job))["state"] == "KILLED"


@pytest.mark.asyncio
async def test_an_attempt_that_was_given_up_is_killed(cluster: LocalCluster, tmp_path: Path) -> None:
    """A task of ours that we do not know: it must not run beside the job's next attempt."""

    class Launches(QueueService):
        def launch(self, offers: Any, tasks: Any, **options: Any) -> None:
            (task,) = tasks
            offer: Offer = offers
            ghost = TaskInfo("job-1.99", task.resources, command=task.command)
            super().launch(offer, [task, ghost], **options)

        async def status(self, status: TaskStatus) -> None:
            if status.task_id == "job-1.99" and status.state.terminal:
                killed.append(status.state)
            await super().status(status)

    killed: list[TaskState] = []
    async with in_process(tmp_path, cluster.master, kind=Launches) as (_, (ann, *_)):
        job = await ann.add(await ann.open(), "sleep 600", cpus=0.5)
        await eventually(lambda: killed == [TaskState.KILLED])
        assert (await ann.job(job))["state"] == "RUNNING"


@pytest.mark.asyncio
async def test_a_job_whose_agent_is_lost_runs_again_unless_it_must_not(tmp_path: Path) -> None:
    gate, out = tmp_path / "gate", tmp_path / "out"
    async with (
        LocalCluster(agents=1, resources="cpus:2;mem:1024") as cluster,
        in_process(tmp_path, cluster.master) as (_, (ann, *_)),
    ):
        session = await ann.open()
        again = await ann.add(session, when(gate, f"echo again >> {out}"))
        once = await ann.add(session, when(gate, f"echo once >> {out}"), retries=0)
        for job in (again, once):
            await ann.until(job, "RUNNING")
        (agent,) = cluster.agents
        cluster.agents.clear()
        await agent.stop()
        assert (await ann.ended(once))["state"] == "LOST"
        gate.touch()
        await cluster.add_agent()
        job = await ann.ended(again)
        assert (job["state"], job["attempt"], job["lost"]) == ("FINISHED", 2, 1)
        assert marks(out) == ["again"]


@pytest.mark.asyncio
async def test_that_a_new_master_does_not_know_a_task_yet_says_nothing(tmp_path: Path) -> None:
    async with in_process(tmp_path, check_seconds=1e9) as (service, (ann, *_)):
        job = await ann.add(await ann.open(), "true")
        service.rules.choose({"o": service.rules.jobs[job].resources})
        (launched,) = service.rules.tasks.values()
        unknown = TaskStatus(launched.task_id, TaskState.LOST, reason=Reason.RECONCILIATION)
        service._reconcile()
        await service.status(unknown)
        assert (await ann.job(job))["state"] == "STAGING"
        service._reconcile()
        await service.status(unknown)
        assert (await ann.job(job))["state"] == "WAITING"


@pytest.mark.asyncio
async def test_who_comes_back_too_late_begins_anew_when_told_so(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    async with in_process(tmp_path, cluster.master, failover_timeout=0.0) as (_, (ann, *_)):
        session = await ann.open()
        job = await ann.add(session, f"echo x >> {out}; sleep 600")
        await ann.until(job, "RUNNING")
        waiting = await ann.add(session, f"echo y >> {out}")
        await eventually(lambda: marks(out))
    async with in_process(tmp_path, cluster.master) as (service, _):
        await eventually(lambda: service.error is not None)
        assert isinstance(service.error, FrameworkRefusedError)
        service.store.set_framework_id("")
    async with in_process(tmp_path, cluster.master) as (_, (ann, *_)):
        while (await ann.until(job, "RUNNING"))["attempt"] == 1:
            await asyncio.sleep(0.01)
        await ann.ask(202, "DELETE", f"/jobs/{job}")
        assert (await ann.ended(waiting))["state"] == "FINISHED"
    assert sorted(marks(out)) == ["x", "x", "y"]


@pytest.mark.asyncio
async def test_the_program_says_what_keeps_it_from_starting(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("[fast]\nspeed = 3\n")
    (tmp_path / "file").touch()
    for options, text in [
        (("--queues", str(tmp_path / "none")), "'--queues'"),
        (("--queues", str(tmp_path / "bad")), "speed"),
        (("--work-dir", str(tmp_path / "file")), "file"),
        (("--master", "nowhere"), "nowhere"),
    ]:
        service = ServiceProcess(tmp_path, "127.0.0.1:1", *options)
        code, errors = await service.to_its_end()
        assert (code != 0, text in errors, "Traceback" in errors) == (True, True, False), errors
