"""Mesos's own scheduler library in C++ (`mesos-execute`, the Java adapter of DC/OS's SDK), and basho's in Erlang.

The first keeps two connections: one for the stream, one on which it sends calls without waiting for their answers. It
ends the process if SUBSCRIBE is answered 202, or any other call 200 that it does not know of. The second looks for its
headers' names to the letter, and for whole records in each piece.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.cluster.http.served import Served

from .wire import Wire

SUBSCRIBE = """
    POST /master/api/v1/scheduler HTTP/1.1
    Accept: application/json
    Connection: Keep-Alive
    Content-Length: LENGTH
    Content-Type: application/json
    Host: HOST
"""
CALL = SUBSCRIBE.rstrip() + "\nMesos-Stream-Id: {}"
ERLANG = """
    POST /api/v1/scheduler HTTP/1.1
    Content-Type: application/json
    Accept: application/json
    Connection: close
    User-Agent: hackney/1.4.8
    Host: HOST
    Content-Length: LENGTH
"""


def framework(**more: Any) -> bytes:
    info = {"user": "root", "name": "mesos-execute", "checkpoint": False, "roles": ["*"]}
    capabilities = [
        {"type": "MULTI_ROLE"},
        {"type": "RESERVATION_REFINEMENT"},
        {"type": "TASK_KILLING_STATE"},
    ]
    part = {"framework_info": {**info, "capabilities": capabilities}, **more}
    return json.dumps({"type": "SUBSCRIBE", "subscribe": part}).encode()


@pytest.mark.asyncio
async def test_calls_that_do_not_wait(served: Served) -> None:
    async with Wire(served) as stream, Wire(served) as calls:
        stream.send(SUBSCRIBE, framework())
        head = await stream.head()
        assert head.status == 200
        stream_id = head.headers["Mesos-Stream-Id"]
        assert str(uuid.UUID(stream_id)) == stream_id
        (first,) = json.loads((await stream.chunk()).partition(b"\n")[2])["subscribed"][
            "framework_id"
        ].values()
        revive = json.dumps({"framework_id": {"value": first}, "type": "REVIVE"}).encode()
        # What is wrong among them is said in its place, and ends nothing.
        for body in (revive, revive, b"{}", revive):
            calls.send(CALL.format(stream_id), body)
        assert [(await calls.answer())[0].status for _ in range(4)] == [202, 202, 400, 202]
        teardown = json.dumps({"framework_id": {"value": first}, "type": "TEARDOWN"}).encode()
        for _ in range(2):
            calls.send(CALL.format(stream_id), teardown)
        assert (await calls.answer())[0].status == 202
        assert (await calls.answer())[0].status in (400, 403)
        # The stream's end is known at once, though its connection was to be kept.
        while chunk := await stream.chunk():
            assert b"HEARTBEAT" in chunk


@pytest.mark.asyncio
async def test_erlang(served: Served) -> None:
    async with Wire(served) as stream:
        stream.send(ERLANG, framework(force=False))
        head = await stream.head()
        assert (head.status, head.headers["Content-Type"]) == (200, "application/json")
        length, _, record = (await stream.chunk()).partition(b"\n")
        assert int(length) == len(record)
        subscribed = json.loads(record)["subscribed"]
        # It gives up when it has heard nothing for as long and a little.
        assert subscribed["heartbeat_interval_seconds"] == 15.0
        assert await stream.chunk() == b'20\n{"type":"HEARTBEAT"}'
