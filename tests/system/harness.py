"""Whole clusters with real processes, on loopback."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cluster import CommandInfo, Framework, LocalCluster, Resources, TaskInfo, TaskStatus
from cluster.local import MasterNode
from cluster.master.invariants import violations

LIMIT = 60.0
"""Seconds after which a test that hangs is ended; no test takes a tenth of it."""


class Script(Framework):
    """A framework whose work is a function of the test; it keeps what its callbacks are told."""

    def __init__(self, work: Callable[[Any], Awaitable[None]], **options: Any) -> None:
        super().__init__("script", **options)
        self.work = work
        self.statuses: list[TaskStatus] = []
        self.messages: list[bytes] = []
        self.lost_agents: list[str] = []
        self.lost_executors: list[str] = []
        self._changed = asyncio.Event()

    async def registered(self) -> None:
        await self.work(self)
        self.stop()

    async def status(self, status: TaskStatus) -> None:
        self.statuses.append(status)
        self._changed.set()

    async def message(self, agent_id: str, executor_id: str, data: bytes) -> None:
        self.messages.append(data)
        self._changed.set()

    async def agent_lost(self, agent_id: str, text: str) -> None:
        self.lost_agents.append(agent_id)
        self._changed.set()

    async def executor_lost(self, agent_id: str, executor_id: str, text: str) -> None:
        self.lost_executors.append(executor_id)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something that a callback changes holds."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()


async def run_script(
    work: Callable[[Any], Awaitable[None]], cluster: LocalCluster | None = None, **options: Any
) -> Script:
    """Run a script on a cluster (by default one agent in this process); the invariants must hold afterwards."""
    script = Script(work, **options)
    async with asyncio.timeout(LIMIT):
        if cluster is not None:
            await cluster.run(script)
            check(cluster)
        else:
            async with LocalCluster(agents=1) as own:
                await own.run(script)
                check(own)
    return script


def check(cluster: LocalCluster) -> None:
    """Total = free + offered + used, and all the rest."""
    if cluster.masters is None and isinstance(cluster.master_node, MasterNode):
        assert violations(cluster.master_node.master.state) == []


def command(line: str, task_id: str, resources: str = "cpus:0.5;mem:32", **fields: Any) -> TaskInfo:
    return TaskInfo(task_id, Resources.parse(resources), command=CommandInfo(line), **fields)


def sandbox(cluster: LocalCluster, executor_id: str) -> Path:
    """The sandbox of the latest run of an executor (or command task)."""
    (found,) = cluster.work_dir.glob(f"agent-*/**/executors/{executor_id}")
    return found


def processes_with(marker: str) -> list[int]:
    """The living processes whose command line or environment holds the marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if marker.encode() in text and state not in "ZX":
            found.append(int(entry.name))
    return found


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for what only files or the process table can tell; the test's own time limit bounds it."""
    while not condition():
        await asyncio.sleep(0.01)
