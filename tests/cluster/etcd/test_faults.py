"""Members of etcd die, freeze, and lose their majority; what is asked goes on as long as it can."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from cluster.etcd import Compare, EtcdUnavailableError, Put, WatchSilentError
from cluster.etcd.server import EtcdCluster
from tests.cluster.etcd_members import Connect

# A leader of etcd's that dies is followed by another after 1 to 2.5 s, on an idle machine.
PATIENT = 30.0


@pytest.mark.asyncio
async def test_calls_go_on_when_a_member_dies_and_a_watch_says_that_it_broke(
    etcd_three: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd_three.endpoints, timeout=PATIENT, silence=PATIENT)
    written = await client.txn([], [Put(etcd_path, b"1")])
    lease = await client.grant(60)
    async with aclosing(client.watch(etcd_path, written.revision + 1)) as watch:
        await anext(watch)
        etcd_three.kill(0)
        with pytest.raises(EtcdUnavailableError, match=etcd_three.endpoints[0]):
            await anext(watch)
    second = await client.txn([Compare(etcd_path, "version", 1)], [Put(etcd_path, b"2")])
    assert second.succeeded
    assert await client.keepalive(lease.id, timeout=PATIENT) == 60.0
    async with aclosing(client.watch(etcd_path, written.revision + 1)) as watch:
        await anext(watch)
        (event,) = await anext(watch)
        assert event.revision == second.revision
    await client.revoke(lease.id)


@pytest.mark.asyncio
async def test_a_frozen_endpoint_costs_its_silence_once(
    etcd_three: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd_three.endpoints, timeout=PATIENT)
    await client.txn([], [Put(etcd_path, b"1")])
    etcd_three.pause(0)
    began = time.monotonic()
    assert (await client.get(etcd_path))[0] is not None
    assert time.monotonic() - began >= 1.0
    # Once more, for the new leader if that was it.
    await client.get(etcd_path)
    began = time.monotonic()
    for _ in range(20):
        await client.get(etcd_path)
    assert time.monotonic() - began < 10.0


@pytest.mark.asyncio
async def test_a_watch_at_a_frozen_endpoint_ends_by_its_silence_and_the_next_one_is_elsewhere(
    etcd_three: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd_three.endpoints, timeout=PATIENT, silence=0.5)
    written = await client.txn([], [Put(etcd_path, b"1")])
    async with aclosing(client.watch(etcd_path, written.revision + 1)) as watch:
        await anext(watch)
        etcd_three.pause(0)
        with pytest.raises(WatchSilentError, match="nothing came"):
            await anext(watch)
    # A watch there is not confirmed, and that is noticed within a second.
    async with aclosing(client.watch(etcd_path, written.revision + 1)) as watch:
        with pytest.raises(EtcdUnavailableError, match=f"{etcd_three.endpoints[0]}.* 1 s"):
            await anext(watch)
    assert (await client.txn([], [Put(etcd_path, b"2")])).succeeded
    async with aclosing(client.watch(etcd_path, written.revision + 1)) as watch:
        assert list(await anext(watch)) == []
        (event,) = await anext(watch)
        assert event.item is not None
        assert event.item.value == b"2"


@pytest.mark.asyncio
async def test_a_keepalive_asks_one_endpoint_and_the_next_one_the_next_time(
    etcd_three: EtcdCluster, connect: Connect
) -> None:
    one, two, three = etcd_three.endpoints
    lease = await connect([two, three], timeout=PATIENT).grant(60)
    etcd_three.kill(0)
    client = connect([one, two, three])
    with pytest.raises(EtcdUnavailableError, match=one) as caught:
        await client.keepalive(lease.id, timeout=PATIENT)
    assert two not in str(caught.value)
    assert await client.keepalive(lease.id, timeout=PATIENT) == 60.0

    await etcd_three.restart(0)
    client = connect([one, two, three], timeout=PATIENT)
    etcd_three.pause(0)
    began = time.monotonic()
    with pytest.raises(EtcdUnavailableError, match=one):
        await client.keepalive(lease.id, timeout=0.3)
    assert time.monotonic() - began < 4.0
    assert await client.keepalive(lease.id, timeout=PATIENT) == 60.0


@pytest.mark.asyncio
async def test_without_a_majority_calls_end_in_time_and_watches_end(
    etcd_three: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd_three.endpoints, timeout=2.0, endpoint_timeout=0.5, silence=PATIENT)
    await client.txn([], [Put(etcd_path, b"1")])
    async with aclosing(client.watch(etcd_path, 0)) as watch:
        await anext(watch)
        etcd_three.kill(1, 2)
        with pytest.raises(EtcdUnavailableError, match="no leader"):
            await anext(watch)
    for call in (client.get(etcd_path), client.txn([], [Put(etcd_path, b"2")]), client.grant(60)):
        began = time.monotonic()
        with pytest.raises(EtcdUnavailableError):
            await call
        assert time.monotonic() - began < 4.5
    await etcd_three.restart(1, 2)
    patient = connect(etcd_three.endpoints, timeout=PATIENT)
    item, _ = await patient.get(etcd_path)
    # What was asked without an answer may have been done since.
    assert item is not None
    assert item.value in (b"1", b"2")


@pytest.mark.asyncio
async def test_a_call_waits_for_a_member_that_restarts(
    etcd_three: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    client = connect(etcd_three.endpoints, timeout=PATIENT)
    await client.txn([], [Put(etcd_path, b"1")])
    etcd_three.kill()
    call = asyncio.ensure_future(client.get(etcd_path))
    await etcd_three.restart(0, 1, 2)
    assert (await call)[0] is not None


@pytest.mark.asyncio
async def test_nobody_there(connect: Connect) -> None:
    client = connect(["127.0.0.1:1", "127.0.0.1:2"], timeout=0.5)
    with pytest.raises(EtcdUnavailableError, match=r"127\.0\.0\.1:1: .*127\.0\.0\.1:2: "):
        await client.get("a")
    async with aclosing(client.watch("a", 0)) as watch:
        with pytest.raises(EtcdUnavailableError, match="127"):
            await anext(watch)


@pytest.mark.asyncio
async def test_a_watch_that_is_not_confirmed_gets_more_time_the_next_time(connect: Connect) -> None:
    silent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        client = connect([f"{host}:{port}"], endpoint_timeout=0.1, timeout=0.3)
        for given in (0.1, 0.2, 0.3, 0.3):
            async with aclosing(client.watch("a", 0)) as watch:
                with pytest.raises(EtcdUnavailableError, match=f"nothing came for {given} s") as caught:
                    await anext(watch)
            assert not isinstance(caught.value, WatchSilentError)
        silent.set()
