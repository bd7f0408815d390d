"""monitor and down, links that do not trap, kill."""

from __future__ import annotations

import asyncio

import pytest

from actors import KILLED, NOCONNECTION, NOPROC, NORMAL, UPID, ActorSystem, InProcessTransport, Monitor
from actors.testing import settle

from .probes import Probe

Two = tuple[ActorSystem, ActorSystem]
here_and_there = pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])


class Watcher(Probe):
    def __init__(self) -> None:
        super().__init__()
        self.downs: list[tuple[Monitor, str]] = []

    def down(self, monitor: Monitor, reason: str) -> None:
        self.downs.append((monitor, reason))


class Linked(Probe):
    trap_exits = False


@pytest.mark.asyncio
@here_and_there
async def test_each_monitor_is_told_once(two: Two, remote: bool) -> None:
    watcher = Watcher()
    two[0].spawn(watcher)
    home = two[1] if remote else two[0]
    upid = home.spawn(Probe())
    first, second, third = (watcher.monitor(upid) for _ in range(3))
    watcher.demonitor(second)
    watcher.demonitor(second)
    await settle(*two)
    home.terminate(upid, "tired")
    await settle(*two)
    assert watcher.downs == [(first, "tired"), (third, "tired")]
    assert watcher.exits == []
    assert first.target == upid


@pytest.mark.asyncio
@here_and_there
async def test_link_and_monitor_do_not_disturb_each_other(two: Two, remote: bool) -> None:
    watcher = Watcher()
    two[0].spawn(watcher)
    home = two[1] if remote else two[0]
    both, linked, monitored = (home.spawn(Probe()) for _ in range(3))
    for upid in (both, linked, monitored):
        watcher.link(upid)
    monitors = {upid: watcher.monitor(upid) for upid in (both, linked, monitored)}
    watcher.demonitor(monitors[linked])
    watcher.unlink(monitored)
    await settle(*two)
    for upid in (both, linked, monitored):
        home.terminate(upid)
    await settle(*two)
    assert sorted(watcher.exits) == sorted([(both, NORMAL), (linked, NORMAL)])
    assert {monitor for monitor, _ in watcher.downs} == {monitors[both], monitors[monitored]}


@pytest.mark.asyncio
@here_and_there
async def test_who_is_not_there_is_down_at_once(two: Two, remote: bool) -> None:
    watcher = Watcher()
    two[0].spawn(watcher)
    monitor = watcher.monitor(UPID.at("nobody", two[remote].address))
    await settle(*two)
    assert watcher.downs == [(monitor, NOPROC)]


@pytest.mark.asyncio
async def test_a_connection_that_breaks(two: Two) -> None:
    watcher = Watcher()
    two[0].spawn(watcher)
    monitor = watcher.monitor(two[1].spawn(Probe()))
    await settle(*two)
    transport = two[0]._transport
    assert isinstance(transport, InProcessTransport)
    transport.disconnect(two[1].address)
    await settle(*two)
    assert watcher.downs == [(monitor, NOCONNECTION)]


@pytest.mark.asyncio
@here_and_there
@pytest.mark.parametrize(("reason", "ends"), [("error: it broke", True), ("shutdown", True), (NORMAL, False)])
async def test_a_link_that_is_not_trapped_ends_the_other_too(
    two: Two, remote: bool, reason: str, ends: bool
) -> None:
    linked, trapping = Linked(), Probe()
    upid = two[0].spawn(linked)
    two[0].spawn(trapping)
    home = two[1] if remote else two[0]
    target = home.spawn(Probe())
    linked.link(target)
    trapping.link(upid)
    await settle(*two)
    home.terminate(target, reason)
    await settle(*two)
    assert linked.exits == []
    assert trapping.exits == ([(upid, reason)] if ends else [])


@pytest.mark.asyncio
async def test_kill_does_not_wait_for_finalize(system: ActorSystem) -> None:
    class Stuck(Probe):
        finalized = False

        async def finalize(self) -> None:
            await asyncio.Event().wait()
            self.finalized = True

    stuck = Stuck()
    upid = system.spawn(stuck)
    system.terminate(upid)
    await settle(system)
    waiting = asyncio.ensure_future(system.wait(upid))
    await settle(system)
    assert not waiting.done()
    with pytest.raises(ValueError, match="taken"):
        system.spawn(Probe(), upid.id)
    system.kill(upid)
    assert await waiting == NORMAL
    assert not stuck.finalized
    system.kill(upid)

    other = system.spawn(Stuck())
    system.kill(other)
    assert await system.wait(other) == KILLED
