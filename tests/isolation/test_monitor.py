"""Memory held by looking: what counts, when that is too much, and of whom."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from isolation import Launcher, Limits, MemoryMonitor, Usage
from isolation.trees import processes_below
from tests.isolation.box import Box, eventually
from tests.isolation.looking import FakeContainer, FakeProc, Timers

pytestmark = pytest.mark.asyncio

MIB = 1 << 20


class World:
    """A monitor with containers that are made up: that of keeper 10 has processes 11 and below."""

    def __init__(self, path: Path, grace: int = 0) -> None:
        self.box = Box(path, "marker")
        self.proc = FakeProc(path / "proc")
        self.proc.put(1, 0, 500 * MIB)
        self.proc.put(10, 1, 500 * MIB)
        self.timers = Timers()
        self.monitor = MemoryMonitor(1.0, grace, proc=self.proc.path, call_later=self.timers)

    def watch(self, name: str, keeper: int, memory: int | None, within: str = "") -> FakeContainer:
        container = FakeContainer(name, keeper)
        spec = self.box.spec("x", id=name, limits=Limits(memory=memory), within=within)
        self.monitor.watch(container, spec, container.reported.append)
        return container


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_tree_is_added_up_without_its_keeper_the_dead_and_others(world: World) -> None:
    world.proc.put(11, 10, 4 * MIB)
    world.proc.put(12, 11, 5 * MIB)
    world.proc.put(13, 10, 6 * MIB, state="Z")
    world.proc.put(14, 13, 7 * MIB)
    world.proc.put(15, 1, 8 * MIB)
    (world.proc.path / "16").mkdir()
    (world.proc.path / "self").mkdir()
    found = processes_below([10, 12, 99], world.proc.path)
    assert {pid: sorted(each.pid for each in below) for pid, below in found.items()} == {
        10: [11, 12, 14],
        12: [],
        99: [],
    }
    assert [(each.command, each.rss_bytes) for each in found[10] if each.pid == 12] == [("a (b) c", 5 * MIB)]


async def test_pids_that_were_used_again_while_they_were_read_need_not_be_a_tree(world: World) -> None:
    world.proc.put(10, 12)
    world.proc.put(11, 10)
    world.proc.put(12, 11)
    assert sorted(each.pid for each in processes_below([10], world.proc.path)[10]) == [11, 12]


async def test_above_twice_the_limit_it_is_ended_at_once(world: World) -> None:
    container = world.watch("c", 10, 10 * MIB)
    world.proc.put(11, 10, 12 * MIB)
    world.proc.put(12, 11, 9 * MIB)
    await world.monitor.look()
    assert container.texts == ["memory limit 10 MiB: 21 MiB used"]
    assert container.reported[0].kind == "memory"
    await world.monitor.look()
    assert len(container.reported) == 1


async def test_what_has_just_been_forked_does_not_count_above_once_the_limit(world: World) -> None:
    container = world.watch("c", 10, 10 * MIB)
    world.proc.put(11, 10, 9 * MIB)
    await world.monitor.look()
    for pid in (12, 13, 14):
        world.proc.put(pid, 11, 9 * MIB)
        await world.monitor.look()
        world.proc.end(pid)
    # One pid, but not one process.
    world.proc.put(14, 11, 9 * MIB, start=2)
    await world.monitor.look()
    assert container.reported == []
    await world.monitor.look()
    assert container.texts == ["memory limit 10 MiB: 18 MiB used"]


async def test_the_grace_is_of_rounds_in_a_row(tmp_path: Path) -> None:
    world = World(tmp_path, grace=2)
    container = world.watch("c", 10, 10 * MIB)
    world.proc.put(11, 10, 11 * MIB)
    for _ in range(3):
        await world.monitor.look()
    world.proc.put(11, 10, 9 * MIB)
    await world.monitor.look()
    world.proc.put(11, 10, 11 * MIB)
    for _ in range(2):
        await world.monitor.look()
    assert container.reported == []
    await world.monitor.look()
    assert container.texts == ["memory limit 10 MiB: 11 MiB used"]


async def test_shared_pages_count_once_where_the_kernel_tells(world: World) -> None:
    container = world.watch("c", 10, 10 * MIB)
    for pid in (11, 12, 13):
        world.proc.put(pid, 10, 9 * MIB, pss=3 * MIB)
    for _ in range(3):
        await world.monitor.look()
    assert container.reported == []
    # Of this one nobody tells: what is resident counts.
    world.proc.put(14, 10, 12 * MIB)
    await world.monitor.look()
    assert container.texts == ["memory limit 10 MiB: 21 MiB used"]


async def test_other_limits_while_it_runs(world: World) -> None:
    container = world.watch("c", 10, None)
    assert world.timers.waiting == []
    world.proc.put(11, 10, 15 * MIB)
    world.monitor.update(container, Limits(memory=20 * MIB))
    for _ in range(2):
        await world.timers.next()
    assert container.reported == []
    world.monitor.update(container, Limits())
    assert world.timers.waiting == []
    await world.monitor.look()
    world.monitor.update(container, Limits(memory=10 * MIB))
    for _ in range(2):
        await world.timers.next()
    assert container.texts == ["memory limit 10 MiB: 15 MiB used"]


async def test_one_that_nobody_knows_is_held_to_nothing_until_it_is_updated(world: World) -> None:
    container = FakeContainer("c", 10)
    world.monitor.watch(container, None, container.reported.append)
    world.proc.put(11, 10, 15 * MIB)
    await world.monitor.look()
    assert (container.reported, world.timers.waiting) == ([], [])
    world.monitor.update(container, Limits(memory=5 * MIB))
    await world.monitor.look()
    assert container.texts == ["memory limit 5 MiB: 15 MiB used"]


async def test_what_is_within_counts_and_is_ended_with_it_also_if_it_was_found_first(world: World) -> None:
    world.proc.put(20, 1)
    world.proc.put(30, 1)
    part = world.watch("part", 20, None, within="c")
    deeper = world.watch("deeper", 30, None, within="part")
    container = world.watch("c", 10, 10 * MIB)
    other = world.watch("other", 0, 10 * MIB)
    astray = world.watch("astray", 0, None, within="gone")
    for pid, parent in ((11, 10), (21, 20), (31, 30)):
        world.proc.put(pid, parent, 7 * MIB)
    await world.monitor.look()
    text = ["memory limit 10 MiB: 21 MiB used"]
    assert [each.texts for each in (container, part, deeper, other, astray)] == [text, text, text, [], []]
    with pytest.raises(ValueError, match="its limits are those of 'c'"):
        world.monitor.update(part, Limits(memory=5))


async def test_one_timer_for_all_and_none_for_none(world: World) -> None:
    containers = [world.watch(f"c{number}", 10, MIB) for number in range(100)]
    for _ in range(2):
        await world.timers.next()
        (timer,) = world.timers.waiting
        assert timer.seconds == 1.0
    assert len(asyncio.all_tasks()) == 1
    for container in containers:
        world.monitor.end(container, Usage())
    assert world.timers.waiting == []
    world.watch("c", 10, MIB)
    world.monitor.close()
    assert world.timers.waiting == []


async def test_who_ended_while_it_was_measured_is_not_reported(world: World) -> None:
    container = world.watch("c", 10, MIB)
    world.proc.put(11, 10, 9 * MIB)
    looking = asyncio.ensure_future(world.monitor.look())
    await asyncio.sleep(0)
    world.monitor.end(container, Usage())
    again = world.watch("c", 0, MIB)
    await looking
    assert (container.reported, again.reported) == ([], [])


async def test_a_limit_that_is_raised_or_gone_while_it_was_measured(world: World) -> None:
    containers = [world.watch(name, 10, MIB) for name in "ab"]
    world.proc.put(11, 10, 9 * MIB)
    looking = asyncio.ensure_future(world.monitor.look())
    await asyncio.sleep(0)
    for container, limits in zip(containers, (Limits(), Limits(memory=9 * MIB)), strict=True):
        world.monitor.update(container, limits)
    await looking
    assert [container.reported for container in containers] == [[], []]


async def test_a_round_that_fails_is_not_the_last(world: World, caplog: pytest.LogCaptureFixture) -> None:
    container = world.watch("c", 10, MIB)
    world.proc.put(11, 10, 9 * MIB)
    away = world.proc.path.with_name("away")
    world.proc.path.rename(away)
    await world.timers.next()
    assert "not all was looked at in this round" in caplog.text
    away.rename(world.proc.path)
    await world.timers.next()
    assert container.texts == ["memory limit 1 MiB: 9 MiB used"]


@pytest.mark.parametrize(("interval", "grace"), [(0.0, 0), (float("nan"), 0), (1.0, -1)])
async def test_what_cannot_be_is_refused(interval: float, grace: int) -> None:
    with pytest.raises(ValueError, match="MemoryMonitor"):
        MemoryMonitor(interval, grace)


HUNGRY = "b = bytearray({mib} << 20); print('full', flush=True); import time; time.sleep(600)"


async def test_a_real_tree_is_ended_with_what_left_its_session(box: Box) -> None:
    eat = f'{sys.executable} -I -S -c "{HUNGRY.format(mib=48)}"'
    async with asyncio.timeout(60), Launcher([MemoryMonitor(0.05)]) as launcher:
        other = await launcher.launch(box.shell("exec sleep 600", id="d", limits=Limits(memory=64 * MIB)))
        container = await launcher.launch(
            box.shell(f"setsid {eat} & {eat} & wait", limits=Limits(memory=64 * MIB))
        )
        end = await container.wait()
        assert end.limitation is not None
        assert end.limitation.kind == "memory"
        assert end.limitation.text.startswith("memory limit 64 MiB: ")
        assert not other.ended
        await other.destroy()
        assert box.processes() == []


SHARING = """
import os, time
b = bytearray(40 << 20)
for _ in range(3):
    if not os.fork():
        time.sleep(600)
