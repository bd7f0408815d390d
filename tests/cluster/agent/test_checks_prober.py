"""The prober: when it looks, one at a time, and what it tells. In paused time, with probes that answer as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from actors import Clock, PausedClock
from actors.testing import advance
from cluster.agent.checks import Prober, ProbeResult, Resumed, RunCommand, Verdict
from cluster.messages.checks import (
    Check,
    CheckKind,
    CheckStatusInfo,
    CommandCheck,
    HealthCheck,
    HTTPCheck,
    TCPCheck,
)

GOOD = ProbeResult(True, CheckStatusInfo(CheckKind.TCP, succeeded=True), "connected")
BAD = ProbeResult(False, CheckStatusInfo(CheckKind.TCP, succeeded=False), "refused")

HEALTH = HealthCheck(tcp=TCPCheck(80), grace_period_seconds=0.0)
CHECK = Check(tcp=TCPCheck(80))


async def no_command(argv: tuple[str, ...], environment: Mapping[str, str], timeout: float | None) -> int:
    raise AssertionError("no command is to be run")


class Task:
    """A task that is looked at: what it answers, when it was asked, what was told of it."""

    def __init__(self) -> None:
        self.clock = PausedClock(0.0)
        self.answer: ProbeResult | Exception | None = GOOD
        self.takes = 0.0
        self.asked: list[float] = []
        self.under_way = 0
        self.cancelled = 0
        self.health: list[tuple[float, bool, bool]] = []
        self.status: list[tuple[float, bool | None]] = []
        self.errors: list[BaseException] = []
        self.prober: Prober | None = None

    async def probe(
        self, check: Check | HealthCheck, *, clock: Clock, run_command: RunCommand, target: str
    ) -> ProbeResult | None:
        self.asked.append(clock.monotonic())
        self.under_way += 1
        try:
            answer = self.answer
            if self.takes:
                done = asyncio.Event()
                clock.call_at(clock.monotonic() + self.takes, done.set)
                await done.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def tell_health(self, verdict: Verdict) -> None:
        self.health.append((self.clock.monotonic(), verdict.healthy, verdict.kill))

    def tell_status(self, status: CheckStatusInfo) -> None:
        self.status.append((self.clock.monotonic(), status.succeeded))

    def look(self, **fields: Any) -> Prober:
        self.prober = Prober(
            self.clock,
            **{
                "run_command": no_command,
                "on_error": self.errors.append,
                "probe": self.probe,
                **fields,
            },
        )
        self.prober.start(self.tell_health, self.tell_status)
        return self.prober

    async def advance(self, seconds: float) -> None:
        await advance(self.clock, seconds)


@pytest_asyncio.fixture
async def task() -> AsyncIterator[Task]:
    task = Task()
    yield task
    if task.prober is not None:
        task.prober.stop()
        await task.prober.wait_stopped()
    assert task.under_way == 0
    assert task.clock.next_timer() is None or task.cancelled


@pytest.mark.asyncio
async def test_the_next_probe_comes_an_interval_after_the_end_of_the_last(task: Task) -> None:
    task.takes = 4.0
    task.look(health=HEALTH)
    await task.advance(60.0)
    assert task.asked == [15.0, 29.0, 43.0, 57.0]
    assert task.health == [(19.0, True, False)]
    assert task.prober is not None
    assert task.prober.healthy is True


@pytest.mark.asyncio
async def test_both_checks_go_their_own_ways(task: Task) -> None:
    prober = task.look(
        health=HealthCheck(tcp=TCPCheck(80), delay_seconds=1.0, interval_seconds=7.0),
        check=Check(tcp=TCPCheck(80), delay_seconds=2.0, interval_seconds=5.0),
    )
    assert prober.check_status == CheckStatusInfo(CheckKind.TCP)
    assert prober.healthy is None
    await task.advance(13.0)
    assert task.asked == [1.0, 2.0, 7.0, 8.0, 12.0]
    assert task.health == [(1.0, True, False)]
    assert task.status == [(2.0, True)]
    assert prober.check_status == GOOD.status


@pytest.mark.asyncio
async def test_failures_have_it_killed_and_then_nothing_is_looked_at(task: Task) -> None:
    task.answer = BAD
    task.look(health=HEALTH, check=CHECK)
    await task.advance(100.0)
    assert task.health == [(15.0, False, False), (25.0, False, False), (35.0, False, True)]
    assert task.status == [(15.0, False)]
    assert max(task.asked) == 35.0
    assert task.clock.next_timer() is None


@pytest.mark.asyncio
async def test_a_check_never_kills(task: Task) -> None:
    task.answer = BAD
    task.look(check=CHECK)
    await task.advance(100.0)
    assert len(task.asked) == 9
    assert task.status == [(15.0, False)]
    assert task.health == []


@pytest.mark.asyncio
async def test_a_change_is_told(task: Task) -> None:
    task.look(health=HEALTH, check=CHECK)
    await task.advance(20.0)
    task.answer = BAD
    await task.advance(10.0)
    task.answer = GOOD
    await task.advance(30.0)
    assert task.health == [(15.0, True, False), (25.0, False, False), (35.0, True, False)]
    assert task.status == [(15.0, True), (25.0, False), (35.0, True)]


@pytest.mark.asyncio
async def test_what_says_nothing_of_the_task_is_passed_over(task: Task) -> None:
    task.answer = None
    task.look(health=HEALTH, check=CHECK)
    await task.advance(60.0)
    assert len(task.asked) == 10
    assert (task.health, task.status) == ([], [])


@pytest.mark.asyncio
async def test_stop_ends_a_probe_that_is_under_way(task: Task) -> None:
    task.takes = 4.0
    prober = task.look(health=HEALTH, check=CHECK)
    await task.advance(16.0)
    assert task.under_way == 2
    prober.stop()
    prober.stop()
    await prober.wait_stopped()
    assert (task.under_way, task.cancelled) == (0, 2)
    await task.advance(100.0)
    assert (task.health, task.status, task.errors) == ([], [], [])


@pytest.mark.asyncio
async def test_a_result_that_comes_with_the_stop_is_not_told(task: Task) -> None:
    task.takes = 4.0
    prober = task.look(health=HEALTH)
    await task.advance(15.0)
    task.clock.step_to(19.0)
    prober.stop()
    await prober.wait_stopped()
    assert task.health == []


@pytest.mark.asyncio
async def test_stop_before_the_first_probe(task: Task) -> None:
    prober = task.look(health=HEALTH)
    await task.advance(1.0)
    prober.stop()
    await task.advance(100.0)
    assert task.asked == []
    assert task.clock.next_timer() is None
    with pytest.raises(RuntimeError, match="started once"):
        prober.start(task.tell_health, task.tell_status)


@pytest.mark.asyncio
async def test_a_callback_may_stop_it(task: Task) -> None:
    prober = Prober(
        task.clock, health=HEALTH, run_command=no_command, on_error=task.errors.append, probe=task.probe
    )
    prober.start(lambda verdict: (task.tell_health(verdict), prober.stop()), task.tell_status)
    await task.advance(100.0)
    await prober.wait_stopped()
    assert task.asked == [15.0]
    assert (len(task.health), task.errors) == (1, [])


@pytest.mark.asyncio
async def test_an_error_of_ours_is_told_and_ends_it(task: Task) -> None:
    task.look(health=HEALTH, check=Check(tcp=TCPCheck(80), delay_seconds=20.0))
    await task.advance(16.0)
    task.answer = KeyError("a bug")
    await task.advance(100.0)
    assert [str(error) for error in task.errors] == ["'a bug'"]
    assert task.asked == [15.0, 20.0]


@pytest.mark.asyncio
async def test_an_error_of_a_callback_is_told(task: Task) -> None:
    def broken(verdict: Verdict) -> None:
        raise KeyError("a bug")

    prober = Prober(
        task.clock, health=HEALTH, run_command=no_command, on_error=task.errors.append, probe=task.probe
    )
    prober.start(broken, task.tell_status)
    await task.advance(100.0)
    assert [str(error) for error in task.errors] == ["'a bug'"]
    assert task.asked == [15.0]


@pytest.mark.asyncio
async def test_after_the_agent_began_anew_the_first_probe_is_made_at_once(task: Task) -> None:
    task.look(health=HEALTH, check=CHECK, resumed=Resumed(3600.0, True, GOOD.status))
    await task.advance(0.0)
    assert task.asked == [0.0, 0.0]
    await task.advance(35.0)
    assert (task.health, task.status) == ([], [])
    task.answer = BAD
    await task.advance(10.0)
    assert task.health == [(40.0, False, False)]
    assert task.status == [(40.0, False)]


@pytest.mark.asyncio
async def test_after_the_agent_began_anew_the_delay_of_a_young_task_is_kept_to(task: Task) -> None:
    task.answer = BAD
    task.look(
        health=HealthCheck(tcp=TCPCheck(80), grace_period_seconds=30.0), resumed=Resumed(5.0, healthy=None)
    )
    await task.advance(40.0)
    assert task.asked == [10.0, 20.0, 30.0, 40.0]
    assert task.health == [(30.0, False, False), (40.0, False, False)]


@pytest.mark.asyncio
async def test_a_check_with_a_problem_is_refused(task: Task) -> None:
    with pytest.raises(ValueError, match=r"check\.tcp\.port is 0"):
        task.look(check=Check(tcp=TCPCheck(0)))
    with pytest.raises(ValueError, match=r"health_check\.delay_seconds is -1"):
        task.look(health=HealthCheck(tcp=TCPCheck(1), delay_seconds=-1.0))


@pytest.mark.asyncio
async def test_real_probes_in_paused_time(task: Task) -> None:
    """A command that hangs is ended by the stop; a server that is silent, by the clock."""
    running, left = asyncio.Event(), []

    async def run(argv: tuple[str, ...], environment: Mapping[str, str], timeout: float | None) -> int:
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            left.append(argv)
        return 0

    connected, closed = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        writer.close()
        closed.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    told: asyncio.Queue[Verdict] = asyncio.Queue()
    prober = Prober(
        task.clock,
        health=HealthCheck(
            http=HTTPCheck(server.sockets[0].getsockname()[1]), grace_period_seconds=0.0, timeout_seconds=3.0
        ),
        check=Check(command=CommandCheck("sleep 1000")),
        run_command=run,
        on_error=task.errors.append,
    )
    prober.start(told.put_nowait, task.tell_status)
    await task.advance(15.0)
    await connected.wait()
    await running.wait()
    task.clock.step_to(18.0)
    verdict = await told.get()
    assert verdict.text == "health check failed, 1 of 3 in a row: timed out after 3 s"
    await closed.wait()
    prober.stop()
    await prober.wait_stopped()
    assert left == [("/bin/sh", "-c", "sleep 1000")]
    server.close()
    await server.wait_closed()
    assert task.clock.next_timer() is None
    assert task.errors == []
