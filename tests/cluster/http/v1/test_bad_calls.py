"""What is refused, and why: nothing that is sent ends anything but its own request."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from actors import TooManyActorsError
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import JSON, PATH, PROTOBUF, WITHIN, Client, scalar, task, value

INFO = {"user": "root", "name": "test"}
SUBSCRIBE = {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}


def call(client: Client, **fields: Any) -> dict[str, Any]:
    return {"framework_id": value(client.id), **fields}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "not JSON: Input data was truncated"),
        (b'{"type": "SUBSCR', "not JSON: Input data was truncated"),
        (b"\xff", "not JSON: "),
        (b"[" * 100_000, "nested too deeply"),
        (b"5", "the message is 5, not an object"),
        ({}, "type is missing, or not known"),
        ({"type": "LAUNCH_ROCKET"}, "type is missing, or not known"),
        ({"type": None}, "type is missing, or not known"),
        ({"type": 1}, "type is 1, not one of the names of Call.Type"),
        ({"type": "SUBSCRIBE"}, "subscribe is missing, though the type is SUBSCRIBE"),
        ({"type": "SUBSCRIBE", "subscribe": {}}, "subscribe.framework_info is missing"),
        (
            {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": 5}}},
            "subscribe.framework_info.user is 5",
        ),
        (
            {**SUBSCRIBE, "framework_id": value("F")},
            "framework_id is 'F', but subscribe.framework_info.id is ''",
        ),
        ({"type": "REVIVE"}, "framework_id is missing"),
        ({"type": "REVIVE", "framework_id": {}}, "framework_id.value is missing"),
        ({"type": "REVIVE", "framework_id": value("nobody")}, "framework_id: there is no framework 'nobody'"),
    ],
)
async def test_malformed(served: Served, client: Client, body: Any, text: str) -> None:
    status, answer = await client.send(body)
    assert status == 400
    assert answer.startswith(text)
    await client.done("REVIVE")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"type": "ACCEPT"}, "accept is missing, though the type is ACCEPT"),
        ({"type": "KILL", "kill": {}}, "kill.task_id is missing"),
        ({"type": "KILL", "kill": {"task_id": None}}, "kill.task_id is missing"),
        ({"type": "DECLINE", "decline": {"offer_ids": [5]}}, "decline.offer_ids[0] is 5, not an object"),
        (
            {"type": "ACCEPT", "accept": {"operations": [{"type": "LAUNCH"}]}},
            "accept.operations[0].launch is missing, though the type is LAUNCH",
        ),
        (
            {
                "type": "ACCEPT",
                "accept": {"operations": [{"type": "LAUNCH", "launch": {"task_infos": [{"name": "t"}]}}]},
            },
            "accept.operations[0].launch.task_infos[0].task_id is missing",
        ),
        (
            {
                "type": "ACKNOWLEDGE",
                "acknowledge": {"agent_id": value("A"), "task_id": value("t"), "uuid": "%"},
            },
            "acknowledge.uuid is '%', not base64 text",
        ),
        (
            {
                "type": "ACKNOWLEDGE",
                "acknowledge": {"agent_id": value("A"), "task_id": value("t"), "uuid": "AAAA"},
            },
            "acknowledge.uuid has 3 bytes, a UUID has 16",
        ),
        (
            {
                "type": "KILL",
                "kill": {"task_id": value("t"), "kill_policy": {"grace_period": {"nanoseconds": -1}}},
            },
            "kill.kill_policy.grace_period is -1e-09 seconds, not 0 to 86400",
        ),
        ({"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": INFO}}, "update_framework"),
    ],
)
async def test_calls_that_cannot_be_taken(
    served: Served, client: Client, fields: dict[str, Any], text: str
) -> None:
    status, answer = await client.send(call(client, **fields), **{"Mesos-Stream-Id": client.stream})
    assert status == 400
    assert answer.startswith(text)
    await client.done("REVIVE")


@pytest.mark.asyncio
async def test_protobuf_that_is_none(served: Served) -> None:
    async with Client(served.url, PROTOBUF) as client:
        await client.subscribe()
        status, answer = await client.send(b"\xff\xff\xff")
        assert (status, answer[:40]) == (400, "not a protobuf mesos.v1.scheduler.Call: ")
        status, answer = await client.send(b"")
        assert (status, answer) == (400, "type is missing, or not known")


@pytest.mark.asyncio
async def test_stream_ids(served: Served, client: Client) -> None:
    assert await client.call("REVIVE", headers={}) == (
        400,
        "Mesos-Stream-Id is missing: it is what the answer to SUBSCRIBE gave",
    )
    assert await client.call("REVIVE", headers={"Mesos-Stream-Id": "5"}) == (
        400,
        "Mesos-Stream-Id is '5', not that of the framework's last subscription",
    )
    status, answer = await client.send(SUBSCRIBE, **{"Mesos-Stream-Id": client.stream})
    assert (status, answer) == (400, "Mesos-Stream-Id: SUBSCRIBE begins a new stream, and is of none")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({"failover_timeout": -1}, "subscribe.framework_info.failover_timeout is -1.0"),
        ({"role": "a b"}, "framework.roles: role 'a b' is not a valid name"),
        ({"roles": ["a"]}, "subscribe.framework_info.roles is for frameworks with the capability MULTI_ROLE"),
        ({"id": value("a/b")}, "framework.id"),
        ({"name": "n" * 3 * 2**20}, "framework"),
    ],
)
async def test_frameworks_that_cannot_be(served: Served, info: dict[str, Any], text: str) -> None:
    # Their clients take no other status than 200, and show the text to people.
    async with Client(served.url, **info) as client:
        await client.begin()
        (event,) = await client.end()
        assert event["type"] == "ERROR"
        assert event["error"]["message"].startswith(text)
    assert served.master.state.frameworks == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (JSON, 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/json", 415),
        ("", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
async def test_content_types(served: Served, content_type: str, status: int) -> None:
    async with Client(served.url) as client:
        answer = await client._post(SUBSCRIBE, **{"Content-Type": content_type})
        assert answer.status == status
        if status != 200:
            assert "application/json or application/x-protobuf" in await answer.text()
        answer.close()


@pytest.mark.asyncio
async def test_a_get(served: Served) -> None:
    assert await served.ask("GET", PATH) == (405, "405: Method Not Allowed")


@pytest.mark.asyncio
async def test_a_body_of_more_than_4_mib(served: Served, client: Client) -> None:
    size = 4 * 2**20
    largest = json.dumps(call(client, type="REVIVE")).encode().ljust(size)
    assert (await client.send(largest, **{"Mesos-Stream-Id": client.stream}))[0] == 202
    status, answer = await client.send(largest + b" ", **{"Mesos-Stream-Id": client.stream})
    assert status == 413
    assert "4194304" in answer


async def raw(served: Served, data: bytes, until: bytes = b"") -> bytes:
    """The answer to bytes, to the end of the connection (or what is to be read of it)."""
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with asyncio.timeout(WITHIN):
            return await (reader.readuntil(until) if until else reader.read())
    finally:
        writer.close()


@pytest.mark.asyncio
async def test_chunked_bodies(served: Served, client: Client) -> None:
    body = json.dumps(call(client, type="REVIVE")).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Mesos-Stream-Id: {client.stream}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    assert (await raw(served, head + chunks)).startswith(b"HTTP/1.1 202 ")
    # What is no chunk ends the request, not the server.
    assert b" 400 Bad Request" in await raw(served, head + b"zz\r\n")
    await client.done("REVIVE")


@pytest.mark.asyncio
async def test_bodies_in_no_and_in_other_encodings(served: Served, client: Client) -> None:
    body = json.dumps(call(client, type="REVIVE")).encode()
    stream = {"Mesos-Stream-Id": client.stream}
    assert await client.send(body, **stream, **{"Content-Encoding": "identity"}) == (202, "")
    assert await client.send(body, **stream, **{"Accept-Encoding": "identity"}) == (202, "")
    packed = {**stream, "Content-Encoding": "gzip"}
    assert await client.send(gzip.compress(body), **packed) == (202, "")
    assert await client.send(body, **packed) == (
        400,
        "the body cannot be read: Can not decode content-encoding: gzip",
    )
    assert await client.send(gzip.compress(body)[:-20], **packed) == (
        400,
        "not JSON: Input data was truncated",
    )
    # What is small and becomes large is large.
    status, text = await client.send(gzip.compress(body.ljust(64 * 2**20)), **packed)
    assert status == 413
    assert "4194304" in text
    await client.done("REVIVE")


@pytest.mark.asyncio
async def test_a_body_without_end_is_not_waited_for(served: Served, client: Client) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Mesos-Stream-Id: {client.stream}\r\nConnection: close\r\n"
    )
    piece = b" " * 2**16
    for length, chunk in (
        (f"Content-Length: {10**15}\r\n\r\n", piece),
        ("Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + piece + b"\r\n"),
    ):
        answer = await raw(served, (head + length).encode() + chunk * 65, b"4194304")
        assert answer.startswith(b"HTTP/1.1 413 ")
    await client.done("REVIVE")


@pytest.mark.asyncio
async def test_clients_that_ask_before_they_send(served: Served, client: Client) -> None:
    # curl does, for bodies of more than a MiB.
    body = json.dumps(call(client, type="REVIVE")).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Mesos-Stream-Id: {client.stream}\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    answer = await raw(served, head + body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 ")


@pytest.mark.asyncio
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
async def test_seconds_that_are_no_number(served: Served, client: Client, number: str) -> None:
    text = json.dumps(call(client, type="DECLINE", decline={"filters": {"refuse_seconds": 1}}))
    body = text.replace(": 1}", f": {number}}}").encode()
    status, answer = await client.send(body, **{"Mesos-Stream-Id": client.stream})
    assert status == 400
    assert "not JSON" in answer or "refuse_seconds" in answer


@pytest.mark.asyncio
async def test_the_stream_of_another(served: Served, client: Client) -> None:
    async with Client(served.url) as other:
        await other.subscribe()
        assert await client.call("TEARDOWN", headers={"Mesos-Stream-Id": other.stream}) == (
            400,
            f"Mesos-Stream-Id is '{other.stream}', not that of the framework's last subscription",
        )
        await client.done("REVIVE")
        await other.done("REVIVE")


@pytest.mark.asyncio
async def test_a_client_of_http_1_0_gets_no_chunks(served: Served) -> None:
    body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": {**INFO, "role": "a b"}}})
    head = f"POST {PATH} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = await raw(served, (head + body).encode())
    head, _, record = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.0 200 OK")
    assert "chunked" not in head
    length, _, event = record.partition("\n")
    assert json.loads(event[: int(length)])["type"] == "ERROR"


@pytest.mark.asyncio
async def test_too_many_actors(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Client(served.url) as client:
        with monkeypatch.context() as patch:
            patch.setattr(served.system, "spawn", full)
            assert await client.send(SUBSCRIBE) == (503, "no more than 5")
        await client.subscribe()


def full(*_: object) -> None:
    raise TooManyActorsError("no more than 5")


@pytest.mark.asyncio
async def test_a_prefix_is_enough(served: Served) -> None:
    async with Client(served.url) as client:
        for path in (PATH + "/", "/master" + PATH, PATH + "/more"):
            client.url = served.url + path
            await client.subscribe()


@pytest.mark.asyncio
async def test_a_task_that_cannot_be_is_told_by_an_event(served: Served, client: Client) -> None:
    await served.agent()
    (offer,) = await client.offers()
    docker = {"container": {"type": "DOCKER"}}
    await client.launch(offer, "t", **docker)
    status = await client.status()
    assert (status["state"], status["reason"]) == ("TASK_ERROR", "REASON_TASK_INVALID")
    assert "there are no Docker containers here" in status["message"]
    # The offer was used up, and its resources are offered again.
    await served.advance(1)
    assert len(await client.offers()) == 1


@pytest.mark.asyncio
async def test_an_operation_that_is_not_here_is_told_by_an_event(served: Served, client: Client) -> None:
    await served.agent()
    (offer,) = await client.offers()
    volume = scalar("disk", 5, disk={"persistence": {"id": "v"}})
    create = {"type": "CREATE", "id": value("o"), "create": {"volumes": [volume]}}
    launch = {"type": "LAUNCH", "launch": {"task_infos": [task("t", offer["agent_id"])]}}
    await client.done("ACCEPT", offer_ids=[offer["id"]], operations=[create, launch])
    status = (await client.next("UPDATE_OPERATION_STATUS"))["status"]
    assert (status["operation_id"], status["state"]) == (value("o"), "OPERATION_ERROR")
    await served.settle()
    # The rest of it is done.
    assert list(served.master.state.frameworks[client.id].task_ids) == ["t"]