print('full', flush=True)
time.sleep(600)
"""


async def test_forks_that_share_their_pages_are_not_ended(box: Box) -> None:
    monitor = MemoryMonitor(600)
    async with asyncio.timeout(60), Launcher([monitor]) as launcher:
        limits = Limits(memory=80 * MIB)
        container = await launcher.launch(box.spec(sys.executable, "-I", "-S", "-c", SHARING, limits=limits))
        await eventually(lambda: box.out)
        used = sum(each.rss_bytes for each in processes_below([container.keeper_pid])[container.keeper_pid])
        assert used > 2 * 80 * MIB
        for _ in range(3):
            await monitor.look()
        assert not container.ended
        container.update(Limits(memory=32 * MIB))
        for _ in range(3):
            await monitor.look()
        end = await container.wait()
        assert end.limitation is not None
        assert end.limitation.text.startswith("memory limit 32 MiB: 4")


async def test_one_of_an_earlier_launcher_is_held_to_what_is_known(box: Box) -> None:
    spec = box.spec(sys.executable, "-I", "-S", "-c", HUNGRY.format(mib=40), limits=Limits(memory=16 * MIB))
    async with asyncio.timeout(60):
        first = Launcher([MemoryMonitor(600)], state_dir=box.state)
        await first.launch(spec)
        await eventually(lambda: box.out)
        await first.detach()
        async with Launcher([MemoryMonitor(0.05)], state_dir=box.state) as second:
            (container,) = await second.recover({"c": spec})
            end = await container.wait()
            assert end.limitation is not None
            container.forget()
