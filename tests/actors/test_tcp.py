"""Two systems on loopback: order, one connection, coalescing, size, and both event loops."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiohttp
import pytest
import uvloop

from actors import UPID, ActorSystem, PeerGoneError, run
from actors.wire import FrameSplitter, MalformedError, decode_envelopes, encode_envelopes

from .probes import Echo, Note, Probe

Two = tuple[ActorSystem, ActorSystem]


def connections(system: ActorSystem) -> int:
    return len(system._transport.connections)


@pytest.mark.asyncio
async def test_order_is_kept_from_one_actor_to_another(tcp: Two) -> None:
    probe = Probe()
    upid = tcp[1].spawn(probe)
    for number in range(5000):
        tcp[0].send(upid, Note(number=number))
    assert [note.number for note in await probe.until(5000)] == list(range(5000))


@pytest.mark.asyncio
async def test_one_connection_whoever_begins_and_nothing_is_lost(tcp: Two) -> None:
    """Both dial at the same moment, again and again: one of the two connections is kept each time."""
    one, other = Probe(), Probe()
    here, there = tcp[0].spawn(one), tcp[1].spawn(other)
    for number in range(100):
        tcp[0].send(there, Note(number=number))
        tcp[1].send(here, Note(number=number))
    await one.until(100)
    await other.until(100)
    assert [note.number for note in one.notes] == list(range(100))
    assert [note.number for note in other.notes] == list(range(100))
    await tcp[0].ask(there, Echo())
    await tcp[1].ask(here, Echo())
    assert (connections(tcp[0]), connections(tcp[1])) == (1, 1)
    assert tcp[0].counters["malformed_frames"] == tcp[1].counters["malformed_frames"] == 0


@pytest.mark.asyncio
async def test_a_name_and_a_number_are_one_peer(tcp: Two) -> None:
    probe = Probe()
    upid = tcp[1].spawn(probe)
    by_name = UPID(upid.id, "localhost", upid.port)
    assert await tcp[0].ask(upid, Echo("number")) == Echo("number")
    assert await tcp[0].ask(by_name, Echo("name")) == Echo("name")
    assert connections(tcp[0]) <= 2


@pytest.mark.asyncio
async def test_what_one_turn_sends_is_one_write(tcp: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe()
    upid = tcp[1].spawn(probe)
    await tcp[0].ask(upid, Echo())
    (connection,) = tcp[0]._transport.connections
    writes: list[int] = []
    write = connection.transport.write

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(connection_transport, name)

        def write(self, data: bytes) -> None:
            writes.append(len(data))
            write(data)

    connection_transport = connection.transport
    monkeypatch.setattr(connection, "transport", Counting())
    for number in range(500):
        tcp[0].send(upid, Note(number=number))
    await probe.until(500)
    assert len(writes) == 1


@pytest.mark.asyncio
async def test_a_message_over_the_limit_is_refused_and_the_others_arrive() -> None:
    async with asyncio.timeout(10), ActorSystem(max_frame=4096) as here, ActorSystem(max_frame=4096) as there:
        probe = Probe()
        upid = there.spawn(probe)
        here.send(upid, Note("a"))
        here.send(upid, Note("x" * 5000))
        here.send(upid, Note("b"))
        for number in range(1000):
            here.send(upid, Note("c" * 100, number))
        notes = await probe.until(1002)
        assert [note.text for note in notes[:2]] == ["a", "b"]
        assert here.counters["dead_letters"] == 1
        with pytest.raises(PeerGoneError, match="exceed the frame limit"):
            await here.ask(upid, Echo("x" * 5000))
        assert await here.ask(upid, Echo("small")) == Echo("small")


@pytest.mark.asyncio
async def test_a_port_that_is_taken_is_an_error_and_nothing_is_left() -> None:
    async with ActorSystem() as system:
        with pytest.raises(OSError, match="in use"):
            await ActorSystem(port=system.address[1]).start()


@pytest.mark.asyncio
async def test_when_the_port_is_free_the_same_system_can_be_started() -> None:
    async with ActorSystem() as first:
        second = ActorSystem(port=first.address[1])
        with pytest.raises(OSError, match="in use"):
            await second.start()
    async with (
        second,
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{second.address[1]}/health") as response,
    ):
        assert response.status == 200


@pytest.mark.asyncio
async def test_a_system_that_came_back_at_the_same_address_is_reached() -> None:
    async with asyncio.timeout(10), ActorSystem() as here:
        first = ActorSystem()
        await first.start()
        port = first.address[1]
        upid = first.spawn(Probe(), "probe")
        assert await here.ask(upid, Echo("1")) == Echo("1")
        await first.close()
        async with ActorSystem(port=port) as second:
            second.spawn(Probe(), "probe")
            while True:
                try:
                    assert await here.ask(upid, Echo("2")) == Echo("2")
                    break
                except PeerGoneError:
                    continue


@pytest.mark.asyncio
async def test_closing_flushes_what_was_sent() -> None:
    async with asyncio.timeout(10), ActorSystem() as there:
        probe = Probe()
        upid = there.spawn(probe)
        async with ActorSystem() as here:
            for number in range(1000):
                here.send(upid, Note(number=number))
        assert len(await probe.until(1000)) == 1000


async def converse() -> str:
    async with asyncio.timeout(10), ActorSystem() as here, ActorSystem() as there:
        upid = there.spawn(Probe())
        reply = await here.ask(upid, Echo("hello"))
        loop = type(asyncio.get_running_loop()).__module__
        return f"{reply.text} on {loop.partition('.')[0]}"


def test_on_both_event_loops() -> None:
    assert asyncio.run(converse()) == "hello on asyncio"
    assert uvloop.run(converse()) == "hello on uvloop"
    # What the library's own run uses, since uvloop is installed.
    assert run(converse()) == "hello on uvloop"


@pytest.mark.parametrize("seed", range(20))
def test_frames_that_arrive_in_pieces(seed: int) -> None:
    rng = random.Random(seed)
    sent = [("to", "from", number, Note("x" * rng.randrange(300), number)) for number in range(50)]
    stream = b""
    position = 0
    while position < len(sent):
        step = rng.randint(1, 10)
        frames, bad = encode_envelopes(sent[position : position + step], 1 << 20)
        assert bad == []
        stream += b"".join(frames)
        position += step
    splitter = FrameSplitter()
    received: list[Any] = []
    position = 0
    while position < len(stream):
        step = rng.choice([1, 2, 3, 7, 100, 5000])
        for payload in splitter.feed(stream[position : position + step]):
            received += decode_envelopes(payload)
        position += step
    assert received == sent


def test_an_oversized_frame_is_refused_before_it_is_read() -> None:
    splitter = FrameSplitter(1000)
    with pytest.raises(MalformedError, match="1073741824 bytes, the limit is 1000"):
        splitter.feed((1 << 30).to_bytes(4, "big"))
