"""The leader's node in a real ZooKeeper, as clients find it that looked there for Mesos's."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError

from cluster.etcd.server import EtcdCluster
from cluster.local import MasterNode, NodeProcess
from cluster.zookeeper import ZooKeeperAddress
from cluster.zookeeper.announcer import Announcer
from tests.system.masters import Masters
from tests.system.proxy import Proxy
from tests.system.zookeeper import Ensemble

LIMIT = 60.0


def announcing(place: str, cluster: str | None = None) -> MasterNode:
    return MasterNode(announcer=Announcer(ZooKeeperAddress.parse(place), cluster))


def leader(nodes: dict[str, bytes]) -> str:
    """Where PyMesos and Mesos's detector would go: to whom the least node names."""
    said = json.loads(nodes[min(nodes)])
    return f"{said['address']['ip']}:{said['address']['port']}"


@pytest.mark.asyncio
async def test_the_node_is_what_mesos_wrote(ensemble: Ensemble) -> None:
    node = announcing(f"zk://{ensemble.address}/clusters/mesos")
    await node.start()
    host, port = node.system.address
    ((name, data),) = (await ensemble.until("/clusters/mesos", bool)).items()
    assert name == "json.info_0000000000"
    said = json.loads(data)
    assert said.pop("ostrom") == {"cluster": node.address}
    assert {each["type"] for each in said.pop("capabilities")} == {
        "AGENT_UPDATE",
        "AGENT_DRAINING",
        "QUOTA_V2",
    }
    assert said == {
        "id": node.master.state.master_id,
        "ip": 0x0100007F,
        "port": port,
        "pid": f"master@127.0.0.1:{port}",
        "hostname": host,
        "version": "1.11.0",
        "address": {"hostname": host, "ip": "127.0.0.1", "port": port},
    }
    _, stat = await ensemble.do("get", f"/clusters/mesos/{name}")
    assert stat.ephemeralOwner != 0
    await node.stop()
    assert await ensemble.nodes("/clusters/mesos") == {}


@pytest.mark.asyncio
async def test_a_session_that_ended_is_followed_by_another(ensemble: Ensemble) -> None:
    async with Proxy() as proxy:
        proxy.target = ensemble.address
        node = announcing(f"zk://{proxy.address}/mesos")
        await node.start()
        assert list(await ensemble.until("/mesos", bool)) == ["json.info_0000000000"]
        proxy.target = "127.0.0.1:1"
        proxy.cut()
        await ensemble.until("/mesos", lambda nodes: not nodes)
        assert node.contender.leads
        proxy.target = ensemble.address
        nodes = await ensemble.until("/mesos", bool)
        assert list(nodes) == ["json.info_0000000001"]
        assert leader(nodes) == node.address
        await node.stop()
        assert await ensemble.nodes("/mesos") == {}


@pytest.mark.asyncio
async def test_a_zookeeper_that_is_started_again_has_it_again(ensemble: Ensemble) -> None:
    node = announcing(f"zk://{ensemble.address}/mesos")
    await node.start()
    await ensemble.until("/mesos", bool)
    ensemble.kill()
    await ensemble.start()
    assert leader(await ensemble.until("/mesos", bool)) == node.address
    await ensemble.do("delete", f"/mesos/{min(await ensemble.nodes('/mesos'))}")
    # By hand, as somebody may: it is written again.
    assert leader(await ensemble.until("/mesos", bool)) == node.address
    await node.stop()
    assert await ensemble.nodes("/mesos") == {}


