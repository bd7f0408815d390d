"""How an agent comes to a master that was elected just now."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from actors import UPID
from cluster.messages import RegisterAgent
from tests.cluster.agent.world import AgentWorld, FakeMaster

pytestmark = pytest.mark.asyncio


async def test_a_leader_that_is_not_there_yet_is_asked_again_soon(tmp_path: Path) -> None:
    async with AgentWorld(tmp_path) as world:
        world.system.terminate(world.master.upid)
        await world.settle()
        assert world.agent.master is None
        master = FakeMaster()
        world.system.spawn(master, "master")
        await world.advance(0.1)
        assert world.agent.master == master.upid
        assert len(master.take(RegisterAgent)) == 1


async def test_one_that_stays_away_is_asked_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AgentWorld(tmp_path) as world:
        times: list[float] = []
        link = world.agent.link

        def noted(upid: UPID) -> None:
            times.append(world.clock.monotonic())
            link(upid)

        monkeypatch.setattr(world.agent, "link", noted)
        world.system.terminate(world.master.upid)
        await world.advance(300)
        pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
        for pause, most in zip(pauses, [*(0.1 * 2**n for n in range(10)), *[60.0] * 99], strict=False):
            assert most / 2 <= pause <= most + 1e-6
        assert len(pauses) > 12


async def test_all_do_not_come_to_a_new_leader_at_once(tmp_path: Path) -> None:
    """Within the detector's spread, at a random time; to the first leader, and to the same one again, at once."""
    async with AgentWorld(tmp_path) as world:
        assert world.agent.master == world.master.upid
        world.agent._detector.spread = 10.0
        other = FakeMaster()
        world.agent.defer(world.agent._detected, world.system.spawn(other, "another"))
        await world.advance(0.5)
        assert other.inbox == []
        assert world.agent.master is None
        await world.advance(9.5)
        assert len(other.take(RegisterAgent)) == 1
        assert world.agent.master == other.upid
