"""The registry: the same promises from memory and from SQLite."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from cluster.attributes import Attributes
from cluster.messages import AgentInfo, FrameworkInfo
from cluster.registry import (
    Change,
    Drain,
    MemoryRegistry,
    Quota,
    Registry,
    RegistryError,
    RegistryState,
    SqliteRegistry,
    UnreachableAgent,
    Window,
)
from cluster.registry.state import KINDS
from cluster.resources import Resources

ROOT = Path(__file__).parents[2]
AGENT = AgentInfo("host", Resources.parse("cpus:4;ports:[1-9]"), Attributes.parse("rack:r1"), "A1")
ADMIT = Change("agents", "A1", AGENT)


async def in_a_process(program: str, path: Path) -> tuple[int | None, bytes]:
    """Run it; return the exit status and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(path), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await process.communicate()
    return process.returncode, stderr


@pytest.fixture(params=["memory", "sqlite"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    return (
        MemoryRegistry()
        if request.param == "memory"
        else SqliteRegistry(tmp_path / "deep" / "registry.sqlite")
    )


@pytest.mark.asyncio
async def test_what_is_stored_is_loaded(registry: Registry) -> None:
    assert (await registry.load()).agents == {}
    await registry.write([ADMIT])
    await registry.write([ADMIT, Change("weights", "eng", 2.0)])
    await registry.write([Change("weights", "ops", 0.5)])
    state = await registry.load()
    assert state.agents == {"A1": AGENT}
    assert state.weights == {"eng": 2.0, "ops": 0.5}
    await registry.write([Change("agents", "A1", None), Change("agents", "nonsense", None)])
    assert (await registry.load()).agents == {}
    await registry.close()


@pytest.mark.asyncio
async def test_every_kind_is_kept(registry: Registry) -> None:
    changes = [
        ADMIT,
        Change("unreachable", "A2", UnreachableAgent(AGENT, 12.5)),
        Change("gone", "A3", 13.5),
        Change("frameworks", "F1", FrameworkInfo("f", id="F1", roles=("a", "b"), failover_timeout=60.0)),
        Change("ended", "F2", 14.5),
        Change("weights", "eng", 2.0),
        Change("quotas", "eng", Quota(Resources.parse("cpus:1"), Resources.parse("cpus:2"), 3)),
        Change("reservations", "A1", {"eng": Resources.parse("cpus:0.125;ports:[1-3]")}),
        Change("drains", "A1", Drain(True, 5.0, True)),
        Change("windows", "w1", Window(("host", "A1"), 100.0, 60.0)),
        Change("cluster", "founded", "now"),
    ]
    assert {change.kind for change in changes} == KINDS.keys()
    await registry.write(changes)
    state = await registry.load()
    for change in changes:
        assert getattr(state, change.kind) == {change.id: change.value}
    await registry.write([Change(change.kind, change.id, None) for change in changes])
    assert await registry.load() == RegistryState()
    await registry.close()


@pytest.mark.asyncio
async def test_sqlite_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    program = (
        "import asyncio, os, pathlib, sys\n"
        "from cluster.registry import Change, SqliteRegistry\n"
        "from tests.cluster.test_registry import ADMIT\n"
        "async def main():\n"
        "    registry = SqliteRegistry(pathlib.Path(sys.argv[1]))\n"
        "    await registry.write([ADMIT])\n"
        "    await registry.write([Change('weights', 'eng', 2.0)])\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )
    # Without close, as after kill -9.
    assert (await in_a_process(program, path))[0] == 9
    registry = SqliteRegistry(path)
    state = await registry.load()
    assert (state.agents, state.weights) == ({"A1": AGENT}, {"eng": 2.0})
    await registry.close()


@pytest.mark.asyncio
async def test_two_masters_cannot_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    first = SqliteRegistry(path)
    with pytest.raises(RegistryError, match=r"registry\.sqlite: another master uses it"):
        SqliteRegistry(path)
    program = (
        "import pathlib, sys\n"
        "from cluster.registry import SqliteRegistry\n"
        "SqliteRegistry(pathlib.Path(sys.argv[1]))\n"
    )
    assert b"another master uses it" in (await in_a_process(program, path))[1]
    await first.write([ADMIT])
    await first.close()
    second = SqliteRegistry(path)
    assert (await second.load()).agents == {"A1": AGENT}
    await second.close()


@pytest.mark.asyncio
async def test_a_file_that_is_no_registry_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    path.write_text("this is no database, but long enough to be taken for one" * 100)
    with pytest.raises(RegistryError, match=r"registry\.sqlite"):
        await SqliteRegistry(path).load()


@pytest.mark.asyncio
async def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match="file"):
        await SqliteRegistry(tmp_path / "file" / "registry.sqlite").load()
