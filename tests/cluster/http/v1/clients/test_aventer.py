"""mesos-compose, mesos-m3s and others on AVENTER's mesos-util (Go, with gogo's jsonpb).

jsonpb writes indented JSON with whole numbers of 64 bits in quotes, and reads nothing that it does not know: neither a
field nor the name of an enum that its schema, Mesos's, has not. They send no `Accept`, authenticate as nobody where
nobody is asked for, name themselves by an empty id at first, and read the stream by lines. Only 202 will do.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.http.served import Served

from .wire import UUID, Wire, acknowledged, launched, run

SUBSCRIBE = """
    POST /api/v1/scheduler HTTP/1.1
    Host: HOST
    User-Agent: Go-http-client/1.1
    Connection: close
    Content-Length: LENGTH
    Authorization: Basic Og==
    Content-Type: application/json
    Accept-Encoding: gzip
"""
CALL = SUBSCRIBE.rstrip() + "\nMesos-Stream-Id: {}"
FRAMEWORK = b"""{
 "framework_id": {
  "value": ""
 },
 "type": "SUBSCRIBE",
 "subscribe": {
  "framework_info": {
   "user": "root",
   "name": "compose",
   "id": {
    "value": ""
   },
   "failover_timeout": 5000,
   "checkpoint": true,
   "role": "*",
   "hostname": "",
   "webui_url": "http://localhost:10000",
   "capabilities": [
    {
     "type": "RESERVATION_REFINEMENT"
    }
   ]
  }
 }
}"""
# What is in Mesos's messages, of which a stricter reader takes no more.
KNOWN = {
    "Event": {"type", "subscribed", "offers", "update", "failure", "rescind", "message", "error"},
    "subscribed": {"framework_id", "heartbeat_interval_seconds", "master_info"},
    "master_info": {"id", "ip", "port", "pid", "hostname", "version", "address", "domain", "capabilities"},
    "offers": {
        "id",
        "framework_id",
        "agent_id",
        "hostname",
        "url",
        "domain",
        "resources",
        "attributes",
        "executor_ids",
        "unavailability",
        "allocation_info",
    },
    "resources": {
        "provider_id",
        "name",
        "type",
        "scalar",
        "ranges",
        "set",
        "role",
        "allocation_info",
        "reservation",
        "reservations",
        "disk",
        "revocable",
        "shared",
    },
    "status": {
        "task_id",
        "state",
        "message",
        "source",
        "reason",
        "data",
        "agent_id",
        "executor_id",
        "timestamp",
        "uuid",
        "healthy",
        "check_status",
        "labels",
        "container_status",
        "unreachable_time",
        "limitation",
    },
}
CAPABILITIES = {"UNKNOWN", "AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"}


class Lines:
    """A length, then lines of a record and the next one's length."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.pending = b""

    async def line(self) -> str:
        while b"\n" not in self.pending:
            self.pending += await self.wire.chunk()
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode()

    async def event(self, type_: str) -> Any:
        """The first JSON value of a line is the event; mesos-m3s looks no further."""
        while True:
            event, _ = json.JSONDecoder().raw_decode(await self.line())
            assert set(event) <= KNOWN["Event"]
            if event["type"] == type_:
                return event.get(type_.lower())


@pytest.mark.asyncio
async def test_a_task_of_a_framework_with_jsonpb(served: Served) -> None:
    agent = await served.agent("cpus:1;mem:128;ports:[31000-31999]")
    async with Wire(served) as stream:
        stream.send(SUBSCRIBE, FRAMEWORK)
        head = await stream.head()
        assert (head.status, head.headers["Content-Type"]) == (200, "application/json")
        stream_id = head.headers["Mesos-Stream-Id"]

        async def call(body: str) -> None:
            async with Wire(served) as wire:
                wire.send(CALL.format(stream_id), body.encode())
                answer, text = await wire.answer()
                assert (answer.status, text) == (202, b"")
                assert await wire.ended()

        lines = Lines(stream)
        assert (await lines.line()).isdigit()
        subscribed = await lines.event("SUBSCRIBED")
        assert set(subscribed) <= KNOWN["subscribed"]
        assert set(subscribed["master_info"]) <= KNOWN["master_info"]
        assert {each["type"] for each in subscribed["master_info"]["capabilities"]} <= CAPABILITIES
        of = json.dumps(subscribed["framework_id"])
        await served.advance(15)
        (offer,) = (await lines.event("OFFERS"))["offers"]
        assert set(offer) <= KNOWN["offers"]
        for resource in offer["resources"]:
            assert set(resource) <= KNOWN["resources"]
            assert "role" not in resource
        ports = (
            '{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": "31000", "end": "31001"}]}}'
        )
        accept = f"""{{
         "framework_id": {of},
         "type": "ACCEPT",
         "accept": {{
          "offer_ids": [{{"value": "{offer["id"]["value"]}"}}],
          "operations": [{{
           "type": "LAUNCH",
           "launch": {{"task_infos": [{{
             "name": "t", "task_id": {{"value": "t1"}}, "agent_id": {{"value": "{agent.id}"}},
             "command": {{"shell": true, "value": "sleep 5", "environment": {{}}}},
             "resources": [{{"name": "cpus", "type": "SCALAR", "scalar": {{"value": 0.1}}}}, {ports}],
             "kill_policy": {{"grace_period": {{"nanoseconds": "5000000000"}}}}
           }}]}}
          }}]
         }}
        }}"""
        await call(accept)
        task = await launched(served, agent)
        assert str(task.resources) == "cpus:0.1;ports:[31000-31001]"
        assert task.kill_policy.grace_period == 5.0
        run(served, agent, subscribed["framework_id"]["value"], "t1")
        await served.advance(15)
        status = (await lines.event("UPDATE"))["status"]
        assert set(status) <= KNOWN["status"]
        names = ", ".join(f'"{name}": {json.dumps(status[name])}' for name in ("agent_id", "task_id", "uuid"))
        await call(f'{{"framework_id": {of}, "type": "ACKNOWLEDGE", "acknowledge": {{{names}}}}}')
        assert await acknowledged(served, agent) == [UUID]
        await call(f'{{"framework_id": {of}, "type": "RECONCILE", "reconcile": {{}}}}')
        await call(f'{{"framework_id": {of}, "type": "REVIVE"}}')


@pytest.mark.asyncio
async def test_it_subscribes_again_with_its_id(served: Served) -> None:
    async with Wire(served) as stream, Wire(served) as again:
        stream.send(SUBSCRIBE, FRAMEWORK)
        lines = Lines(stream)
        await stream.head()
        await lines.line()
        framework_id = (await lines.event("SUBSCRIBED"))["framework_id"]["value"]
        again.send(SUBSCRIBE, FRAMEWORK.replace(b'"value": ""', f'"value": "{framework_id}"'.encode()))
        await again.head()
        lines = Lines(again)
        await lines.line()
        assert (await lines.event("SUBSCRIBED"))["framework_id"]["value"] == framework_id
