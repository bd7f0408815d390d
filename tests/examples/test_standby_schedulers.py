"""Hot standbys, as processes: the next leads when one dies, and the tasks run on."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from cluster import LocalCluster
from cluster.local import MasterNode
from tests.system.harness import LIMIT, check, eventually, processes_with

INSTANCES = 3


class Scheduler:
    """One of the schedulers, and the lines that it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def said(self, start: str) -> str:
        """Wait for a line that begins so; return it."""
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode().strip():
            if line.startswith(start):
                return line
        raise AssertionError(f"it ended before {start!r}")


def limited(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """End a test that hangs: a timeout in a fixture would not."""

    @functools.wraps(test)
    async def run(*arguments: object, **named: object) -> None:
        async with asyncio.timeout(LIMIT):
            await test(*arguments, **named)

    return run


class Place:
    """A cluster in this process, and schedulers as processes."""

    def __init__(self, cluster: LocalCluster, path: Path) -> None:
        self.cluster = cluster
        self.path = path
        self.schedulers: list[Scheduler] = []

    async def start(self) -> Scheduler:
        """Start one more; it stands by, or leads, when this returns."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "examples.standby_schedulers", "--master", self.cluster.master),
            *("--state", str(self.path / "service.json"), "--instances", str(INSTANCES)),
            f"echo $OSTROM_TASK_ID >> {self.path / 'began'}; exec sleep 1000000",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.schedulers.append(Scheduler(process))
        await self.schedulers[-1].said("standing by")
        return self.schedulers[-1]

    async def leader(self) -> tuple[Scheduler, str]:
        """The one that leads next; with the id of its framework."""
        waiting = {asyncio.ensure_future(s.said("leading framework")): s for s in self.schedulers}
        done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        await asyncio.wait(waiting)
        (first,) = done
        return waiting[first], first.result().split()[-1]

    async def end(self, scheduler: Scheduler, number: signal.Signals) -> None:
        if scheduler.process.returncode is None:
            scheduler.process.send_signal(number)
        await scheduler.process.communicate()
        self.schedulers.remove(scheduler)

    def began(self) -> list[str]:
        """The tasks, as they began."""
        path = self.path / "began"
        return sorted(path.read_text().split()) if path.exists() else []

    def running(self, framework_id: str) -> set[int]:
        return set(processes_with(f"OSTROM_FRAMEWORK_ID={framework_id}\0"))


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with LocalCluster(agents=2) as cluster:
        place = Place(cluster, tmp_path)
        yield place
        for scheduler in list(place.schedulers):
            await place.end(scheduler, signal.SIGKILL)


@pytest.mark.asyncio
@limited
async def test_the_next_takes_over_and_the_tasks_run_on(place: Place) -> None:
    for _ in range(3):
        await place.start()
    leader, framework_id = await place.leader()
    await eventually(lambda: place.began() == ["0.1", "1.1", "2.1"])
    tasks = place.running(framework_id)
    assert len(tasks) == INSTANCES
    for number in (signal.SIGKILL, signal.SIGTERM):
        await place.end(leader, number)
        leader, same = await place.leader()
        assert same == framework_id
        # It has asked what became of each.
        assert {await leader.said("") for _ in range(INSTANCES)} == {
            "0.1 RUNNING",
            "1.1 RUNNING",
            "2.1 RUNNING",
        }
        assert place.running(framework_id) == tasks
        assert place.began() == ["0.1", "1.1", "2.1"]
    check(place.cluster)


@pytest.mark.asyncio
@limited
async def test_what_dies_while_nobody_leads_is_launched_by_the_next(place: Place) -> None:
    leader, framework_id = (await place.start(), (await place.leader())[1])
    await eventually(lambda: len(place.began()) == INSTANCES)
    await leader.said("0.1 RUNNING")
    await place.end(leader, signal.SIGKILL)
    (victim,) = processes_with("OSTROM_TASK_ID=0.1\0")
    os.kill(victim, signal.SIGKILL)
    await place.start()
    assert (await place.leader())[1] == framework_id
    await eventually(lambda: place.began() == ["0.1", "0.2", "1.1", "2.1"])
    assert len(place.running(framework_id)) == INSTANCES


@pytest.mark.asyncio
@limited
async def test_torn_down_it_ends_and_no_standby_begins_it_again(place: Place) -> None:
    leader, framework_id = (await place.start(), (await place.leader())[1])
    standby = await place.start()
    await eventually(lambda: len(place.began()) == INSTANCES)
    async with aiohttp.ClientSession() as http:
        url = f"http://{place.cluster.master}/ostrom/teardown"
        async with http.post(url, params={"framework": framework_id}) as response:
            assert response.status == 200
    for scheduler in (leader, standby):
        _, errors = await scheduler.process.communicate()
        assert scheduler.process.returncode == 1
        assert errors.decode().startswith("ended: ")
        place.schedulers.remove(scheduler)
    await eventually(lambda: not place.running(framework_id))
    assert isinstance(place.cluster.master_node, MasterNode)
    assert not place.cluster.master_node.master.state.frameworks
