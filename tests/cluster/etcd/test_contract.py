"""What every `Etcd` promises: the real client of a real etcd, and the model that simulations use, the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from random import Random

import pytest

from actors.simulation import Simulation
from cluster.etcd import (
    CompactedError,
    Compare,
    Delete,
    Etcd,
    EtcdAddress,
    EtcdClient,
    EtcdRefusedError,
    EtcdUnavailableError,
    Event,
    Get,
    LeaseGoneError,
    Put,
)
from cluster.etcd.interface import Operation
from tests.cluster.etcd_members import post
from tests.simulation.etcd import ModelEtcd, ModelEtcdClient


@dataclass
class Bench:
    """An etcd to be tried, a path in it that is the test's own, and how to have its history forgotten."""

    etcd: Etcd
    path: str
    compact: Callable[[int], Awaitable[object]]
    connect: Callable[[], Etcd]
    """Another client."""


Scenario = Callable[[Bench], Awaitable[None]]


def in_the_model(scenario: Scenario) -> None:
    async def main(simulation: Simulation) -> None:
        etcd = ModelEtcd(simulation.loop, Random(1))

        async def compact(revision: int) -> None:
            etcd.compact(revision)

        def connect(name: str) -> ModelEtcdClient:
            return ModelEtcdClient(etcd, name, Random(name))

        await scenario(Bench(connect("one"), "/test", compact, partial(connect, "another")))

    Simulation(seed=1).run(main)


def in_reality(scenario: Scenario, endpoints: Sequence[str], path: str) -> None:
    def connect() -> EtcdClient:
        return EtcdClient(EtcdAddress(tuple(endpoints), path))

    async def compact(revision: int) -> None:
        await post(endpoints[0], "/v3/kv/compaction", {"revision": str(revision)})

    async def main() -> None:
        clients = [connect(), connect()]
        try:
            await scenario(Bench(clients[0], path, compact, lambda: clients[1]))
        finally:
            for client in clients:
                await client.close()

    asyncio.run(main())


