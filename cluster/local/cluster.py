"""LocalCluster: a whole cluster on this machine, inside this process or as processes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster.attributes import Attributes
from cluster.election import DEFAULT_TTL
from cluster.framework import Framework
from cluster.master import MasterOptions, RoleOptions
from cluster.resources import Resources
from isolation import ContainerSpec, isolators_named

from .agent_node import AgentNode, group_name
from .master_node import MasterNode
from .masters import LocalMasters
from .processes import NodeProcess

__all__ = ["DEFAULT_RESOURCES", "LocalCluster"]

DEFAULT_RESOURCES = "cpus:2;mem:1024;disk:4096"
FIRST_PORT = 31000
PORTS_EACH = 1000


class LocalCluster:
    """A master and agents on this machine, for tests, notebooks and `ostrom local`.

    >>> async def main():
    ...     async with LocalCluster(agents=3) as cluster:
    ...         await cluster.run(Hello())

    Everything runs inside this process on its event loop, and tasks are real processes; with `timers` they
    are timers. With `processes` each node is a process of its own, as on real machines. `resources` is what
    each agent has; ports are dealt out so that no two agents have the same. `attributes` are given to the
    agents in turn; `weights` and `roles` (quotas and priorities) are set at the master. Without `work_dir` a temporary
    directory is used, and removed at the end. With `checkpoint` what an agent runs outlives its process, should that be
    killed (and this one, for as long as its recovery timeout).

    With several `masters`, which are processes then, an etcd is started besides, in which they elect one of them, with
    a lease of `lease_ttl` seconds; one that ends is started again. `master` is the address of that etcd then. With
    `standby_proxy` those that stand by carry requests to the leader. `isolation` names what holds tasks to their
    resources, as for `ostrom agent`.
    """

    def __init__(
        self,
        agents: int = 3,
        *,
        resources: str | Resources = DEFAULT_RESOURCES,
        attributes: Sequence[str] = (),
        work_dir: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        processes: bool = False,
        timers: bool = False,
        duration: Callable[[ContainerSpec], float] | None = None,
        weights: dict[str, float] | None = None,
        allocator: str = "drf",
        roles: Mapping[str, RoleOptions] | None = None,
        options: MasterOptions | None = None,
        checkpoint: bool = False,
        masters: int = 1,
        lease_ttl: int = DEFAULT_TTL,
        standby_proxy: bool = False,
        isolation: str = "posix",
        seed: int | None = None,
    ) -> None:
        if agents < 0:
            raise ValueError(f"agents is {agents}, not 0 or more")
        if masters < 1:
            raise ValueError(f"masters is {masters}, not 1 or more")
        if masters > 1 and not processes:
            raise ValueError(f"masters is {masters}: several are processes, with processes=True")
        if standby_proxy and masters == 1:
            raise ValueError("standby_proxy: with one master nobody stands by")
        if processes and (timers or duration or options):
            raise ValueError("processes: timers, duration and options are for clusters inside this process")
        self._count = agents
        self._resources = resources if isinstance(resources, Resources) else Resources.parse(resources)
        self._attributes = [Attributes.parse(text) for text in attributes]
        self._given_dir = work_dir
        self._host, self._port = host, port
        self._processes = processes
        self._timers, self._duration = timers, duration
        self._weights = weights or {}
        self._allocator = allocator
        self._roles = dict(roles or {})
        self._options = options
        self._checkpoint = checkpoint
        self._masters = masters
        self._lease_ttl = lease_ttl
        self._standby_proxy = standby_proxy
        self._isolation = isolation
        self._seed = seed
        self._started = 0
        self.work_dir = Path()
        self.master = ""
        """HOST:PORT of the master, or etcd://..., what frameworks and commands are given."""
        self.master_node: MasterNode | NodeProcess
        self.masters: LocalMasters | None = None
        """The masters, if there are several; else `master_node` is the one."""
        self.agents: list[AgentNode | NodeProcess] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the master, then the agents. What fails ends what was started, and is raised."""
        self.work_dir = self._given_dir or Path(tempfile.mkdtemp(prefix="ostrom-"))
        self.work_dir.mkdir(parents=True, exist_ok=True)
        try:
            await self._start_master()
            await asyncio.gather(*(self.add_agent() for _ in range(self._count)))
        except BaseException:
            await self.stop()
            raise

    async def _start_master(self) -> None:
        node: MasterNode | NodeProcess
        if self._masters > 1:
            self.masters = LocalMasters(
                self._masters,
                self.work_dir,
                lambda name, number: self._master_arguments(name, self._port + number if self._port else 0),
                self._lease_ttl,
            )
            await self.masters.start()
            self.master = self.masters.url
            return
        if self._processes:
            node = NodeProcess(
                "master", self._master_arguments("master", self._port), self.work_dir / "master.log"
            )
        else:
            node = MasterNode(
                self._host,
                self._port,
                options=self._options,
                weights=self._weights,
                allocator=self._allocator,
                roles=self._roles,
                seed=self._seed,
            )
        await node.start()
        self.master_node = node
        self.master = node.address

    def _master_arguments(self, name: str, port: int) -> list[str]:
        arguments = [
            "master",
            "--host",
            self._host,
            "--port",
            str(port),
            "--work-dir",
            str(self.work_dir / name),
        ]
        for role, weight in self._weights.items():
            arguments += ["--weight", f"{role}={weight}"]
        arguments += ["--allocator", self._allocator]
        if self._standby_proxy:
            arguments.append("--standby-proxy")
        for role, quota in self._roles.items():
            arguments += ["--guarantee", f"{role}={quota.guarantee}", "--limit", f"{role}={quota.limit}"]
            arguments += ["--priority", f"{role}={quota.priority}"]
        return arguments

    async def add_agent(self, resources: str | Resources | None = None) -> AgentNode | NodeProcess:
        """Start one more agent."""
        number = self._started
        self._started += 1
        own = self._resources
        if resources is not None:
            own = resources if isinstance(resources, Resources) else Resources.parse(resources)
        own = _with_ports(own, number)
        attributes = self._attributes[number % len(self._attributes)] if self._attributes else Attributes()
        work_dir = self.work_dir / f"agent-{number}"
        node: AgentNode | NodeProcess
        if self._processes:
            arguments = ["agent", "--master", self.master, "--host", self._host, "--port", "0"]
            arguments += ["--work-dir", str(work_dir), "--resources", str(own), "--overcommit"]
            arguments += ["--checkpoint" if self._checkpoint else "--no-checkpoint"]
            arguments += ["--isolation", self._isolation]
            if str(attributes):
                arguments += ["--attributes", str(attributes)]
            node = NodeProcess(f"agent-{number}", arguments, self.work_dir / f"agent-{number}.log")
        else:
            if self.masters is not None or not isinstance(self.master_node, MasterNode):
                raise TypeError("the master is a process, the agent is not")
            node = AgentNode(
                self.master_node.upid,
                own,
                work_dir,
                host=self._host,
                attributes=attributes,
                checkpoint=self._checkpoint,
                isolators=None if self._timers else isolators_named(self._isolation, group_name(work_dir)),
                timers=self._timers,
                duration=self._duration,
                seed=None if self._seed is None else self._seed + number + 1,
            )
        await node.start()
        self.agents.append(node)
        if isinstance(node, AgentNode):
            await node.agent.registered_once()
        return node

    async def node_ended(self) -> str:
        """Return, with the text for people, when a node's process has ended by itself."""
        nodes: list[MasterNode | AgentNode | NodeProcess] = [*self.agents]
        if self.masters is None:
            nodes.append(self.master_node)
        waits = {asyncio.ensure_future(node.wait()): node for node in nodes if isinstance(node, NodeProcess)}
        if not waits:
            await asyncio.get_running_loop().create_future()
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        node, status = next((waits[wait], wait.result()) for wait in done)
        return f"{node.name} ended by itself with status {status}:\n{node.log_tail()}"

    async def run(self, framework: Framework) -> None:
        """Run a framework until it stops; raise what it raised."""
        await framework.run(self.master)

    async def stop(self) -> None:
        """End everything in order: agents, so that nothing of a task is left, then the master."""
        agents, self.agents = self.agents, []
        await asyncio.gather(*(node.stop() for node in agents))
        master = getattr(self, "master_node", None)
        if master is not None:
            await master.stop()
            del self.master_node
        if self.masters is not None:
            await self.masters.stop()
            self.masters = None
        if self._given_dir is None:
            shutil.rmtree(self.work_dir, ignore_errors=True)


def _with_ports(resources: Resources, number: int) -> Resources:
    first = FIRST_PORT + number * PORTS_EACH
    if "ports" in resources.names() or first + PORTS_EACH > 65536:
        return resources
    return resources + Resources.of(ports=[(first, first + PORTS_EACH - 1)])
