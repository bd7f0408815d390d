"""link and exited, here and elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from actors import NOCONNECTION, NOPROC, UPID, ActorSystem, InProcessNetwork
from actors.testing import settle

from .probes import Hold, Probe

Two = tuple[ActorSystem, ActorSystem]
here_and_there = pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])


@pytest.mark.asyncio
@here_and_there
async def test_the_end_of_a_linked_actor_is_told_with_its_reason(two: Two, remote: bool) -> None:
    watcher = Probe()
    two[0].spawn(watcher)
    home = two[1] if remote else two[0]
    upid = home.spawn(Probe())
    watcher.link(upid)
    watcher.link(upid)
    await settle(*two)
    home.terminate(upid, "tired")
    await settle(*two)
    assert watcher.exits == [(upid, "tired")]
    # It fired: a successor of that name is not linked.
    home.spawn(Probe(), upid.id)
    await settle(*two)
    home.terminate(upid)
    await settle(*two)
    assert len(watcher.exits) == 1


@pytest.mark.asyncio
@here_and_there
async def test_who_is_not_there_is_told_at_once(two: Two, remote: bool) -> None:
    watcher = Probe()
    two[0].spawn(watcher)
    nobody = UPID.at("nobody", (two[1] if remote else two[0]).address)
    watcher.link(nobody)
    await settle(*two)
    assert watcher.exits == [(nobody, NOPROC)]


@pytest.mark.asyncio
@here_and_there
async def test_unlink(two: Two, remote: bool) -> None:
    watcher = Probe()
    two[0].spawn(watcher)
    home = two[1] if remote else two[0]
    upid = home.spawn(Probe())
    watcher.link(upid)
    await settle(*two)
    watcher.unlink(upid)
    await settle(*two)
    home.terminate(upid)
    await settle(*two)
    assert watcher.exits == []


@pytest.mark.asyncio
async def test_a_broken_connection_says_so_and_a_new_link_finds_out(
    two: Two, network: InProcessNetwork
) -> None:
    watcher = Probe()
    two[0].spawn(watcher)
    upid = two[1].spawn(Probe())
    watcher.link(upid)
    await settle(*two)
    network.systems[two[0].address].disconnect(two[1].address)
    await settle(*two)
    assert watcher.exits == [(upid, NOCONNECTION)]
    watcher.link(upid)
    await settle(*two)
    two[1].terminate(upid)
    await settle(*two)
    assert watcher.exits[1:] == [(upid, "normal")]


@pytest.mark.asyncio
async def test_a_system_that_is_not_there_has_no_actors(two: Two) -> None:
    watcher = Probe()
    two[0].spawn(watcher)
    nobody = UPID("x", "nowhere", 1)
    watcher.link(nobody)
    await settle(*two)
    assert watcher.exits == [(nobody, NOPROC)]


@pytest.mark.asyncio
async def test_the_links_of_an_actor_that_ends_are_forgotten(two: Two) -> None:
    watcher = Probe()
    here = two[0].spawn(watcher)
    upid = two[1].spawn(Probe())
    watcher.link(upid)
    await settle(*two)
    two[0].terminate(here)
    await settle(*two)
    assert two[1]._links.watchers(upid) == []
    assert two[0]._links.across(two[1].address) == []


@pytest.mark.asyncio
async def test_the_closing_of_a_system_is_told(two: Two) -> None:
    watcher = Probe()
    two[0].spawn(watcher)
    upid = two[1].spawn(Probe())
    watcher.link(upid)
    await settle(*two)
    await two[1].close()
    await settle(two[0])
    assert watcher.exits == [(upid, "shutdown")]


@pytest.mark.asyncio
async def test_over_tcp_a_killed_system_is_a_broken_connection_then_nobody(tcp: Two) -> None:
    here, there = tcp
    watcher = Probe()
    here.spawn(watcher)
    upid = there.spawn(Probe())
    watcher.link(upid)
    # An answer says that the link, sent before, has arrived.
    ask = asyncio.ensure_future(here.ask(upid, Hold()))
    probe = next(actor for actor in there.actors if actor.upid == upid)
    assert isinstance(probe, Probe)
    await probe.holding.wait()
    # As kill -9 would: the sockets close, nothing is said.
    transport = there._transport
    assert transport is not None
    for connection in list(transport.connections):
        connection.abort("killed")
    transport._listener.close()
    assert await watcher.until_exits(1) == [(upid, NOCONNECTION)]
    with pytest.raises(ConnectionError):
        await ask
    watcher.link(upid)
    assert (await watcher.until_exits(2))[1] == (upid, NOPROC)
