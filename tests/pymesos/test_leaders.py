"""PyMesos's scheduler driver, unmodified, when the leader is killed: all it has is an address."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from cluster.etcd.server import EtcdCluster
from tests.pymesos.remote import LIMIT, Remote, schedulers, task
from tests.system.masters import Masters
from tests.system.zookeeper import Ensemble


async def run(framework: Remote, task_id: str, not_of: str = "-") -> str:
    """Run a task to its end, on an offer that is not of that master; returns the id of the one whose it is."""

    def other(offers: list[Any]) -> bool:
        return not offers[0]["id"]["value"].startswith(not_of)

    (offer, *_) = await framework.offers(where=other, within=LIMIT)
    await framework.call("launchTasks", offer["id"], [task(offer, task_id, command={"value": "true"})])
    await framework.status(task_id, "TASK_FINISHED")
    master_id: str = offer["id"]["value"].partition("-")[0]
    return master_id


async def outlive(masters: Masters, framework: Remote, end: signal.Signals = signal.SIGKILL) -> None:
    """Work, with one leader and the next."""
    framework_id, _ = await framework.event("registered")
    first = await run(framework, "before")
    lead = await masters.leader()
    masters.node(lead).signal(end)
    await framework.event("disconnected", within=LIMIT)
    await framework.event("reregistered", within=LIMIT)
    await run(framework, "after", first)
    lead = await masters.leader(lead.term)
    status, found = await masters.ask(lead.address, "/ostrom/frameworks")
    assert status == 200
    assert [(row["id"], row["connected"]) for row in found] == [(framework_id["value"], True)]
    await framework.call("stop")
    await framework.event("ended")
    # In its log there are errors: PyMesos tells of each connection that breaks.
    assert framework.heard("error") == []


@pytest.mark.asyncio
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_one_address_of_a_master_that_carries_requests(
    etcd: EtcdCluster, pymesos: Path, tmp_path: Path, end: signal.Signals
) -> None:
    async with (
        asyncio.timeout(2 * LIMIT),
        Masters(tmp_path, etcd.endpoints, agents=1, flags=["--standby-proxy"]) as masters,
        schedulers(pymesos, tmp_path) as started,
    ):
        (standby, _) = masters.others(await masters.leader())
        await outlive(masters, await started.start(standby.address), end)


@pytest.mark.asyncio
async def test_an_address_in_zookeeper(
    ensemble: Ensemble, etcd: EtcdCluster, pymesos: Path, tmp_path: Path
) -> None:
    place = f"zk://{ensemble.address}/mesos"
    async with (
        asyncio.timeout(2 * LIMIT),
        Masters(tmp_path, etcd.endpoints, agents=1, flags=["--announce", place]) as masters,
        schedulers(pymesos, tmp_path) as started,
    ):
        await ensemble.until("/mesos", bool)
        await outlive(masters, await started.start(place))
