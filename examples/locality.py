"""Delay scheduling, measured: the Mesos paper's figure of data locality, in simulated time on a real master and agents.

python -m examples.locality [--quick] [--seed N] [--delays SECONDS ...] [--local SECONDS] [--remote SECONDS] ...

Each framework scans one file, a task for each block. A task is short where its block has a replica, and long where the
block comes over the network. The rows: each framework on nodes of its own; all on one cluster, without delay; with a
delay. See docs/patterns/locality.md.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import fmean

from actors import Transport
from actors.simulation import SimulatedClock, SimulatedTransport, Simulation, constant
from cluster import CommandInfo, Framework, Offer, Resources, TaskInfo, TaskState, TaskStatus
from cluster.framework import DelayScheduler
from cluster.local import AgentNode, MasterNode
from isolation import ContainerSpec

SETTINGS = {
    "local": "mean seconds of a task where its block is",
    "remote": "mean seconds of a task elsewhere",
    "spread": "the part that a task may take more or less than the mean",
    "stagger": "mean seconds between the starts of two frameworks",
    "latency": "seconds that a message takes",
}
SLOT = Resources.of(cpus=1, mem=1024)


@dataclass(frozen=True)
class Setup:
    """What is simulated: the paper's figures, and where it gives none, ours. SETTINGS says what each means."""

    nodes: int = 93
    slots: int = 4
    frameworks: int = 16
    blocks: int = 1600
    replicas: int = 3
    local: float = 4.7
    remote: float = 8.9
    spread: float = 0.25
    stagger: float = 2.0
    latency: float = 0.001
    seed: int = 1

    def __post_init__(self) -> None:
        """ValueError for times that cannot be."""
        for field in ("local", "remote"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{field} is {getattr(self, field)}, not above 0")
        for field in ("stagger", "latency"):
            if not getattr(self, field) >= 0:
                raise ValueError(f"{field} is {getattr(self, field)}, not from 0")
        if not 0 <= self.spread < 1:
            raise ValueError(f"spread is {self.spread}, not from 0 to below 1")

    def hosts_of_blocks(self) -> list[list[str]]:
        """The hosts that have a replica of each block: any three, as in HDFS without racks."""
        chance = Random(f"blocks/{self.seed}")  # noqa: S311 - it is to be repeatable
        names = [f"node-{number}" for number in range(self.nodes)]
        return [chance.sample(names, self.replicas) for _ in range(self.blocks)]


QUICK = Setup(nodes=32, blocks=160, stagger=0.7)
"""A third of the nodes for as many frameworks: the same parts of the cluster for each, with shorter jobs."""


@dataclass(frozen=True)
class Result:
    """What came of it: the part of the tasks that ran on a host of their block, and the mean time of a job."""

    local: float
    job_seconds: float


class Scan(Framework):
    """Runs a task for each block of a file."""

    def __init__(self, name: str, blocks: Sequence[Sequence[str]], delay: float) -> None:
        super().__init__(name)
        self.hosts = {f"{name}-{number}": hosts for number, hosts in enumerate(blocks)}
        self.tasks = {task_id: self.task(task_id, number) for number, task_id in enumerate(self.hosts)}
        self.queue = DelayScheduler(node_wait=delay)
        self.host_of_agent: dict[str, str] = {}
        self.ran_local = 0
        self.began = self.took = 0.0

    @staticmethod
    def task(task_id: str, number: int) -> TaskInfo:
        """Scan a block."""
        return TaskInfo(task_id, SLOT, command=CommandInfo("scan", environment={"BLOCK": str(number)}))

    async def registered(self) -> None:
        """All blocks are to be scanned."""
        self.began = asyncio.get_running_loop().time()
        for task_id, task in self.tasks.items():
            self.queue.add(task, hosts=self.hosts[task_id])

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Launch what may go there; decline the rest until the wait is over."""
        now = asyncio.get_running_loop().time()
        placed = self.queue.match(offers, now)
        pause = self.queue.refuse_seconds(now)
        for offer in offers:
            self.host_of_agent[offer.agent_id] = offer.hostname
            if offer.id in placed:
                self.launch(offer, placed[offer.id], refuse_seconds=pause)
            else:
                self.decline(offer, refuse_seconds=pause)
        if not self.queue:
            self.suppress()

    async def status(self, status: TaskStatus) -> None:
        """Count what is done; what was not done is to be done again."""
        if status.state is TaskState.FINISHED:
            task = self.tasks.pop(status.task_id)
            self.ran_local += self.host_of_agent[status.agent_id] in self.hosts[task.task_id]
            if not self.tasks:
                self.took = asyncio.get_running_loop().time() - self.began
                self.stop()
        elif status.state.terminal:
            self.queue.add(self.tasks[status.task_id], hosts=self.hosts[status.task_id])
            self.revive()


class Site:
    """Masters, agents and frameworks of one simulation."""

    def __init__(self, setup: Setup, simulation: Simulation, work_dir: Path, closing: AsyncExitStack) -> None:
        self.setup = setup
        self.simulation = simulation
        self.work_dir = work_dir
        self.closing = closing
        self.blocks = setup.hosts_of_blocks()
        simulation.network.latency = constant(setup.latency)

    def _transport(self, name: str) -> Transport:
        return SimulatedTransport(self.simulation.network, name)

    async def cluster(self, name: str, hosts: Sequence[str]) -> MasterNode:
        """A master, and an agent on each host."""
        clock = SimulatedClock(self.simulation.loop)
        master = MasterNode(name, clock=clock, transport=self._transport(name), seed=self.setup.seed)
        await self._start(master)
        for number, host in enumerate(hosts):
            agent = AgentNode(
                master.upid,
                Resources.of(cpus=self.setup.slots, mem=1024 * self.setup.slots),
                self.work_dir / host,
                host=host,
                hostname=host,
                timers=True,
                duration=self.duration(host),
                clock=clock,
                transport=self._transport(host),
                seed=self.setup.seed + number,
            )
            await self._start(agent)
            await agent.agent.registered_once()
        return master

    async def _start(self, node: MasterNode | AgentNode) -> None:
        await node.start()
        self.closing.push_async_callback(node.stop)

    def duration(self, host: str) -> Callable[[ContainerSpec], float]:
        """How long a task takes on this host: a block has its own size, whoever scans it wherever."""
        setup = self.setup

        def seconds(spec: ContainerSpec) -> float:
            task_id, block = spec.env["OSTROM_TASK_ID"], int(spec.env["BLOCK"])
            chance = Random(f"{task_id}/{setup.seed}")  # noqa: S311 - it is to be repeatable
            mean = setup.local if host in self.blocks[block] else setup.remote
            return mean * chance.uniform(1 - setup.spread, 1 + setup.spread)

        return seconds

    async def run(self, masters: Sequence[MasterNode], delay: float) -> list[Scan]:
        """Run a framework on each of the masters, or all on the only one; return them when all have ended."""
        chance = Random(f"starts/{self.setup.seed}")  # noqa: S311 - it is to be repeatable
        scans = [Scan(f"scan-{n}", self.blocks, delay) for n in range(self.setup.frameworks)]
        async with asyncio.TaskGroup() as group:
            for number, scan in enumerate(scans):
                system = await self.simulation.start(scan.info.name)
                group.create_task(scan.run(masters[number % len(masters)].upid, system=system))
                await asyncio.sleep(chance.uniform(0, 2 * self.setup.stagger))
        return scans


def measure(setup: Setup, delay: float | None) -> Result:
    """Simulate one row: with a delay in seconds, 0 for none; None gives each framework nodes of its own."""

    async def scenario(simulation: Simulation) -> list[Scan]:
        with tempfile.TemporaryDirectory(prefix="ostrom-locality-") as directory:
            async with AsyncExitStack() as closing:
                site = Site(setup, simulation, Path(directory), closing)
                parts = 1 if delay is not None else setup.frameworks
                hosts = [f"node-{number}" for number in range(setup.nodes)]
                masters = [await site.cluster(f"master-{n}", hosts[n::parts]) for n in range(parts)]
                return await site.run(masters, delay or 0.0)

    scans = Simulation(setup.seed, keep_trace=False).run(scenario)
    tasks = setup.blocks * setup.frameworks
    return Result(sum(scan.ran_local for scan in scans) / tasks, fmean(scan.took for scan in scans))


def rows(delays: Sequence[float]) -> Mapping[str, float | None]:
    """The table's rows: their names, and what `measure` is told."""
    return {"static partitions": None, "no delay": 0.0, **{f"delay {d:g} s": d for d in delays}}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="32 nodes, 160 blocks")
    parser.add_argument(
        "--delays", type=float, nargs="*", default=[1.0, 5.0], help="a row for each, in seconds"
    )
    for field, text in SETTINGS.items():
        parser.add_argument(f"--{field}", type=float, help=f"{text} (default {getattr(Setup(), field):g})")
    parser.add_argument("--seed", type=int, default=Setup().seed, help="of all that is left to chance")
    given = vars(parser.parse_args())
    delays, quick = given.pop("delays"), given.pop("quick")
    changes = {field: value for field, value in given.items() if value is not None}
    try:
        setup = replace(QUICK if quick else Setup(), **changes)
        for delay in delays:
            DelayScheduler(delay)
    except ValueError as error:
        parser.error(str(error))
    print(
        f"{setup.nodes} nodes of {setup.slots} slots, {setup.frameworks} frameworks, {setup.blocks} blocks each"
    )
    print(f"{'':18} {'local':>7} {'mean job':>9} {'speed-up':>9}")
    first = None
    for name, delay in rows(delays).items():
        result = measure(setup, delay)
        first = first or result.job_seconds
        times = f"{result.job_seconds:7.0f} s {first / result.job_seconds:8.2f}x"
        print(f"{name:18} {result.local:7.1%} {times}", flush=True)


if __name__ == "__main__":
    main()
