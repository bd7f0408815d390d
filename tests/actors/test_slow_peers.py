"""Peers that take their time: what they hold up is theirs alone, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from actors import NOCONNECTION, UPID, ActorSystem
from actors.sockets import peer

from .probes import Echo, Note, Probe
from .strangers import Stranger, frame, hello, next_frame


@pytest_asyncio.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with asyncio.timeout(60), ActorSystem() as system:
        yield system


@pytest.mark.asyncio
async def test_a_peer_that_reads_nothing_loses_its_connection(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "MAX_QUEUED", 1000)
    watcher = Probe()
    system.spawn(watcher)
    async with Stranger() as stranger, ActorSystem() as other:
        upid = UPID.at("x", stranger.address)
        watcher.link(upid)
        _, writer = await stranger.accepted.get()
        writer.write(hello(*stranger.address))
        await system.drained(upid)
        sent = 0
        (connection,) = system._transport.connections
        while not watcher.exits:
            for _ in range(100):
                system.send(upid, Note("x" * 1000))
            sent += 100
            # Nobody else waits for it.
            assert await other.ask(watcher.upid, Echo()) == Echo()
        assert watcher.exits == [(upid, NOCONNECTION)]
        assert connection.reason.startswith("it does not read")
        # What filled the sockets' buffers, and what was queued above them: no more was ever kept.
        assert sent < 30_000
        assert upid.address not in system._transport._peers


@pytest.mark.asyncio
async def test_a_peer_that_sends_byte_by_byte_holds_up_nobody(system: ActorSystem) -> None:
    probe = Probe()
    system.spawn(probe, "probe")
    async with Stranger() as stranger, ActorSystem() as other:
        reader, writer = await stranger.connect(system.address, "slow")
        await next_frame(reader)
        for byte in frame([["probe", "x", 0, {"t": "Note", "text": "at last"}]]):
            assert probe.notes == []
            writer.write(bytes([byte]))
            await writer.drain()
            assert await other.ask(probe.upid, Echo()) == Echo()
        assert await probe.until(1) == [Note("at last")]


@pytest.mark.asyncio
async def test_of_a_frame_that_never_ends_only_what_came_is_kept(system: ActorSystem) -> None:
    async with Stranger() as stranger:
        reader, writer = await stranger.connect(system.address, "slow")
        await next_frame(reader)
        writer.write((10_000_000).to_bytes(4, "big") + b"x" * 1000)
        (connection,) = system._transport.connections
        while len(connection._splitter._buffer) < 1004:
            await asyncio.sleep(0)
        assert connection._splitter._buffer.__sizeof__() < 10_000
