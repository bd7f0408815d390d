"""What cannot be read, or is not for operators: nothing that is sent ends anything but its own request."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.http.v1.operator.api import ORDERS, QUESTIONS
from cluster.http.v1.operator.state import VIEWS
from cluster.v1 import protobuf
from cluster.v1 import types as v1
from cluster.v1.schema import union_field
from cluster.v1.types.master import Call, Response
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import PROTOBUF, Operator, value

VOLUMES = {"CREATE_VOLUMES", "DESTROY_VOLUMES", "GROW_VOLUME", "SHRINK_VOLUME"}


def test_every_call_is_answered() -> None:
    answered = {*ORDERS, *QUESTIONS, *VIEWS, Call.Type.SUBSCRIBE}
    assert {each.value for each in Call.Type} - VOLUMES - {"UNKNOWN"} == answered
    # And with a message of its own name.
    assert {each.value for each in (*QUESTIONS, *VIEWS)} == {each.value for each in Response.Type} - {
        "UNKNOWN"
    }


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "not JSON: Input data was truncated"),
        (b'{"type": "GET_HEA', 400, "not JSON: Input data was truncated"),
        (b"\xff", 400, "not JSON: "),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"[]", 400, "the message is an array, not an object"),
        (b"null", 400, "the message is None, not an object"),
        ({}, 400, "type is missing, or not known"),
        ({"type": None}, 400, "type is missing, or not known"),
        ({"type": 9}, 400, "type is 9, not one of the names of Call.Type"),
        ({"type": "LAUNCH_ROCKET"}, 501, "type is not known"),
        ({"type": "MARK_RESOURCE_PROVIDER_GONE"}, 501, "type is not known"),
        ({"type": "TEARDOWN", "teardown": 5}, 400, "teardown is 5, not an object"),
        ({"type": "TEARDOWN", "teardown": None}, 400, "teardown is missing, though the type is TEARDOWN"),
        ({"type": "TEARDOWN", "teardown": {"framework_id": None}}, 400, "teardown.framework_id is missing"),
        (
            {"type": "TEARDOWN", "teardown": {"framework_id": {"value": 5}}},
            400,
            "teardown.framework_id.value is 5, not a string",
        ),
        (
            {"type": "READ_FILE", "read_file": {"path": "/x", "offset": -1}},
            400,
            "read_file.offset is -1, not 0 to 18446744073709551615",
        ),
        ({"type": "READ_FILE", "read_file": {"path": "/x"}}, 400, "read_file.offset is missing"),
        (
            {"type": "SET_LOGGING_LEVEL", "set_logging_level": {"level": "high"}},
            400,
            "set_logging_level.level is 'high', not a whole number",
        ),
        (
            {"type": "DRAIN_AGENT", "drain_agent": {"agent_id": value("A"), "mark_gone": "yes"}},
            400,
            "drain_agent.mark_gone is 'yes', not a bool",
        ),
    ],
)
async def test_malformed(json_operator: Operator, body: Any, status: int, text: str) -> None:
    found = await json_operator.send(body)
    assert (found[0], found[1].startswith(text)) == (status, True), found
    assert await json_operator.get("GET_HEALTH") == {"healthy": True}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "kind", [each.value for each in Call.Type if hasattr(Call, union_field(Call(type=each)))]
)
async def test_a_part_that_is_missing(json_operator: Operator, kind: str) -> None:
    for call in ({"type": kind}, {"type": kind, kind.lower(): None}):
        status, text = await json_operator.send(call)
        assert (status, text) == (400, f"{kind.lower()} is missing, though the type is {kind}")


@pytest.mark.asyncio
async def test_nulls_are_absent(served: Served, json_operator: Operator) -> None:
    agent = await served.agent()
    nulls = {"agent_id": value(agent.id), "max_grace_period": None, "mark_gone": None}
    await json_operator.done("DRAIN_AGENT", **nulls)
    call = {"type": "GET_HEALTH", "get_metrics": None, "read_file": None, "unheard_of": None}
    assert (await json_operator.send(call))[0] == 200


@pytest.mark.asyncio
async def test_malformed_protobuf(served: Served) -> None:
    async with Operator(served, PROTOBUF) as operator:
        framework_id = v1.FrameworkID(value="F")
        call = Call(type=Call.Type.TEARDOWN, teardown=Call.Teardown(framework_id=framework_id))
        good = protobuf.encode(call)
        for cut in range(1, len(good)):
            status, text = await operator.send(good[:cut])
            assert status == 400, text
        for body, expected in (
            (b"", "type is missing"),
            (b"\xff" * 50, "not a protobuf mesos.v1.master.Call"),
        ):
            status, text = await operator.send(body)
            assert (status, text.startswith(expected)) == (400, True), text
        # A number of a type that is not known is overlooked, as in proto2.
        assert await operator.send(b"\x08\x63") == (400, "type is missing, or not known")
        assert await operator.get("GET_HEALTH") == {"healthy": True}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "application/json"}, 200),
        ({"Accept": "*/*"}, 200),
        ({"Accept": "application/x-protobuf;q=0.5, application/json"}, 200),
        ({"Accept": "text/html"}, 406),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
async def test_media(json_operator: Operator, headers: dict[str, str], status: int) -> None:
    found, answer = await json_operator.send({"type": "GET_HEALTH"}, **headers)
    assert found == status
    assert status != 200 or answer["get_health"] == {"healthy": True}


@pytest.mark.asyncio
async def test_who_cannot_read_the_answer_changes_nothing(served: Served, json_operator: Operator) -> None:
    call = {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "a", "weight": 2}]}}
    status, _ = await json_operator.send(call, Accept="image/png")
    assert status == 406
    assert served.master.state.registry.weights == {}


@pytest.mark.asyncio
async def test_asked_in_json_and_answered_in_protobuf(json_operator: Operator) -> None:
    async with await json_operator.post({"type": "GET_HEALTH"}, Accept=PROTOBUF) as response:
        assert response.content_type == PROTOBUF
        answer = protobuf.decode(await response.read(), Response)
    assert answer == Response(type=Response.Type.GET_HEALTH, get_health=Response.GetHealth(healthy=True))


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/master/api/v1", "/api/v1/operator", "/api/v1/x/y"])
async def test_paths(served: Served, path: str) -> None:
    async with Operator(served, path=path) as operator:
        assert await operator.get("GET_HEALTH") == {"healthy": True}


@pytest.mark.asyncio
async def test_other_methods(served: Served) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (await served.ask(method, "/api/v1"))[0] == 405
