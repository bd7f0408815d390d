"""The benchmark of the HTTP API: its clients read what is there, and its figures are of what was asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from benchmarks.http_api import rates, slow
from benchmarks.http_api.bare import BareServer
from benchmarks.http_api.scene import Scene, clients
from benchmarks.http_api.wire import Caller, Stream, request
from benchmarks.http_api.words import Kind

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMesos-Stream-Id: 5\r\n\r\n"
CHUNKS = b"4\r\n2\nab\r\ne\r\n10\n0123456789\n\r\n"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    log = logging.getLogger("ostrom.master")
    before = log.level
    log.setLevel(logging.ERROR)
    yield
    log.setLevel(before)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_records_come_in_pieces_of_any_size(size: int) -> None:
    records: list[bytes] = []
    stream = Stream(b"", records.append)
    data = HEAD + CHUNKS
    for place in range(0, len(data), size):
        stream.data_received(data[place : place + size])
    assert records == [b"ab", b"0123456789\n"]
    assert stream.head.endswith("Mesos-Stream-Id: 5")


@pytest.mark.asyncio
async def test_what_is_not_accepted_ends_the_benchmark() -> None:
    async with Scene() as scene:
        caller = await Caller.connect(scene.address)
        with pytest.raises(RuntimeError, match="400 Bad Request"):
            await caller.call(request(scene.address, "/api/v1/scheduler", "application/json", b"{}"))
        caller.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["json", "protobuf", "native"])
async def test_rates(kind: Kind) -> None:
    async with asyncio.timeout(60), Scene() as scene, BareServer() as server, clients() as others:
        await scene.add(1)
        found = [await rates.events(scene, others, kind, 3, 30)]
        await scene.add(9)
        found.append(await rates.accepts(scene, others, kind, 4))
        assert len(found[-1].taken) == 10
        found.append(await rates.declines(scene, others, kind, 4))
        if kind != "native":
            found.append(await rates.bare_events(server, others, kind, 3, 30))
        found.append(await rates.bare_declines(server, others, 10, 4))
        assert all(each.per_second > 0 and each.processor > 0 for each in found)


@pytest.mark.asyncio
async def test_an_event_for_operators_comes_to_each_of_them() -> None:
    async with asyncio.timeout(60), Scene() as scene, clients() as others:
        await scene.add(1)
        await scene.launch()
        assert (await rates.operator_events(scene, others, 3, 30)).per_second > 0


@pytest.mark.asyncio
async def test_who_does_not_read_is_cut_off_at_the_bound() -> None:
    async with asyncio.timeout(60), Scene(slow.BOUND) as scene, clients() as others:
        await scene.add(1)
        found = await slow.measured(scene, others, 20.0, stalled=True)
        assert slow.BOUND - 2 * slow.LARGE < found.waited <= slow.BOUND
        assert 0 < found.cut_after < found.seconds
        assert len(found.ages) >= 9
        with pytest.raises(RuntimeError, match="nobody was cut off"):
            await slow.measured(scene, others, 0.1, stalled=True)
