"""What only SQLite's registry does: outlive kill -9, refuse a second master, say which file is no good."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from cluster.registry import RegistryError, SqliteRegistry

from .objects import ADMIT, AGENT

ROOT = Path(__file__).parents[3]


async def in_a_process(program: str, path: Path) -> tuple[int | None, bytes]:
    """Run it; return the exit status and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(path), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await process.communicate()
    return process.returncode, stderr


@pytest.mark.asyncio
async def test_sqlite_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    program = (
        "import asyncio, os, pathlib, sys\n"
        "from cluster.registry import Change, SqliteRegistry\n"
        "from tests.cluster.registry.objects import ADMIT\n"
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