@pytest.fixture(params=["model", "etcd"])
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Runs a scenario."""
    if request.param == "model":
        return in_the_model
    etcd, path = request.getfixturevalue("etcd"), request.getfixturevalue("etcd_path")
    return lambda scenario: in_reality(scenario, etcd.endpoints, path)


Run = Callable[[Scenario], None]


async def put(bench: Bench, value: bytes, *, lease: int = 0) -> int:
    return (await bench.etcd.txn([], [Put(bench.path, value, lease)])).revision


def test_what_is_known_of_a_key(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        key = bench.path
        assert (await bench.etcd.get(key))[0] is None
        created = await put(bench, b"1")
        modified = await put(bench, b"2")
        item, revision = await bench.etcd.get(key)
        assert item == (key, b"2", created, modified, 2, 0)
        assert revision == modified == created + 1
        deleted = (await bench.etcd.txn([], [Delete(key)])).revision
        assert deleted == modified + 1
        assert (await bench.etcd.txn([], [Delete(key)])).revision == deleted
        again = await put(bench, b"3")
        item, _ = await bench.etcd.get(key)
        assert item == (key, b"3", again, again, 1, 0)

    run(scenario)


def test_one_branch_is_done_at_one_revision(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        one, other = f"{bench.path}/1", f"{bench.path}/2"
        free = Compare(one, "create_revision", 0)
        done = await bench.etcd.txn(
            [free], [Get(one), Put(one, b"a"), Put(other, b"b"), Get(one)], [Get(other)]
        )
        assert done.succeeded
        found = (await bench.etcd.get(one))[0]
        assert done.found == (None, found)
        assert found is not None
        assert found.mod_revision == done.revision
        page = await bench.etcd.range(f"{bench.path}/")
        assert {item.create_revision for item in page.items} == {done.revision}
        refused = await bench.etcd.txn([free], [Put(one, b"c")], [Get(other), Get(one)])
        assert not refused.succeeded
        assert refused.found == (page.items[1], found)
        assert refused.revision == done.revision

    run(scenario)


@pytest.mark.parametrize("field", ["create_revision", "mod_revision", "version", "value"])
def test_each_field_is_compared(run: Run, field: str) -> None:
    async def scenario(bench: Bench) -> None:
        await put(bench, b"1")
        await put(bench, b"2")
        item, _ = await bench.etcd.get(bench.path)
        value = getattr(item, field)
        wrong = b"1" if isinstance(value, bytes) else value + 1
        others = [
            Compare(f"{bench.path}/none", each, 0) for each in ("create_revision", "mod_revision", "version")
        ]
        right = Compare(bench.path, field, value)  # type: ignore[arg-type]
        assert (await bench.etcd.txn([*others, right], [])).succeeded
        assert not (await bench.etcd.txn([*others, right._replace(value=wrong)], [])).succeeded

    run(scenario)


def test_no_value_equals_that_of_a_key_that_is_not_there(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        assert not (await bench.etcd.txn([Compare(bench.path, "value", b"")], [])).succeeded

    run(scenario)


def test_what_is_refused_is_not_done_at_all(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        keys = [f"{bench.path}/{number}" for number in range(129)]
        many = [Put(key, b"") for key in keys]
        bad: tuple[Sequence[Operation], ...] = (
            many,
            [Put(keys[0], b""), Put(keys[0], b"")],
            [Put(keys[0], b""), Delete(keys[0])],
            [Put(keys[0], b""), Put(keys[1], b"", 12345)],
        )
        for operations in bad:
            with pytest.raises(EtcdRefusedError):
                await bench.etcd.txn([], operations)
        assert (await bench.etcd.range(f"{bench.path}/")).items == ()
        await bench.etcd.txn([], many[:128])
        assert len((await bench.etcd.range(f"{bench.path}/")).items) == 128

    run(scenario)


def test_pages_of_a_revision(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        prefix = f"{bench.path}/"
        keys = [f"{prefix}{number}" for number in range(5)]
        done = await bench.etcd.txn([], [Put(key, b"") for key in keys])
        await bench.etcd.txn([], [Delete(keys[3]), Put(f"{prefix}11", b"")])
        seen: list[str] = []
        more = True
        while more:
            page = await bench.etcd.range(
                prefix, after=seen[-1] if seen else "", limit=2, revision=done.revision
            )
            seen += [item.key for item in page.items]
            assert page.revision == done.revision
            more = page.more
        assert seen == keys
        now = await bench.etcd.range(prefix)
        assert [item.key for item in now.items] == [*keys[:2], f"{prefix}11", keys[2], keys[4]]
        assert not now.more
        with pytest.raises(EtcdRefusedError):
            await bench.etcd.range(prefix, revision=now.revision + 1000)

    run(scenario)


def test_a_lease_that_is_revoked_takes_its_keys_along(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        lease = await bench.etcd.grant(60)
        assert lease.ttl == 60
        before = (
            await bench.etcd.txn([], [Put(f"{bench.path}/{n}", b"", lease.id) for n in range(3)])
        ).revision
        await bench.etcd.txn([], [Put(f"{bench.path}/1", b"mine")])
        assert await bench.etcd.keepalive(lease.id, timeout=2.0) == 60
        await bench.etcd.revoke(lease.id)
        page = await bench.etcd.range(bench.path)
        assert [item.key for item in page.items] == [f"{bench.path}/1"]
        assert page.revision == before + 2
        await bench.etcd.revoke(lease.id)
        assert await bench.etcd.keepalive(lease.id, timeout=2.0) == 0
        with pytest.raises(LeaseGoneError):
            await put(bench, b"", lease=lease.id)

    run(scenario)


def test_a_lease_ends_when_it_is_not_renewed_and_a_watch_sees_it(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        loop = asyncio.get_running_loop()
        lease = await bench.etcd.grant(2)
        assert lease.ttl >= 2
        put_ = await put(bench, b"", lease=lease.id)
        async with aclosing(bench.connect().watch(bench.path, put_ + 1)) as watch:
            await asyncio.sleep(1.0)
            renewed = loop.time()
            assert await bench.etcd.keepalive(lease.id, timeout=1.0) == lease.ttl
            events: Sequence[Event] = []
            while not events:
                events = await anext(watch)
            # Swept each half second; and a real machine is slow now and then.
            assert lease.ttl <= loop.time() - renewed <= lease.ttl + 3
        (event,) = events
        assert (event.key, event.item) == (bench.path, None)
        assert event.revision > put_
        assert (await bench.etcd.get(bench.path))[0] is None
        assert await bench.etcd.keepalive(lease.id, timeout=1.0) == 0

    run(scenario)


def test_a_watch_begins_at_any_revision(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        first = await put(bench, b"1")
        await bench.etcd.txn([], [Put(f"{bench.path}/other", b"")])
        second = await put(bench, b"2")
        seen: list[tuple[int, bytes | None]] = []
        async with aclosing(bench.connect().watch(bench.path, first + 1)) as watch:
            # At once, that it is watched.
            assert tuple(await anext(watch)) == ()
            third = (await bench.etcd.txn([], [Delete(bench.path)])).revision
            fourth = await put(bench, b"4")
            while len(seen) < 3:
                seen += [(each.revision, each.item and each.item.value) for each in await anext(watch)]
        assert seen == [(second, b"2"), (third, None), (fourth, b"4")]

    run(scenario)


def test_a_watch_waits_for_revisions_to_come(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        now = await put(bench, b"1")
        async with aclosing(bench.etcd.watch(bench.path, now + 2)) as watch:
            assert tuple(await anext(watch)) == ()
            await put(bench, b"2")
            last = await put(bench, b"3")
            (event,) = await anext(watch)
            assert event.revision == last

    run(scenario)


def test_history_that_was_compacted_is_gone(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        first = await put(bench, b"1")
        second = await put(bench, b"2")
        third = await put(bench, b"3")
        await bench.compact(second)
        with pytest.raises(CompactedError):
            await bench.etcd.range(bench.path, revision=first)
        page = await bench.etcd.range(bench.path, revision=second)
        assert [item.value for item in page.items] == [b"2"]
        async with aclosing(bench.etcd.watch(bench.path, first)) as watch:
            assert tuple(await anext(watch)) == ()
            with pytest.raises(CompactedError):
                await anext(watch)
        async with aclosing(bench.etcd.watch(bench.path, third)) as watch:
            assert tuple(await anext(watch)) == ()
            (event,) = await anext(watch)
            assert event.revision == third

    run(scenario)


def test_what_is_asked_of_a_closed_client_ends(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.etcd.close()
        with pytest.raises(EtcdUnavailableError):
            await bench.etcd.get(bench.path)
        with pytest.raises(EtcdUnavailableError):
            await bench.etcd.keepalive(1, timeout=1.0)
        async with aclosing(bench.etcd.watch(bench.path, 0)) as watch:
            with pytest.raises(EtcdUnavailableError):
                await anext(watch)

    run(scenario)
