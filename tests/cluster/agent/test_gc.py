"""When sandboxes are removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.agent.gc import RealDisk, SandboxCollector
from cluster.agent.sandbox import Sandboxes
from tests.cluster.agent.world import AgentWorld

DAY = 86400.0


@pytest.mark.parametrize(
    ("usage", "age"), [(0.0, 0.9 * 7 * DAY), (0.4, 0.5 * 7 * DAY), (0.9, 0.0), (1.0, 0.0)]
)
def test_the_fuller_the_disk_the_sooner(usage: float, age: float) -> None:
    assert SandboxCollector(7 * DAY, 0.1).max_age(usage) == pytest.approx(age)


def test_what_is_old_is_removed_the_oldest_first() -> None:
    collector = SandboxCollector(100.0, 0.0)
    for name, ended in (("b", 20.0), ("a", 10.0), ("c", 900.0), ("used", 0.0)):
        collector.schedule(Path(name), ended)
    collector.schedule(Path("a"), 990.0)
    collector.keep(Path("used"))
    assert collector.due(115.0, 0.0) == [Path("a")]
    assert collector.due(115.0, 0.5) == [Path("b")]
    assert len(collector) == 1
    # The disk is full: whatever is left goes.
    assert collector.due(901.0, 1.0) == [Path("c")]


@pytest.mark.asyncio
async def test_a_sandbox_is_removed_and_nothing_that_it_points_to(tmp_path: Path) -> None:
    sandboxes = Sandboxes(tmp_path / "work")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    path, other = sandboxes.create("A", "F", "t"), sandboxes.create("A", "F", "u")
    (path / "link").symlink_to(outside)
    (path / "deep").mkdir()
    (path / "deep" / "file").write_text("x")
    disk = RealDisk()
    assert {found for found, _ in await disk.ended(sandboxes.work_dir)} == {path, other}
    assert 0.0 < await disk.usage(sandboxes.work_dir) <= 1.0
    await disk.remove(path)
    sandboxes.forget(path)
    assert (outside / "precious").read_text() == "mine"
    assert not path.exists()
    assert sandboxes.latest("A", "F", "t") is None
    await disk.remove(other)
    assert not (tmp_path / "work" / "agents" / "A" / "frameworks" / "F").exists()
    # Where the directory itself is gone, the next is made as the first was.
    sandboxes.forget(other)
    assert sandboxes.create("A", "F", "t") == path


def test_the_latest_sandbox_is_found_by_another_process(tmp_path: Path) -> None:
    first = Sandboxes(tmp_path)
    for _ in range(3):
        latest = first.create("A", "F", "t")
    assert latest.name == "t.3"
    assert Sandboxes(tmp_path).latest("A", "F", "t") == latest
    assert Sandboxes(tmp_path).latest("A", "F", "nonsense") is None


class FakeDisk:
    """A full one: whatever is not used goes at once."""

    async def usage(self, path: Path) -> float:
        return 1.0

    async def ended(self, work_dir: Path) -> list[tuple[Path, float]]:
        return [(path, 0.0) for path in work_dir.glob("agents/*/frameworks/*/executors/*")]

    async def remove(self, path: Path) -> None:
        path.rmdir()


@pytest.mark.asyncio
async def test_what_is_used_is_kept_whatever_its_neighbours_are_called(tmp_path: Path) -> None:
    async with AgentWorld(tmp_path) as world:
        world.disk = FakeDisk()
        # The second run of `job` is in job.2, and job.3 is the first of another task.
        for name in ("job", "job.3"):
            await world.run(name)
            await world.machine.container(name).destroy()
            await world.settle()
            await world.acknowledge()
        await world.run("job", "a", "a.2")
        await world.acknowledge()
        executors = tmp_path / "agents" / "A1" / "frameworks" / "F1" / "executors"
        used = ["a", "a.2", "job.2"]
        assert sorted(path.name for path in executors.iterdir()) == [*used[:2], "job", "job.2", "job.3"]
        for _ in range(2):
            await world.crash()
            await world.start()
            await world.advance(61.0)
            assert sorted(path.name for path in executors.iterdir()) == used
            assert world.agent.sandboxes.latest("A1", "F1", "job") == executors / "job.2"
