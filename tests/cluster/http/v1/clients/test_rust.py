"""Clients in Rust: mesos 0.2 (spacejam/mesos-rs) and async_mesos 0.1, both with protobuf.

The first puts the API's path behind itself, would have HTML as well as protobuf, and is older than stream ids: its
calls are refused, as in Mesos. The second looks for one record in each piece that it reads, of 8 KiB at most.
"""

from __future__ import annotations

import pytest

from tests.cluster.http.served import Served

from .protobuf import field, id_, message, read, required, text_of
from .wire import Wire

CALL = message((2, 1), (3, field(1, message((1, "root"), (2, "rust"), (4, 0.0)))))
MESOS_RS = """
    POST /api/v1/scheduler/api/v1/scheduler HTTP/1.1
    Host: HOST
    Accept: text/html, application/x-protobuf
    Content-Type: application/x-protobuf
    Content-Length: LENGTH
"""
ASYNC_MESOS = """
    POST /api/v1/scheduler HTTP/1.1
    Host: HOST
    Accept: application/x-protobuf
    Content-Type: application/x-protobuf
    Content-Length: LENGTH
"""


async def framework_of(wire: Wire) -> str:
    record = (await wire.chunk()).partition(b"\n")[2]
    type_, part = required(read(record), 1, 2)
    assert type_ == 1
    return text_of(required(read(part), 1)[0])


@pytest.mark.asyncio
async def test_mesos_rs(served: Served) -> None:
    async with Wire(served) as stream, Wire(served) as calls:
        stream.send(MESOS_RS, CALL)
        head = await stream.head()
        assert (head.status, head.headers["Content-Type"]) == (200, "application/x-protobuf")
        framework_id = await framework_of(stream)
        calls.send(MESOS_RS, message((1, id_(framework_id)), (2, 5)))
        answer, text = await calls.answer()
        assert (answer.status, text[:26]) == (400, b"Mesos-Stream-Id is missing")


@pytest.mark.asyncio
async def test_async_mesos(served: Served) -> None:
    agent = await served.agent()
    async with Wire(served) as stream, Wire(served) as calls:
        stream.send(ASYNC_MESOS, CALL)
        head = await stream.head()
        framework_id = await framework_of(stream)
        types = []
        while 2 not in types:
            length, _, record = (await stream.chunk()).partition(b"\n")
            assert int(length) == len(record) < 8192
            types += required(read(record), 1)
        assert types[0] == 8
        calls.send(
            ASYNC_MESOS.rstrip() + f"\nMesos-Stream-Id: {head.headers['Mesos-Stream-Id']}",
            message((1, id_(framework_id)), (2, 6), (6, message((1, id_("t")), (2, id_(agent.id))))),
        )
        assert (await calls.answer())[0].status == 202
