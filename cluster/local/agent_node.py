"""An agent as something that is started and stopped: an actor system with the actor in it."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from actors import UPID, ActorSystem, Clock, PeerGoneError, Transport, format_address
from actors.http import Authenticator
from cluster.agent import (
    Agent,
    AgentOptions,
    CheckpointError,
    Containerizer,
    ProcessContainerizer,
    RealDisk,
    ReconfigurationError,
    SqliteStore,
    TimerContainerizer,
    load_key,
)
from cluster.attributes import Attributes
from cluster.election import Detector, StandaloneDetector
from cluster.http import agent as agent_http
from cluster.messages import AgentInfo
from cluster.resources import Resources
from isolation import ContainerSpec, Isolator

__all__ = ["AGENT_ID", "AgentFailedError", "AgentNode", "group_name"]

AGENT_ID = "agent"
"""The actor id of every agent."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class AgentFailedError(Exception):
    """The agent cannot go on where it ended: its checkpoint is in use, broken, or another agent's."""


def _boot_id() -> str:
    """What this life of the machine is called."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""


def _left_behind(path: Path) -> int:
    """How many executors an agent that checkpoints has left there: they may run."""
    if not path.exists():
        return 0
    store = SqliteStore(path)
    try:
        return sum(key[0] == "run" for key in store.load())
    finally:
        store.close()


def group_name(work_dir: Path) -> str:
    """The name of the control group for all of the agent with this work directory: another's has another."""
    return f"ostrom-{hashlib.sha256(bytes(work_dir.resolve())).hexdigest()[:12]}"


def _initialized() -> None:
    """Nothing: that it is called says that the actor's first turn is over."""


class AgentNode:
    """An agent, served at host and port (0: any free one).

    `timers`: tasks are timers, not processes (see TimerContainerizer); `duration` says how long each runs. With
    `checkpoint` what it runs outlives its process, and is found again by the next one with the same `work_dir`.
    `isolators` hold what it runs to its limits; by default none does.
    `authenticate` says who may ask over HTTP.
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
        checkpoint: bool = False,
        isolators: Sequence[Isolator] | None = None,
        timers: bool = False,
        duration: Callable[[ContainerSpec], float] | None = None,
        authenticate: Authenticator | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
        seed: int | None = None,
    ) -> None:
        self.system = ActorSystem(host, port, advertise=advertise, clock=clock, transport=transport)
        # Executors that look for the agent may find one that begins, or ends.
        self.system.http.unready = agent_http.nobody_there
        self.system.http.authenticate = authenticate
        self._detector = StandaloneDetector(detector) if isinstance(detector, UPID) else detector
        self._info = AgentInfo(
            hostname or socket.gethostname(), resources, attributes or Attributes(), checkpoint=checkpoint
        )
        self._work_dir = work_dir
        self._options = options or AgentOptions()
        self._isolators = isolators
        self._timers = timers
        self._duration = duration
        self._seed = seed
        self.agent: Agent

    async def start(self) -> None:
        """Serve, and look for the master. OSError if the port is taken; AgentFailedError if it cannot go on.

        `agent.registered_once` tells when the master has it.
        """
        await self.system.start()
        containerizer: Containerizer
        meta = self._work_dir.resolve() / "meta"
        store, key = None, b""
        try:
            if self._timers:
                containerizer = TimerContainerizer(self.system.clock, self._duration)
            elif self._info.checkpoint:
                timeout = self._options.recovery_timeout
                containerizer = ProcessContainerizer(
                    isolators=self._isolators, state_dir=meta / "containers", recovery_timeout=timeout
                )
            else:
                containerizer = ProcessContainerizer(isolators=self._isolators)
            path = meta / "checkpoint.sqlite"
            if self._info.checkpoint:
                store = SqliteStore(path)
                key = load_key(meta / "executors.key")
            elif (left := _left_behind(path)) > 0:
                raise CheckpointError(
                    f"checkpoint {path}: {left} executors or command tasks of an agent that checkpoints are on record. "
                    f"Start it with --checkpoint to go on with them, or with another work directory"
                )
        except (CheckpointError, OSError) as error:
            await self.system.close()
            raise AgentFailedError(str(error)) from error
        self.agent = Agent(
            self._info,
            self._detector,
            containerizer,
            self._work_dir,
            options=self._options,
            store=store,
            disk=None if self._timers else RealDisk(),
            boot_id=_boot_id(),
            key=key,
            seed=self._seed,
        )
        try:
            try:
                self.agent.restore()
            except (CheckpointError, ReconfigurationError):
                # Once it is spawned it sees to that itself.
                if store is not None:
                    store.close()
                raise
            upid = self.system.spawn(self.agent, AGENT_ID)
            agent_http.install(self.agent)
            await self.system.call(upid, _initialized)
        except (CheckpointError, ReconfigurationError, PeerGoneError) as error:
            await self.system.close()
            raise AgentFailedError(str(error)) from error

    @property
    def address(self) -> str:
        """HOST:PORT of its pages."""
        return format_address(self.system.address)

    async def stop(self, *, shut_down: bool = True) -> None:
        """End in order: the master is told, and nothing of what ran is left.

        Without `shut_down` what runs lives on, if the agent checkpoints.
        """
        if shut_down and hasattr(self, "agent"):
            self.agent.shutting_down = True
        await self.system.close()
