"""Executors prove who they are by their tokens: ids are seen by many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from actors import UPID, Actor, Message
from cluster.messages import (
    ExecutorRegistered,
    ExecutorShutdown,
    ReconnectExecutor,
    RegisterExecutor,
)
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.world import executor, task

pytestmark = pytest.mark.asyncio


class Claimant(Actor):
    """Says that it is an executor."""

    def __init__(self) -> None:
        self.inbox: list[Message] = []

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        self.inbox.append(message)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentWorld]:
    async with AgentWorld(tmp_path) as world:
        await world.run(task("t", executor=executor("e")))
        yield world


async def claim(world: AgentWorld, token: str) -> Claimant:
    claimant = Claimant()
    world.system.spawn(claimant)
    run = world.agent.state.runs[FRAMEWORK.id, "e"]
    message = RegisterExecutor(FRAMEWORK.id, "e", run.container_id, token=token)
    claimant.send(world.agent.upid, message)
    await world.settle()
    return claimant


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
async def test_another_token_is_not_its(world: AgentWorld, token: str) -> None:
    claimant = await claim(world, token)
    assert [type(message) for message in claimant.inbox] == [ExecutorShutdown]
    assert world.agent.state.runs[FRAMEWORK.id, "e"].upid is None


async def test_who_has_it_is_asked_back_by_it(world: AgentWorld) -> None:
    token = world.machine.container("e").spec.env["OSTROM_EXECUTOR_TOKEN"]
    claimant = await claim(world, token)
    assert isinstance(claimant.inbox[0], ExecutorRegistered)
    claimant.inbox.clear()
    await world.crash()
    await world.start()
    container_id = world.machine.container("e").id
    assert claimant.inbox == [ReconnectExecutor(container_id, token)]
