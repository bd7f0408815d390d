"""What PyMesos's operator driver posts, word for word, and what it wants: a status of 2xx, and JSON if there is a body.

`tests/pymesos` has the driver itself.
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import scalar
from tests.cluster.http.v1.operator.folding import Folded

PATH = "/api/v1/operator"


class Driver:
    """Its `_send`."""

    def __init__(self, served: Served, session: aiohttp.ClientSession) -> None:
        self._served = served
        self._session = session

    async def send(self, kind: str, **part: Any) -> Any:
        body = {"type": kind, **({kind.lower(): part} if part else {})}
        async with self._session.post(
            self._served.url + PATH,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
            skip_auto_headers=["Accept", "User-Agent"],
        ) as response:
            assert 200 <= response.status < 300, await response.text()
            data = await response.read()
            return json.loads(data) if data else {}


@pytest.mark.asyncio
async def test_its_calls(served: Served) -> None:
    agent = await served.agent("cpus:4;mem:1024", hostname="here")
    framework = await served.framework("eng")
    async with aiohttp.ClientSession() as session:
        send = Driver(served, session).send
        for kind in (
            "GET_HEALTH",
            "GET_FLAGS",
            "GET_VERSION",
            "GET_LOGGING_LEVEL",
            "GET_STATE",
            "GET_FRAMEWORKS",
            "GET_EXECUTORS",
            "GET_TASKS",
            "GET_AGENTS",
            "GET_ROLES",
            "GET_WEIGHTS",
            "GET_MASTER",
            "GET_MAINTENANCE_STATUS",
            "GET_MAINTENANCE_SCHEDULE",
            "GET_QUOTA",
        ):
            answer = await send(kind)
            assert answer["type"] == kind
            assert kind.lower() in answer
        assert (await send("GET_METRICS", timeout={"nanoseconds": 10**9}))["get_metrics"]["metrics"]
        assert await send("SET_LOGGING_LEVEL", duration={"nanoseconds": 10**9}, level=1) == {}
        await served.advance(1)
        await send("UPDATE_WEIGHTS", weight_infos=[{"role": "eng", "weight": 2.0}])
        resources = [scalar("cpus", 1, role="eng", reservation={"principal": "me"})]
        part = {"agent_id": {"value": agent.id}, "resources": resources}
        await send("RESERVE_RESOURCES", **part)
        assert served.registry.state.reservations == {agent.id: {"eng": Resources.of(cpus=1)}}
        await send("UNRESERVE_RESOURCES", **part)
        await send(
            "SET_QUOTA", quota_request={"role": "eng", "guarantee": [scalar("cpus", 1)], "force": False}
        )
        await send("REMOVE_QUOTA", role="eng")
        machines = [{"hostname": "here", "ip": "127.0.0.1"}]
        window = {
            "machine_ids": machines,
            "unavailability": {"start": {"nanoseconds": 10**18}, "duration": {"nanoseconds": 10**12}},
        }
        await send("UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": [window]})
        await send("START_MAINTENANCE", machines=machines)
        await send("STOP_MAINTENANCE", machines=machines)
        other = await served.agent(hostname="there")
        await send("MARK_AGENT_GONE", agent_id={"value": other.id})
        assert other.id in served.registry.state.gone
        assert framework.id


@pytest.mark.asyncio
async def test_its_stream(served: Served) -> None:
    agent = await served.agent()
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Connection": "close",
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(served.url + PATH, data=b'{"type": "SUBSCRIBE"}', headers=headers) as response,
    ):
        assert response.status == 200
        # It dies of an answer that is not chunked.
        assert response.headers["Transfer-Encoding"] == "chunked"

        async def event() -> Any:
            data, _ = await response.content.readchunk()
            length, _, record = data.partition(b"\n")
            assert int(length) == len(record)
            return json.loads(record)

        first = await event()
        folded = Folded(first["subscribed"]["get_state"])
        assert set(folded.agents) == {agent.id}
        assert await event() == {"type": "HEARTBEAT"}
        await served.framework()
        added = await event()
        assert set(added) == {"type", "framework_added"}
        assert set(added["framework_added"]) == {"framework"}
        await served.order("mark_gone", agent.id)
        removed = await event()
        assert removed == {"type": "AGENT_REMOVED", "agent_removed": {"agent_id": {"value": agent.id}}}
