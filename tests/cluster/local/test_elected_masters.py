"""From standby to the lead and out of it, in virtual time, with the real election in the model of etcd."""

from __future__ import annotations

import asyncio

import pytest

from cluster.registry import Change, DeposedError

from .elected_world import Candidate, ElectedWorld, simulated

TTL = 10


def ending(candidate: Candidate, world: ElectedWorld) -> tuple[asyncio.Task[str], list[float]]:
    """Its end, and when it has come."""
    ended = candidate.process.spawn(candidate.node.ended())
    times: list[float] = []
    ended.add_done_callback(lambda _: times.append(world.now))
    return ended, times


def test_one_leads_and_the_others_stand_by() -> None:
    async def scenario(world: ElectedWorld) -> None:
        first, second = await world.start("a"), await world.start("b")
        await world.until(lambda: first.master or second.master)
        leader, other = (first, second) if first.master else (second, first)
        assert (leader.leads, other.leads, other.master) == (True, False, False)
        await asyncio.sleep(100)
        assert (leader.leads, other.leads, other.master) == (True, False, False)
        assert leader.contender.term > 0 == other.contender.term

        # Resigned, it needs no lease to run out.
        before = world.now
        await leader.run(leader.node.stop())
        await world.until(lambda: other.master)
        assert world.now - before < 0.5
        assert other.contender.term > leader.contender.term

    simulated(scenario, TTL)


def test_a_leader_that_is_cut_off_from_etcd_ends_before_another_leads() -> None:
    async def scenario(world: ElectedWorld) -> None:
        first = await world.start("a")
        await world.until(lambda: first.master)
        second = await world.start("b")
        ended, times = ending(first, world)
        await asyncio.sleep(30)
        world.etcd.block("cut", "a", to=True, back=True)
        cut = world.now
        await world.until(lambda: second.leads)
        assert (await ended).startswith("it lost the lead: its lease was not renewed in time: ")
        assert times[0] < world.now
        assert times[0] - cut <= 0.85 * TTL
        assert not first.leads

    simulated(scenario, TTL)


def test_a_leader_that_etcd_has_given_up_ends() -> None:
    """Somebody has deleted its key, by hand."""

    async def scenario(world: ElectedWorld) -> None:
        first = await world.start("a")
        await world.until(lambda: first.master)
        world.etcd.store.delete([first.contender.key])
        ended, _ = ending(first, world)
        assert await ended == "it lost the lead: its key in etcd was deleted"
        assert not first.leads

    simulated(scenario, TTL)


def test_one_that_was_stopped_for_three_leases_knows_at_once_and_writes_nothing() -> None:
    async def scenario(world: ElectedWorld) -> None:
        first = await world.start("a")
        await world.until(lambda: first.master)
        second = await world.start("b")
        ended, times = ending(first, world)
        first.process.stop()
        stopped = world.now
        await world.until(lambda: second.master)
        await asyncio.sleep(stopped + 3 * TTL - world.now)
        await second.run(second.registry.write([Change("weights", "eng", 2.0)]))
        first.process.go_on()
        assert (await ended).startswith("it lost the lead: its lease was not renewed in time")
        assert times[0] - world.now == pytest.approx(0.0, abs=1e-3)
        # And if its gate were open, etcd would have the last word.
        first.registry._leads = lambda: True
        with pytest.raises(DeposedError, match="another master leads"):
            await first.run(first.registry.write([Change("weights", "eng", 3.0)]))
        assert world.etcd.store.get("/test/registry/weights/eng").value == b"2.0"

    simulated(scenario, TTL)


def test_a_master_that_cannot_reach_etcd_stands_by_until_it_can() -> None:
    async def scenario(world: ElectedWorld) -> None:
        world.etcd.begin_outage()
        first = await world.start("a")
        await asyncio.sleep(300)
        assert not first.master
        world.etcd.end_outage()
        await world.until(lambda: first.master, within=TTL + 10)

    simulated(scenario, TTL)
