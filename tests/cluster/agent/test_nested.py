"""Nested containers as the agent keeps them, where what runs is told when to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.agent.nested import (
    ContainerBusyError,
    ContainerExistsError,
    NestedContainers,
    NestedError,
    NoContainerError,
    Surroundings,
    containers,
    path_problem,
)
from cluster.messages import CommandInfo
from isolation import Exit
from tests.cluster.agent.world import AgentWorld, FakeContainer

pytestmark = pytest.mark.asyncio

TRUE = CommandInfo("true")


class Beside(AgentWorld):
    """A task `t` runs, with containers beside it."""

    @property
    def nested(self) -> NestedContainers:
        return self.agent.runner.nested

    @property
    def root(self) -> str:
        return self.agent.state.runs["F1", "t"].container_id

    @property
    def place(self) -> Surroundings:
        found = self.agent.runner.surroundings(self.agent.state.runs["F1", "t"])
        assert found is not None
        return found

    def fake(self, *values: str, kind: str = "nested") -> FakeContainer:
        return self.machine.containers[".".join((kind, self.root, *values))]

    async def launch(self, *values: str, **options: bool) -> None:
        await self.nested.launch((self.root, *values), TRUE, self.place, **options)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[Beside]:
    async with asyncio.timeout(30), Beside(tmp_path / "work") as world:
        await world.run("t")
        yield world


async def test_the_end_of_a_parent_waits_for_what_is_beside_it(world: Beside) -> None:
    await world.launch("one")
    await world.launch("one", "two")
    await world.acknowledge()
    hold = asyncio.Event()
    two = world.fake("one", "two")
    destroy = two.destroy

    async def slowly() -> Exit:
        await hold.wait()
        return await destroy()

    two.destroy = slowly  # type: ignore[method-assign]
    world.machine.container("t").end(Exit(code=0))
    await world.settle()
    before = world.statuses()
    # Now, so that it is set whatever this finds.
    hold.set()
    await world.settle()
    assert before == []
    assert world.told() == ["t FINISHED"]
    assert list(world.nested) == []
    # Their records are gone with them.
    assert [name for name in world.machine.containers if name.startswith("nested")] == []


async def test_a_parent_that_ends_while_one_is_launched_beside_it(world: Beside) -> None:
    await world.acknowledge()
    world.machine.hold = asyncio.Event()
    launching = asyncio.ensure_future(world.launch("one"))
    await asyncio.to_thread(int)
    await world.settle()
    world.machine.container("t").end(Exit(code=0))
    await world.settle()
    before = world.statuses()
    world.machine.hold.set()
    await launching
    await world.settle()
    assert before == []
    assert world.told() == ["t FINISHED"]
    assert list(world.nested) == []


async def test_a_session_whose_client_has_gone_before_it_runs(world: Beside) -> None:
    world.machine.hold = asyncio.Event()
    launching = asyncio.ensure_future(world.launch("one", session=True))
    while not any((world.work_dir / "streams").glob("*")):
        await asyncio.sleep(0)
    launching.cancel()
    await asyncio.wait([launching])
    world.machine.hold.set()
    await world.settle()
    (nested,) = world.nested
    assert nested.ended.result().destroyed
    assert [name for name in world.machine.containers if name.startswith("session")] == []


async def test_a_launch_whose_client_has_gone_goes_on(world: Beside) -> None:
    world.machine.hold = asyncio.Event()
    launching = asyncio.ensure_future(world.launch("one"))
    await asyncio.sleep(0)
    launching.cancel()
    await asyncio.wait([launching])
    world.machine.hold.set()
    while not any(nested.running for nested in world.nested):
        await world.settle()
        await asyncio.sleep(0.001)
    world.fake("one").end(Exit(code=3))
    await world.settle()
    assert (await world.nested.get((world.root, "one")).ended).code == 3


async def test_of_those_that_ended_only_the_last_are_known(
    world: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "MOST_ENDED", 3)
    await world.launch("runs")
    for number in range(5):
        await world.launch(f"n{number}")
        world.fake(f"n{number}").end(Exit(code=number))
        await world.settle()
    assert [nested.path[-1] for nested in world.nested] == ["runs", "n2", "n3", "n4"]
    assert [name.rpartition(".")[2] for name in world.machine.containers if name.startswith("nested")] == [
        "runs",
        "n2",
        "n3",
        "n4",
    ]
    with pytest.raises(NoContainerError):
        world.nested.get((world.root, "n0"))


async def test_a_directory_that_is_a_link_is_not_used(world: Beside, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    sandbox = world.place.directory
    (sandbox / "containers").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NestedError):
        await world.launch("one")
    (sandbox / "containers").unlink()
    (sandbox / "containers").mkdir()
    (sandbox / "containers" / "one").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NestedError):
        await world.launch("one")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert list(world.nested) == []


async def test_what_became_a_link_is_not_followed_when_it_is_removed(world: Beside, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "one").mkdir(parents=True)
    (tmp_path / "elsewhere" / "one" / "file").touch()
    await world.launch("one")
    sandbox = world.place.directory
    (sandbox / "containers").rename(sandbox / "aside")
    (sandbox / "containers").symlink_to(tmp_path / "elsewhere")
    world.fake("one").end(Exit(code=0))
    await world.settle()
    await world.nested.remove((world.root, "one"))
    assert (tmp_path / "elsewhere" / "one" / "file").exists()


async def test_removing_a_session_leaves_the_directory_of_its_parent(world: Beside) -> None:
    """Also if that has the session's name."""
    await world.launch("t", session=True)
    await world.nested.destroy(world.nested.get((world.root, "t")))
    await world.nested.remove((world.root, "t"))
    assert world.place.directory.name == "t"
    assert world.place.directory.exists()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_session_leaves_nothing_open(world: Beside) -> None:
    before = open_files()
    for terminal in (False, True):
        await world.launch(f"s{terminal}", session=True, terminal=terminal)
        assert open_files() > before
        await world.nested.destroy(world.nested.get((world.root, f"s{terminal}")))
        assert open_files() == before
        await world.launch(f"n{terminal}", terminal=terminal)
        world.fake(f"n{terminal}", kind="session" if terminal else "nested").end(Exit(code=0))
        await world.settle()
        assert open_files() == before
    assert list((world.work_dir / "streams").iterdir()) == []


