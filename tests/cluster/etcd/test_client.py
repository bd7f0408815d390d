"""All that a client can ask, of a real etcd."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from cluster.etcd import (
    CompactedError,
    Compare,
    Delete,
    EtcdRefusedError,
    EtcdUnavailableError,
    Event,
    Get,
    LeaseGoneError,
    Put,
    WatchSilentError,
)
from cluster.etcd.server import EtcdCluster
from tests.cluster.etcd_members import Connect, post


@pytest.mark.asyncio
async def test_a_key_is_there_or_not(etcd: EtcdCluster, connect: Connect, etcd_path: str) -> None:
    client = connect(etcd.endpoints)
    key = f"{etcd_path}/é"
    assert (await client.get(key))[0] is None
    written = await client.txn([], [Put(key, b"\x00\xff")])
    item, revision = await client.get(key)
    assert item is not None
    assert (item.key, item.value, item.version, item.lease) == (key, b"\x00\xff", 1, 0)
    assert item.create_revision == item.mod_revision == written.revision
    assert revision >= written.revision
    await client.txn([], [Put(key, b"")])
    item, _ = await client.get(key)
    assert item is not None
    assert (item.value, item.version, item.create_revision) == (b"", 2, written.revision)
    await client.txn([], [Delete(key), Delete(f"{key}/nothing")])
    assert (await client.get(key))[0] is None


@pytest.mark.asyncio
async def test_a_transaction_does_one_branch_and_tells_what_it_read(
    etcd: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd.endpoints)
    key, other = f"{etcd_path}/a", f"{etcd_path}/b"
    free = Compare(key, "create_revision", 0)
    won = await client.txn([free], [Put(key, b"mine"), Get(other), Get(key)], [Get(key)])
    assert won.succeeded
    assert won.found[0] is None
    assert won.found[1] is not None
    assert won.found[1].create_revision == won.revision
    lost = await client.txn([free], [Put(key, b"theirs")], [Get(other), Get(key), Put(other, b"")])
    assert not lost.succeeded
    assert lost.revision == won.revision + 1
    assert lost.found == (None, won.found[1])
    assert (await client.txn([free], [Put(key, b"theirs")])).found == ()


@pytest.mark.asyncio
async def test_each_field_is_compared(etcd: EtcdCluster, connect: Connect, etcd_path: str) -> None:
    client = connect(etcd.endpoints)
    created = (await client.txn([], [Put(etcd_path, b"1")])).revision
    modified = (await client.txn([], [Put(etcd_path, b"2")])).revision
    right = [
        Compare(etcd_path, "create_revision", created),
        Compare(etcd_path, "mod_revision", modified),
        Compare(etcd_path, "version", 2),
        Compare(etcd_path, "value", b"2"),
    ]
    assert (await client.txn(right, [])).succeeded
    for at, compare in enumerate(right):
        wrong = compare._replace(value=b"1" if isinstance(compare.value, bytes) else compare.value - 1)
        assert not (await client.txn([*right[:at], wrong, *right[at + 1 :]], [])).succeeded


@pytest.mark.asyncio
async def test_keys_in_pages_at_one_revision(etcd: EtcdCluster, connect: Connect, etcd_path: str) -> None:
    client = connect(etcd.endpoints)
    keys = [f"{etcd_path}/{name}" for name in ("a", "a/b", "a0", "b", "é")]
    done = await client.txn([], [Put(key, key.encode()) for key in keys])
    page = await client.range(f"{etcd_path}/")
    assert [item.key for item in page.items] == keys
    assert [item.value for item in page.items] == [key.encode() for key in keys]
    assert not page.more
    assert page.revision >= done.revision

    first = await client.range(f"{etcd_path}/", limit=2)
    assert ([item.key for item in first.items], first.more) == (keys[:2], True)
    await client.txn([], [Delete(keys[2]), Put(f"{etcd_path}/aa", b"")])
    second = await client.range(f"{etcd_path}/", after=keys[1], limit=3, revision=first.revision)
    assert ([item.key for item in second.items], second.more) == (keys[2:], False)
    assert second.revision == first.revision
    assert [item.key for item in (await client.range(f"{etcd_path}/a", after=etcd_path)).items] == [
        *keys[:2],
        f"{etcd_path}/aa",
    ]
    assert (await client.range(f"{etcd_path}/", after=keys[-1])).items == ()
    everything = await client.range("")
    assert set(keys[:2]) <= {item.key for item in everything.items}


@pytest.mark.asyncio
async def test_a_lease_takes_its_keys_along(etcd: EtcdCluster, connect: Connect, etcd_path: str) -> None:
    client = connect(etcd.endpoints)
    lease = await client.grant(60)
    assert lease.ttl == 60.0
    await client.txn([], [Put(etcd_path, b"", lease.id)])
    item, _ = await client.get(etcd_path)
    assert item is not None
    assert item.lease == lease.id
    assert await client.keepalive(lease.id, timeout=5) == 60.0
    await client.revoke(lease.id)
    assert (await client.get(etcd_path))[0] is None
    assert await client.keepalive(lease.id, timeout=5) == 0.0
    await client.revoke(lease.id)
    with pytest.raises(LeaseGoneError, match="lease not found"):
        await client.txn([], [Put(etcd_path, b"", lease.id)])


@pytest.mark.asyncio
async def test_more_is_granted_than_asked_if_that_is_little(
    etcd_three: EtcdCluster, connect: Connect
) -> None:
    client = connect(etcd_three.endpoints)
    lease = await client.grant(1)
    assert lease.ttl == 2.0
    assert await client.keepalive(lease.id, timeout=5) == 2.0
    await client.revoke(lease.id)


@pytest.mark.asyncio
async def test_what_etcd_refuses(etcd: EtcdCluster, connect: Connect, etcd_path: str) -> None:
    client = connect(etcd.endpoints)
    with pytest.raises(EtcdRefusedError, match="too many operations"):
        await client.txn([], [Put(f"{etcd_path}/{at}", b"") for at in range(129)])
    await client.txn([], [Put(f"{etcd_path}/{at}", b"") for at in range(128)])
    with pytest.raises(EtcdRefusedError, match="duplicate key"):
        await client.txn([], [Put(etcd_path, b""), Put(etcd_path, b"")])
    with pytest.raises(EtcdRefusedError, match="too large"):
        await client.txn([], [Put(etcd_path, bytes(1_600_000))])
    with pytest.raises(EtcdRefusedError, match="larger than max"):
        await client.txn([], [Put(etcd_path, bytes(3_000_000))])
    with pytest.raises(EtcdRefusedError, match="future revision"):
        await client.range(etcd_path, revision=2**62)
    with pytest.raises(EtcdRefusedError, match="key is not provided"):
        await client.get("")
    with pytest.raises(EtcdRefusedError):
        await client.grant(2**62)


@pytest.mark.asyncio
async def test_a_watch_tells_what_was_and_what_happens(
    etcd: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd.endpoints)
    first = await client.txn([], [Put(etcd_path, b"1"), Put(f"{etcd_path}/not-watched", b"")])
    async with aclosing(client.watch(etcd_path, first.revision)) as watch:
        assert list(await anext(watch)) == []
        (event,) = await anext(watch)
        assert event.item is not None
        assert (event.key, event.item.value, event.revision) == (etcd_path, b"1", first.revision)
        following = asyncio.ensure_future(anext(watch))
        deleted = await client.txn([], [Delete(etcd_path)])
        assert list(await following) == [Event(etcd_path, None, deleted.revision)]
        lease = await client.grant(60)
        put = await client.txn([], [Put(etcd_path, b"2", lease.id)])
        (event,) = await anext(watch)
        assert event.item is not None
        assert (event.item.lease, event.item.create_revision) == (lease.id, put.revision)
        await client.revoke(lease.id)
        (event,) = await anext(watch)
        assert event.item is None


@pytest.mark.asyncio
async def test_a_watch_of_a_key_where_nothing_happens_is_confirmed_at_once_and_ends_after_silence(
    etcd: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd.endpoints, silence=0.3)
    async with aclosing(client.watch(etcd_path, 0)) as watch:
        assert list(await anext(watch)) == []
        async with asyncio.timeout(4):
            with pytest.raises(WatchSilentError, match=r"nothing came for 0\.3 s"):
                await anext(watch)


@pytest.mark.asyncio
async def test_what_is_compacted_cannot_be_read_nor_watched(
    etcd: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd.endpoints)
    old = (await client.txn([], [Put(etcd_path, b"1")])).revision
    new = (await client.txn([], [Put(etcd_path, b"2")])).revision
    await post(etcd.endpoints[0], "/v3/kv/compaction", {"revision": str(new)})
    with pytest.raises(CompactedError, match="compacted"):
        await client.range(etcd_path, revision=old)
    async with aclosing(client.watch(etcd_path, old)) as watch:
        assert list(await anext(watch)) == []
        with pytest.raises(CompactedError, match=f"before revision {new}"):
            await anext(watch)
    async with aclosing(client.watch(etcd_path, new)) as watch:
        assert list(await anext(watch)) == []


@pytest.mark.asyncio
async def test_after_close_nothing_is_asked(etcd: EtcdCluster, connect: Connect, etcd_path: str) -> None:
    client = connect(etcd.endpoints)
    async with aclosing(client.watch(etcd_path, 0)) as watch:
        await anext(watch)
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(EtcdUnavailableError, match="closed"):
            await waiting
    with pytest.raises(EtcdUnavailableError, match="closed"):
        await client.get(etcd_path)
    async with aclosing(client.watch(etcd_path, 0)) as watch:
        with pytest.raises(EtcdUnavailableError, match="closed"):
            await anext(watch)
    await client.close()


@pytest.mark.asyncio
async def test_many_calls_at_once(etcd: EtcdCluster, connect: Connect, etcd_path: str) -> None:
    client = connect(etcd.endpoints)
    revisions = await asyncio.gather(
        *(client.txn([], [Put(f"{etcd_path}/{at:03}", b"x" * 300)]) for at in range(200))
    )
    assert len({each.revision for each in revisions}) == 200
    assert len((await client.range(f"{etcd_path}/")).items) == 200
