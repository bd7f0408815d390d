"""Several masters of a local cluster, as `ostrom local --masters 3` has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from cluster import LocalCluster, TaskState
from cluster.cli import main
from cluster.election import leader_of
from cluster.local import NodeProcess
from tests.cluster.http.v1.client import Client
from tests.system.harness import Script, command, run_script


async def one_task(cluster: LocalCluster, name: str) -> None:
    async def work(script: Script) -> None:
        assert (await script.submit(command("true", name))).state is TaskState.FINISHED

    await run_script(work, cluster)


@pytest.mark.asyncio
async def test_the_leader_is_killed_another_leads_and_it_is_started_again(
    etcd_binary: None, tmp_path: Path
) -> None:
    async with (
        asyncio.timeout(120),
        LocalCluster(1, masters=3, processes=True, lease_ttl=2, work_dir=tmp_path) as cluster,
    ):
        masters = cluster.masters
        assert masters is not None
        await one_task(cluster, "before")
        first = await leader_of(cluster.master, 30)
        place = f"{first.host}:{first.address[1]}"
        told = await asyncio.to_thread(CliRunner().invoke, main, ["leader", "--master", cluster.master])
        assert (told.exit_code, told.output.strip()) == (0, place)
        (node,) = [node for node in masters.nodes if node.address == place]
        pid = node.pid
        node.kill()
        await one_task(cluster, "after")
        while not await again(node, pid):
            await asyncio.sleep(0.05)
        # Whichever is asked sends on to who leads.
        for each in masters.nodes:
            told = await asyncio.to_thread(CliRunner().invoke, main, ["agents", "--master", each.address])
            assert told.exit_code == 0, told.output
            assert "active" in told.output


@pytest.mark.asyncio
async def test_a_client_that_knows_a_standby_alone_outlives_the_leader(
    etcd_binary: None, tmp_path: Path
) -> None:
    """As PyMesos would be, which takes no second address: behind one that carries requests to the leader."""
    settings: dict[str, Any] = {"masters": 3, "processes": True, "lease_ttl": 2, "standby_proxy": True}
    async with (
        asyncio.timeout(120),
        LocalCluster(1, resources="cpus:2;mem:512", work_dir=tmp_path, **settings) as cluster,
    ):
        masters = cluster.masters
        assert masters is not None
        first = await leader_of(cluster.master, 30)
        place = f"{first.host}:{first.address[1]}"
        (leader,) = [node for node in masters.nodes if node.address == place]
        known = next(node for node in masters.nodes if node is not leader)
        async with Client(f"http://{known.address}", failover_timeout=600) as client:
            await client.subscribe()
            await run_to_its_end(client, "before")
            leader.kill()
            with pytest.raises(aiohttp.ClientError):
                await client.end()
            while not await subscribed_again(client):
                await asyncio.sleep(0.1)
            await run_to_its_end(client, "after")
            await client.done("TEARDOWN")


async def run_to_its_end(client: Client, task_id: str) -> None:
    (offer,) = await client.offers()
    await client.launch(offer, task_id)
    states = []
    while "TASK_FINISHED" not in states:
        status = await client.status()
        assert status["task_id"] == {"value": task_id}
        states.append(status["state"])
    assert states[-2:] == ["TASK_RUNNING", "TASK_FINISHED"]


async def subscribed_again(client: Client) -> bool:
    """Whether a master has it again; nothing but 503, and the end of connections, says that it is to wait."""
    try:
        await client.subscribe()
    except aiohttp.ClientError:
        return False
    except AssertionError:
        assert client.response.status == 503
        assert client.response.headers["Retry-After"] == "1"
        return False
    return True


async def again(node: NodeProcess, before: int) -> bool:
    """Whether it runs and serves, in another process."""
    if node.pid == before:
        return False
    told = await asyncio.to_thread(CliRunner().invoke, main, ["leader", "--master", node.address])
    return told.exit_code == 0


def test_several_masters_are_processes() -> None:
    with pytest.raises(ValueError, match="masters is 2: several are processes"):
        LocalCluster(masters=2)
    with pytest.raises(ValueError, match="masters is 0"):
        LocalCluster(masters=0)
    with pytest.raises(ValueError, match="standby_proxy: with one master nobody stands by"):
        LocalCluster(standby_proxy=True)
