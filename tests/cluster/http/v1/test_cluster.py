"""HTTP frameworks on a whole cluster, beside native ones."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from cluster.framework import Framework
from cluster.local import LocalCluster
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import JSON, PROTOBUF, Client

LONG = 60.0
TASKS = 100


async def until_finished(client: Client, count: int) -> Counter[str]:
    """Launch so many tasks on what is offered, and acknowledge until all have finished; returns the states told."""
    told: Counter[str] = Counter()
    launched = 0
    while told["TASK_FINISHED"] < count:
        event = await client.record()
        assert event is not None
        if event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                cpus = sum(each["scalar"]["value"] for each in offer["resources"] if each["name"] == "cpus")
                batch = min(int(cpus), count - launched)
                names = [f"t-{number}" for number in range(launched, launched + batch)]
                launched += batch
                if names:
                    await client.launch(offer, *names)
                else:
                    filters = {"refuse_seconds": 1000}
                    await client.done("DECLINE", offer_ids=[offer["id"]], filters=filters)
        elif event["type"] == "UPDATE":
            client.events.append(event)
            status = await client.status()
            told[status["state"]] += 1
    return told


@pytest.mark.asyncio
@pytest.mark.parametrize("media", [JSON, PROTOBUF])
async def test_tasks_to_their_end(media: str) -> None:
    async with (
        LocalCluster(agents=2, resources="cpus:8;mem:4096", timers=True, duration=lambda _: 0.01) as cluster,
        Client(f"http://{cluster.master}", media) as client,
    ):
        await client.subscribe()
        async with asyncio.timeout(LONG):
            told = await until_finished(client, TASKS)
        assert told["TASK_FINISHED"] == TASKS
        assert set(told) <= {"TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"}
        await client.done("TEARDOWN")
        assert [event for event in await client.end() if event["type"] == "UPDATE"] == []


@pytest.mark.asyncio
@pytest.mark.parametrize(("weight", "native_tasks"), [(1.0, 6), (2.0, 4), (5.0, 2)])
async def test_http_and_native_frameworks_get_fair_shares(weight: float, native_tasks: int) -> None:
    agents = 12
    async with Served(weights={"http": weight}) as served, Client(served.url, role="http") as client:
        native = Framework("native", roles=["native"], seed=1)
        running = asyncio.ensure_future(native.run(served.master.upid, system=served.system))
        try:
            await client.subscribe()
            await served.settle()
            # Both want all there is, and each agent has room for one task.
            handles = [native.submit("run", cpus=1, mem=32) for _ in range(agents)]
            for number in range(agents):
                await give(served, client, f"t-{number}")
            allocator = served.master.state.allocator
            assert {role: share for (_, role), share in allocator.shares().items()} == {
                "native": native_tasks / agents,
                "http": (agents - native_tasks) / agents,
            }
            assert sum(handle.state is not None for handle in handles) == native_tasks
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def give(served: Served, client: Client, task_id: str) -> None:
    """Add an agent, and have it used by the one whose turn it is."""
    agent = await served.agent("cpus:1;mem:32")
    await served.advance(1)
    if served.master.state.frameworks[client.id].offers:
        (offer,) = await client.offers()
        await client.launch(offer, task_id)
        await served.settle()
    assert (served.free(agent), served.master.state.offers) == ("", {})
