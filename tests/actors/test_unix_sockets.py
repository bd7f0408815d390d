"""Systems at Unix sockets: named, reached, guarded, and cleaned up."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from actors import UPID, ActorSystem, Introduction, PeerGoneError

from .probes import Echo, Note, Probe
from .strangers import Stranger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "here.sock"


def test_its_name_as_text(path: Path) -> None:
    upid = UPID.parse(f"probe@unix:{path}")
    assert upid.address == (str(path), 0)
    assert str(upid) == f"probe@unix:{path}"


@pytest.mark.parametrize(
    "text", ["unix:", "unix:relative", "unix:/", "unix:/a b", "unix:/a@b", "unix:/" + "x" * 107]
)
def test_what_is_no_path_of_a_socket(text: str) -> None:
    with pytest.raises(ValueError, match="the path of a Unix socket is absolute"):
        UPID.parse(f"probe@{text}")
    with pytest.raises(ValueError, match="the path of a Unix socket is absolute"):
        ActorSystem(text)


@pytest.mark.asyncio
async def test_messages_asks_and_links_both_ways(path: Path) -> None:
    async with ActorSystem(f"unix:{path}") as here, ActorSystem(f"unix:{path}.2") as there:
        near, far = Probe(), Probe()
        here.spawn(near)
        there.spawn(far)
        assert await there.ask(near.upid, Echo("hello")) == Echo("hello")
        near.link(far.upid)
        here.send(far.upid, Note("x"), near.upid)
        await far.until(1)
        assert far.senders == [near.upid]
        there.terminate(far.upid)
        assert await near.until_exits() == [(far.upid, "normal")]


@pytest.mark.asyncio
async def test_one_at_a_port_reaches_one_at_a_path_and_is_reached(path: Path) -> None:
    async with ActorSystem(f"unix:{path}") as here, ActorSystem() as there:
        near, far = here.spawn(Probe()), there.spawn(Probe())
        assert await there.ask(near, Echo("1")) == Echo("1")
        assert await here.ask(far, Echo("2")) == Echo("2")
        # Each way was the same connection.
        assert len(here._transport.connections) == 1


@pytest.mark.asyncio
async def test_http_at_a_path(path: Path) -> None:
    async with (
        ActorSystem(f"unix:{path}"),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
        http.get("http://any/health") as response,
    ):
        assert response.status == 200


@pytest.mark.asyncio
async def test_the_socket_is_its_owners_alone_and_goes_with_the_system(path: Path) -> None:
    async with ActorSystem(f"unix:{path}"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


@pytest.mark.asyncio
async def test_a_path_that_is_in_use_is_an_error_and_stays_in_use(path: Path) -> None:
    async with ActorSystem(f"unix:{path}") as system:
        upid = system.spawn(Probe())
        with pytest.raises(OSError, match=f"in use: unix:{path}"):
            await ActorSystem(f"unix:{path}").start()
        async with ActorSystem() as other:
            assert await other.ask(upid, Echo()) == Echo()


@pytest.mark.asyncio
async def test_a_socket_left_behind_is_taken_over_a_file_is_not(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with ActorSystem(f"unix:{path}") as system, ActorSystem() as other:
        assert await other.ask(system.spawn(Probe()), Echo()) == Echo()
    path.write_text("precious")
    with pytest.raises(OSError, match="in use"):
        await ActorSystem(f"unix:{path}").start()
    assert path.read_text() == "precious"


@pytest.mark.asyncio
async def test_a_successor_keeps_its_socket_when_the_old_one_closes(path: Path) -> None:
    old = await ActorSystem(f"unix:{path}").start()
    path.unlink()
    async with ActorSystem(f"unix:{path}"):
        await old.close()
        assert path.is_socket()


@pytest.mark.asyncio
async def test_so_it_does_when_the_old_one_takes_its_time(path: Path) -> None:
    """By then the file system has given the number of the old inode to the new socket."""
    old = await ActorSystem(f"unix:{path}").start()
    async with Stranger() as stranger:
        # What it was to send to one that never answers is waited for.
        old.send(UPID.at("x", stranger.address), Echo())
        closing = asyncio.ensure_future(old.close())
        while not old._transport.closing:
            await asyncio.sleep(0)
        async with ActorSystem(f"unix:{path}") as successor, ActorSystem() as other:
            upid = successor.spawn(Probe())
            assert not closing.done()
            await closing
            assert await other.ask(upid, Echo()) == Echo()


@pytest.mark.asyncio
@pytest.mark.parametrize("left_behind", [False, True])
async def test_where_nobody_listens_nobody_is(path: Path, left_behind: bool) -> None:
    if left_behind:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    async with ActorSystem() as system:
        probe = Probe()
        system.spawn(probe)
        nobody = UPID("probe", str(path), 0)
        with pytest.raises(PeerGoneError):
            await system.ask(nobody, Echo())
        probe.link(nobody)
        assert await probe.until_exits() == [(nobody, "noproc")]


@pytest.mark.asyncio
async def test_the_user_at_the_other_end_is_known(path: Path) -> None:
    seen: list[Introduction] = []

    def only_me(peer: Introduction) -> bool:
        seen.append(peer)
        return peer.uid == os.getuid()

    async with ActorSystem(f"unix:{path}", authenticate=only_me) as here, ActorSystem() as there:
        assert await there.ask(here.spawn(Probe()), Echo()) == Echo()
        assert [(peer.address, peer.uid, peer.dialled) for peer in seen] == [
            (there.address, os.getuid(), None)
        ]


def test_a_path_cannot_be_advertised_as_something_else(path: Path) -> None:
    with pytest.raises(ValueError, match="advertise is 'elsewhere'"):
        ActorSystem(f"unix:{path}", advertise="elsewhere")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"advertise": "myhost:99999"}, "advertise is 'myhost:99999'"),
        ({"advertise": ""}, "advertise is ''"),
        ({"advertise": "no host, this"}, "advertise is 'no host, this'"),
        ({"advertise": ":5050"}, "advertise is ':5050'"),
        ({"advertise": "unix:/x/y"}, "advertise is 'unix:/x/y', the path"),
        ({"port": 70000}, "port is 70000"),
        ({"port": -1}, "port is -1"),
        ({"host": "a b"}, "host is 'a b'"),
        ({"host": "/x/y"}, "host is '/x/y'"),
    ],
)
def test_what_can_be_no_address(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ActorSystem(**options)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "::1", "localhost", "node-1.example"])  # noqa: S104
def test_what_can(host: str) -> None:
    ActorSystem(host, advertise="fe80::1")
    ActorSystem(host, advertise="[fe80::1]:5050")
