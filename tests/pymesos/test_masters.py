"""PyMesos and its master: one that asks who is there, one that is started again, one of several."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actors import UPID
from cluster.election import leader_of
from cluster.local import LocalCluster, MasterNode, NodeProcess
from cluster.registry import MemoryRegistry
from cluster.zookeeper import ZooKeeperAddress
from cluster.zookeeper.announcer import Announcer
from tests.cluster.etcd_members import etcd_binary
from tests.pymesos.remote import LIMIT, Remote, Schedulers, ask, launched, schedulers, value
from tests.system.harness import eventually
from tests.system.zookeeper import Ensemble, install

__all__ = ["etcd_binary"]

LATER = 90.0
"""Seconds for PyMesos to find its master again: it looks after 2, 4, 8, 15 s."""


@pytest.fixture(scope="session")
def zookeeper_package() -> None:
    if reason := install():
        pytest.skip(reason)


@pytest_asyncio.fixture
async def started(pymesos: Path, tmp_path: Path) -> AsyncIterator[Schedulers]:
    async with schedulers(pymesos, tmp_path) as started:
        yield started


@pytest.mark.asyncio
async def test_credentials(started: Schedulers, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(json.dumps({"credentials": [{"principal": "eng", "secret": "word"}]}))
    arguments = ["master", "--port", "0", "--work-dir", str(tmp_path), "--http-credentials", str(users)]
    master = NodeProcess("master", arguments, tmp_path / "master.log")
    async with asyncio.timeout(LIMIT):
        await master.start()
        try:
            known = {"principal": "eng", "secret": "word"}
            framework = await started.start(master.address, options=known)
            await framework.event("registered")
            await framework.quiet()
            await framework.call("stop")
            await framework.end()
            # Who is not known: PyMesos says so, and ends.
            other = await started.start(master.address, options={**known, "secret": "guess"})
            assert await other.process.wait() != 0
            assert "Failed with HTTP 401" in other.said()
        finally:
            await master.stop()


@pytest.mark.asyncio
async def test_a_master_that_is_killed_and_started_again(
    started: Schedulers, pymesos: Path, tmp_path: Path
) -> None:
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=1, processes=True, work_dir=tmp_path / "cluster") as cluster,
    ):
        framework, agent_id = await launched(started, pymesos, cluster.master)
        master = cluster.master_node
        assert isinstance(master, NodeProcess)
        await framework.quiet()
        master.kill()
        await framework.event("disconnected")
        await master.restart()
        await framework.event("reregistered", within=LATER)
        await reconciled(framework, agent_id)
        await framework.call("killTask", value("t"))
        await framework.status("t", "TASK_KILLED")
        await framework.call("stop")
        await framework.end()


@pytest.mark.asyncio
async def test_a_standby_says_who_leads(etcd_binary: None, started: Schedulers, tmp_path: Path) -> None:
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=0, masters=2, processes=True, work_dir=tmp_path / "cluster") as cluster,
    ):
        leader = await leader_of(cluster.master, LATER)
        assert cluster.masters is not None
        (standby,) = [each for each in cluster.masters.nodes if each.address != place_of(leader)]
        framework = await started.start(standby.address)
        _, master = await framework.event("registered")
        assert f"{master['hostname']}:{master['port']}" == place_of(leader)
        assert "Try to redirect to new master" in framework.said()


@pytest.mark.asyncio
async def test_behind_a_standby_the_leader_may_change(
    etcd_binary: None, started: Schedulers, pymesos: Path, tmp_path: Path
) -> None:
    """PyMesos forgets its first address when it is sent on, and would be lost with the leader."""
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(
            agents=1,
            masters=2,
            processes=True,
            standby_proxy=True,
            lease_ttl=2,
            work_dir=tmp_path / "cluster",
        ) as cluster,
    ):
        leader = await leader_of(cluster.master, LATER)
        assert cluster.masters is not None
        (standby,) = [each for each in cluster.masters.nodes if each.address != place_of(leader)]
        (leading,) = [each for each in cluster.masters.nodes if each is not standby]
        framework, agent_id = await launched(started, pymesos, standby.address)
        await framework.quiet()
        leading.kill()
        await framework.event("disconnected")
        await framework.event("reregistered", within=LATER)
        await reconciled(framework, agent_id)
        await framework.call("killTask", value("t"))
        await framework.status("t", "TASK_KILLED")
        await framework.call("stop")
        await framework.end()


@pytest.mark.asyncio
async def test_operators_are_sent_to_who_leads(
    etcd_binary: None, started: Schedulers, tmp_path: Path
) -> None:
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=1, masters=2, processes=True, work_dir=tmp_path / "cluster") as cluster,
    ):
        leader = await leader_of(cluster.master, LATER)
        assert cluster.masters is not None
        (standby,) = [each for each in cluster.masters.nodes if each.address != place_of(leader)]
        operator = await started.run("operators.py", "master", standby.address)
        info = (await ask(operator, "getMaster"))["master_info"]
        assert f"{info['address']['ip']}:{info['address']['port']}" == place_of(leader)
        await operator.call("start")
        await eventually(lambda: "Operator client subscribed" in operator.said())
        await cluster.add_agent()
        await operator.event("agentAdded")


@pytest.mark.asyncio
async def test_a_master_is_found_in_zookeeper(
    zookeeper_package: None, started: Schedulers, tmp_path: Path
) -> None:
    async with asyncio.timeout(LIMIT), Ensemble(tmp_path) as ensemble:
        await ensemble.start()
        place, registry = f"zk://{ensemble.address}/mesos", MemoryRegistry()

        def master() -> MasterNode:
            return MasterNode(registry=registry, announcer=Announcer(ZooKeeperAddress.parse(place), None))

        first, second = master(), master()
        await first.start()
        try:
            framework = await started.start(place)
            framework_id, found = await framework.event("registered")
            assert f"{found['hostname']}:{found['port']}" == first.address
            await framework.quiet()
            await first.stop()
            await second.start()
            (found,) = await framework.event("reregistered", within=LATER)
            assert f"{found['hostname']}:{found['port']}" == second.address
            assert framework_id["value"] in second.master.state.frameworks
            await framework.call("stop")
            await framework.end()
        finally:
            await first.stop()
            await second.stop()


def place_of(leader: UPID) -> str:
    return f"{leader.host}:{leader.address[1]}"


async def reconciled(framework: Remote, agent_id: Any) -> None:
    """The task runs, as a new master says as soon as its agent has come back: until then it does not answer."""
    while True:
        await framework.call("reconcileTasks", [{"task_id": value("t")}])
        try:
            status = await framework.status("t", "TASK_RUNNING", within=1.0)
        except AssertionError:
            continue
        assert status["agent_id"] == agent_id
        return
