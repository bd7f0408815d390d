from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from actors import ActorSystem, InProcessNetwork, PausedClock


@pytest.fixture
def clock() -> PausedClock:
    return PausedClock()


@pytest_asyncio.fixture
async def system(clock: PausedClock) -> AsyncIterator[ActorSystem]:
    """One system in paused time, without sockets."""
    async with ActorSystem(clock=clock, transport=InProcessNetwork().transport()) as system:
        yield system


@pytest.fixture
def network() -> InProcessNetwork:
    return InProcessNetwork()


@pytest_asyncio.fixture
async def two(
    clock: PausedClock, network: InProcessNetwork
) -> AsyncIterator[tuple[ActorSystem, ActorSystem]]:
    """Two systems in paused time, joined without sockets."""
    async with (
        ActorSystem(clock=clock, transport=network.transport("a")) as one,
        ActorSystem(clock=clock, transport=network.transport("b")) as other,
    ):
        yield one, other


@pytest_asyncio.fixture
async def tcp() -> AsyncIterator[tuple[ActorSystem, ActorSystem]]:
    """Two systems on loopback, in real time."""
    async with asyncio.timeout(10), ActorSystem() as one, ActorSystem() as other:
        yield one, other
