"""Operators' commands against clusters of real processes."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import uuid
from pathlib import Path

import pytest

from cluster import LocalCluster
from cluster.cli.api import get_json, post_json
from cluster.local.processes import NodeProcess
from tests.system.harness import LIMIT, check, eventually, processes_with
from tests.system.test_command_line import ostrom, start


@pytest.mark.asyncio
async def test_an_agent_is_drained_while_it_works_and_comes_back() -> None:
    marker = uuid.uuid4().hex
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1) as cluster:
        master = ("--master", cluster.master)
        line = f": {marker}; echo ready; sleep 600; :"
        running = await start("run", *master, "--", "sh", "-c", line)
        assert running.stdout is not None
        assert await running.stdout.readline() == b"ready\n"
        (row,) = json.loads((await ostrom("agents", *master, "--json")).out)
        agent = row["id"]
        drained = await ostrom("drain", agent, *master, "--max-grace-period", "1", "--wait")
        assert (drained.code, drained.out) == (0, f"{agent} is draining\n{agent} is drained\n")
        assert set(processes_with(marker)) <= {running.pid}
        _, err = await running.communicate()
        assert b"KILLED" in err
        assert running.returncode == 1
        # Nothing is offered of it, until it is reactivated.
        waiting = await start("run", *master, "-q", "--", "echo", "back")
        (framework,) = await frameworks(cluster.master)
        told = await ostrom("explain", framework, *master)
        assert told.code == 0
        assert agent in told.out
        assert (await ostrom("reactivate", agent, *master)).out == f"{agent} is active\n"
        out, _ = await waiting.communicate()
        assert (waiting.returncode, out) == (0, b"back\n")
        check(cluster)


async def frameworks(master: str) -> list[str]:
    """The frameworks' ids, once there are any."""
    while True:
        found = json.loads((await ostrom("frameworks", "--master", master, "--json")).out)
        if found:
            return [row["id"] for row in found]


@pytest.mark.asyncio
async def test_a_framework_is_torn_down_and_its_tasks_with_it() -> None:
    marker = uuid.uuid4().hex
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1) as cluster:
        master = ("--master", cluster.master)
        running = await start("run", *master, "--", "sh", "-c", f": {marker}; echo ready; sleep 600; :")
        assert running.stdout is not None
        assert await running.stdout.readline() == b"ready\n"
        (framework,) = await frameworks(cluster.master)
        assert (await ostrom("teardown", framework, *master)).out == f"{framework} has ended\n"
        await eventually(lambda: not processes_with(marker))
        await running.communicate()
        assert running.returncode != 0


@pytest.mark.asyncio
async def test_what_operators_set_outlives_the_master(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["master", "--port", str(port), "--work-dir", str(tmp_path)]
    async with asyncio.timeout(LIMIT):
        for number in range(2):
            node = NodeProcess("master", [*arguments, "--limit", "ops=cpus:2"], tmp_path / f"{number}.log")
            await node.start()
            try:
                if number == 0:
                    await asyncio.to_thread(operate, node.address)
                    # As by the kernel: what was answered is on record.
                    node.kill()
                    await node.wait()
                else:
                    weights, quota, maintenance = [
                        await asyncio.to_thread(get_json, node.address, path)
                        for path in ("/ostrom/weights", "/ostrom/quota", "/ostrom/maintenance")
                    ]
            finally:
                await node.stop()
    assert weights == {"eng": 2.0}
    assert {row["role"]: row["limit_text"] for row in quota} == {"eng": "cpus:3", "ops": "cpus:2"}
    assert [(row["machine"], row["state"]) for row in maintenance["machines"]] == [("m1", "DOWN")]


def operate(master: str) -> None:
    post_json(master, "/ostrom/weights", {"eng": 2})
    post_json(master, "/ostrom/quota", {"role": "eng", "limit": "cpus:3"})
    post_json(master, "/ostrom/maintenance/schedule", {"windows": [{"machines": ["m1"], "start": 2e9}]})
    post_json(master, "/ostrom/maintenance/down", {"machines": ["m1"]})


@pytest.mark.asyncio
async def test_a_local_cluster_takes_quotas(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT):
        arguments = ("--agents", "0", "--port", "0", "--work-dir", str(tmp_path))
        quotas = ("--guarantee", "eng=cpus:1", "--limit", "eng=cpus:2", "--priority", "eng=4")
        process = await start("local", *arguments, *quotas)
        assert process.stdout is not None
        address = ""
        while not address:
            line = (await process.stdout.readline()).decode()
            assert line
            if "http://" in line:
                address = line.partition("http://")[2].strip().rstrip("/")
        (row,) = json.loads((await ostrom("quota", "--master", address, "--json")).out)
        assert (row["role"], row["guarantee_text"], row["limit_text"], row["priority"]) == (
            "eng",
            "cpus:1",
            "cpus:2",
            4,
        )
        process.send_signal(signal.SIGINT)
        await process.communicate()
        assert process.returncode == 0
