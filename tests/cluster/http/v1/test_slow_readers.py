"""Clients that do not read: no more than a bound waits for them, and nobody else is held up."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from actors import PausedClock
from cluster import messages as m
from cluster.http.v1.stream import LAST_WORDS, EventStream
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import Client, value

BOUND = 2**20


class Bounded(Served):
    max_waiting = BOUND


async def flood(served: Served, client: Client, pieces: int) -> None:
    """Send so many messages of 64 KiB to a framework, in its agent's name."""
    agent = await served.agent()
    for _ in range(pieces):
        served.tell(agent, m.ExecutorToFramework(client.id, agent.id, "e", bytes(3 * 2**14)))
        await served.settle()


@pytest.mark.asyncio
async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with Bounded() as served, Client(served.url) as slow, Client(served.url) as other:
        await slow.subscribe()
        await other.subscribe()
        # The kernel takes some MiB of it.
        slow.response.connection.transport.pause_reading()
        for _ in range(20):
            await flood(served, slow, 32)
            if not served.master.state.frameworks[slow.id].connected:
                break
        record = served.master.state.frameworks[slow.id]
        assert (record.connected, record.failover_deadline is not None) == (False, True)
        assert await slow.call("REVIVE") == (403, f"framework_id: framework '{slow.id}' is not subscribed")
        # The other goes on, and the first may come back.
        await other.done("REVIVE")
        await slow.subscribe()
        await slow.done("REVIVE")


@pytest.mark.asyncio
async def test_a_client_that_reads_gets_any_amount() -> None:
    async with Bounded() as served, Client(served.url) as client:
        await client.subscribe()
        agent = await served.agent()
        for _ in range(40):
            await flood(served, client, 8)
            for _ in range(8):
                assert (await client.next("MESSAGE"))["executor_id"] == value("e")
        assert served.master.state.frameworks[client.id].connected
        assert agent.id


def test_what_waits_is_bounded() -> None:
    async def test() -> None:
        stream = EventStream(PausedClock(), 100)
        # One is taken of any size.
        assert stream.put(bytes(1000))
        assert not stream.put(b"x")
        assert stream.waiting == 1005
        stream.cut()
        assert stream.waiting == 0
        # It has ended: there is nobody to send to.
        assert stream.put(b"x")
        assert stream.waiting == 0

    asyncio.run(test())


@pytest.mark.asyncio
async def test_who_does_not_read_the_end_is_cut_off_after_a_while(served: Served) -> None:
    async with Client(served.url) as client:
        await client.subscribe()
        client.response.connection.transport.pause_reading()
        await flood(served, client, 200)
        await client.done("TEARDOWN")
        await served.advance(LAST_WORDS)
        client.response.connection.transport.resume_reading()
        with pytest.raises(aiohttp.ClientError):
            await client.end()
