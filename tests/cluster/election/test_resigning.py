"""Who resigns while it still contends: found by the campaign of elections, seed 145."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from actors import UPID
from actors.simulation import SimulatedClock, Simulation
from cluster.election import EtcdContender
from tests.simulation.etcd import ModelEtcd, ModelEtcdClient


def test_who_resigns_while_the_answer_is_on_its_way_that_it_leads_does_not_lead() -> None:
    async def scenario(simulation: Simulation) -> None:
        etcd = ModelEtcd(simulation.loop, Random(1))
        client = ModelEtcdClient(etcd, "one", Random(2))
        contender = EtcdContender(client, "/path", 2, SimulatedClock(simulation.loop), Random(3))
        resigning: list[asyncio.Task[None]] = []

        def created(*_: Any) -> None:
            resigning.append(simulation.loop.create_task(contender.resign()))

        etcd.on_txn = created
        contending = simulation.loop.create_task(contender.contend(UPID.at("master", ("one", 1))))
        while simulation.now < 5:
            await asyncio.sleep(0.001)
            # It created the key, and that may be known to it; but it has resigned.
            assert not contender.leads
        assert not contending.done()
        assert len(resigning) == 1
        assert resigning[0].done()
        assert etcd.store.get("/path/master") is None
        assert etcd.leases == {}
        contending.cancel()

    Simulation(seed=1).run(scenario)
