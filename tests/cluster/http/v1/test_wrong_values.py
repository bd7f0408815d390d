"""Anything in any place of any call: it is done, or the answer says which field is wrong; nothing else ever."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.v1 import json as v1_json
from cluster.v1 import protobuf
from cluster.v1.types.scheduler import Call
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import JSON, PROTOBUF, Client, scalar, task, value
from tests.cluster.http.v1.mutations import OTHERS, Place, changed, paths, with_strangers, without

pytestmark = pytest.mark.asyncio

UUID = "AAAAAAAAAAAAAAAAAAAAAA=="
IDS = {"agent_id": value("A"), "executor_id": value("e")}
TASK = task(
    "t",
    value("A"),
    executor={
        "type": "CUSTOM",
        "executor_id": value("e"),
        "command": {"value": "run", "uris": [{"value": "http://h/x", "extract": True}]},
        "resources": [scalar("cpus", 1)],
    },
    data="AP8=",
    labels={"labels": [{"key": "k", "value": "v"}]},
    kill_policy={"grace_period": {"nanoseconds": 1}},
    health_check={"type": "HTTP", "http": {"port": 80, "path": "/", "statuses": [200]}, "delay_seconds": 1.5},
    discovery={"visibility": "CLUSTER", "name": "n", "ports": {"ports": [{"number": 1, "protocol": "tcp"}]}},
)
GROUP = {
    "executor": {**TASK["executor"], "type": "DEFAULT"},
    "task_group": {"tasks": [task("u", value("A"))]},
}
PORTS = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]}}
RESERVED = scalar("cpus", 1, role="eng", reservation={"principal": "p"})
OPERATIONS = [
    {"type": "LAUNCH", "launch": {"task_infos": [TASK]}},
    {"type": "LAUNCH_GROUP", "launch_group": GROUP},
    {"type": "RESERVE", "id": value("o"), "reserve": {"resources": [RESERVED, PORTS]}},
    {"type": "UNRESERVE", "unreserve": {"resources": [RESERVED]}},
]
INFO = {
    "user": "root",
    "name": "test",
    "roles": ["a", "b"],
    "failover_timeout": 10.5,
    "checkpoint": True,
    "hostname": "h",
    "principal": "p",
    "webui_url": "u",
    "capabilities": [{"type": "MULTI_ROLE"}],
    "labels": {"labels": [{"key": "k", "value": "v"}]},
}
CONSTRAINT = {"selector": {"attribute_name": "rack"}, "predicate": {"text_equals": {"value": "r"}}}
CONSTRAINTS = {role: {"groups": [{"attribute_constraints": [CONSTRAINT]}]} for role in INFO["roles"]}
SUBSCRIBE = {
    "framework_info": INFO,
    "suppressed_roles": ["a"],
    "offer_constraints": {"role_constraints": CONSTRAINTS},
}
CALLS: dict[str, Any] = {
    "ACCEPT": {"offer_ids": [value("O")], "operations": OPERATIONS, "filters": {"refuse_seconds": 1.5}},
    "DECLINE": {"offer_ids": [value("O")], "filters": {"refuse_seconds": 1.5}},
    "ACCEPT_INVERSE_OFFERS": {"inverse_offer_ids": [value("O")], "filters": {"refuse_seconds": 1.5}},
    "DECLINE_INVERSE_OFFERS": {"inverse_offer_ids": [value("O")]},
    "REVIVE": {"roles": ["a"]},
    "SUPPRESS": {"roles": ["a"]},
    "KILL": {"task_id": value("t"), "kill_policy": {"grace_period": {"nanoseconds": 5}}},
    "SHUTDOWN": IDS,
    "ACKNOWLEDGE": {"agent_id": value("A"), "task_id": value("t"), "uuid": UUID},
    "ACKNOWLEDGE_OPERATION_STATUS": {"agent_id": value("A"), "uuid": UUID, "operation_id": value("o")},
    "RECONCILE": {"tasks": [{"task_id": value("t"), "agent_id": value("A")}]},
    "RECONCILE_OPERATIONS": {"operations": [{"operation_id": value("o"), "agent_id": value("A")}]},
    "MESSAGE": {**IDS, "data": "AP8="},
    "REQUEST": {"requests": [{"agent_id": value("A"), "resources": [PORTS]}]},
}


@pytest.fixture(params=[*CALLS])
def call(request: pytest.FixtureRequest, client: Client) -> Any:
    """One of each kind, and right."""
    kind: str = request.param
    return {"type": kind, "framework_id": value(client.id), kind.lower(): CALLS[kind]}


async def send(client: Client, call: Any) -> tuple[int, str]:
    return await client.send(call, **{"Mesos-Stream-Id": client.stream})


async def test_it_is_right(served: Served, client: Client, call: Any) -> None:
    assert await send(client, call) == (202, "")
    assert await send(client, with_strangers(call)) == (202, "")


async def test_anything_anywhere(served: Served, client: Client, call: Any) -> None:
    for path in paths(call):
        for other in OTHERS:
            status, text = await send(client, changed(call, path, other))
            assert status in (202, 400), (path, other, text)
            assert names(text, path) == (status == 400), (path, other, text)
    await client.done("REVIVE")


def names(text: str, path: Place) -> bool:
    """Whether a text says where something is wrong: there, or around it."""
    return text.startswith("not JSON: ") or any(part in text for part in path if isinstance(part, str))


async def test_null_is_absent(served: Served, client: Client, call: Any) -> None:
    for path in paths(call):
        null, absent = changed(call, path, None), without(call, path)
        assert await send(client, null) == await send(client, absent), path


async def test_what_is_cut_off(served: Served, client: Client, call: Any) -> None:
    body = json.dumps(call).encode()
    for size in range(len(body)):
        status, text = await send(client, body[:size])
        assert (status, text.partition(":")[0]) == (400, "not JSON"), size


async def test_protobuf_that_is_cut_off(served: Served, client: Client, call: Any) -> None:
    client.media = PROTOBUF
    body = protobuf.encode(v1_json.decode(json.dumps(call).encode(), Call))
    assert await send(client, body) == (202, "")
    for size in range(len(body)):
        status, text = await send(client, body[:size])
        # Where a field ends a message may end.
        assert (status == 202) == (text == ""), size
        assert text.startswith("not a protobuf mesos.v1.scheduler.Call: ") or "missing" in text or not text


@pytest.mark.parametrize("media", [JSON, PROTOBUF])
async def test_anything_anywhere_of_a_framework(served: Served, media: str) -> None:
    right = {"type": "SUBSCRIBE", "subscribe": SUBSCRIBE}
    async with Client(served.url, media) as client:
        for path in paths(right):
            if path == ("type",):
                continue
            for other in OTHERS:
                call = changed(right, path, other)
                if media == PROTOBUF and not representable(call):
                    continue
                client.response = await client._post(call, Accept=media)
                text = "" if client.response.status == 200 else await client.response.text()
                if not text:
                    event = await client.record()
                    assert event["type"] in ("SUBSCRIBED", "ERROR"), (path, other)
                    text = event["error"]["message"] if event["type"] == "ERROR" else path[0]
                # That roles are not as they were can make other fields wrong.
                assert names(text, (*path, "role")), (path, other, text)
                client.close()
    async with Client(served.url, **INFO) as client:
        assert (await client.subscribe(**{**SUBSCRIBE, "framework_info": INFO}))["framework_id"]


def representable(call: Any) -> bool:
    """Whether protobuf can say it at all."""
    try:
        protobuf.encode(v1_json.decode(json.dumps(call).encode(), Call))
    except ValueError:
        return False
    return True
