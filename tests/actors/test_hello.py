"""The first frame: what is wrong with it is said, and nothing of it is believed."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from actors import ActorSystem, PausedClock
from actors.testing import advance

from .probes import Echo, Hold, Probe
from .strangers import frame, hello, next_frame, said_until_closed


@pytest_asyncio.fixture
async def target() -> AsyncIterator[ActorSystem]:
    async with ActorSystem() as system:
        system.spawn(Probe(), "probe")
        yield system


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    texts = [record.getMessage() for record in caplog.records]
    return [text for text in texts if "not our protocol" in text]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (hello(version=99), "protocol version 99, this system speaks 1"),
        (hello(version=-1), "protocol version -1"),
        (hello(host="a b"), "bad address"),
        (hello(host=""), "bad address"),
        (hello(host="x" * 300), "bad address"),
        (hello(host="\n127.0.0.1"), "bad host"),
        (hello(host="[::1]"), "bad"),
        (hello(port=70_000), "bad address"),
        (hello(port=-1), "bad address"),
        (hello(incarnation="x" * 5000), "the limit is 4096"),
        (frame({"ostrom": "1", "host": "h", "port": 1, "incarnation": "i"}), "Expected `int`, got `str`"),
        (frame({"ostrom": 1, "host": "h", "port": 1}), "missing required field `incarnation`"),
        (frame([1, "h", 1, "i"]), "not a hello"),
        (frame(b""), "not a hello"),
        (frame(b"\x91" * 4000), "not a hello"),
        (frame([["probe", "", 0, {"t": "Note"}]]), "not a hello"),
        ((1 << 30).to_bytes(4, "big"), "a frame of 1073741824 bytes"),
    ],
)
async def test_a_bad_hello_is_counted_logged_with_its_reason_and_closed(
    target: ActorSystem, caplog: pytest.LogCaptureFixture, data: bytes, reason: str
) -> None:
    assert await said_until_closed(target.address, data) == b""
    assert target.counters["malformed_frames"] == 1
    (text,) = complaints(caplog)
    assert reason in text
    assert text.startswith("127.0.0.1 ")
    assert "\n" not in text
    assert len(text) < 1500


@pytest.mark.asyncio
async def test_nobody_else_may_speak_as_this_system(
    target: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own asks, and whom they wait for, must not hear of a stranger's connection."""
    (probe,) = target.actors
    ask = asyncio.ensure_future(target.ask(probe.upid, Hold()))
    assert isinstance(probe, Probe)
    async with asyncio.timeout(20):
        await probe.holding.wait()
        await said_until_closed(target.address, hello(*target.address))
        assert target.counters["malformed_frames"] == 1
        assert "own address" in complaints(caplog)[0]
        assert not ask.done()
        probe.gate.set()
        await ask


@pytest.mark.asyncio
async def test_a_frame_of_one_gibibyte_takes_no_memory(target: ActorSystem) -> None:
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for start in (b"", hello()):
            await said_until_closed(target.address, start + (1 << 30).to_bytes(4, "big") + b"x" * 100)
        assert tracemalloc.get_traced_memory()[1] - before < 10 << 20
    finally:
        tracemalloc.stop()
    assert target.counters["malformed_frames"] == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("sender", ["a b", "a\nb", "x" * 129, "a@b"])
async def test_a_sender_that_can_be_no_actor_closes_the_connection(
    target: ActorSystem, caplog: pytest.LogCaptureFixture, sender: str
) -> None:
    await said_until_closed(target.address, hello() + frame([["probe", sender, 0, {"t": "Note"}]]))
    assert target.counters["malformed_frames"] == 1
    assert "is not the id of an actor" in complaints(caplog)[0]
    (probe,) = target.actors
    assert isinstance(probe, Probe)
    assert probe.notes == []


@pytest.mark.asyncio
async def test_no_more_than_so_many_peers_are_complained_of(
    target: ActorSystem, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.peers.MAX_COMPLAINED", 3)
    for number in range(10):
        target._peers.malformed(f"10.0.0.{number}", "x" * 100_000)
        target._peers.malformed(f"10.0.0.{number}", "again")
    assert target.counters["malformed_frames"] == 20
    assert len(complaints(caplog)) == 3
    assert max(len(text) for text in complaints(caplog)) < 1500


@pytest.mark.asyncio
async def test_a_connection_without_a_hello_is_cut_off_in_time(clock: PausedClock) -> None:
    async with asyncio.timeout(20), ActorSystem(clock=clock) as system:
        upid = system.spawn(Probe())
        reader, writer = await asyncio.open_connection(*system.address)
        writer.write(b"\x00\x00")
        await writer.drain()
        async with ActorSystem() as other:
            assert await other.ask(upid, Echo("not held up")) == Echo("not held up")
        await advance(clock, 10, system)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        assert system.counters["malformed_frames"] == 0
        writer.close()


@pytest.mark.asyncio
async def test_a_hello_and_frames_may_come_in_single_bytes(target: ActorSystem) -> None:
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*target.address)
        for byte in hello() + frame([["probe", "me", 7, {"t": "Echo", "text": "in pieces", "new": 1}]]):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await next_frame(reader))["ostrom"] == 1
        assert await next_frame(reader) == [["me", "probe", -7, {"t": "Echo", "text": "in pieces"}]]
        writer.close()
