"""Tools that poll pages: Datadog's checks, telegraf, mesos_exporter, mesos-dns, mesos-consul, Singularity, and CLIs.

Most of them end, or show nothing, where a member is not there or is of another type.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_asyncio

from cluster import messages as m
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import Client
from tests.cluster.world import Peer

from .wire import UUID, Wire

pytestmark = pytest.mark.asyncio
RESOURCES = ("cpus", "mem", "disk")


@pytest_asyncio.fixture
async def agent(served: Served) -> Peer:
    return await served.agent("cpus:4;mem:1024;ports:[31000-31999]", attributes="rack:r1;cores:8")


@pytest_asyncio.fixture
async def framework_id(served: Served, agent: Peer, client: Client) -> str:
    """Of a framework with a task that runs, as its agent said."""
    (offer,) = await client.offers()
    await client.launch(offer, "t", refuse_seconds=1000, labels={"labels": [{"key": "k", "value": "v"}]})
    await served.settle()
    container = m.ContainerStatus("c1", "10.0.0.7")
    status = m.TaskStatus("t", m.TaskState.RUNNING, uuid=UUID, timestamp=5.0, container=container)
    served.tell(agent, m.StatusUpdate(client.id, status))
    await served.settle()
    return client.id


async def get(served: Served, path: str, *more: str) -> Any:
    """What a GET is answered: 200 and JSON, of a length that is told."""
    async with Wire(served) as wire:
        wire.send("\n".join([f"GET {path} HTTP/1.1", "Host: HOST", *more]))
        head, body = await wire.answer()
        assert head.status == 200
        assert head.headers["Content-Type"].partition(";")[0] == "application/json"
        return json.loads(body)


@pytest.mark.parametrize("path", ["/state", "/state.json", "/master/state.json"])
async def test_datadog(served: Served, framework_id: str, path: str) -> None:
    state = await get(served, path, "User-Agent: Datadog Agent/7.0", "Accept: */*")
    assert [int(part) for part in state["version"].split(".")] >= [1, 8, 0]
    assert state["leader"] == state["pid"]
    (framework,) = state["frameworks"]
    assert framework["name"] == "test"
    assert len(framework["tasks"]) == 1
    assert all(framework["used_resources"][name] >= 0 for name in RESOURCES)
    (role,) = (await get(served, "/roles"))["roles"]
    assert (role["name"], role["weight"], role["frameworks"]) == ("*", 1.0, [framework_id])
    assert all(role["resources"][name] >= 0 for name in RESOURCES)


async def test_telegraf(served: Served, framework_id: str) -> None:
    metrics = await get(served, "/metrics/snapshot?timeout=100ms", "User-Agent: Go-http-client/1.1")
    assert all(isinstance(value, int | float) for value in metrics.values())
    assert metrics["master/elected"] == 1
    assert metrics["master/tasks_running"] == 1
    assert metrics["master/frameworks_active"] == 1


async def test_mesos_exporter(served: Served, framework_id: str) -> None:
    state = await get(served, "/state", "User-Agent: mesos_exporter/1.1")
    (slave,) = state["slaves"]
    assert slave["pid"]
    assert slave["attributes"] == {"rack": "r1", "cores": 8}
    for name in ("resources", "used_resources", "unreserved_resources"):
        assert all(isinstance(slave[name][each], int | float) for each in RESOURCES)
        # Ranges are text, in brackets, a dash between two whole numbers.
        for pair in filter(None, slave[name].get("ports", "").strip("[]").split(",")):
            low, high = pair.split("-")
            assert int(low) <= int(high)
    (framework,) = state["frameworks"]
    assert (framework["active"], framework["completed_tasks"]) == (True, [])
    (task,) = framework["tasks"]
    names = ("name", "id", "executor_id", "framework_id", "slave_id", "state")
    assert all(isinstance(task[name], str) for name in names)
    assert task["labels"] == [{"key": "k", "value": "v"}]
    assert [(each["state"], each["timestamp"]) for each in task["statuses"]] == [("TASK_RUNNING", 5.0)]


async def test_mesos_dns(served: Served, framework_id: str) -> None:
    # It asks with a content type, and no content.
    more = "User-Agent: Mesos-DNS", "Content-Type: application/json", "Accept-Encoding: gzip"
    state = await get(served, "/master/state", *more)
    assert state["leader"].split("@")[1].rpartition(":")[2].isdigit()
    for slave in state["slaves"]:
        name, _, place = slave["pid"].partition("@")
        assert name
        assert place.rpartition(":")[2].isdigit()
        assert slave["hostname"]
    (framework,) = state["frameworks"]
    # One that is not empty is parsed, and all is for nothing if it is none: those of HTTP frameworks are not there.
    assert "pid" not in framework
    (task,) = framework["tasks"]
    (network,) = task["statuses"][0]["container_status"]["network_infos"]
    assert [each["ip_address"] for each in network["ip_addresses"]] == ["10.0.0.7"]


@pytest.mark.parametrize("path", ["/tasks", "/master/tasks", "/state"])
async def test_who_runs_commands_beside_a_task(served: Served, framework_id: str, path: str) -> None:
    # `mesos task exec` and `dcos task exec` give this whole as the parent of what they launch.
    page = await get(served, path, "User-Agent: python-urllib3/1.24")
    tasks = page["tasks"] if "tasks" in page else page["frameworks"][0]["tasks"]
    assert tasks[0]["statuses"][0]["container_status"]["container_id"] == {"value": "c1"}


async def test_singularity(served: Served, framework_id: str) -> None:
    """It reads this when it starts, into objects that have no holes."""
    state = await get(served, "/master/state", "User-Agent: AHC/1.0", "Accept-Encoding: gzip,deflate")
    for name in ("build_user", "id", "pid", "hostname", "cluster", "leader"):
        assert isinstance(state[name], str), name
    for name in ("start_time", "elected_time", "activated_slaves", "deactivated_slaves"):
        assert isinstance(state[name], float), name
    assert all(isinstance(value, str) for value in state["flags"].values())
    resources = {"resources", "used_resources", "offered_resources"}
    (slave,) = state["slaves"]
    for name in (*resources, "reserved_resources", "unreserved_resources"):
        assert None not in slave[name].values()
    assert all(isinstance(value, str | int | float) for value in slave["attributes"].values())
    assert all(isinstance(slave[name], str) for name in ("id", "pid", "hostname", "version"))
    assert slave["active"] is True
    (framework,) = state["frameworks"]
    assert all(isinstance(framework[name], dict) for name in resources)
    assert all(isinstance(framework[name], str) for name in ("id", "name", "hostname"))
    assert all(isinstance(framework[name], bool) for name in ("active", "checkpoint"))


async def test_mesos_consul(served: Served, framework_id: str) -> None:
    """As mesos-dns; and there are labels and ports, which it takes for text, in tasks that run."""
    state = await get(served, "/master/state.json", "Content-Type: application/json")
    assert state["leader"].partition("@")[2] == state["pid"].partition("@")[2]
    (framework,) = state["frameworks"]
    (task,) = framework["tasks"]
    assert task["slave_id"] in {slave["id"] for slave in state["slaves"]}
    assert isinstance(task["resources"].get("ports", ""), str)
    (status,) = task["statuses"]
    assert isinstance(status.get("labels", []), list)


@pytest.mark.parametrize("path", ["/health", "/master/health"])
async def test_load_balancers(served: Served, path: str) -> None:
    """They look at the status only, as Consul for mesos-consul; some in HTTP/1.0, which may be without a Host."""
    async with Wire(served) as wire:
        wire.send(f"GET {path} HTTP/1.0")
        assert (await wire.read.readuntil(b"\r\n")).split()[1] == b"200"