async def test_what_is_wrong(world: Beside) -> None:
    await world.launch("one")
    with pytest.raises(ContainerExistsError):
        await world.launch("one")
    with pytest.raises(ContainerBusyError):
        await world.nested.remove((world.root, "one"))
    with pytest.raises(ContainerBusyError):
        await world.launch("no", "below")
    with pytest.raises(ContainerBusyError):
        await world.nested.launch(("other", "one"), TRUE, world.place)
    with pytest.raises(NoContainerError):
        await world.nested.kill((world.root, "no"))
    with pytest.raises(ValueError, match="no signal"):
        await world.nested.kill((world.root, "one"), 999)
    world.fake("one").end(Exit(code=0))
    await world.settle()
    with pytest.raises(NoContainerError):
        await world.nested.kill((world.root, "one"))
    await world.nested.remove((world.root, "no"))


@pytest.mark.parametrize("value", ["", "a.b", "a/b", "a b", "..", "é", "a\n", "x" * 200])
async def test_ids_that_cannot_be(world: Beside, value: str) -> None:
    assert path_problem((world.root, value)) is not None
    with pytest.raises(NestedError, match="the id cannot be used"):
        await world.launch(value)


async def test_without_a_checkpoint_of_it_a_container_is_destroyed(world: Beside) -> None:
    """One whose root is not here any more: nobody could ask for it."""
    await world.launch("one")
    container = world.fake("one")
    world.machine.containers["nested.other.one"] = world.machine.containers.pop(container.id)
    container.id = "nested.other.one"
    await world.crash()
    await world.start()
    assert container.ended
    assert "nested.other.one" not in world.machine.containers
