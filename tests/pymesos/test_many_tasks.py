"""Many tasks in one framework of PyMesos's: no update is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cluster.local import LocalCluster
from cluster.master.invariants import violations
from tests.pymesos.remote import schedulers

LONG = 300.0
"""Seconds: 10,000 took 45 on two busy processors; each of 20,000 updates is a request of PyMesos's, one after the other."""


@pytest.mark.asyncio
@pytest.mark.parametrize("count", [100, 10_000])
async def test_no_update_is_lost(pymesos: Path, tmp_path: Path, count: int) -> None:
    found: Any
    async with (
        asyncio.timeout(LONG),
        LocalCluster(agents=4, resources="cpus:32;mem:4096", timers=True, duration=lambda _: 0.1) as cluster,
        schedulers(pymesos, tmp_path) as started,
    ):
        remote = await started.run("many.py", cluster.master, str(count))
        (found,) = await remote.event("found", within=LONG)
        assert violations(cluster.master_node.master.state) == []
        assert not cluster.master_node.master.state.frameworks
    assert found["errors"] == []
    assert found["histories"] == {"TASK_RUNNING TASK_FINISHED": count}
