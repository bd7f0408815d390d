"""Connecting to another system: who is not there, who is not what he seems, and two who connect at once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from actors import (
    NOCONNECTION,
    NOPROC,
    UPID,
    ActorSystem,
    PausedClock,
    PeerGoneError,
    RemoteError,
    SocketTransport,
)

from .probes import Echo, Note, Probe
from .strangers import Stranger, frame, hello, next_frame


@pytest_asyncio.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem() as system:
        yield system


@pytest_asyncio.fixture
async def stranger() -> AsyncIterator[Stranger]:
    async with Stranger() as stranger:
        yield stranger


def transport(system: ActorSystem) -> SocketTransport:
    assert isinstance(system._transport, SocketTransport)
    return system._transport


async def closed_port() -> int:
    """A port that nobody listens at."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def nobody_is_there(host: str) -> None:
    async with asyncio.timeout(20), ActorSystem() as system:
        nobody = UPID("x", host, await closed_port())
        with pytest.raises(PeerGoneError, match="connection refused: nobody listens there"):
            await system.ask(nobody, Echo())
        watcher = Probe()
        system.spawn(watcher)
        watcher.link(nobody)
        assert await watcher.until_exits() == [(nobody, NOPROC)]
        # It fired once: what is linked again is dialled again.
        watcher.link(nobody)
        assert await watcher.until_exits(2) == [(nobody, NOPROC)] * 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_where_nobody_listens_there_is_no_actor(run: Callable[..., Any], host: str) -> None:
    run(nobody_is_there(host))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "port"),
    [("a..b", 1), ("x" * 300, 1), ("127.0.0.1", 70_000), ("127.0.0.1", -1), ("zero\0", 1), ("\udc80", 1)],
)
async def test_an_impossible_address_fails_like_any_other(system: ActorSystem, host: str, port: int) -> None:
    async with asyncio.timeout(20):
        nobody = UPID("x", host, port)
        with pytest.raises(PeerGoneError):
            await system.ask(nobody, Echo(), 3600)
        watcher = Probe()
        system.spawn(watcher)
        watcher.link(nobody)
        assert await watcher.until_exits() == [(nobody, NOCONNECTION)]
        assert transport(system)._peers == {}


