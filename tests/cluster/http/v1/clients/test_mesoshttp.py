"""mesoshttp 0.4.2 and avmesos 0.4.2 (Python, PyPI), and what is built on them, such as Airflow's provider.

They use requests: one connection for each call, `Accept-Encoding: gzip, deflate`, and a stream on a connection that is
to be kept. They read the stream by lines: the first is a length, each other one a record with the length of the next
behind it. So a record is known when the next one comes, and nothing but JSON without newlines will do.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.http.served import Served

from .wire import UUID, Wire, acknowledged, launched, run

HEAD = """
    POST /api/v1/scheduler HTTP/1.1
    Host: HOST
    User-Agent: python-requests/2.34.2
    Accept-Encoding: gzip, deflate
    Accept: application/json
    Connection: keep-alive
    Content-Type: application/json
"""
SUBSCRIBE = HEAD + "Content-Length: LENGTH"
CALL = HEAD + "Mesos-Stream-Id: {}\nContent-Length: LENGTH"
FRAMEWORK = (
    b'{"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "py", "hostname": "",'
    b' "webui_url": "", "capabilities": [], "failover_timeout": 60, "principal": "p"},'
    b' "credentials": [{"principal": "p", "secret": "s"}]}}'
)


class Lines:
    """What requests' iter_lines makes of a stream, and the client of the lines."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.pending = b""
        self.count = 0

    async def line(self) -> str:
        while b"\n" not in self.pending:
            self.pending += await self.wire.chunk()
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode("utf-8")

    async def begin(self) -> None:
        self.count = int(await self.line())

    async def event(self, type_: str) -> Any:
        while True:
            line = await self.line()
            body = json.loads(line[: self.count])
            self.count = int(line[self.count :])
            if body["type"] == type_:
                return body.get(type_.lower())


@pytest.mark.asyncio
async def test_a_task_of_a_framework_that_reads_lines(served: Served) -> None:
    agent = await served.agent("cpus:1;mem:128")
    async with Wire(served) as stream:
        stream.send(SUBSCRIBE, FRAMEWORK)
        head = await stream.head()
        assert head.status == 200
        assert "Content-Encoding" not in head.headers
        stream_id = head.headers["Mesos-Stream-Id"]

        async def call(body: Any) -> None:
            async with Wire(served) as wire:
                wire.send(CALL.format(stream_id), json.dumps(body).encode())
                answer, text = await wire.answer()
                assert (answer.status, text) == (202, b"")
                assert answer.headers.get("Connection", "keep-alive") == "keep-alive"

        lines = Lines(stream)
        await lines.begin()
        of = (await lines.event("SUBSCRIBED"))["framework_id"]
        # It hears of an offer when the next event comes.
        await served.advance(15)
        (offer,) = (await lines.event("OFFERS"))["offers"]
        task = {
            "name": "t",
            "task_id": {"value": "t1"},
            "agent_id": {"value": offer["agent_id"]["value"]},
            "command": {"value": "echo hello"},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}],
            # A name of old, which it adds.
            "slave_id": {"value": offer["agent_id"]["value"]},
        }
        launch = {"type": "LAUNCH", "launch": {"task_infos": [task]}}
        accept = {"offer_ids": [offer["id"]], "operations": [launch], "filters": {"refuse_seconds": 100}}
        await call({"framework_id": of, "type": "ACCEPT", "accept": accept})
        assert (await launched(served, agent)).task_id == "t1"
        run(served, agent, of["value"], "t1")
        await served.advance(15)
        status = (await lines.event("UPDATE"))["status"]
        names = {name: status[name] for name in ("agent_id", "task_id", "uuid")}
        await call({"framework_id": of, "type": "ACKNOWLEDGE", "acknowledge": names})
        assert await acknowledged(served, agent) == [UUID]
        await call({"framework_id": of, "type": "DECLINE", "decline": {"offer_ids": [offer["id"]]}})
        await call({"framework_id": of, "type": "SUPPRESS"})
        await call({"framework_id": of, "type": "TEARDOWN"})
