"""How long an agent that was killed takes until it has all its tasks again, and the price of being able to.

Master and agent are processes of their own. An agent runs so many tasks, is killed (SIGKILL), and started again: the
clock runs from the start of its process until the master has it and its page says that all tasks are there; one of
them is then killed, so that it is seen to be in hand. The reference `empty` is the same with no task: the
interpreter's start, and the way to the master. Launches with and without a checkpoint are told beside it.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from statistics import median

from cluster import CommandInfo, Framework, LocalCluster, Resources, TaskHandle, TaskInfo, TaskState
from cluster.local import NodeProcess

from .launch import Throughput
from .report import Row, main, row

__all__ = ["measure"]

EACH = Resources.of(cpus=0.001, mem=1)
AGENT = "cpus:4;mem:2048"
SIZES = (10, 100, 500)


class Sleepers(Framework):
    """Runs tasks that sleep, for as long as the benchmark works with them."""

    def __init__(self, cluster: LocalCluster, rounds: int) -> None:
        super().__init__("sleepers", failover_timeout=600.0)
        self._cluster = cluster
        self._rounds = rounds
        self.seconds: dict[int, list[float]] = {}

    async def registered(self) -> None:
        """Go through the sizes; more tasks are added each time."""
        handles: list[TaskHandle] = []
        for size in (0, *SIZES):
            command = CommandInfo("sleep", ("sleep", "3600"), shell=False)
            while len(handles) < size:
                handles.append(self.submit(TaskInfo(f"t{len(handles)}", EACH, command=command)))
            for handle in handles:
                await handle.reached(TaskState.RUNNING)
            self.seconds[size] = [await restart(self._cluster, size) for _ in range(self._rounds)]
        self.kill(handles[0].task_id)
        if (await handles[0]).state is not TaskState.KILLED:
            raise RuntimeError(f"a task of a restarted agent could not be killed: {handles[0].status}")
        self.stop()


async def restart(cluster: LocalCluster, tasks: int) -> float:
    """Kill the agent and start it again; return the seconds until all is there."""
    (agent,) = cluster.agents
    if not isinstance(agent, NodeProcess):
        raise TypeError("the agent is not a process of its own")
    agent.kill()
    await agent.wait()
    began = time.perf_counter()
    await agent.restart()
    while await asyncio.to_thread(running, agent.address) != tasks:
        await asyncio.sleep(0.005)
    return time.perf_counter() - began


def running(address: str) -> int:
    """How many tasks run, as the agent's page says."""
    with urllib.request.urlopen(f"http://{address}/ostrom/state") as answer:
        state = json.load(answer)
    return sum(task["state"] == "TASK_RUNNING" for run in state["executors"] for task in run["tasks"])


async def _recovery(rounds: int) -> dict[int, float]:
    async with LocalCluster(agents=1, resources=AGENT, processes=True, checkpoint=True) as cluster:
        sleepers = Sleepers(cluster, rounds)
        await cluster.run(sleepers)
    return {size: median(seconds) for size, seconds in sleepers.seconds.items()}


async def _launches(rounds: int, tasks: int) -> dict[bool, float]:
    """Launches a second with and without a checkpoint, in turns."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    async with (
        LocalCluster(agents=1, resources=AGENT, processes=True) as plain,
        LocalCluster(agents=1, resources=AGENT, processes=True, checkpoint=True) as keeping,
    ):
        clusters = {False: plain, True: keeping}
        for cluster in clusters.values():
            await cluster.run(Throughput(50))
        for _ in range(rounds):
            for checkpoint, cluster in clusters.items():
                throughput = Throughput(tasks)
                await cluster.run(throughput)
                rates[checkpoint].append(tasks / throughput.seconds)
    return {checkpoint: median(values) for checkpoint, values in rates.items()}


def measure(quick: bool) -> list[Row]:
    """Measure it all: some 25 s if quick, a minute else."""
    seconds = asyncio.run(_recovery(3 if quick else 7))
    rates = asyncio.run(_launches(3 if quick else 5, 300 if quick else 1000))
    empty = seconds.pop(0)
    rows = [row("reattached_empty", round(1000 * empty, 1), "ms")]
    rows += [
        row(
            f"reattached_{size}",
            round(1000 * value, 1),
            "ms",
            reference="empty",
            reference_value=1000 * empty,
        )
        for size, value in seconds.items()
    ]
    rows.append(row("launches_without_checkpoint", round(rates[False], 1), "1/s"))
    rows.append(
        row(
            "launches_with_checkpoint",
            round(rates[True], 1),
            "1/s",
            reference="without",
            reference_value=rates[False],
        )
    )
    return rows


if __name__ == "__main__":
    main("recovery", "An agent that is killed and started again", measure)
