"""The network is cut between some and others, without a word to either: masters, agents and etcd are machines here."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster import TaskState
from cluster.etcd.server import BECOME, find_etcd
from tests.system.harness import eventually
from tests.system.load import Load, at_work
from tests.system.masters import Masters, Node
from tests.system.networks import Machine, Network, why_not

LIMIT = 90.0
"""Seconds after which a test that hangs is ended."""


class MachineNode(Node):
    """A process on a machine of the network."""

    def __init__(self, machine: Machine, arguments: list[str], log: Path) -> None:
        super().__init__(machine.name, [*arguments, "--host", machine.host], log)
        self._prefix = machine.prefix

    @property
    def command(self) -> list[str]:
        return [*self._prefix, *super().command]


class Connected(Masters):
    """Each process on a machine of its own, and etcd too; the frameworks are `here`."""

    def __init__(self, network: Network, etcd: Machine, work_dir: Path) -> None:
        self.network = network
        self.etcd_machine = etcd
        self.machines: dict[str, Machine] = {}
        # Agents are found silent within some seconds.
        flags = ["--agent-ping-timeout", "1", "--max-agent-ping-timeouts", "3"]
        super().__init__(work_dir, [f"{etcd.host}:2379"], ttl=2, agents=2, flags=flags)

    def process(self, name: str, arguments: list[str]) -> Node:
        machine = self.machines[name] = self.network.machine(name)
        work_dir = self._work_dir / name
        return MachineNode(machine, [*arguments, "--work-dir", str(work_dir)], self._work_dir / f"{name}.log")

    @property
    def agent_machines(self) -> list[Machine]:
        return [self.machines[agent.name] for agent in self.agents]


@pytest.fixture
def network() -> Iterator[Network]:
    if missing := why_not():
        pytest.skip(missing)
    with Network() as network:
        yield network


@pytest.fixture
def etcd_machine(etcd_binary: None, network: Network, tmp_path: Path) -> Iterator[Machine]:
    machine = network.machine("etcd")
    url = f"http://{machine.host}:2379"
    flags = [
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--data-dir={tmp_path / 'etcd'}",
    ]
    flags += ["--logger=zap", "--log-level=error", "--heartbeat-interval=10", "--election-timeout=50"]
    command = [
        *machine.prefix,
        sys.executable,
        "-I",
        "-S",
        "-c",
        BECOME,
        str(os.getpid()),
        str(find_etcd()),
        *flags,
    ]
    with (
        (tmp_path / "etcd.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            yield machine
        finally:
            process.kill()


@pytest_asyncio.fixture
async def cluster(network: Network, etcd_machine: Machine, tmp_path: Path) -> AsyncIterator[Connected]:
    async with Connected(network, etcd_machine, tmp_path) as cluster:
        yield cluster


def of_state(load: Load, state: TaskState, tasks: list[str]) -> list[str]:
    """Those of the tasks of which the framework was told so."""
    return [task_id for task_id in tasks if state in load.history.get(task_id, [])]


async def cut_the_leader_from_frameworks(cluster: Connected, load: Load) -> None:
    lead = await cluster.leader()
    async with load.underway(3) as tasks:
        with cluster.network.cut(cluster.machines[cluster.node(lead).name], cluster.network.here):
            # They end, and nobody here hears of it.
            await eventually(
                lambda: all("ended" in (load.effects / task_id).read_text() for task_id in tasks)
            )
            assert of_state(load, TaskState.FINISHED, tasks) == []
    await load.until(lambda: of_state(load, TaskState.FINISHED, tasks) == tasks)
    await load.more(10)
    assert await cluster.leader() == lead


async def cut_the_leader_from_agents(cluster: Connected, load: Load) -> None:
    lead = await cluster.leader()
    agents = await cluster.all_agents()
    async with load.underway(6) as tasks:
        with cluster.network.cut(cluster.machines[cluster.node(lead).name], *cluster.agent_machines):
            await cluster.until_agents_of(lead, dict.fromkeys(agents, "unreachable"))
            await load.until(lambda: of_state(load, TaskState.UNREACHABLE, tasks))
            # The other masters could reach them; but who leads is who holds the lease.
            assert await cluster.leader() == lead
        await cluster.until_agents_of(lead, agents)
    await load.until(lambda: of_state(load, TaskState.FINISHED, tasks) == tasks)
    await load.more(10)
    assert await cluster.leader() == lead


async def cut_an_agent_from_everybody(cluster: Connected, load: Load) -> None:
    lead = await cluster.leader()
    agents = await cluster.all_agents()
    victim = cluster.agent_machines[0]
    everybody = [machine for machine in cluster.network.machines if machine is not victim]
    async with load.underway(10) as tasks:
        with cluster.network.cut(victim, *everybody):
            while sorted((await cluster.agents_of(lead.address)).values()) != ["active", "unreachable"]:
                await asyncio.sleep(0.05)
            # Those elsewhere are none the worse.
            await load.until(
                lambda: (
                    sorted(
                        {
                            *of_state(load, TaskState.UNREACHABLE, tasks),
                            *of_state(load, TaskState.FINISHED, tasks),
                        }
                    )
                    == sorted(tasks)
                )
            )
            away = of_state(load, TaskState.UNREACHABLE, tasks)
            assert away
            # What runs there ends there, and is told when it can be.
            await eventually(lambda: all("ended" in (load.effects / task_id).read_text() for task_id in away))
        await cluster.until_agents_of(lead, agents)
    await load.until(lambda: of_state(load, TaskState.FINISHED, tasks) == tasks)
    await load.more(10)
    assert await cluster.leader() == lead


async def cut_the_leader_from_etcd(cluster: Connected, load: Load) -> None:
    lead = await cluster.leader()
    agents = await cluster.all_agents()
    node = cluster.node(lead)
    with cluster.network.cut(cluster.machines[node.name], cluster.etcd_machine):
        second = await cluster.leader(after=lead.term)
        assert second.address != lead.address
        # It ends by its own clock. To give its lease up takes a while, as etcd does not answer.
        await eventually(lambda: (node.name, 1) in cluster.ends)
        assert "the master ended: it lost the lead: its lease was not renewed in time" in node.log_tail()
        await cluster.until_agents_of(second, agents)
        await load.more(10)
        # Started again it knows of nobody.
        while await cluster.ask(node.address, "/leader") != (200, {"leader": None, "leads": False}):
            await asyncio.sleep(0.05)
        assert await cluster.ask(node.address, "/ostrom/agents") == (503, "no master leads now\n")
    while await cluster.ask(node.address, "/leader") != (200, {"leader": second.address, "leads": False}):
        await asyncio.sleep(0.05)
    assert await cluster.leader() == second


@pytest.mark.asyncio
async def test_cuts(cluster: Connected, tmp_path: Path) -> None:
    # More than one agent can run: each has some of it, and none has all.
    load = Load("load", tmp_path / "effects", width=12, partition_aware=True)
    async with asyncio.timeout(LIMIT), at_work(load, cluster.url, cluster.network.here.host):
        for cut in (
            cut_the_leader_from_frameworks,
            cut_the_leader_from_agents,
            cut_an_agent_from_everybody,
            cut_the_leader_from_etcd,
        ):
            await cut(cluster, load)
        assert len(cluster.ends) == 1
