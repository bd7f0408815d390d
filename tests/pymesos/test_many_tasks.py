"""Many tasks in one framework of PyMesos's: no update is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cluster.local import LocalCluster
from cluster.master.invariants import violations
from tests.pymesos.remote import executor, schedulers

LONG = 600.0
"""Seconds: 10,000 tasks took 19 on two busy processors; ten times that without a compiler for http-parser."""


@pytest.mark.asyncio
async def test_no_update_of_commands_is_lost(pymesos: Path, tmp_path: Path) -> None:
    count = 1000
    async with LocalCluster(
        agents=4, resources="cpus:32;mem:4096", timers=True, duration=lambda _: 0.1
    ) as cluster:
        found = await all_of(count, cluster, pymesos, tmp_path)
    assert found == {"TASK_RUNNING TASK_FINISHED": count}


@pytest.mark.asyncio
@pytest.mark.parametrize("count", [100, 10_000])
async def test_no_update_of_executors_is_lost(pymesos: Path, tmp_path: Path, count: int) -> None:
    async with LocalCluster(agents=4, resources="cpus:32;mem:4096") as cluster:
        found = await all_of(count, cluster, pymesos, tmp_path, json.dumps(executor(pymesos)))
    assert found == {"TASK_RUNNING TASK_FINISHED": count}


async def all_of(
    count: int, cluster: LocalCluster, pymesos: Path, directory: Path, *arguments: str
) -> dict[str, int]:
    """Run so many tasks; returns how many had each history."""
    async with asyncio.timeout(LONG), schedulers(pymesos, directory) as started:
        remote = await started.run("many.py", cluster.master, str(count), *arguments)
        (found,) = await remote.event("found", within=LONG)
    state = cluster.master_node.master.state
    assert violations(state) == []
    assert not state.frameworks
    assert found["errors"] == []
    histories: dict[str, int] = found["histories"]
    return histories
