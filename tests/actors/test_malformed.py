"""Whatever comes over the port: counted, logged once for each peer with the reason, closed; the system unharmed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from actors import ActorSystem
from actors.wire import Hello, encode_hello

from .probes import Echo, Probe
from .strangers import frame, said_until_closed


@pytest_asyncio.fixture
async def target() -> AsyncIterator[ActorSystem]:
    async with asyncio.timeout(30), ActorSystem() as system:
        system.spawn(Probe(), "probe")
        yield system


HELLO = encode_hello(Hello(1, "127.0.0.1", 1, "stranger"))


def deep(levels: int) -> bytes:
    return b"\x91" * levels + b"\xc0"


async def unharmed(target: ActorSystem) -> None:
    """It still answers, here and from elsewhere, and kept nothing of the stranger."""
    upid = next(iter(target.actors)).upid
    async with ActorSystem() as other:
        assert await other.ask(upid, Echo("still here")) == Echo("still here")


BAD = {
    "a frame of 1 GiB announced": (1 << 30).to_bytes(4, "big") + b"x",
    "the largest frame announced": b"\x3f\xff\xff\xff",
    "an empty frame": b"\x00\x00\x00\x00",
    "no MessagePack": frame(b"\xc1\xc1\xc1"),
    "a hello that is a number": frame(5),
    "a hello without fields": frame({}),
    "a hello of another version": encode_hello(Hello(99, "127.0.0.1", 1, "s")),
    "a hello with a bad host": encode_hello(Hello(1, "a b", 1, "s")),
    "a hello with a bad port": encode_hello(Hello(1, "127.0.0.1", 70000, "s")),
    "envelopes before the hello": frame([["probe", "", 0, {"t": "Echo"}]]),
    "deeply nested before the hello": frame(deep(100_000)),
    "a second hello": HELLO + HELLO,
    "a number for envelopes": HELLO + frame(5),
    "an envelope that is too short": HELLO + frame([["probe", ""]]),
    "an envelope with a number for an actor": HELLO + frame([[5, "", 0, {"t": "Echo"}]]),
    "deeply nested": HELLO + frame(deep(100_000)),
    "a cut string": HELLO + frame(b"\x91\x94\xd9\xff"),
    "not Unicode": HELLO + frame(b"\x91\x94\xa2\xff\xfe\xa0\x00\xc0"),
    "one good frame, then 1 GiB": HELLO
    + frame([["probe", "", 0, {"t": "Note"}]])
    + (1 << 30).to_bytes(4, "big"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
async def test_bad_frames(target: ActorSystem, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    await said_until_closed(target.address, data)
    assert target.counters["malformed_frames"] == 1
    (record,) = [record for record in caplog.records if "not our protocol" in record.getMessage()]
    assert "127.0.0.1" in record.getMessage()
    await unharmed(target)


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(30))
async def test_random_bytes(target: ActorSystem, seed: int) -> None:
    rng = random.Random(seed)
    data = rng.randbytes(rng.choice([5, 100, 10_000]))
    # What begins like a short frame would wait for the rest of it, as it must.
    if not data[:1].isalpha():
        data = bytes([rng.randrange(1, 64)]) + data[1:]
    await said_until_closed(target.address, data + b"\r\n\r\n")
    await unharmed(target)
    await said_until_closed(target.address, HELLO + frame(data))
    assert target.counters["malformed_frames"] >= 1
    await unharmed(target)


@pytest.mark.asyncio
async def test_a_peer_is_complained_of_once(target: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        await said_until_closed(target.address, frame(5))
    assert target.counters["malformed_frames"] == 5
    assert sum("not our protocol" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.asyncio
async def test_a_frame_that_is_cut_off_harms_nothing(target: ActorSystem) -> None:
    for data in (b"\x00", b"\x00\x00\x00\x09abc", HELLO[:7], HELLO + b"\x00\x00\x01\x00abc"):
        _, writer = await asyncio.open_connection(*target.address)
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await unharmed(target)
    assert target.counters["malformed_frames"] == 0


@pytest.mark.asyncio
async def test_a_connection_that_says_nothing_waits_without_harm(target: ActorSystem) -> None:
    writers = [(await asyncio.open_connection(*target.address))[1] for _ in range(50)]
    await unharmed(target)
    for writer in writers:
        writer.close()


@pytest.mark.asyncio
async def test_an_unknown_message_is_refused_alone(target: ActorSystem) -> None:
    """A newer peer may say what this one does not know: the connection stays, the others are handled."""
    reader, writer = await asyncio.open_connection(*target.address)
    envelopes = [
        ["probe", "x", 7, {"t": "FromTheFuture", "a": 1}],
        ["probe", "x", 8, {"t": "Echo", "text": "known", "and": "unknown fields too"}],
        ["nobody", "x", 9, {"t": "Echo"}],
        ["probe", "x", 10, {"t": "Echo", "text": 5}],
    ]
    writer.write(HELLO + frame(envelopes))
    answers: dict[int, dict[str, object]] = {}
    while len(answers) < 4:
        size = int.from_bytes(await reader.readexactly(4), "big")
        value = msgspec.msgpack.decode(await reader.readexactly(size))
        if isinstance(value, list):
            answers.update({number: body for _, _, number, body in value})
    assert answers[-8]["text"] == "known"
    assert answers[-9]["kind"] == "noproc"
    for number in (-7, -10):
        assert answers[number]["kind"] == "ValidationError"
    assert target.counters["malformed_frames"] == 0
    writer.close()
    await unharmed(target)
