"""The registry: the same promises from memory and from SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.attributes import Attributes
from cluster.messages import AgentInfo
from cluster.registry import MemoryRegistry, Registry, RegistryError, SqliteRegistry
from cluster.resources import Resources

AGENT = AgentInfo("host", Resources.parse("cpus:4;ports:[1-9]"), Attributes.parse("rack:r1"), "A1")


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
    first = SqliteRegistry(path)
    await first.load()
    await first.admit_agent(AGENT)
    await first.set_weights({"eng": 2.0})
    # No close: as after kill -9.
    second = SqliteRegistry(path)
    state = await second.load()
    assert (state.agents, state.weights) == ({"A1": AGENT}, {"eng": 2.0})
    await first.close()
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
