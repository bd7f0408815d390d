"""What the operator API of an agent says of it, its files and its logging; and what it does not take."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.http import basic_auth
from cluster.messages import CommandInfo, ExecutorInfo, RunTaskGroup
from cluster.v1 import json as v1_json
from cluster.v1 import protobuf, recordio
from cluster.v1.types.agent import Call, Response
from isolation import Exit
from tests.cluster.agent.world import FRAMEWORK
from tests.cluster.http.v1.agents import RECORDIO, OperatorClient, child, shell
from tests.cluster.http.v1.client import JSON, PROTOBUF, value
from tests.cluster.http.v1.executors import ServedAgent
from tests.cluster.v1.arbitrary import messages_of
from tests.cluster.world import executor, task


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[ServedAgent]:
    async with ServedAgent(tmp_path) as world:
        yield world


@pytest_asyncio.fixture(params=[JSON, PROTOBUF])
async def client(world: ServedAgent, request: pytest.FixtureRequest) -> AsyncIterator[OperatorClient]:
    async with OperatorClient(world.url, request.param) as client:
        yield client


@pytest_asyncio.fixture
async def json_client(world: ServedAgent) -> AsyncIterator[OperatorClient]:
    async with OperatorClient(world.url) as client:
        yield client


@pytest.mark.asyncio
async def test_small_questions(client: OperatorClient) -> None:
    assert await client.get("GET_HEALTH") == {"healthy": True}
    assert (await client.get("GET_VERSION"))["version_info"]["version"] == "1.11.0"
    flags = {flag["name"]: flag["value"] for flag in (await client.get("GET_FLAGS"))["flags"]}
    assert flags["recovery_timeout"] == "15mins"
    assert flags["resources"] == "cpus:4;mem:1024"
    metrics = {
        m["name"]: m["value"]
        for m in (await client.get("GET_METRICS", timeout={"nanoseconds": 1}))["metrics"]
    }
    assert metrics["slave/registered"] == 1
    for kind in ("GET_OPERATIONS", "GET_RESOURCE_PROVIDERS"):
        assert await client.get(kind) == {}


@pytest.mark.asyncio
async def test_the_agent(client: OperatorClient) -> None:
    info = (await client.get("GET_AGENT"))["agent_info"]
    assert (info["hostname"], info["id"]) == ("host", value("A1"))
    assert {each["name"]: each["scalar"]["value"] for each in info["resources"]} == {"cpus": 4, "mem": 1024}


@pytest.mark.asyncio
async def test_tasks_executors_and_frameworks(world: ServedAgent, client: OperatorClient) -> None:
    await world.run(
        task("command", "cpus:0.5;mem:32", command=CommandInfo("sleep 10"), labels={"a": "b"}),
        task("ends", "cpus:0.1;mem:16"),
        task("known", "cpus:0.1;mem:16"),
        task("queued", "cpus:0.1;mem:16", executor=executor("e")),
    )
    members = tuple(task(name, "cpus:0.1;mem:16") for name in ("m1", "m2"))
    await world.tell(RunTaskGroup(FRAMEWORK, ExecutorInfo("group", None), members, "*"))
    await world.acknowledge()
    world.machine.container("known").end(Exit(code=0))
    await world.settle()
    await world.acknowledge()
    world.machine.container("ends").end(Exit(code=1))
    await world.settle()
    tasks = await client.get("GET_TASKS")
    named = {kind: [each["task_id"]["value"] for each in found] for kind, found in tasks.items()}
    assert named == {
        "queued_tasks": ["queued"],
        "launched_tasks": ["command", "m1", "m2"],
        "terminated_tasks": ["ends"],
        "completed_tasks": ["known"],
    }
    (command, *_) = tasks["launched_tasks"]
    assert command["state"] == "TASK_RUNNING"
    assert command["framework_id"] == value("F1")
    assert command["agent_id"] == value("A1")
    assert command["labels"] == {"labels": [{"key": "a", "value": "b"}]}
    assert {each["name"]: each["scalar"]["value"] for each in command["resources"]} == {
        "cpus": 0.5,
        "mem": 32,
    }
    assert command["statuses"][-1]["state"] == "TASK_RUNNING"
    assert command["statuses"][-1]["container_status"] == {
        "container_id": value(world.machine.container("command").id)
    }
    assert "executor_id" not in command
    assert tasks["queued_tasks"][0]["executor_id"] == value("e")
    assert tasks["terminated_tasks"][0]["state"] == "TASK_FAILED"
    # It is told of what has ended, too.
    assert tasks["terminated_tasks"][0]["statuses"][-1]["container_status"]["container_id"]["value"]
    executors = {
        each["executor_info"]["executor_id"]["value"]: each["executor_info"]
        for each in (await client.get("GET_EXECUTORS"))["executors"]
    }
    assert sorted(executors) == ["command", "e", "group"]
    assert executors["command"]["name"] == "Command Executor (Task: command) (Command: 'sleep 10')"
    assert executors["group"]["type"] == "DEFAULT"
    assert executors["e"]["type"] == "CUSTOM"
    frameworks = (await client.get("GET_FRAMEWORKS"))["frameworks"]
    assert [each["framework_info"]["id"] for each in frameworks] == [value("F1")]
    state = await client.get("GET_STATE")
    assert state["get_tasks"] == tasks
    assert state["get_frameworks"] == {"frameworks": frameworks}
    assert len(state["get_executors"]["executors"]) == 3


@pytest.mark.asyncio
async def test_what_waits_for_room_is_pending(world: ServedAgent, client: OperatorClient) -> None:
    await world.run(task("first", "cpus:4;mem:16"), task("second", "cpus:4;mem:16"))
    tasks = await client.get("GET_TASKS")
    assert [each["task_id"]["value"] for each in tasks["pending_tasks"]] == ["second"]
    assert tasks["pending_tasks"][0]["state"] == "TASK_STAGING"


@pytest.mark.asyncio
async def test_containers_and_what_they_use(world: ServedAgent, client: OperatorClient) -> None:
    await world.run(task("command", "cpus:0.5;mem:32"), task("t", "cpus:0.25;mem:16", executor=executor("e")))
    rows = {row["executor_id"]["value"]: row for row in (await client.get("GET_CONTAINERS"))["containers"]}
    assert sorted(rows) == ["command", "e"]
    row = rows["command"]
    assert row["framework_id"] == value("F1")
    assert row["container_id"] == value(world.machine.container("command").id)
    assert row["container_status"]["container_id"] == row["container_id"]
    statistics = row["resource_statistics"]
    assert statistics.pop("timestamp") == world.clock.time()
    assert statistics == {
        "processes": 2,
        "threads": 3,
        "cpus_user_time_secs": 1.5,
        "cpus_system_time_secs": 0.5,
        "cpus_limit": 0.5,
        "mem_rss_bytes": 4096,
        "mem_limit_bytes": 32 * 2**20,
    }
    # The executor's own, and its task's.
    info = world.agent.state.runs["F1", "e"].info
    assert info is not None
    own = info.resources.amounts().get("cpus", 0) / 1000
    assert rows["e"]["resource_statistics"]["cpus_limit"] == 0.25 + own


@pytest.mark.asyncio
async def test_files(world: ServedAgent, client: OperatorClient) -> None:
    await world.run("t")
    box = world.agent.sandboxes.latest("A1", "F1", "t")
    assert box is not None
    (box / "stdout").write_bytes(b"0123456789\xff")
    for place in (str(box), "/frameworks/F1/executors/t/runs/latest"):
        (row,) = (await client.get("LIST_FILES", path=place))["file_infos"]
        status = (box / "stdout").stat()
        assert row == {
            "path": f"{place}/stdout",
            "nlink": 1,
            "size": 11,
            "mtime": {"nanoseconds": status.st_mtime_ns},
            "mode": status.st_mode,
            "uid": (box / "stdout").owner(),
            "gid": (box / "stdout").group(),
        }
        read = await client.get("READ_FILE", path=f"{place}/stdout", offset=9)
        assert read == {"size": 11, "data": "Of8="}
        read = await client.get("READ_FILE", path=f"{place}/stdout", offset=0, length=2)
        assert read == {"size": 11, "data": "MDE="}
        assert await client.get("READ_FILE", path=f"{place}/stdout", offset=99) == {"size": 11, "data": ""}
    assert (await client.call("READ_FILE", path=f"{box}/no", offset=0)) == (
        404,
        f"read_file.path: there is no {f'{box}/no'!r} here" if len(str(box)) < 60 else text_of(f"{box}/no"),
    )
    assert (await client.call("LIST_FILES", path=f"{box}/.."))[0] == 400
    assert (await client.call("READ_FILE", path=str(box), offset=0))[0] == 400


def text_of(path: str) -> str:
    shown = repr(path[:81])
    return f"read_file.path: there is no {shown if len(shown) <= 80 else shown[:77] + '...'} here"


@pytest.mark.asyncio
async def test_logging_levels(world: ServedAgent, client: OperatorClient) -> None:
    before = logging.getLogger("ostrom").level
    usual = (await client.get("GET_LOGGING_LEVEL"))["level"]
    duration = {"nanoseconds": 10**9}
    await client.done("SET_LOGGING_LEVEL", level=3, duration=duration)
    assert await client.get("GET_LOGGING_LEVEL") == {"level": 3}
    await world.advance(1.1)
    assert (await client.get("GET_LOGGING_LEVEL"))["level"] == usual
    assert logging.getLogger("ostrom").level == before
    status, text = await client.call("SET_LOGGING_LEVEL", level=1, duration={"nanoseconds": 0})
    assert (status, text[:26]) == (400, "set_logging_level.duration")


@pytest.mark.parametrize(
    ("call", "status", "text"),
    [
        ({}, 501, "type is not known"),
        ({"type": "NO_SUCH"}, 501, "type is not known"),
        ({"type": "READ_FILE"}, 400, "read_file is missing, though the type is READ_FILE"),
        ({"type": "READ_FILE", "read_file": {"path": "x"}}, 400, "read_file.offset is missing"),
        (
            {"type": "WAIT_NESTED_CONTAINER", "wait_nested_container": {}},
            400,
            "wait_nested_container.container_id",
        ),
        (
            {"type": "PRUNE_IMAGES", "prune_images": {}},
            400,
            "PRUNE_IMAGES: there are no container images here",
        ),
        (
            {"type": "MARK_RESOURCE_PROVIDER_GONE"},
            400,
            "MARK_RESOURCE_PROVIDER_GONE: there are no resource providers here",
        ),
        (
            {"type": "ATTACH_CONTAINER_INPUT"},
            415,
            "ATTACH_CONTAINER_INPUT comes in a body of application/recordio",
        ),
        (b"{", 400, ""),
        (b'"no records"', 400, "recordio: "),
        (b'"', 400, ""),
    ],
)
@pytest.mark.asyncio
async def test_calls_that_are_none(json_client: OperatorClient, call: Any, status: int, text: str) -> None:
    found = await json_client.send(call)
    assert (found[0], found[1][: len(text)]) == (status, text)


@pytest.mark.parametrize("kind", list(Call.Type))
@pytest.mark.asyncio
async def test_no_call_is_an_error_of_ours(client: OperatorClient, kind: Call.Type) -> None:
    """Alone, each is answered, or refused with a text that names what is wrong."""
    status, answer = await client.send({"type": kind.name})
    if status == 200:
        assert answer["type"] in Response.Type.__members__
    else:
        assert status in (400, 415, 501), answer
        assert answer


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(messages_of(Call), min_size=20, max_size=20), st.sampled_from([JSON, PROTOBUF]))
def test_any_call_is_answered_or_refused(calls: list[Call], media: str) -> None:
    """Whatever it says: no answer is an error of ours, and nothing hangs."""

    async def send_all() -> None:
        with TemporaryDirectory() as directory:
            async with (
                asyncio.timeout(60),
                ServedAgent(Path(directory)) as world,
                OperatorClient(world.url, media) as client,
            ):
                await world.run("t")
                for call in calls:
                    status, answer = await client.send(
                        (protobuf if media == PROTOBUF else v1_json).encode(call)
                    )
                    assert status in (200, 202, 400, 404, 406, 409, 415, 501), (call, answer)

    asyncio.run(send_all())


@pytest.mark.parametrize(
    ("headers", "body", "status", "text"),
    [
        ({"Content-Type": "text/plain"}, {}, 415, "Content-Type is 'text/plain'"),
        ({"Content-Type": RECORDIO}, {}, 400, "Message-Content-Type is missing"),
        (
            {"Content-Type": RECORDIO, "Message-Content-Type": "text/plain"},
            {},
            415,
            "Message-Content-Type is 'text/plain'",
        ),
        (
            {"Message-Content-Type": JSON},
            {},
            415,
            "Message-Content-Type is for bodies of application/recordio",
        ),
        ({"Accept": "text/plain"}, {"type": "GET_HEALTH"}, 406, "Accept is 'text/plain'"),
        ({"Accept": RECORDIO}, {"type": "GET_HEALTH"}, 406, "Accept is 'application/recordio'"),
        (
            {"Accept": RECORDIO, "Message-Accept": "text/plain"},
            {"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": {"container_id": value("x")}},
            406,
            "Message-Accept is 'text/plain'",
        ),
        (
            {"Accept": JSON, "Message-Accept": JSON},
            {"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": {"container_id": value("x")}},
            406,
            "Message-Accept is for who accepts application/recordio",
        ),
    ],
)
@pytest.mark.asyncio
async def test_media_that_are_none(
    json_client: OperatorClient, headers: dict[str, str], body: Any, status: int, text: str
) -> None:
    found = await json_client.send(body, **headers)
    assert (found[0], found[1][: len(text)]) == (status, text)


@pytest.mark.parametrize(
    ("record", "status", "text"),
    [
        (b"", 400, "the body is empty"),
        (b"x", 400, "recordio: b'x' is not the length of a record"),
        (b"5\n{}", 400, "recordio: the body ends within a record"),
        (b"99999999\n", 400, "recordio: a record of 99999999 bytes, at most 4194304 are allowed"),
        (recordio.encode(b"{}"), 415, "application/recordio is for ATTACH_CONTAINER_INPUT, not for None"),
        (
            recordio.encode(b'{"type":"GET_HEALTH"}'),
            415,
            "application/recordio is for ATTACH_CONTAINER_INPUT, not for GET_HEALTH",
        ),
        (recordio.encode(b'{"type":"ATTACH_CONTAINER_INPUT"}'), 400, "attach_container_input is missing"),
        (
            recordio.encode(
                b'{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO"}}'
            ),
            400,
            "attach_container_input.type is PROCESS_IO, must be CONTAINER_ID in the first call",
        ),
        (
            recordio.encode(
                b'{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"CONTAINER_ID"}}'
            ),
            400,
            "attach_container_input.container_id is missing",
        ),
        (
            recordio.encode(
                b'{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":'
                b'{"type":"CONTAINER_ID","container_id":{"value":"no"}}}'
            ),
            404,
            "container 'no' is not here",
        ),
    ],
)
@pytest.mark.asyncio
async def test_streams_that_are_none(
    json_client: OperatorClient, record: bytes, status: int, text: str
) -> None:
    headers = {"Content-Type": RECORDIO, "Message-Content-Type": JSON}
    found = await json_client.send(record, **headers)
    assert (found[0], found[1][: len(text)]) == (status, text)


@pytest.mark.parametrize("path", ["/api/v1/operator", "/slave(1)/api/v1", "/agent/api/v1"])
@pytest.mark.asyncio
async def test_its_other_names(world: ServedAgent, path: str) -> None:
    async with OperatorClient(world.url, path=path) as client:
        assert await client.get("GET_HEALTH") == {"healthy": True}


@pytest.mark.asyncio
async def test_other_methods(world: ServedAgent, json_client: OperatorClient) -> None:
    async with json_client.session.get(world.url + "/api/v1") as response:
        assert response.status == 405


@pytest.mark.asyncio
async def test_with_containers_that_are_no_processes(world: ServedAgent, json_client: OperatorClient) -> None:
    """All that is asked for is passed on; here it is what the machine was told to launch."""
    await world.run("t")
    parent = world.machine.container("t").id
    one = {"value": "one", "parent": value(parent)}
    await json_client.done("LAUNCH_NESTED_CONTAINER", container_id=one, command=shell("true"))
    spec = world.machine.containers[f"nested.{parent}.one"].spec
    assert spec.argv == ("/bin/sh", "-c", "true")
    assert json.loads(json.dumps(dict(spec.env)))["MESOS_SANDBOX"] == str(spec.cwd)


@pytest.mark.asyncio
async def test_who_is_not_known_is_told_nothing(world: ServedAgent, client: OperatorClient) -> None:
    assert world.home is not None
    world.home.http.authenticate = basic_auth({"operator": "secret"})
    headers = {"Content-Type": RECORDIO, "Message-Content-Type": client.media}
    for call, more in (({"type": "GET_HEALTH"}, {}), ({"type": "LAUNCH_CONTAINER"}, {}), (b"", headers)):
        assert (await client.send(call, **more))[0] == 401
    known = "Basic " + base64.b64encode(b"operator:secret").decode()
    assert (await client.send({"type": "GET_HEALTH"}, Authorization=known))[0] == 200


@pytest.mark.asyncio
async def test_an_executor_is_known_by_its_token(world: ServedAgent, client: OperatorClient) -> None:
    """It can start containers below its own, and do nothing else."""
    await world.run(task("t", "cpus:0.1;mem:16", executor=executor("e")), task("other", "cpus:0.1;mem:16"))
    own, other = world.machine.container("e"), world.machine.container("other")
    assert world.home is not None
    world.home.http.authenticate = basic_auth({"operator": "secret"})
    token = own.spec.env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]

    async def send(kind: str, parent: str, name: str = "one", given: str = token, **more: Any) -> int:
        part = {"container_id": child(parent, name) if parent else {"value": name}, **more}
        status, _ = await client.send({"type": kind, kind.lower(): part}, Authorization=f"Bearer {given}")
        return status

    launch = {"command": shell("true")}
    assert await send("LAUNCH_NESTED_CONTAINER", own.id, **launch) == 200
    world.machine.containers[f"nested.{own.id}.one"].end(Exit(code=0))
    await world.settle()
    assert await send("WAIT_NESTED_CONTAINER", own.id) == 200
    # By its value alone it is still below its own.
    assert await send("WAIT_NESTED_CONTAINER", "") == 200
    assert await send("REMOVE_NESTED_CONTAINER", own.id) == 200
    assert await send("LAUNCH_NESTED_CONTAINER", own.id, given="x" * 64, **launch) == 401
    assert await send("LAUNCH_NESTED_CONTAINER", other.id, **launch) == 401
    assert await send("LAUNCH_CONTAINER", "", **launch) == 401
    bearer = f"Bearer {token}"
    assert (await client.send({"type": "GET_CONTAINERS"}, Authorization=bearer))[0] == 401
    first = {
        "type": "ATTACH_CONTAINER_INPUT",
        "attach_container_input": {"type": "CONTAINER_ID", "container_id": child(other.id, "x")},
    }
    headers = {"Content-Type": RECORDIO, "Message-Content-Type": client.media, "Authorization": bearer}
    assert (await client.send(recordio.encode(client.encode(first)), **headers))[0] == 401
