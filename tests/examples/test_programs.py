"""The examples run, as a reader would run them."""

from __future__ import annotations

import asyncio
import sys

import pytest


async def program(*arguments: str, within: float = 90.0) -> str:
    """Run a module to its end; return its output. It must exit with 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(within):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors
    return output.decode()


@pytest.mark.asyncio
async def test_minimal() -> None:
    assert await program("examples.minimal") == "NOTHING IS LOST\n"


@pytest.mark.asyncio
async def test_run_commands() -> None:
    lines = (await program("examples.run_commands", "true", "echo x", "pwd")).splitlines()
    ended = [line.split() for line in lines if "TASK_FINISHED" in line]
    assert {words[0] for words in ended} == {"command-0", "command-1", "command-2"}
    assert {words[2] for words in ended} == {"r1", "r2", "r3"}


@pytest.mark.asyncio
async def test_write_a_policy() -> None:
    lines = (await program("examples.write_a_policy")).splitlines()
    assert lines[:2] == [
        "large in role *: 2 offers, 80% of the cluster",
        "small in role *: 2 offers, 50% of the cluster",
    ]
    assert sorted(lines[2:]) == ["one: 4 tasks done", "two: 4 tasks done"]


@pytest.mark.asyncio
async def test_the_demo() -> None:
    output = await program("examples.wordcount.demo", "--quick")
    assert "exactly as by a single process" in output
    assert "most frequent" in output
    assert "analytics" in output
    assert "batch" in output
    assert "ostrom local" in output


@pytest.mark.asyncio
async def test_pymesos_minimal() -> None:
    # It installs PyMesos if no test has before.
    lines = (await program("examples.pymesos_minimal.demo", within=600.0)).splitlines()
    assert lines[2].startswith("registered as ")
    for number in range(1, 6):
        told = [line for line in lines if line.startswith(f"task-{number} ")]
        assert [line.split()[1] for line in told] == ["TASK_RUNNING", "TASK_FINISHED"]
        assert told[1].endswith(f"HELLO FROM TASK {number}")
