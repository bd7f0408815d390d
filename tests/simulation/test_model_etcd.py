"""What the model of etcd does that no test can have a real one do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from random import Random

import pytest

from actors.simulation import Simulation
from cluster.etcd import EtcdUnavailableError, Event, Put, WatchSilentError

from .etcd import ModelEtcd, ModelEtcdClient

Scenario = Callable[[ModelEtcd, ModelEtcdClient], Awaitable[None]]
KEY = "/key"


def run(scenario: Scenario, seed: int = 1) -> None:
    async def main(simulation: Simulation) -> None:
        etcd = ModelEtcd(simulation.loop, Random(f"etcd {seed}"))
        await scenario(etcd, ModelEtcdClient(etcd, "one", Random(f"client {seed}"), silence=30.0))

    Simulation(seed=seed).run(main)


async def fails(work: Awaitable[object]) -> float:
    """Seconds until it ends with EtcdUnavailableError."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(EtcdUnavailableError):
        await work
    return loop.time() - began


def test_an_answer_that_is_lost_is_of_something_done_by_each_endpoint_asked() -> None:
    async def scenario(etcd: ModelEtcd, client: ModelEtcdClient) -> None:
        client.weather.answer_lost = 1.0
        assert await fails(client.txn([], [Put(KEY, b"")])) == pytest.approx(5.0)
        item = etcd.store.get(KEY)
        assert item is not None
        assert item.version == 4
        assert await fails(client.keepalive(1, timeout=0.7)) == pytest.approx(0.7)

    run(scenario)


def test_a_request_that_is_lost_is_never_done_and_a_late_one_is() -> None:
    async def scenario(etcd: ModelEtcd, client: ModelEtcdClient) -> None:
        client.weather.request_lost = 1.0
        await fails(client.txn([], [Put(KEY, b"")]))
        await asyncio.sleep(60)
        assert etcd.store.get(KEY) is None
        client.weather.request_lost, client.weather.late = 0.0, 1.0
        late = 0
        for number in range(30):
            key = f"{KEY}/{number}"
            try:
                await client.txn([], [Put(key, b"")])
            except EtcdUnavailableError:
                late += etcd.store.get(key) is None
        assert late
        await asyncio.sleep(60)
        assert len(etcd.store.range(f"{KEY}/", "", 0, 0).items) == 30

    run(scenario)


@pytest.mark.parametrize("to", [True, False])
def test_what_is_cut_off_is_lost_or_comes_when_the_cut_ends(to: bool) -> None:
    async def scenario(etcd: ModelEtcd, client: ModelEtcdClient) -> None:
        etcd.block("cut", "one", to=to, back=not to)
        for number in range(10):
            await fails(client.txn([], [Put(f"{KEY}/{number}", b"")]))
        before = len(etcd.store.range(KEY, "", 0, 0).items)
        assert before == (0 if to else 10)
        etcd.unblock("cut")
        await asyncio.sleep(5)
        assert len(etcd.store.range(KEY, "", 0, 0).items) > (0 if to else 9)
        await client.get(KEY)

    run(scenario)


def test_leases_end_within_half_a_second_after_their_time() -> None:
    async def scenario(etcd: ModelEtcd, _client: ModelEtcdClient) -> None:
        loop = asyncio.get_running_loop()
        rng, late = Random(1), []

        def ended() -> None:
            if etcd.store.get(KEY) is None:
                late.append(loop.time() - began - 2.0)

        etcd.on_change = ended
        for _ in range(100):
            await asyncio.sleep(rng.random())
            began = loop.time()
            etcd.txn("", [], [Put(KEY, b"", etcd.grant(1).id)], [])
            await asyncio.sleep(3.0)
        assert len(late) == 100
        assert 0 <= min(late) < 0.05
        assert 0.45 < max(late) <= 0.5

    run(scenario)


def test_a_lease_that_has_run_out_is_not_renewed_though_it_is_not_swept_yet() -> None:
    async def scenario(etcd: ModelEtcd, _client: ModelEtcdClient) -> None:
        replies: list[tuple[float, float]] = []
        loop = asyncio.get_running_loop()
        for number in range(20):
            lease = etcd.grant(2)
            await asyncio.sleep(2.0 + number / 40)
            waits = lease.id in etcd.leases
            etcd.keepalive(lease.id, lambda left: replies.append((left, loop.time())))
            assert len(replies) == number + (not waits)
            await asyncio.sleep(0.5)
            assert len(replies) == number + 1
        assert {left for left, _ in replies} == {0.0}

    run(scenario)


def test_in_an_outage_nothing_is_answered_and_no_lease_ends_and_then_each_has_its_whole_time() -> None:
    async def scenario(etcd: ModelEtcd, client: ModelEtcdClient) -> None:
        loop = asyncio.get_running_loop()
        lease = await client.grant(5)
        await client.txn([], [Put(KEY, b"", lease.id)])
        etcd.begin_outage()
        await fails(client.get(KEY))
        await asyncio.sleep(20)
        etcd.end_outage()
        ended = loop.time()
        assert (await client.get(KEY))[0] is not None
        while etcd.store.get(KEY) is not None:
            await asyncio.sleep(0.01)
        assert 5.0 <= loop.time() - ended <= 5.52

    run(scenario)


def test_a_watch_that_is_frozen_tells_all_when_it_thaws_and_a_deaf_one_ends() -> None:
    async def scenario(etcd: ModelEtcd, client: ModelEtcdClient) -> None:
        seen: list[Event] = []

        async def follow() -> None:
            async with aclosing(client.watch(KEY, 2)) as watch:
                async for events in watch:
                    seen.extend(events)

        task = asyncio.create_task(follow())
        await asyncio.sleep(1)
        etcd.freeze("frozen", "one")
        for value in (b"1", b"2"):
            etcd.put(KEY, value)
        await asyncio.sleep(5)
        assert seen == []
        etcd.thaw("frozen")
        await asyncio.sleep(1)
        assert [event.item and event.item.value for event in seen] == [b"1", b"2"]
        etcd.deafen("one")
        etcd.put(KEY, b"3")
        began = asyncio.get_running_loop().time()
        with pytest.raises(WatchSilentError):
            await task
        assert 28.0 <= asyncio.get_running_loop().time() - began <= 30.0
        assert len(seen) == 2

    run(scenario)


def test_nothing_returns_to_who_has_died_though_it_is_done() -> None:
    async def scenario(etcd: ModelEtcd, client: ModelEtcdClient) -> None:
        client.weather.latency = 0.2
        asked = asyncio.create_task(client.txn([], [Put(KEY, b"")]))
        await asyncio.sleep(0.01)
        client.kill()
        await asyncio.sleep(60)
        assert not asked.done()
        assert etcd.store.get(KEY) is not None
        asked.cancel()

    run(scenario)
