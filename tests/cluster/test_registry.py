"""The registry: the same promises from memory and from SQLite."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from cluster.attributes import Attributes
from cluster.messages import AgentInfo
from cluster.registry import MemoryRegistry, Registry, RegistryError, SqliteRegistry
from cluster.resources import Resources

ROOT = Path(__file__).parents[2]
AGENT = AgentInfo("host", Resources.parse("cpus:4;ports:[1-9]"), Attributes.parse("rack:r1"), "A1")


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
    await registry.admit_agent(AGENT)
    await registry.admit_agent(AGENT)
    await registry.set_weights({"eng": 2.0})
    await registry.set_weights({"ops": 0.5})
    state = await registry.load()
    assert state.agents == {"A1": AGENT}
    assert state.weights == {"eng": 2.0, "ops": 0.5}
    await registry.remove_agent("A1")
    await registry.remove_agent("nonsense")
    assert (await registry.load()).agents == {}
    await registry.close()


@pytest.mark.asyncio
async def test_sqlite_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    program = (
        "import asyncio, os, pathlib, sys\n"
        "from cluster.registry import SqliteRegistry\n"
        "from tests.cluster.test_registry import AGENT\n"
        "async def main():\n"
        "    registry = SqliteRegistry(pathlib.Path(sys.argv[1]))\n"
        "    await registry.admit_agent(AGENT)\n"
        "    await registry.set_weights({'eng': 2.0})\n"
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
    await first.admit_agent(AGENT)
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
