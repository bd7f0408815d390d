"""Disk quotas held by looking: whose files count, how the walks take turns, and what ends whom."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from isolation import DiskUsage, Launcher, Limits, Usage
from isolation.disk import usage
from isolation.disk.usage import sandbox_of
from isolation.disk.walk import Count, Stop
from tests.isolation.box import Box, eventually
from tests.isolation.looking import FakeContainer, Timers

pytestmark = pytest.mark.asyncio

KIB, MIB = 1 << 10, 1 << 20


class World:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.box = Box(path, "marker")
        self.timers = Timers()
        self.disk = DiskUsage(15.0, call_later=self.timers)

    def watch(
        self, name: str, limit: int | None, *, files: int = 0, within: str = "", cwd: str = ""
    ) -> FakeContainer:
        sandbox = self.path / name
        (sandbox / cwd).mkdir(parents=True, exist_ok=True)
        (sandbox / "file").write_bytes(b"x" * files)
        container = FakeContainer(name)
        spec = self.box.spec(
            "x",
            id=name,
            cwd=sandbox / cwd,
            stdout=sandbox / "stdout",
            limits=Limits(disk=limit),
            within=within,
        )
        self.disk.watch(container, spec, container.reported.append)
        return container


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_the_sandbox_is_where_the_output_goes_if_the_task_works_below(tmp_path: Path) -> None:
    box = Box(tmp_path, "marker")
    for cwd, stdout, expected in (
        ("/s", "/s/stdout", "/s"),
        ("/s/deep/er", "/s/stdout", "/s"),
        ("/s", "/dev/null", "/s"),
        ("/s", "/s/logs/stdout", "/s"),
        ("/sandbox", "/s/stdout", "/sandbox"),
    ):
        assert sandbox_of(box.spec("x", cwd=Path(cwd), stdout=Path(stdout))) == Path(expected)


async def test_above_its_limit_it_is_reported_once(world: World) -> None:
    container = world.watch("c", MIB, files=2 * MIB, cwd="work")
    other = world.watch("d", 4 * MIB, files=2 * MIB)
    for _ in range(2):
        await world.disk.look()
    ((text,), (kind,)) = container.texts, [each.kind for each in container.reported]
    assert text.startswith("disk limit 1 MiB: 2")
    assert (kind, other.reported) == ("disk", [])


async def test_other_limits_while_it_runs(world: World) -> None:
    container = world.watch("c", None, files=200 * KIB)
    unknown = FakeContainer("u")
    world.disk.watch(unknown, None, unknown.reported.append)
    assert world.timers.waiting == []
    world.disk.update(unknown, Limits(disk=0))
    world.disk.update(container, Limits(disk=MIB))
    await world.timers.next()
    assert world.timers.waiting[0].seconds == 15.0
    assert container.reported == []
    world.disk.update(container, Limits(disk=100 * KIB))
    await world.timers.next()
    assert len(container.reported) == 1
    # Nobody knows where it works.
    assert unknown.reported == []
    world.disk.close()
    assert world.timers.waiting == []


async def test_the_sandbox_of_what_is_within_counts(world: World) -> None:
    part = world.watch("part", None, files=MIB, within="c")
    container = world.watch("c", 1536 * KIB, files=MIB)
    await world.disk.look()
    assert len(container.reported) == len(part.reported) == 1


async def test_a_sandbox_that_becomes_a_link_is_not_followed(world: World) -> None:
    container = world.watch("c", 100 * KIB)
    (world.path / "c").rename(world.path / "away")
    (world.path / "away" / "large").write_bytes(b"x" * MIB)
    (world.path / "c").symlink_to(world.path / "away")
    await world.disk.look()
    assert container.reported == []


async def test_a_sandbox_that_is_reached_through_a_link_counts(world: World) -> None:
    (world.path / "real").mkdir()
    (world.path / "c").symlink_to(world.path / "real")
    container = world.watch("c", 100 * KIB, files=MIB)
    await world.disk.look()
    assert len(container.reported) == 1


async def test_one_walk_at_a_time_each_in_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        world.watch(name, MIB)
    walks: list[str] = []
    at_work = threading.Lock()

    def walk(directory: Path, *_: object) -> None:
        assert at_work.acquire(blocking=False)
        walks.append(directory.name)
        at_work.release()

    monkeypatch.setattr(usage, "count", walk)
    for _ in range(3):
        await world.timers.next()
        assert len(world.timers.waiting) == 1
    assert walks == list("abc") * 3


async def test_a_walk_ends_with_its_container_and_nobody_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = world.watch("c", MIB)
    began = threading.Event()
    whole = usage.count

    def walk(directory: Path, total: Count, stop: Stop) -> None:
        began.set()
        while not stop():
            began.wait(0.001)
        whole(directory, total, stop)
        total.used_bytes = 5 * MIB

    monkeypatch.setattr(usage, "count", walk)
    async with asyncio.timeout(30):
        looking = asyncio.ensure_future(world.disk.look())
        await asyncio.to_thread(began.wait, 20)
        world.disk.end(container, Usage())
        await looking
    assert container.reported == []


async def test_a_walk_that_takes_too_long_counts_what_it_has(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = DiskUsage(15.0, longest=-1.0, call_later=world.timers)
    container = world.watch("c", MIB, files=100 * KIB)
    (world.path / "c" / "below").mkdir()
    (world.path / "c" / "below" / "file").write_bytes(b"x" * 2 * MIB)
    spec = world.box.spec(
        "x", id="c", cwd=world.path / "c", stdout=world.path / "c/stdout", limits=Limits(disk=MIB)
    )
    impatient.watch(container, spec, container.reported.append)
    for _ in range(2):
        await impatient.look()
    assert container.reported == []
    assert caplog.text.count("not all of its sandbox could be counted") == 1
    impatient.update(container, Limits(disk=50 * KIB))
    await impatient.look()
    assert len(container.reported) == 1


async def test_a_real_task_that_writes_below_its_sandbox(box: Box) -> None:
    async with asyncio.timeout(60), Launcher([DiskUsage(0.05)]) as launcher:
        container = await launcher.launch(
            box.shell("mkdir -p a/b; setsid sh -c 'cat /dev/zero > a/b/file' & wait", limits=Limits(disk=MIB))
        )
        end = await container.wait()
        assert end.limitation is not None
        assert end.describe().startswith("killed by SIGKILL: disk limit 1 MiB: ")
        assert box.processes() == []


async def test_one_of_an_earlier_launcher_is_held_to_what_is_known(box: Box) -> None:
    spec = box.shell("head -c 3M /dev/zero > file; echo full; exec sleep 600", limits=Limits(disk=2 * MIB))
    async with asyncio.timeout(60):
        first = Launcher([DiskUsage(600)], state_dir=box.state)
        await first.launch(spec)
        await eventually(lambda: box.out)
        await first.detach()
        async with Launcher([DiskUsage(0.05)], state_dir=box.state) as second:
            (container,) = await second.recover({"c": spec})
            end = await container.wait()
            assert end.limitation is not None
            assert end.limitation.kind == "disk"
            container.forget()
