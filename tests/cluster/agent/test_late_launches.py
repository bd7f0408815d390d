"""What was sent long ago, and comes when the agent has asked to be taken anew without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.messages import AgentRegistered, RegisterAgent, RunTask
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.world import task


@pytest.mark.asyncio
async def test_a_launch_that_comes_after_the_agent_registers_again_is_not_done(tmp_path: Path) -> None:
    """The master has made the agent unreachable, and says of what the registration does not name that it is gone."""
    async with AgentWorld(tmp_path) as world:
        world.master.next = AgentRegistered("A1", "M", 5.0)
        await world.ping(connected=False)
        world.master.answers = False
        world.master.take(RegisterAgent)
        await world.advance(6)
        assert world.master.take(RegisterAgent)[0].tasks == ()
        world.master.send(world.agent.upid, RunTask(FRAMEWORK, task("t"), "*"))
        await world.settle()
        assert world.machine.launches == []
        # It is taken; if the master still believes the task there, it hears that it is not.
        world.master.next = AgentRegistered("A1", "M", 5.0, tasks=(("F1", "t"),))
        world.master.answers = True
        await world.advance(2)
        assert world.told() == ["t DROPPED"]
        # And what is sent from now on is done.
        await world.run("u")
        assert world.machine.launches == ["u"]
