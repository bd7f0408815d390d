"""Who calls the operator API of masters: mesos-go (protobuf), and @dcos/mesos-client (JavaScript, npm), seen."""

from __future__ import annotations

import json

import pytest

from tests.cluster.http.served import Served

from .protobuf import field, message, read, required
from .wire import Wire

pytestmark = pytest.mark.asyncio
PROTOBUF = "application/x-protobuf"
MESOS_GO = """
    POST /api/v1 HTTP/1.1
    Host: HOST
    User-Agent: Go-http-client/1.1
    Content-Length: LENGTH
    Accept: application/x-protobuf
    Accept: application/x-protobuf
    Content-Type: application/x-protobuf
    Accept-Encoding: gzip
"""
DCOS = """
    POST /api/v1 HTTP/1.1
    content-type: application/json
    accept: application/json
    Host: HOST
    Connection: keep-alive
    Content-Length: LENGTH
"""


@pytest.mark.parametrize(
    ("call", "type_", "part"),
    # GET_HEALTH, GET_FLAGS, GET_VERSION, GET_STATE, GET_AGENTS, GET_FRAMEWORKS, GET_TASKS, GET_ROLES, GET_WEIGHTS,
    # GET_MASTER, GET_QUOTA, by their numbers as calls and as answers, and that of the part.
    [
        (1, 1, 2),
        (2, 2, 3),
        (3, 3, 4),
        (9, 8, 9),
        (10, 9, 10),
        (11, 10, 11),
        (13, 12, 13),
        (14, 13, 14),
        (15, 14, 15),
        (17, 15, 16),
        (28, 18, 19),
    ],
)
async def test_what_mesos_go_reads(served: Served, call: int, type_: int, part: int) -> None:
    await served.agent()
    async with Wire(served) as wire:
        wire.send(MESOS_GO, field(1, call))
        head, body = await wire.answer()
        assert (head.status, head.headers["Content-Type"]) == (200, PROTOBUF)
        answer = read(body)
        assert required(answer, 1) == [type_]
        required(answer, part)


async def test_what_mesos_go_takes_for_done(served: Served) -> None:
    # UPDATE_WEIGHTS of role "a" to 2.0: no data, and so no type of it.
    weight = message((1, 2.0), (2, "a"))
    async with Wire(served) as wire:
        wire.send(MESOS_GO, message((1, 16), (6, field(1, weight))))
        head, body = await wire.answer()
        assert (head.status, body) in ((200, b""), (202, b""))
        assert head.status == 202 or "Content-Type" not in head.headers


async def test_what_mesos_go_subscribes_to(served: Served) -> None:
    async with Wire(served) as wire:
        wire.send(MESOS_GO, field(1, 18))
        head = await wire.head()
        assert (head.status, head.headers["Content-Type"]) == (200, PROTOBUF)
        assert "Content-Length" not in head.headers
        length, _, record = (await wire.chunk()).partition(b"\n")
        assert int(length) == len(record)
        type_, subscribed = required(read(record), 1, 2)
        assert type_ == 1
        required(read(subscribed), 1)


async def test_dcos(served: Served) -> None:
    async with Wire(served) as wire:
        for type_ in ("GET_HEALTH", "GET_STATE", "GET_ROLES", "GET_MAINTENANCE_SCHEDULE"):
            wire.send(DCOS, b'{"type":"%s"}' % type_.encode())
            head, body = await wire.answer()
            assert (head.status, json.loads(body)["type"]) == (200, type_)
    async with Wire(served) as wire:
        wire.send(DCOS, b'{"type":"SUBSCRIBE"}')
        assert (await wire.head()).status == 200
        # It counts bytes by the characters of the text, which are one each.
        length, _, record = (await wire.chunk()).decode("utf-8").partition("\n")
        assert int(length) == len(record)
        assert "get_state" in json.loads(record)["subscribed"]
