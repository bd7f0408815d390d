"""mesos-framework 0.5.3 (JavaScript, npm), as recorded between it and a cluster of ours.

It splits each chunk at newlines, wants two parts, and counts characters where it should count bytes. What of a record
comes in a later piece it puts behind only if something of it came in the first: head and body of a record in two
pieces are lost. It writes null for all that is unset, in chunked requests, and takes only 202 for an answer to calls.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.v1.translate.masters import VERSION
from tests.cluster.http.served import Served

from .wire import UUID, Wire, acknowledged, launched, run

SUBSCRIBE = """
    POST /api/v1/scheduler HTTP/1.1
    Content-Type: application/json
    Host: HOST
    Connection: keep-alive
    Transfer-Encoding: chunked
"""
CALL = """
    POST /api/v1/scheduler HTTP/1.1
    Content-Type: application/json
    mesos-stream-id: {}
    Host: HOST
    Connection: keep-alive
    Transfer-Encoding: chunked
"""
FRAMEWORK = (
    '{"framework_id":null,"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"js","id":null,'
    '"failover_timeout":604800,"checkpoint":null,"role":null,"hostname":null,"principal":null,"webui_url":null,'
    '"capabilities":null,"labels":null}},"accept":null,"decline":null,"kill":null,"shutdown":null,'
    '"acknowledge":null,"reconcile":null,"message":null,"request":null}'
)
NOTHING = '"role":null,"reservation":null,"disk":null,"revocable":null'
SCALAR = '{"name":"%s","type":"SCALAR","scalar":{"value":%s},"ranges":null,"set":null,' + NOTHING + "}"
PORTS = (
    '{"name":"ports","type":"RANGES","scalar":null,"ranges":{"range":[{"begin":31000,"end":31000}]},"set":null,'
    + NOTHING
    + "}"
)
ACCEPT = (
    '{"framework_id":{"value":"%(framework)s"},"type":"ACCEPT","subscribe":null,"accept":{"offer_ids":[{"value":'
    '"%(offer)s"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"sleepProcess-1","task_id":'
    '{"value":"js.1"},"agent_id":{"value":"%(agent)s"},"resources":[%(resources)s],"executor":null,"command":'
    '{"uris":null,"environment":{"variables":[{"name":"FOO","value":"BAR"},{"name":"HOST","value":"127.0.0.1"}]},'
    '"shell":true,"value":"sleep 2; echo $FOO $HOST $PORT0","arguments":null,"user":null},"container":null,'
    '"health_check":null,"kill_policy":null,"data":null,"labels":null,"discovery":null}]},"reserve":null,'
    '"unreserve":null,"create":null,"destroy":null}],"filters":null},"decline":null,"kill":null,"shutdown":null,'
    '"acknowledge":null,"reconcile":null,"message":null,"request":null}'
)
ACKNOWLEDGE = (
    '{"framework_id":{"value":"%s"},"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"%s"},"task_id":'
    '{"value":"js.1"},"uuid":"o5IfgUv4Qk+YIRgRV6FX6Q=="}}'
)


def chunked(body: str) -> bytes:
    """As Node.js writes the body of a request without a length."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body.encode())


class Node:
    """What the client makes of a stream."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def event(self, type_: str) -> Any:
        while True:
            chunk = (await self.wire.chunk()).decode()
            length, text = chunk.split("\n")
            assert int(length) == len(text)
            event = json.loads(text)
            if event["type"] == type_:
                return event.get(type_.lower())


@pytest.mark.asyncio
async def test_a_task_of_a_javascript_framework(served: Served) -> None:
    agent = await served.agent("cpus:2;mem:1024;disk:4096;ports:[31000-31999]", attributes="Raum:Küche")
    async with Wire(served) as stream, Wire(served) as calls:
        stream.send(SUBSCRIBE, chunked(FRAMEWORK))
        head = await stream.head()
        assert (head.status, head.headers["Transfer-Encoding"]) == (200, "chunked")
        (stream_id,) = [value for name, value in head.headers.items() if name.lower() == "mesos-stream-id"]
        node = Node(stream)
        subscribed = await node.event("SUBSCRIBED")
        framework_id = subscribed["framework_id"]["value"]
        assert subscribed["master_info"]["version"] == VERSION
        (offer,) = (await node.event("OFFERS"))["offers"]
        # What it reads of an offer without asking whether it is there.
        assert offer["url"]["address"] is not None
        assert offer["hostname"]
        for resource in offer["resources"]:
            if resource["type"] == "SCALAR":
                assert resource["scalar"]["value"] >= 0
            else:
                assert resource["ranges"]["range"] == [{"begin": 31000, "end": 31999}]

        async def call(body: str) -> None:
            calls.send(CALL.format(stream_id), chunked(body))
            answer, text = await calls.answer()
            assert (answer.status, text) == (202, b"")

        def bare(type_: str, *more: str) -> str:
            """What it writes without its schema."""
            return (
                "{" + ",".join([f'"framework_id":{{"value":"{framework_id}"}},"type":"{type_}"', *more]) + "}"
            )

        resources = ",".join([SCALAR % ("cpus", 0.2), SCALAR % ("mem", 32), PORTS])
        names = {"framework": framework_id, "offer": offer["id"]["value"], "agent": agent.id}
        await call(ACCEPT % {**names, "resources": resources})
        task = await launched(served, agent)
        assert task.command is not None
        assert task.command.environment == {"FOO": "BAR", "HOST": "127.0.0.1"}
        assert str(task.resources) == "cpus:0.2;mem:32;ports:[31000-31000]"
        run(served, agent, framework_id, "js.1")
        status = (await node.event("UPDATE"))["status"]
        assert (status["agent_id"], status["executor_id"]) == ({"value": agent.id}, {"value": "js.1"})
        assert status["uuid"] == "o5IfgUv4Qk+YIRgRV6FX6Q=="
        await call(ACKNOWLEDGE % (framework_id, agent.id))
        assert await acknowledged(served, agent) == [UUID]
        await call(bare("RECONCILE", '"reconcile":{"tasks":[]}'))
        assert (await node.event("UPDATE"))["status"]["reason"] == "REASON_RECONCILIATION"
        await call(bare("REQUEST", '"requests":[]'))
        await call(bare("REVIVE"))
        # It puts the part of SHUTDOWN under the name of another: refused, as in Mesos.
        shutdown = '"kill":{"executor_id":{"value":"e"},"agent_id":{"value":"a"}}'
        calls.send(
            CALL.format(stream_id),
            chunked(bare("SHUTDOWN", shutdown)),
        )
        answer, text = await calls.answer()
        assert (answer.status, text) == (400, b"kill.task_id is missing\n")
        await call(bare("TEARDOWN"))


@pytest.mark.asyncio
async def test_a_record_comes_in_one_piece(served: Served) -> None:
    async with Wire(served) as stream:
        stream.send(SUBSCRIBE, chunked(FRAMEWORK))
        assert (await stream.head()).status == 200
        # Size of the chunk, length of the record and record: each record is one write, which loopback does not part.
        data = b""
        while b"HEARTBEAT" not in data:
            data = await stream.read.read(2**16)
            assert data.endswith(b"}\r\n")