@pytest.mark.asyncio
async def test_a_master_needs_no_zookeeper_to_lead_nor_to_end(
    zookeeper_package: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.timeout(LIMIT), Ensemble(tmp_path) as ensemble:
        node = announcing(f"zk://u:secret@{ensemble.address}/mesos")
        await node.start()
        assert node.contender.leads
        await ensemble.start()
        assert leader(await ensemble.until("/mesos", bool)) == node.address
        ensemble.freeze()
        async with asyncio.timeout(10):
            await node.stop()
        other = announcing(f"zk://{ensemble.address}/mesos")
        async with asyncio.timeout(5):
            await other.start()
            await other.stop()
        ensemble.kill()
        for each in (node, other):
            # They end though nobody waits for them.
            await asyncio.to_thread(each._announcer._thread.join, LIMIT)
        assert "secret" not in caplog.text


@pytest.mark.asyncio
async def test_with_a_password_who_does_not_know_it_can_only_read(ensemble: Ensemble) -> None:
    node = announcing(f"zk://me:se%2Fcret@{ensemble.address}/with/auth")
    await node.start()
    (name,) = await ensemble.until("/with/auth", bool)
    for path in ("/with", "/with/auth", f"/with/auth/{name}"):
        acls, _ = await ensemble.do("get_acls", path)
        assert sorted((each.id.scheme, each.id.id.split(":")[0], each.perms) for each in acls) == [
            ("digest", "me", 31),
            ("world", "anyone", 1),
        ]
    with pytest.raises(NoAuthError):
        await ensemble.do("delete", f"/with/auth/{name}")
    knowing = KazooClient(ensemble.address, auth_data=[("digest", "me:se/cret")])
    await asyncio.to_thread(knowing.start)
    await asyncio.to_thread(knowing.delete, f"/with/auth/{name}")
    await asyncio.to_thread(knowing.stop)
    knowing.close()
    await ensemble.until("/with/auth", bool)
    await node.stop()


@pytest.mark.asyncio
async def test_what_an_earlier_leader_of_the_same_masters_left_is_removed(ensemble: Ensemble) -> None:
    left = json.dumps({"address": {"ip": "10.0.0.1", "port": 1}, "ostrom": {"cluster": "c"}}).encode()
    other = json.dumps({"address": {"ip": "10.0.0.2", "port": 2}}).encode()
    await ensemble.do("ensure_path", "/mesos")
    for data in (left, other, b"not JSON"):
        await ensemble.do("create", "/mesos/json.info_", data, ephemeral=True, sequence=True)
    await ensemble.do("create", "/mesos/log_replicas", left)
    node = announcing(f"zk://{ensemble.address}/mesos", "c")
    await node.start()
    kept = {"json.info_0000000001", "json.info_0000000002", "log_replicas"}
    nodes = await ensemble.until(
        "/mesos", lambda nodes: "json.info_0000000000" not in nodes and len(nodes) == len(kept) + 1
    )
    (mine,) = nodes.keys() - kept
    assert leader({mine: nodes[mine]}) == node.address
    await node.stop()


@pytest.mark.asyncio
async def test_it_follows_the_election(ensemble: Ensemble, etcd: EtcdCluster, tmp_path: Path) -> None:
    flags = ["--announce", f"zk://{ensemble.address}/mesos"]
    async with Masters(tmp_path, etcd.endpoints, agents=0, flags=flags) as masters:
        first = await masters.leader()
        nodes = await ensemble.until("/mesos", bool)
        assert (len(nodes), leader(nodes)) == (1, first.address)
        masters.node(first).signal(signal.SIGTERM)
        second = await masters.leader(first.term)
        # It was removed before the lead was given up.
        assert first.address not in [leader({n: d}) for n, d in (await ensemble.nodes("/mesos")).items()]
        nodes = await ensemble.until("/mesos", bool)
        assert (len(nodes), leader(nodes)) == (1, second.address)
        masters.node(second).kill()
        third = await masters.leader(second.term)
        nodes = await ensemble.until("/mesos", lambda nodes: nodes and leader(nodes) == third.address)
        assert len(nodes) == 1


@pytest.mark.asyncio
async def test_a_master_that_always_leads(ensemble: Ensemble, tmp_path: Path) -> None:
    secret = tmp_path / "announce"
    secret.write_text(f"zk://u:p@{ensemble.address}/mesos\n")
    arguments: list[Any] = [
        "master",
        "--port",
        "0",
        "--work-dir",
        str(tmp_path / "m"),
        "--announce",
        f"file://{secret}",
    ]
    node = NodeProcess("master", arguments, tmp_path / "master.log")
    await node.start()
    try:
        assert leader(await ensemble.until("/mesos", bool)) == node.address
        node.kill()
        await node.restart()
        nodes = await ensemble.until("/mesos", lambda nodes: min(nodes, default="") > "json.info_0000000000")
        assert (len(nodes), leader(nodes)) == (1, node.address)
    finally:
        await node.stop()
