"""Which systems are let in, and what those that are not are told."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from actors import ActorSystem, Introduction, PeerGoneError

from .probes import Echo, Probe
from .strangers import frame, hello, said_until_closed


@pytest.mark.asyncio
async def test_who_has_the_same_credentials_is_let_in() -> None:
    async with ActorSystem(credentials="swordfish") as one, ActorSystem(credentials="swordfish") as other:
        assert await other.ask(one.spawn(Probe()), Echo()) == Echo()


@pytest.mark.asyncio
@pytest.mark.parametrize("wrong", ["", "swordfisj", "schwertfisch ä"])
async def test_who_has_not_is_told_so(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    probe = Probe()
    async with ActorSystem(credentials="swordfish") as one, ActorSystem(credentials=wrong) as other:
        upid = one.spawn(probe)
        with pytest.raises(PeerGoneError, match="it refused this system: not authenticated"):
            await other.ask(upid, Echo())
        assert one.counters["peers_refused"] == 1
        assert one._transport.connections == set()
    assert "was not let in: not authenticated" in caplog.text
    assert "swordfish" not in caplog.text
    assert "schwert" not in caplog.text


@pytest.mark.asyncio
async def test_who_dials_lets_nobody_in_either() -> None:
    async with ActorSystem() as one, ActorSystem(credentials="swordfish") as other:
        upid = one.spawn(Probe())
        with pytest.raises(PeerGoneError, match="this system refused it: not authenticated"):
            await other.ask(upid, Echo())
        assert other.counters["peers_refused"] == 1


@pytest.mark.asyncio
async def test_nothing_that_a_refused_stranger_sends_arrives() -> None:
    probe = Probe()
    async with asyncio.timeout(20), ActorSystem(credentials="swordfish") as system:
        system.spawn(probe, "probe")
        said = await said_until_closed(system.address, hello() + frame([["probe", "", 0, {"t": "Note"}]]))
        assert b"not authenticated" in said
        assert b"swordfish" not in said
        assert probe.notes == []
        assert system.counters["malformed_frames"] == 0


@pytest.mark.asyncio
async def test_the_secret_goes_to_nobody_who_dials_without_it() -> None:
    async with asyncio.timeout(20), ActorSystem(credentials="swordfish") as system:
        refused = await said_until_closed(system.address, hello())
        # A stranger knows by now which life of the system this is, and says that it is the very same.
        incarnation = msgspec.msgpack.decode(refused[4:])["incarnation"]
        assert incarnation == system.incarnation
        for host, port in (("127.0.0.1", 1), system.address):
            said = await said_until_closed(system.address, hello(host, port, incarnation=incarnation))
            assert b"swordfish" not in said


@pytest.mark.asyncio
async def test_an_authenticator_sees_both_sides_as_they_are() -> None:
    seen: list[Introduction] = []

    def note(peer: Introduction) -> bool:
        seen.append(peer)
        return True

    async with (
        ActorSystem(credentials="left", authenticate=note) as left,
        ActorSystem(credentials="right", authenticate=note) as right,
    ):
        await right.ask(left.spawn(Probe()), Echo())
        by_right, by_left = sorted(seen, key=lambda peer: peer.credentials)
        assert by_right.address == left.address
        assert by_right.credentials == "left"
        assert by_right.incarnation == left.incarnation
        assert by_right.dialled == left.address
        assert by_left.address == right.address
        assert by_left.dialled is None
        assert by_left.socket[0] == "127.0.0.1"
        assert by_left.certificate is None
        assert by_left.uid is None


@pytest.mark.asyncio
async def test_an_authenticator_that_raises_lets_nobody_in() -> None:
    def broken(_peer: Introduction) -> bool:
        raise LookupError("the directory is down")

    errors: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: errors.append(str(context["exception"]))
    )
    async with ActorSystem(authenticate=broken) as system, ActorSystem() as other:
        upid = system.spawn(Probe())
        with pytest.raises(PeerGoneError):
            await other.ask(upid, Echo())
    assert errors == ["the directory is down"]


def test_credentials_that_no_hello_has_room_for() -> None:
    with pytest.raises(ValueError, match="credentials: 5000 bytes, the limit is 2048"):
        ActorSystem(credentials="x" * 5000)
