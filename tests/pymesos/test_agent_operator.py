"""PyMesos's driver for operators of an agent, unmodified: what it asks, and the containers that it starts."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cluster.local import AgentNode, LocalCluster
from tests.pymesos.remote import LIMIT, Remote, Schedulers, ask, launched, schedulers, value


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1, resources="cpus:4;mem:1024") as cluster:
        yield cluster


@pytest_asyncio.fixture
async def started(pymesos: Path, tmp_path: Path) -> AsyncIterator[Schedulers]:
    async with schedulers(pymesos, tmp_path) as started:
        yield started


@pytest_asyncio.fixture
async def operator(cluster: LocalCluster, started: Schedulers) -> Remote:
    return await started.run("operators.py", "agent", cluster.agents[0].address)


@pytest_asyncio.fixture
async def parent(cluster: LocalCluster, started: Schedulers, operator: Remote, pymesos: Path) -> str:
    """The container of an executor that runs a task."""
    await launched(started, pymesos, cluster.master)
    (found,) = (await ask(operator, "getContainers"))["containers"]
    assert found["executor_id"] == value("main")
    assert found["resource_statistics"]["processes"] > 0
    return str(found["container_id"]["value"])


@pytest.mark.asyncio
async def test_what_an_agent_is(operator: Remote) -> None:
    assert await ask(operator, "getHealth") == {"healthy": True}
    assert (await ask(operator, "getVersion"))["version_info"]["version"] == "1.11.0"
    flags = {each["name"]: each.get("value") for each in (await ask(operator, "getFlags"))["flags"]}
    assert flags["resources"].startswith("cpus:4;mem:1024;")
    figures = (await ask(operator, "getMetrics", 5 * 10**9))["metrics"]
    assert {"name": "slave/registered", "value": 1.0} in figures
    level = await ask(operator, "getLoggingLevel")
    await operator.call("setLoggingLevel", 1, 60 * 10**9)
    assert await ask(operator, "getLoggingLevel") == {"level": 1}
    await operator.call("setLoggingLevel", level["level"], 60 * 10**9)


@pytest.mark.asyncio
async def test_what_an_agent_knows(cluster: LocalCluster, operator: Remote, parent: str) -> None:
    (task,) = (await ask(operator, "getTasks"))["launched_tasks"]
    assert (task["task_id"], task["state"], task["executor_id"]) == (
        value("t"),
        "TASK_RUNNING",
        value("main"),
    )
    (executor,) = (await ask(operator, "getExecutors"))["executors"]
    assert executor["executor_info"]["executor_id"] == value("main")
    (framework,) = (await ask(operator, "getFrameworks"))["frameworks"]
    assert framework["framework_info"]["id"] == task["framework_id"]
    state = await ask(operator, "getState")
    assert state["get_tasks"]["launched_tasks"] == [task]
    agent = cluster.agents[0]
    assert isinstance(agent, AgentNode)
    framework_id = task["framework_id"]["value"]
    virtual = f"/frameworks/{framework_id}/executors/main/runs/latest"
    sandbox = agent.agent.sandboxes.latest(task["agent_id"]["value"], framework_id, "main")
    assert sandbox is not None
    (sandbox / "file").write_bytes(b"0123456789")
    for place in (virtual, str(sandbox)):
        names = [each["path"] for each in (await ask(operator, "listFiles", place))["file_infos"]]
        assert f"{place}/file" in names
        read = await ask(operator, "readFile", f"{place}/file", 3, 5)
        assert (base64.b64decode(read["data"]), read["size"]) == (b"567", 10)
    assert "code=404" in await operator.refused("readFile", f"{virtual}/no", 3, 0)


def launch(parent: str, name: str, line: str) -> dict[str, Any]:
    return {"container_id": {"value": name, "parent": {"value": parent}}, "command": {"value": line}}


@pytest.mark.asyncio
async def test_nested_containers(operator: Remote, parent: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    await operator.call("launchNestedContainer", launch(parent, "one", f"echo one > {file}"))
    await operator.call("waitNestedContainer", "one", parent)
    assert file.read_text() == "one\n"
    await operator.call("removeNestedContainer", "one", parent)
    assert "code=404" in await operator.refused("waitNestedContainer", "one", parent)
    await operator.call("launchNestedContainer", launch(parent, "two", "exec sleep 1000"))
    listed = (await ask(operator, "getContainers", True))["containers"]
    assert {"value": "two", "parent": value(parent)} in [each["container_id"] for each in listed]
    # Without a parent, too: it can say none for input and output.
    await operator.call("killNestedContainer", "two")
    await operator.call("waitNestedContainer", "two")
    await operator.call("removeNestedContainer", "two")


@pytest.mark.asyncio
async def test_a_session_and_its_input(
    cluster: LocalCluster, started: Schedulers, operator: Remote, parent: str, tmp_path: Path
) -> None:
    """Its calls return when their answer ends: so one driver has the session, another one the input."""
    second = await started.run("operators.py", "agent", cluster.agents[0].address)
    third = await started.run("operators.py", "agent", cluster.agents[0].address)
    file = tmp_path / "file"
    await operator.order("launchNestedContainerSession", launch(parent, "one", f"cat > {file}"))
    while len((await ask(second, "getContainers", True))["containers"]) < 2:
        await asyncio.sleep(0.01)
    await third.order("attachContainerOutput", "one")
    pieces = [
        {"type": "DATA", "data": {"type": "STDIN", "data": base64.b64encode(text).decode()}}
        for text in (b"first\n", b"second\n", b"")
    ]
    heartbeat = {"type": "HEARTBEAT", "heartbeat": {"interval": {"nanoseconds": 10**9}}}
    pieces.insert(1, {"type": "CONTROL", "control": heartbeat})
    await second.call("attachContainerInput", "one", pieces)
    await operator.event("returned", lambda called, _: called == "launchNestedContainerSession")
    await third.event("returned", lambda called, _: called == "attachContainerOutput")
    assert file.read_text() == "first\nsecond\n"
    await second.call("waitNestedContainer", "one", parent)


@pytest.mark.asyncio
async def test_what_is_not_here(operator: Remote) -> None:
    """The driver raises what is said, and goes on."""
    for name, arguments in (
        ("addResourceProviderConfig", [{"type": "t", "name": "n"}]),
        ("removeResourceProviderConfig", ["t", "n"]),
    ):
        assert "there are no resource providers here" in await operator.refused(name, *arguments)
    assert "there are no container images here" in await operator.refused("pruneImages")
    await ask(operator, "getHealth")
