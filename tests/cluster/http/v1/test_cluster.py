"""HTTP frameworks on a whole cluster, beside native ones."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from cluster.framework import Framework
from cluster.local import LocalCluster
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
async def test_http_and_native_frameworks_get_fair_shares() -> None:
    async with LocalCluster(
        agents=4, resources="cpus:4;mem:4096", timers=True, duration=lambda _: 0.05, seed=1
    ) as cluster:
        native = Framework("native", seed=1)
        running = asyncio.ensure_future(cluster.run(native))
        submitted = [asyncio.ensure_future(native.submit("run", cpus=1, mem=32)) for _ in range(400)]
        try:
            async with Client(f"http://{cluster.master}") as client:
                await client.subscribe()
                async with asyncio.timeout(LONG):
                    told = await until_finished(client, 200)
            theirs = sum(each.done() for each in submitted)
            # Both wanted all there is, all the time.
            assert theirs < 400
            assert 0.35 < told["TASK_FINISHED"] / (told["TASK_FINISHED"] + theirs) < 0.65
        finally:
            for each in submitted:
                each.cancel()
            await asyncio.gather(*submitted, return_exceptions=True)
            native.stop()
            await running
