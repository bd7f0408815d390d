"""The commands against a cluster, as a person at a shell would use them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from cluster import LocalCluster
from tests.system.harness import LIMIT, check, eventually, processes_with


class Result(NamedTuple):
    code: int | None
    out: str
    err: str


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=2, attributes=["rack:r1"]) as cluster:
        yield cluster
        check(cluster)


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cluster.cli", *arguments, stdout=pipe, stderr=pipe
    )


async def ostrom(*arguments: str) -> Result:
    process = await start(*arguments)
    out, err = await process.communicate()
    return Result(process.returncode, out.decode(), err.decode())


@pytest.mark.asyncio
async def test_run_streams_output_and_exits_as_the_task_does(cluster: LocalCluster) -> None:
    master = ("--master", cluster.master)
    line = "echo out; echo err >&2; exit 7"
    one, many, quiet, lost = await asyncio.gather(
        ostrom("run", *master, "--", "sh", "-c", line),
        ostrom("run", *master, "--instances", "3", "--resources", "cpus:0.1;mem:8", "--", "echo", "hi"),
        ostrom("run", *master, "-q", "--env", "A=b c", "--shell", "--", "echo $A"),
        ostrom("run", *master, "--", "no-such-program"),
    )
    assert (one.code, one.out) == (7, "out\n")
    assert "err\n" in one.err
    assert many.code == 0
    assert sorted(many.out.splitlines()) == ["[echo.0] hi", "[echo.1] hi", "[echo.2] hi"]
    assert quiet == (0, "b c\n", "")
    assert lost.code == 1
    assert "no-such-program" in lost.err


@pytest.mark.asyncio
async def test_run_copies_every_byte(cluster: LocalCluster) -> None:
    line = "head -c 3000000 /dev/zero | tr '\\0' x; sleep 0.2; printf end"
    result = await ostrom("run", "--master", cluster.master, "-q", "--", "sh", "-c", line)
    assert result.code == 0
    assert result.out == "x" * 3_000_000 + "end"


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_kills_its_tasks(cluster: LocalCluster, number: signal.Signals) -> None:
    marker = uuid.uuid4().hex
    line = f": {marker}; echo ready; sleep 600; :"
    process = await start("run", "--master", cluster.master, "--", "sh", "-c", line)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert await process.wait() == 130
    await process.communicate()
    await eventually(lambda: not processes_with(marker))


@pytest.mark.asyncio
async def test_what_the_cluster_knows(cluster: LocalCluster) -> None:
    master = ("--master", cluster.master)
    assert (await ostrom("run", *master, "-q", "--role", "web", "--", "true")).code == 0
    agents, tasks, offers, frameworks, state = await asyncio.gather(
        ostrom("agents", *master),
        ostrom("tasks", *master, "--completed", "--json"),
        ostrom("offers", *master),
        ostrom("frameworks", *master),
        ostrom("state", *master),
    )
    assert agents.out.count("rack:r1") == 2
    (task,) = json.loads(tasks.out)
    assert (task["state"], task["role"], task["exit_code"]) == ("TASK_FINISHED", "web", 0)
    assert offers.out == "no offers\n"
    assert frameworks.out == "no frameworks\n"
    assert len(json.loads(state.out)["agents"]) == 2


@pytest.mark.asyncio
async def test_a_node_that_cannot_start_says_why_in_one_line(cluster: LocalCluster) -> None:
    port = cluster.master.rpartition(":")[2]
    taken = await ostrom("master", "--port", port, "--registry", "memory")
    assert taken.code == 1
    assert "Traceback" not in taken.err
    assert port in taken.err
