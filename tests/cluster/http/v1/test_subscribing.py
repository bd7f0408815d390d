"""Streams: how they begin, beat, fail over and end."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import encode_basic_auth

from actors.http import basic_auth
from cluster.http.standby import nobody_leads
from cluster.messages import FrameworkInfo, FrameworkRefused, Subscribe, UnregisterAgent
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import JSON, PROTOBUF, WITHIN, Client


async def until_disconnected(served: Served, framework_id: str) -> None:
    """Wait until the master has noticed that the connection broke."""
    async with asyncio.timeout(WITHIN):
        while served.master.state.frameworks[framework_id].connected:
            await asyncio.sleep(0.001)


@pytest.mark.asyncio
@pytest.mark.parametrize("media", [JSON, PROTOBUF])
async def test_subscribed_comes_first(served: Served, media: str) -> None:
    await served.agent()
    async with Client(served.url, media) as client:
        subscribed = await client.subscribe()
        assert subscribed["heartbeat_interval_seconds"] == 15
        assert subscribed["master_info"]["version"] == "1.11.0"
        assert subscribed["master_info"]["id"] == served.master.state.master_id
        (offer,) = await client.offers()
        assert offer["framework_id"] == {"value": client.id}
        record = served.master.state.frameworks[client.id]
        assert (record.info.name, record.info.roles, record.info.failover_timeout) == ("test", ("*",), 100)


@pytest.mark.asyncio
async def test_a_heartbeat_comes_every_15_seconds(served: Served) -> None:
    async with Client(served.url) as client:
        await client.subscribe()
        await served.advance(14.9)
        agent = await served.agent()
        served.tell(agent, UnregisterAgent(agent.id))
        await served.settle()
        assert (await client.record())["type"] == "OFFERS"
        assert (await client.record())["type"] == "RESCIND"
        assert (await client.record())["type"] == "FAILURE"
        await served.advance(0.1)
        assert await client.record() == {"type": "HEARTBEAT"}
        await served.advance(30)
        assert await client.record() == {"type": "HEARTBEAT"}
        assert await client.record() == {"type": "HEARTBEAT"}


@pytest.mark.asyncio
async def test_a_stream_that_is_closed_is_a_framework_that_is_gone(served: Served) -> None:
    async with Client(served.url, failover_timeout=60) as client:
        await client.subscribe()
        client.close()
        await until_disconnected(served, client.id)
        assert await client.call("REVIVE") == (
            403,
            f"framework_id: framework '{client.id}' is not subscribed",
        )
        await served.advance(59)
        first = client.stream
        # It is back within its failover timeout.
        await client.subscribe()
        assert client.stream != first
        await served.advance(61)
        assert served.master.state.frameworks[client.id].connected
        client.close()
        await until_disconnected(served, client.id)
        await served.advance(60)
        assert client.id not in served.master.state.frameworks
        # Now it is too late.
        await client.begin()
        assert await client.end() == [{"type": "ERROR", "error": {"message": "Framework has been removed"}}]


@pytest.mark.asyncio
async def test_another_subscriber_takes_over(served: Served) -> None:
    async with Client(served.url) as one, Client(served.url, PROTOBUF) as other:
        await one.subscribe()
        other.info = dict(one.info)
        assert (await other.subscribe())["framework_id"] == {"value": one.id}
        assert await one.end() == [{"type": "ERROR", "error": {"message": "Framework failed over"}}]
        assert await one.call("REVIVE") == (
            400,
            f"Mesos-Stream-Id is '{one.stream}', not that of the framework's last subscription",
        )
        await other.done("REVIVE")
        # And back again, as clients do that do not stop when they are told so.
        await one.subscribe()
        assert (await other.end())[-1]["type"] == "ERROR"
        await one.done("REVIVE")
        assert served.master.state.frameworks[one.id].connected


@pytest.mark.asyncio
async def test_a_native_scheduler_takes_over(served: Served) -> None:
    async with Client(served.url) as client:
        await client.subscribe()
        native = served.spawn()
        served.tell(native, Subscribe(FrameworkInfo("test", id=client.id, roles=("*",))))
        assert (await client.end())[-1]["error"]["message"] == "Framework failed over"
        assert await client.call("REVIVE") == (
            403,
            f"framework_id: framework '{client.id}' does not speak HTTP",
        )
        # And back.
        await client.subscribe()
        assert [each.cause for each in native.take(FrameworkRefused)] == ["FAILED_OVER"]


@pytest.mark.asyncio
async def test_teardown_ends_the_stream(served: Served) -> None:
    async with Client(served.url) as client:
        await client.subscribe()
        await client.done("TEARDOWN")
        assert await client.end() == []
        await served.settle()
        assert client.id not in served.master.state.frameworks
        assert await client.call("TEARDOWN") == (400, f"framework_id: there is no framework '{client.id}'")


@pytest.mark.asyncio
async def test_an_operator_ends_it(served: Served) -> None:
    async with Client(served.url) as client:
        await client.subscribe()
        assert (await served.ask("POST", f"/ostrom/teardown?framework={client.id}"))[0] == 200
        assert [event["type"] for event in await client.end()] == ["ERROR"]


@pytest.mark.asyncio
async def test_the_stream_ends_with_the_master(served: Served) -> None:
    async with Client(served.url) as client:
        await client.subscribe()
        served.system.terminate(served.master.upid)
        assert await client.end() == []


@pytest.mark.asyncio
async def test_suppressed_from_the_beginning(served: Served) -> None:
    capabilities = [{"type": "MULTI_ROLE"}]
    async with Client(served.url, roles=["a", "b"], capabilities=capabilities) as client:
        await client.subscribe(suppressed_roles=["a"])
        await served.agent()
        (offer,) = await client.offers()
        assert offer["allocation_info"] == {"role": "b"}


@pytest.mark.asyncio
async def test_version(served: Served) -> None:
    for path in ("/version", "/master/version"):
        assert (await served.get(path))["version"] == "1.11.0"


@pytest.mark.asyncio
async def test_principals_of_a_master_with_authentication(served: Served) -> None:
    served.system.http.authenticate = basic_auth({"ops": "secret", "eng": "word"})
    ops = {"Authorization": encode_basic_auth("ops", "secret")}
    async with Client(served.url) as client:
        assert (await client.send({"type": "REVIVE"}))[0] == 401
        client.headers = ops
        # It need not say who it is, as it has shown it.
        await client.subscribe()
        assert served.master.state.frameworks[client.id].info.principal == "ops"
        await client.done("REVIVE")
        client.headers = {"Authorization": encode_basic_auth("eng", "word")}
        text = "the request is from 'eng', the framework's principal is 'ops'"
        assert await client.call("REVIVE") == (400, text)
        other = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {**client.info, "principal": "ops"}}}
        assert await client.send({**other, "framework_id": client.info["id"]}) == (400, text)
        client.headers = ops
        await client.done("TEARDOWN")


@pytest.mark.asyncio
async def test_what_is_null_is_absent(served: Served) -> None:
    nulls = {"role": None, "id": None, "hostname": None, "capabilities": None, "labels": None}
    async with Client(served.url, **nulls, not_known=[{"a": 1}]) as client:
        del client.info["id"]
        call = {"type": "SUBSCRIBE", "framework_id": None, "accept": None}
        part = {"framework_info": {**client.info, "id": None}, "suppressed_roles": None}
        client.response = await client._post({**call, "subscribe": part}, Accept="*/*")
        assert (await client.record())["type"] == "SUBSCRIBED"
        client.close()


@pytest.mark.asyncio
async def test_calls_get_no_answer_when_the_master_has_ended() -> None:
    """Clients stop for good when they are told that they are not subscribed, or that there is no such path."""
    async with Served() as served, Client(served.url) as client:
        served.system.http.unready = nobody_leads
        await client.subscribe()
        served.system.terminate(served.master.upid)
        assert await client.end() == []
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.call("REVIVE")
        subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": client.info}}
        assert await client.send(subscribe) == (503, "no master leads now")
