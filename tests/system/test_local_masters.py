"""Several masters of a local cluster, as `ostrom local --masters 3` has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster import LocalCluster, TaskState
from cluster.cli import main
from cluster.election import leader_of
from cluster.local import NodeProcess
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