@pytest.mark.asyncio
async def test_a_system_that_dials_itself_by_another_name_is_told(system: ActorSystem) -> None:
    upid = system.spawn(Probe())
    alias = UPID(upid.id, "localhost", upid.port)
    async with asyncio.timeout(20):
        with pytest.raises(PeerGoneError, match="this system itself"):
            await system.ask(alias, Echo(), 3600)
        assert transport(system)._peers == {}
        assert await system.ask(upid, Echo("x")) == Echo("x")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "reason"),
    [(hello(version=99), "protocol version 99"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the limit is 4096")],
)
async def test_a_peer_that_answers_wrong_fails_who_waits_for_it(
    system: ActorSystem, stranger: Stranger, caplog: pytest.LogCaptureFixture, answer: bytes, reason: str
) -> None:
    ask = asyncio.ensure_future(system.ask(UPID.at("x", stranger.address), Echo(), 3600))
    async with asyncio.timeout(20):
        _, writer = await stranger.accepted.get()
        writer.write(answer)
        with pytest.raises(PeerGoneError, match=reason):
            await ask
    assert system.counters["malformed_frames"] == 1
    assert caplog.text.count("not our protocol") == 1
    assert transport(system)._peers == {}


@pytest.mark.asyncio
async def test_a_peer_that_never_answers_fails_who_waits_for_it(
    clock: PausedClock, stranger: Stranger
) -> None:
    async with asyncio.timeout(20), ActorSystem(clock=clock) as system:
        ask = asyncio.ensure_future(system.ask(UPID.at("x", stranger.address), Echo(), 3600))
        reader, _ = await stranger.accepted.get()
        assert (await next_frame(reader))["port"] == system.address[1]
        await advance_past_hello(clock)
        with pytest.raises(PeerGoneError, match="no hello"):
            await ask


async def advance_past_hello(clock: PausedClock) -> None:
    # Its own message waits to be written all the while: the system is not idle.
    clock.step_to(clock.monotonic() + 10)


async def until_spare(system: ActorSystem, stranger: Stranger, *, there: bool) -> None:
    while (transport(system)._peers[stranger.address].spare is not None) is not there:
        await asyncio.sleep(0)


class Higher(Stranger):
    """A stranger at a higher address than any system on 127.0.0.1: whose connection is the one given up."""

    async def __aenter__(self) -> Stranger:
        self._server = await asyncio.start_server(self._accept, "127.0.0.2", 0)
        self.address = self._server.sockets[0].getsockname()[:2]
        return self


@pytest.mark.asyncio
async def test_of_two_connections_made_at_once_the_lower_addresss_stays(system: ActorSystem) -> None:
    async with asyncio.timeout(20), Higher() as stranger:
        system.send(UPID.at("x", stranger.address), Note("first"))
        reader, writer = await stranger.accepted.get()
        other_reader, _ = await stranger.connect(system.address, "one life")
        await until_spare(system, stranger, there=True)
        writer.write(hello(*stranger.address))
        assert (await next_frame(reader))["ostrom"] == 1
        assert await next_frame(reader) == []
        assert await next_frame(reader) == [["x", "", 0, {"t": "Note", "text": "first"}]]
        # Nothing was said on the one that is given up.
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await other_reader.readexactly(1)


@pytest.mark.asyncio
async def test_the_connection_to_be_given_up_is_kept_when_the_other_fails(system: ActorSystem) -> None:
    async with asyncio.timeout(20), Higher() as stranger:
        system.send(UPID.at("x", stranger.address), Note("first"))
        _, writer = await stranger.accepted.get()
        other_reader, _ = await stranger.connect(system.address, "one life")
        await until_spare(system, stranger, there=True)
        writer.close()
        assert (await next_frame(other_reader))["ostrom"] == 1
        assert await next_frame(other_reader) == [["x", "", 0, {"t": "Note", "text": "first"}]]


@pytest.mark.asyncio
async def test_when_both_connections_fail_whoever_waits_is_told(system: ActorSystem) -> None:
    async with asyncio.timeout(20), Higher() as stranger:
        ask = asyncio.ensure_future(system.ask(UPID.at("x", stranger.address), Echo(), 3600))
        _, writer = await stranger.accepted.get()
        _, other_writer = await stranger.connect(system.address, "one life")
        await until_spare(system, stranger, there=True)
        other_writer.close()
        await until_spare(system, stranger, there=False)
        writer.close()
        with pytest.raises(PeerGoneError, match="connection closed"):
            await ask
        assert transport(system)._peers == {}


@pytest.mark.asyncio
async def test_a_peer_that_connects_anew_replaces_the_connection_that_it_lost(system: ActorSystem) -> None:
    """As after a crash that this side has not noticed: another life, at the same address."""
    probe = Probe()
    upid = system.spawn(probe)
    async with asyncio.timeout(20), Stranger() as stranger:
        reader, writer = await stranger.connect(system.address, "one life")
        writer.write(frame([[upid.id, "old", 0, {"t": "Note", "text": "old"}]]))
        await probe.until(1)
        watched = UPID.at("watched", stranger.address)
        probe.link(watched)
        new_reader, new_writer = await stranger.connect(system.address, "another life")
        assert (await next_frame(new_reader))["ostrom"] == 1
        assert await probe.until_exits() == [(watched, NOCONNECTION)]
        new_writer.write(frame([[upid.id, "new", 5, {"t": "Echo", "text": "new"}]]))
        assert await next_frame(new_reader) == [["new", upid.id, -5, {"t": "Echo", "text": "new"}]]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1 << 20)


CHILD = """
import asyncio, sys
from actors import Actor, ActorSystem, run
async def main():
    async with ActorSystem() as system:
        print(system.spawn(Actor(), "child"), flush=True)
        await asyncio.Event().wait()
run(main())
"""


@pytest.mark.asyncio
async def test_a_killed_process_is_a_broken_connection_and_then_nobody(system: ActorSystem) -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(20):
            assert child.stdout is not None
            upid = UPID.parse((await child.stdout.readline()).decode())
            watcher = Probe()
            system.spawn(watcher)
            watcher.link(upid)
            # An answer says that the link, sent before, has arrived.
            with pytest.raises(RemoteError):
                await system.ask(upid, Echo())
            child.kill()
            assert await watcher.until_exits() == [(upid, NOCONNECTION)]
            await child.wait()
            watcher.link(upid)
            assert (await watcher.until_exits(2))[1] == (upid, NOPROC)
            with pytest.raises(PeerGoneError, match="connection refused"):
                await system.ask(upid, Echo())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


@pytest.mark.asyncio
async def test_advertised_behind_another_port() -> None:
    """As in a container: what is bound is not what others dial."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*bound)

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(copy(reader, back), copy(there, writer), return_exceptions=True)

    nat = await asyncio.start_server(forward, "127.0.0.1", 0)
    outside = nat.sockets[0].getsockname()[1]
    async with (
        asyncio.timeout(20),
        ActorSystem(advertise=f"localhost:{outside}") as hidden,
        ActorSystem() as other,
    ):
        bound = hidden._transport._listener._server.sockets[0].getsockname()
        upid = hidden.spawn(Probe())
        assert upid == UPID(upid.id, "localhost", outside)
        assert await other.ask(upid, Echo()) == Echo()
    nat.close()
    await nat.wait_closed()
