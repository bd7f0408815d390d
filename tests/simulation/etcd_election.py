"""An election in the model of etcd, by the candidates, detectors and the registry that real masters have."""

from __future__ import annotations

import asyncio
from random import Random

from actors import Clock
from actors.simulation import Simulation
from cluster.election import EtcdContender, EtcdDetector
from cluster.election.clocks import sleep
from cluster.registry import EtcdRegistry

from .etcd import ModelEtcd, ModelEtcdClient, Weather

__all__ = ["Candidacy", "EtcdElection"]

PATH = "/ostrom"


class Candidacy:
    """What one life of a master has in etcd."""

    def __init__(
        self, contender: EtcdContender, registry: EtcdRegistry, clients: list[ModelEtcdClient]
    ) -> None:
        self.contender = contender
        self.registry = registry
        self._clients = clients

    def kill(self) -> None:
        """The process is gone. Its lease ends by its time."""
        for client in self._clients:
            client.kill()


class EtcdElection:
    """etcd, and how everybody's way to it is: `weather` is the same for all."""

    def __init__(self, simulation: Simulation, seed: int, ttl: int) -> None:
        self.etcd = ModelEtcd(simulation.loop, Random(f"etcd/{seed}"))
        self.weather = Weather()
        self._rng = Random(f"etcd's clients/{seed}")
        self._ttl = ttl
        self._blocked: dict[object, int] = {}
        self._storms = 0
        self._outages = 0

    def _client(self, host: str, silence: float) -> ModelEtcdClient:
        rng = Random(self._rng.getrandbits(64))
        client = ModelEtcdClient(self.etcd, host, rng, silence=silence)
        client.weather = self.weather
        return client

    def candidacy(self, host: str, clock: Clock) -> Candidacy:
        """For a master that starts."""
        clients = [self._client(host, self._ttl), self._client(host, 30.0)]
        rng = Random(self._rng.getrandbits(64))
        contender = EtcdContender(clients[0], PATH, self._ttl, clock, rng)
        registry = EtcdRegistry(
            clients[1],
            PATH,
            contender.guard,
            lambda: contender.leads,
            pause=lambda seconds: sleep(clock, seconds),
        )
        return Candidacy(contender, registry, clients)

    def detector(self, host: str, clock: Clock) -> EtcdDetector:
        """For a process that starts."""
        rng = Random(self._rng.getrandbits(64))
        return EtcdDetector(self._client(host, 30.0), PATH, clock, rng)

    async def trouble(self, seconds: float, rng: Random) -> None:
        """No quorum for so long, or an operator's slip: the leader's lease is revoked, or its key deleted."""
        if rng.random() < 0.5:
            self._outages += 1
            self.etcd.begin_outage()
            try:
                await asyncio.sleep(min(seconds, 30.0))
            finally:
                self._outages -= 1
                if not self._outages:
                    self.etcd.end_outage()
        elif leases := list(self.etcd.leases):
            self.etcd.revoke(rng.choice(leases))

    def block(self, key: object, hosts: list[str], *, to: bool, back: bool) -> None:
        """Cut hosts off from etcd."""
        for number, host in enumerate(hosts):
            self.etcd.block((key, number), host, to=to, back=back)
        self._blocked[key] = len(hosts)

    def unblock(self, key: object) -> None:
        """End that cut, if there is one."""
        for number in range(self._blocked.pop(key, 0)):
            self.etcd.unblock((key, number))

    async def storm(self, seconds: float, rng: Random, *, failing: bool) -> None:
        """Requests and answers are slow for a while, or get lost."""
        self._storms += 1
        self.weather.latency = rng.uniform(0.02, 0.5)
        if failing:
            self.weather.request_lost, self.weather.answer_lost, self.weather.late = 0.15, 0.15, 0.1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._storms -= 1
            if not self._storms:
                calm = Weather()
                self.weather.latency = calm.latency
                self.weather.request_lost = self.weather.answer_lost = self.weather.late = 0.0
