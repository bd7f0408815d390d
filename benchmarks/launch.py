"""How fast a cluster launches: tasks a second through one agent, and the time from an offer to TASK_RUNNING.

Master and agent are processes of their own, the framework is this one, all on loopback. The reference `bare` is a
loop that starts `true` and waits for it, without any cluster, before and after each round of tasks. The `processor`
rows say where the time goes: how much of it each process uses for one task.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Sequence
from statistics import median

from cluster import CommandInfo, Framework, LocalCluster, Offer, Resources, TaskInfo, TaskState, TaskStatus
from cluster.local import NodeProcess

from .processor import below, processor_seconds
from .report import Row, main, quantile, row

__all__ = ["measure"]

TRUE = CommandInfo("true", shell=False)
EACH = Resources.of(cpus=0.1, mem=8)
AGENT = "cpus:4;mem:1024"


class Throughput(Framework):
    """Runs so many tasks; `seconds` is from the first submit to the last TASK_FINISHED acknowledged."""

    def __init__(self, tasks: int) -> None:
        super().__init__("throughput")
        self.tasks = tasks
        self.seconds = 0.0

    async def registered(self) -> None:
        """Submit them all, await them all; the library acknowledges a status before it tells it."""
        began = time.perf_counter()
        handles = [
            self.submit(TaskInfo(f"true-{number}", EACH, command=TRUE)) for number in range(self.tasks)
        ]
        for handle in handles:
            status = await handle
            if status.state is not TaskState.FINISHED:
                raise RuntimeError(f"{status.task_id}: {status.state.value} {status.message}")
        self.seconds = time.perf_counter() - began
        self.stop()


class Latency(Framework):
    """One task after the other: `seconds` are from the arrival of an offer to that of TASK_RUNNING."""

    def __init__(self, tasks: int) -> None:
        super().__init__("latency")
        self.tasks = tasks
        self.seconds: list[float] = []
        self._offered = 0.0
        self._launched = 0

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Use all of the first offer, so that the next comes when the task has ended."""
        self._offered = time.perf_counter()
        self._launched += 1
        self.launch(offers[0], [TaskInfo(f"t{self._launched}", offers[0].resources, command=TRUE)])

    async def status(self, status: TaskStatus) -> None:
        """Note the time of each start, and stop after the last."""
        if status.state is TaskState.RUNNING:
            self.seconds.append(time.perf_counter() - self._offered)
        elif status.state is not TaskState.FINISHED:
            raise RuntimeError(f"{status.task_id}: {status.state.value} {status.message}")
        elif len(self.seconds) == self.tasks:
            self.stop()


def bare(times: int) -> float:
    """Start `true` and wait for it, again and again; return the launches a second."""
    began = time.perf_counter()
    for _ in range(times):
        subprocess.run(["true"], check=True)
    return times / (time.perf_counter() - began)


def used(cluster: LocalCluster) -> dict[str, float]:
    """Seconds of processor that each part has used so far; `launcher` is all below the agent, with the commands."""
    (agent,) = cluster.agents
    master = cluster.master_node
    if not isinstance(agent, NodeProcess) or not isinstance(master, NodeProcess):
        raise TypeError("the nodes are not processes of their own")
    return {
        "framework": time.process_time(),
        "master": processor_seconds(master.pid),
        "agent": processor_seconds(agent.pid),
        "launcher": sum(processor_seconds(pid, reaped=True) for pid in below(agent.pid)),
    }


async def _measure(quick: bool) -> list[Row]:
    rounds, tasks, launches = (3, 1000, 200) if quick else (5, 1000, 1000)
    rates: list[float] = []
    references = [bare(300)]
    async with LocalCluster(agents=1, resources=AGENT, processes=True) as cluster:
        await cluster.run(Throughput(50))
        spent: list[dict[str, float]] = []
        for _ in range(rounds):
            throughput = Throughput(tasks)
            before = used(cluster)
            await cluster.run(throughput)
            spent.append({part: after - before[part] for part, after in used(cluster).items()})
            rates.append(tasks / throughput.seconds)
            references.append(bare(300))
        latency = Latency(launches)
        await cluster.run(latency)
    milliseconds = [1000 * seconds for seconds in latency.seconds]
    reference = median(references)
    return [
        row(
            "tasks_per_second",
            round(median(rates), 1),
            "1/s",
            reference="bare",
            reference_value=reference,
            at_least=0.3,
        ),
        row("bare_per_second", round(reference, 1), "1/s"),
        *(
            row(f"processor_{part}", round(median(each[part] for each in spent) / tasks * 1e6), "us/task")
            for part in spent[0]
        ),
        row("launch_p50_ms", round(quantile(milliseconds, 0.5), 2), "ms"),
        row("launch_p99_ms", round(quantile(milliseconds, 0.99), 2), "ms"),
    ]


def measure(quick: bool) -> list[Row]:
    """Measure it all: some 10 s, 20 s unless quick."""
    return asyncio.run(_measure(quick))


if __name__ == "__main__":
    main("launch", "Launching commands through one agent", measure)
