from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.cluster.framework.stage import Stage


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage
