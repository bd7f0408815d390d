"""A master as something that is started and stopped: it stands by, leads, and ends when it does so no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from actors import UPID, ActorSystem, Clock, PeerGoneError, Transport, format_address
from actors.http import Authenticator
from allocators import OfferAllocator
from cluster.election import MASTER_ID, Contender, Detector, StandaloneContender
from cluster.etcd import EtcdRefusedError
from cluster.http import master as master_http
from cluster.http.standby import Standby, nobody_leads
from cluster.http.v1.stream import LostStreams
from cluster.master import Master, MasterOptions, RoleOptions
from cluster.registry import MemoryRegistry, Registry, RegistryError

from .announcement import announcement

if TYPE_CHECKING:
    from cluster.zookeeper.announcer import Announcer

__all__ = ["MasterNode"]

STANDBY_ID = "standby"
FINISH_TIMEOUT = 2.0
"""Seconds that a master which ends in order has to write what it has decided."""


class MasterNode:
    """A master, served at host and port (0: any free one). It acts when its contender says that it leads.

    With a `detector` it stands by until then, and says who leads, or with `standby_proxy` asks the leader in the stead
    of whoever asks here. The node has started as soon as it does that, and ends when it has lost the lead: whoever
    watches over it starts it again, knowing nothing. Without one it leads when it has started. An `announcer` tells
    others that it leads, while it does. `authenticate` says who may ask over HTTP.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        advertise: str | None = None,
        options: MasterOptions | None = None,
        registry: Registry | None = None,
        contender: Contender | None = None,
        detector: Detector | None = None,
        standby_proxy: bool = False,
        announcer: Announcer | None = None,
        weights: dict[str, float] | None = None,
        roles: Mapping[str, RoleOptions] | None = None,
        allocator: OfferAllocator | str = "drf",
        authenticate: Authenticator | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
        seed: int | None = None,
    ) -> None:
        self.system = ActorSystem(host, port, advertise=advertise, clock=clock, transport=transport)
        # Also between standing by and leading, and at the end.
        self.system.http.unready = nobody_leads
        self.system.http.authenticate = authenticate
        self.contender = contender or StandaloneContender()
        self._detector = detector
        self._standby_proxy = standby_proxy
        self._announcer = announcer
        self._lost: LostStreams | None = None
        self._leading: asyncio.Task[str] | None = None
        self.master = Master(
            options=options,
            registry=registry or MemoryRegistry(),
            weights=weights,
            roles=roles,
            allocator=allocator,
            leads=lambda: self.contender.leads,
            seed=seed,
        )

    async def start(self) -> None:
        """Serve. OSError if the port is taken; without a detector RegistryError if the registry cannot be read."""
        await self.system.start()
        try:
            if self._detector is None:
                await self._lead()
            else:
                standby = Standby(self._detector, carries=self._standby_proxy)
                self._lost = standby.lost
                self.system.spawn(standby, STANDBY_ID)
        except BaseException:
            await self.system.close()
            raise
        self._leading = asyncio.get_running_loop().create_task(self._serve())

    async def _lead(self) -> None:
        """Contend, then be the master. RegistryError if it cannot be."""
        await self.contender.contend(UPID.at(MASTER_ID, self.system.address))
        standby = UPID(STANDBY_ID, *self.system.address)
        if self.system.hosts(standby):
            self.system.terminate(standby)
            await self.system.wait(standby)
        upid = self.system.spawn(self.master, MASTER_ID)
        master_http.install(self.master, lost=self._lost)
        try:
            await self.system.call(upid, _initialized)
        except PeerGoneError as error:
            raise RegistryError(str(error)) from error
        if self._announcer is not None:
            self._announcer.start(
                self.address,
                lambda: announcement(self.master.state.master_id, self.system.address),
                lambda: self.contender.leads,
            )

    async def _serve(self) -> str:
        """Lead, if it does not yet, until that is over; return why."""
        try:
            if self._detector is not None:
                await self._lead()
        except (EtcdRefusedError, RegistryError) as error:
            return str(error)
        ends = [
            asyncio.ensure_future(self.system.wait(self.upid)),
            asyncio.ensure_future(self.contender.lost()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._announcer is not None:
                self._announcer.end()
            # That the lead was lost says more than that the master noticed.
            return f"it lost the lead: {ends[1].result()}" if ends[1].done() else ends[0].result()
        finally:
            for end in ends:
                end.cancel()

    async def ended(self) -> str:
        """Return when it has ended by itself, with the reason."""
        if self._leading is None:
            raise RuntimeError("it was not started")
        return await asyncio.shield(self._leading)

    @property
    def upid(self) -> UPID:
        """The master's address."""
        return UPID(MASTER_ID, *self.system.address)

    @property
    def address(self) -> str:
        """HOST:PORT, what frameworks and commands are given."""
        return format_address(self.system.address)

    async def stop(self) -> None:
        """End in order: what was decided is written, then another can lead, then connections are closed."""
        if self._leading is not None:
            self._leading.cancel()
        if self._announcer is not None:
            self._announcer.end()
        if self.system.hosts(self.upid):
            self.system.terminate(self.upid)
            try:
                async with asyncio.timeout(FINISH_TIMEOUT):
                    await self.system.wait(self.upid)
            except TimeoutError:
                # Its registry cannot be reached: what is not written was not told either.
                pass
        if self._announcer is not None:
            await self._announcer.stop()
        await self.contender.resign()
        await self.system.close()


def _initialized() -> None:
    """Nothing: that it is called says that the actor's first turn is over."""
