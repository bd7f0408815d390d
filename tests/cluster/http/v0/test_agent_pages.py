"""Mesos's older pages of an agent: what it has, runs and ran; what that uses; its files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from cluster import Framework, LocalCluster, TaskState
from cluster.attributes import Attributes
from cluster.http import agent as pages
from cluster.http.snapshot import MIN_AGE
from cluster.http.v0.agent_flags import agent_flags
from cluster.http.v0.containers import Containers
from cluster.messages import (
    AgentInfo,
    CommandInfo,
    DiscoveryInfo,
    ExecutorInfo,
    RegisterExecutor,
    RunTask,
    RunTaskGroup,
    TaskStatus,
)
from cluster.messages.executor import ExecutorStatusUpdate
from cluster.resources import Resources
from isolation import Exit
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.http.v0 import fields
from tests.cluster.world import executor, task

NONE = {"cpus": 0.0, "gpus": 0.0, "mem": 0.0, "disk": 0.0}


class ServedAgent(AgentWorld):
    """An agent in paused time with its pages, served on loopback."""

    async def __aenter__(self) -> ServedAgent:
        self.info = AgentInfo(
            "host",
            Resources.parse("cpus:4;mem:1024;ports:[31000-31009]"),
            Attributes.parse("rack:r1;cores:8"),
            checkpoint=True,
            revocable=Resources.of(cpus=1),
        )
        await super().__aenter__()
        assert self.home is not None
        pages.install(self.agent)
        await self.home.http.start()
        self._server = await asyncio.get_running_loop().create_server(self.home.http.protocol, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._server.close()
        await super().__aexit__()

    async def ask(self, page: str, **query: str) -> tuple[int, Any]:
        async with self._session.get(self.url + page, params=query) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def get(self, page: str, **query: str) -> Any:
        """A page that is no older than now."""
        await self.advance(MIN_AGE * 2)
        status, body = await self.ask(page, **query)
        assert status == 200, body
        return body


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[ServedAgent]:
    async with ServedAgent(tmp_path) as served:
        yield served


def check(state: dict[str, Any]) -> None:
    # Of what is reserved an agent is told only where it is used.
    lacks = {*fields.BUILD, "build_user", "reserved_resources", "unreserved_resources"}
    lacks |= {"reserved_resources_full", "unreserved_resources_full"}
    fields.check(state, fields.AGENT_STATE, fields.AGENT_STATE_MAYBE, lacks=lacks)
    for framework in state["frameworks"] + state["completed_frameworks"]:
        fields.check(framework, fields.AGENT_FRAMEWORK, {"principal"})
        for each in framework["executors"] + framework["completed_executors"]:
            fields.check(each, fields.AGENT_EXECUTOR, {"role", "labels", "type"})
            for shown in each["tasks"] + each["completed_tasks"]:
                fields.check_task(shown)
            for shown in each["queued_tasks"]:
                fields.check(shown, fields.QUEUED, fields.QUEUED_MAYBE)


@pytest.mark.asyncio
async def test_an_agent_that_runs_nothing(served: ServedAgent) -> None:
    state = await served.get("/state")
    check(state)
    host, port = served.agent.system.address
    known = {
        "version": "1.11.0",
        "start_time": 1_000_000.0,
        "id": "A1",
        "pid": f"slave(1)@{host}:{port}",
        "hostname": "host",
        "resources": {**NONE, "cpus": 4.0, "mem": 1024.0, "ports": "[31000-31009]", "cpus_revocable": 1.0},
        "reserved_resources_allocated": {},
        "unreserved_resources_allocated": NONE,
        "resource_providers": [],
        "attributes": {"rack": "r1", "cores": 8.0},
        "master_hostname": served.master.upid.address[0],
        "frameworks": [],
        "completed_frameworks": [],
    }
    assert {name: state[name] for name in known} == known
    assert state["flags"] == agent_flags(served.agent) == (await served.get("/flags"))["flags"]
    assert state["flags"]["work_dir"] == str(served.work_dir)
    assert state["flags"]["gc_delay"] == "1weeks"
    assert state["flags"]["fetcher_cache_size"] == "2GB"
    assert await served.get("/containers") == []
    assert await served.get("/monitor/statistics") == []


@pytest.mark.asyncio
async def test_commands_that_run_and_that_ran(served: ServedAgent) -> None:
    first = task("a", "cpus:1;mem:32", command=CommandInfo("echo a"), discovery=DiscoveryInfo("web"))
    reserved = RunTask(FRAMEWORK, first, "eng", {"eng": Resources.of(cpus=0.25)})
    await served.tell(reserved)
    await served.run("b", task("r", "cpus:0.5", revocable=True))
    await served.acknowledge()
    served.machine.container("b").end(Exit(code=1))
    await served.settle()
    state = await served.get("/state")
    check(state)
    (framework,) = state["frameworks"]
    assert (framework["id"], framework["name"], framework["roles"]) == ("F1", "f", ["*"])
    rows = {each["id"]: each for each in framework["executors"]}
    assert set(rows) == {"a", "r"}
    run = served.agent.state.runs["F1", "a"]
    sandbox = served.agent.sandboxes.latest("A1", "F1", "a")
    known = {
        "name": "Command Executor (Task: a) (Command: 'echo a')",
        "source": "a",
        "container": run.container_id,
        "directory": str(sandbox),
        "resources": {**NONE, "cpus": 1.0, "mem": 32.0},
        "queued_tasks": [],
        "completed_tasks": [],
    }
    assert {name: rows["a"][name] for name in known} == known
    (shown,) = rows["a"]["tasks"]
    assert (shown["id"], shown["state"], shown["role"], shown["slave_id"], shown["executor_id"]) == (
        "a",
        "TASK_RUNNING",
        "eng",
        "A1",
        "",
    )
    assert shown["discovery"]["name"] == "web"
    assert rows["r"]["resources"] == {**NONE, "cpus_revocable": 0.5}
    (ended,) = framework["completed_executors"]
    assert (ended["id"], ended["container"], ended["tasks"]) == ("b", "", [])
    assert [each["state"] for each in ended["completed_tasks"]] == ["TASK_FAILED"]
    # Whoever looks for its files finds them there.
    status, rows_ = await served.ask("/files/browse", path=ended["directory"])
    assert (status, rows_) == (200, [])
    assert state["reserved_resources_allocated"] == {"eng": {**NONE, "cpus": 0.25}}
    assert state["unreserved_resources_allocated"] == {
        **NONE,
        "cpus": 0.75,
        "mem": 32.0,
        "cpus_revocable": 0.5,
    }
    await served.acknowledge()
    assert (await served.get("/state"))["frameworks"][0]["completed_executors"] == [ended]


@pytest.mark.asyncio
async def test_frameworks_that_have_nothing_left_here(served: ServedAgent) -> None:
    await served.run("a")
    served.machine.container("a").end(Exit(code=0))
    await served.settle()
    await served.acknowledge()
    state = await served.get("/state")
    check(state)
    assert state["frameworks"] == []
    (framework,) = state["completed_frameworks"]
    assert (framework["id"], framework["executors"]) == ("F1", [])
    (ended,) = framework["completed_executors"]
    assert [each["state"] for each in ended["completed_tasks"]] == ["TASK_FINISHED"]
    await served.run("b")
    state = await served.get("/state")
    assert state["completed_frameworks"] == []
    assert [each["id"] for each in state["frameworks"][0]["completed_executors"]] == ["a"]


@pytest.mark.asyncio
async def test_no_more_than_fifty_former_frameworks(served: ServedAgent) -> None:
    books = served.agent.state
    for number in range(60):
        info = type(FRAMEWORK)("f", id=f"G{number}")
        books.know_framework(info)
        books.forget_framework(info.id)
    assert list(books.former) == [f"G{number}" for number in range(10, 60)]
    # One that was here again is the latest to go.
    books.know_framework(type(FRAMEWORK)("f", id="G10"))
    assert "G10" not in books.former
    books.forget_framework("G10")
    assert list(books.former)[-1] == "G10"


@pytest.mark.asyncio
async def test_executors_of_frameworks(served: ServedAgent) -> None:
    custom = executor("e", "cpus:0.5;mem:64")
    await served.run(task("q", "cpus:1", executor=custom, discovery=DiscoveryInfo("q")))
    group = RunTaskGroup(
        FRAMEWORK,
        ExecutorInfo("g", resources=Resources.of(cpus=0.25)),
        (task("x", "cpus:0.25"), task("y", "cpus:0.5")),
        "*",
    )
    await served.tell(group)
    state = await served.get("/state")
    check(state)
    rows = {each["id"]: each for each in state["frameworks"][0]["executors"]}
    assert set(rows) == {"e", "g"}
    # It has not registered yet.
    assert (rows["e"]["type"], rows["e"]["role"], rows["e"]["tasks"]) == ("CUSTOM", "*", [])
    assert rows["e"]["resources"] == {**NONE, "cpus": 1.5, "mem": 64.0}
    (queued,) = rows["e"]["queued_tasks"]
    assert (queued["id"], queued["executor_id"], queued["discovery"]["name"]) == ("q", "e", "q")
    # The tasks of a group are those of one executor, whose files are below it.
    assert rows["g"]["type"] == "DEFAULT"
    assert rows["g"]["resources"] == {**NONE, "cpus": 1.0}
    assert {each["id"] for each in rows["g"]["tasks"]} == {"x", "y"}
    for name in ("x", "y"):
        path = f"{rows['g']['directory']}/tasks/{name}"
        assert await served.ask("/files/browse", path=path) == (200, [])


@pytest.mark.asyncio
async def test_a_task_that_ended_while_its_executor_runs_on(served: ServedAgent) -> None:
    await served.run(task("q", "cpus:1", executor=executor("e")), task("s", "cpus:1", executor=executor("e")))
    run = served.agent.state.runs["F1", "e"]
    registered = RegisterExecutor("F1", "e", run.container_id, token=served.agent.tokens.of(run.container_id))
    served.home.send(served.agent.upid, registered, served.master.upid)
    for state in (TaskState.RUNNING, TaskState.FINISHED):
        update = ExecutorStatusUpdate("F1", "e", TaskStatus("q", state, uuid=state))
        served.home.send(served.agent.upid, update, served.master.upid)
    await served.settle()
    shown = await served.get("/state")
    check(shown)
    (framework,) = shown["frameworks"]
    (mine,) = framework["executors"]
    assert [each["id"] for each in mine["tasks"]] == ["s"]
    assert [(each["id"], each["state"]) for each in mine["completed_tasks"]] == [("q", "TASK_FINISHED")]
    assert framework["completed_executors"] == []


@pytest.mark.asyncio
async def test_what_containers_use_is_looked_up_once_for_all(served: ServedAgent) -> None:
    await served.run("a")
    containers = Containers(served.agent)

    async def rows() -> int:
        return len(await containers.rows())

    assert await asyncio.gather(*(rows() for _ in range(10))) == [1] * 10
    await served.run("b")
    assert await rows() == 1
    assert containers.looked == 1
    await served.advance(MIN_AGE)
    assert await rows() == 2
    assert containers.looked == 2


@pytest.mark.asyncio
async def test_what_is_polled_often_is_made_now_and_then(served: ServedAgent) -> None:
    await served.run("a")
    before = await served.get("/state")
    await served.run("b")
    assert (await served.ask("/state"))[1] == before
    assert len((await served.get("/state"))["frameworks"][0]["executors"]) == 2


# Real processes.


class Runner(Framework):
    """Runs a task, and looks at its agent's pages while it runs and after."""

    def __init__(self, cluster: LocalCluster) -> None:
        super().__init__("runner")
        self.cluster = cluster

    async def registered(self) -> None:
        address = self.cluster.agents[0].address
        async with aiohttp.ClientSession() as session:

            async def get(page: str, **query: str) -> Any:
                async with session.get(f"http://{address}{page}", params=query) as response:
                    assert response.status == 200, (page, query, await response.text())
                    if response.content_type == "application/json":
                        return await response.json()
                    return await response.read()

            async def refused(page: str, **query: str) -> tuple[int, str]:
                async with session.get(f"http://{address}{page}", params=query) as response:
                    return response.status, await response.text()

            handle = self.submit(
                "printf 0123456789; ln -s /etc/passwd out; mkfifo go; read line < go", cpus=0.1, mem=32
            )
            await handle.reached(TaskState.RUNNING)
            (framework,) = (await get("/state"))["frameworks"]
            (mine,) = framework["executors"]
            box = mine["directory"]
            while not any(row["path"].endswith("/go") for row in await get("/files/browse", path=box)):
                await asyncio.sleep(0.01)
            await self.containers(get, handle.task_id)
            for sandbox in (box, f"/frameworks/{self.id}/executors/{handle.task_id}/runs/latest"):
                await self.files(get, refused, sandbox)
            await asyncio.to_thread((Path(box) / "go").write_text, "\n")
            await handle
        self.stop()

    async def containers(self, get: Any, task_id: str) -> None:
        (row,) = await get("/containers")
        assert set(row) == {
            "framework_id",
            "executor_id",
            "executor_name",
            "source",
            "container_id",
            "status",
            "statistics",
        }
        assert (row["framework_id"], row["executor_id"], row["source"]) == (self.id, task_id, task_id)
        assert row["executor_name"].startswith(f"Command Executor (Task: {task_id})")
        assert row["status"]["container_id"] == {"value": row["container_id"]}
        assert row["status"]["executor_pid"] > 1
        statistics = row["statistics"]
        assert (statistics["cpus_limit"], statistics["mem_limit_bytes"]) == (0.1, 32 << 20)
        assert statistics["mem_rss_bytes"] > 0
        assert statistics["processes"] >= 1
        assert await get("/containers", container_id=row["container_id"])
        assert await get("/containers", container_id="none") == []
        (shown,) = await get("/monitor/statistics")
        assert set(shown) == {"framework_id", "executor_id", "executor_name", "source", "statistics"}

    async def files(self, get: Any, refused: Any, box: str) -> None:
        rows = await get("/files/browse", path=box)
        for row in rows:
            fields.check(row, fields.FILE)
        names = {row["path"]: row for row in rows}
        assert set(names) == {f"{box}/{name}" for name in ("go", "out", "stderr", "stdout")}
        stdout = names[f"{box}/stdout"]
        assert (stdout["size"], stdout["nlink"], stdout["mode"][:3]) == (10, 1, "-rw")
        known = await get("/files/debug")
        assert stdout["mtime"] == pytest.approx((Path(known[box]) / "stdout").stat().st_mtime, abs=1e-3)
        path = f"{box}/stdout"
        # How the page of Mesos's own UI asks: first for the size.
        assert await get("/files/read", path=path, offset="-1", length="-1") == {"data": "", "offset": 10}
        assert await get("/files/read", path=path) == {"data": "", "offset": 10}
        assert await get("/files/read", path=path, offset="0") == {"data": "0123456789", "offset": 0}
        assert await get("/files/read.json", path=path, offset="3", length="4") == {
            "data": "3456",
            "offset": 3,
        }
        assert await get("/files/read", path=path, offset="3", length="0") == {"data": "", "offset": 3}
        assert await get("/files/read", path=path, offset="99") == {"data": "", "offset": 99}
        assert await get("/files/download", path=path) == b"0123456789"
        for page in ("browse", "read", "download"):
            page = f"/files/{page}"
            assert (await refused(page))[0] == 400
            assert (await refused(page, path=f"{box}/none"))[0] == 404
            assert (await refused(page, path=f"{box}/out"))[0] == 400
            assert (await refused(page, path="/etc/passwd"))[0] == 404
        assert (await refused("/files/read", path=box, offset="0"))[0] == 400
        assert (await refused("/files/browse", path=path))[0] == 400
        for query, text in (
            ({"offset": "x"}, "offset is 'x', not a whole number from -1"),
            ({"offset": "-2"}, "offset is '-2', not a whole number from -1"),
            ({"length": "x"}, "length is 'x', not a whole number from -1"),
        ):
            status, said = await refused("/files/read", path=path, **query)
            assert status == 400
            assert said.startswith(text)


