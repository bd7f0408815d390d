"""The paper's overhead figure: two jobs, bare and through master, agent and isolation. Both run as often, in turns."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

from benchmarks.report import Row, row
from cluster import CommandInfo, Framework, LocalCluster, Resources, TaskInfo, TaskState

__all__ = ["overhead"]

COMPUTE = "sum(n * n % 7 for n in range({size}))"
HASH = "import hashlib; d = bytes(1 << 20); [hashlib.sha256(d).digest() for _ in range({size})]"
EACH = Resources.of(cpus=1, mem=128)


class Job(Framework):
    """Runs commands at once; `seconds` from when there is an agent until all have ended."""

    def __init__(self, commands: Sequence[tuple[str, ...]]) -> None:
        super().__init__("job")
        self.commands = commands
        self.seconds = 0.0

    async def registered(self) -> None:
        """Submit them all, await them all."""
        began = time.perf_counter()
        handles = [
            self.submit(
                TaskInfo(
                    f"job-{number}",
                    EACH,
                    command=CommandInfo(command[0], arguments=command, shell=False),
                )
            )
            for number, command in enumerate(self.commands)
        ]
        for handle in handles:
            status = await handle
            if status.state is not TaskState.FINISHED:
                raise RuntimeError(f"{status.task_id}: {status.state.value} {status.message}")
        self.seconds = time.perf_counter() - began
        self.stop()


async def overhead(quick: bool) -> list[Row]:
    """A row for each of the jobs, and one for both."""
    scale, rounds = (1, 2) if quick else (3, 5)
    jobs = {
        "compute": [_python(COMPUTE.format(size=30_000_000 * scale)) for _ in range(2)],
        "hash": [_python(HASH.format(size=2500 * scale)) for _ in range(2)],
    }
    bare: dict[str, list[float]] = {name: [] for name in jobs}
    through: dict[str, list[float]] = {name: [] for name in jobs}
    async with LocalCluster(
        agents=1, resources="cpus:2;mem:1024", processes=True, checkpoint=True, isolation="cgroups"
    ) as cluster:
        for _ in range(rounds):
            for name, commands in jobs.items():
                bare[name].append(await asyncio.to_thread(_bare, commands))
                job = Job(commands)
                await cluster.run(job)
                through[name].append(job.seconds)
    ratios = {name: median(through[name]) / median(bare[name]) for name in jobs}
    worst = max(ratios.values())
    rows = [row("overhead_percent", round((worst - 1) * 100, 2), "%", at_most=4)]
    rows += [
        row(f"{name}_s", median(through[name]), "s", reference="bare", reference_value=median(bare[name]))
        for name in jobs
    ]
    return rows


def _python(line: str) -> tuple[str, ...]:
    return (sys.executable, "-c", line)


def _bare(commands: Sequence[tuple[str, ...]]) -> float:
    began = time.perf_counter()
    processes = [subprocess.Popen(command) for command in commands]
    for process in processes:
        if process.wait() != 0:
            raise RuntimeError(f"{process.args!r}: {process.returncode}")
    return time.perf_counter() - began
