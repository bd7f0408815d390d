from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import Client


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


@pytest_asyncio.fixture
async def client(served: Served) -> AsyncIterator[Client]:
    """A framework that has subscribed."""
    async with Client(served.url) as client:
        await client.subscribe()
        yield client