@pytest.mark.asyncio
async def test_containers_and_files_of_real_tasks() -> None:
    async with asyncio.timeout(30), LocalCluster(agents=1) as cluster:
        await cluster.run(Runner(cluster))


@pytest.mark.asyncio
async def test_large_and_odd_files(served: ServedAgent) -> None:
    await served.run("a")
    box = served.agent.sandboxes.latest("A1", "F1", "a")
    assert box is not None
    (box / "large").write_bytes(bytes(range(256)) * 4096)
    name = 'a "b"\r\nX: y é'
    (box / name).write_bytes(b"\xff\x00ab")
    for jsonp in ({}, {"jsonp": "f"}):
        status, shown = await served.ask("/files/read", path=str(box / "large"), offset="0", **jsonp)
        assert status == 200
        if not jsonp:
            assert len(shown["data"]) > 40_000
    status, shown = await served.ask("/files/read", path=str(box / name), offset="0")
    assert (status, shown) == (200, {"data": "\ufffd\x00ab", "offset": 0})
    url = f"{served.url}/files/download"
    async with served._session.get(url, params={"path": str(box / "large")}) as response:
        assert await response.read() == bytes(range(256)) * 4096
        assert response.content_type == "application/octet-stream"
    async with served._session.get(url, params={"path": str(box / name)}) as response:
        assert await response.read() == b"\xff\x00ab"
        assert "X" not in response.headers
        assert response.headers["Content-Disposition"].startswith(
            "attachment; filename*=UTF-8''a%20%22b%22%0D%0AX"
        )
