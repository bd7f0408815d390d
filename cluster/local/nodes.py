"""A master or an agent as something that is started and stopped: an actor system with the actor in it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from actors import UPID, ActorSystem, Clock, PeerGoneError, Transport, format_address
from allocators import OfferAllocator
from cluster.agent import Agent, AgentOptions, Containerizer, ProcessContainerizer, TimerContainerizer
from cluster.attributes import Attributes
from cluster.election import MASTER_ID, Contender, Detector, StandaloneContender, StandaloneDetector
from cluster.http import agent as agent_http
from cluster.http import master as master_http
from cluster.master import Master, MasterOptions, RoleOptions
from cluster.messages import AgentInfo
from cluster.registry import MemoryRegistry, Registry, RegistryError
from cluster.resources import Resources
from isolation import ContainerSpec

__all__ = ["AGENT_ID", "AgentNode", "MasterNode"]

AGENT_ID = "agent"
"""The actor id of every agent."""


class MasterNode:
    """A master, served at host and port (0: any free one). It acts when its contender says that it leads."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        advertise: str | None = None,
        options: MasterOptions | None = None,
        registry: Registry | None = None,
        contender: Contender | None = None,
        weights: dict[str, float] | None = None,
        roles: Mapping[str, RoleOptions] | None = None,
        allocator: OfferAllocator | str = "drf",
        clock: Clock | None = None,
        transport: Transport | None = None,
        seed: int | None = None,
    ) -> None:
        self.system = ActorSystem(host, port, advertise=advertise, clock=clock, transport=transport)
        self.contender = contender or StandaloneContender()
        self.master = Master(
            options=options,
            registry=registry or MemoryRegistry(),
            weights=weights,
            roles=roles,
            allocator=allocator,
            seed=seed,
        )

    async def start(self) -> None:
        """Serve, once it leads. OSError if the port is taken; RegistryError if the registry cannot be read."""
        await self.system.start()
        await self.contender.contend(UPID.at(MASTER_ID, self.system.address))
        upid = self.system.spawn(self.master, MASTER_ID)
        master_http.install(self.master)
        try:
            await self.system.call(upid, _initialized)
        except PeerGoneError as error:
            await self.system.close()
            raise RegistryError(str(error)) from error

    @property
    def upid(self) -> UPID:
        """The master's address."""
        return self.master.upid

    @property
    def address(self) -> str:
        """HOST:PORT, what frameworks and commands are given."""
        return format_address(self.system.address)

    async def stop(self) -> None:
        """End in order."""
        await self.contender.resign()
        await self.system.close()


def _initialized() -> None:
    """Nothing: that it is called says that the actor's first turn is over."""


class AgentNode:
    """An agent, served at host and port (0: any free one).

    `timers`: tasks are timers, not processes (see TimerContainerizer); `duration` says how long each runs.
    """

    def __init__(
        self,
        detector: Detector | UPID,
        resources: Resources,
        work_dir: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        advertise: str | None = None,
        hostname: str = "",
        attributes: Attributes | None = None,
        options: AgentOptions | None = None,
        timers: bool = False,
        duration: Callable[[ContainerSpec], float] | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
        seed: int | None = None,
    ) -> None:
        self.system = ActorSystem(host, port, advertise=advertise, clock=clock, transport=transport)
        self._detector = StandaloneDetector(detector) if isinstance(detector, UPID) else detector
        self._info = AgentInfo(hostname or socket.gethostname(), resources, attributes or Attributes())
        self._work_dir = work_dir
        self._options = options
        self._timers = timers
        self._duration = duration
        self._seed = seed
        self.agent: Agent

    async def start(self) -> None:
        """Serve, and look for the master. OSError if the port is taken.

        `agent.registered_once` tells when the master has it.
        """
        await self.system.start()
        containerizer: Containerizer
        if self._timers:
            containerizer = TimerContainerizer(self.system.clock, self._duration)
        else:
            containerizer = ProcessContainerizer()
        self.agent = Agent(
            self._info, self._detector, containerizer, self._work_dir, options=self._options, seed=self._seed
        )
        self.system.spawn(self.agent, AGENT_ID)
        agent_http.install(self.agent)

    @property
    def address(self) -> str:
        """HOST:PORT of its pages."""
        return format_address(self.system.address)

    async def stop(self) -> None:
        """End in order: the master is told, and nothing of what ran is left."""
        await self.system.close()
