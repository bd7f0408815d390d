from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.cluster.etcd_members import connect, etcd, etcd_binary, etcd_path, etcd_three, shared_three
from tests.cluster.world import World

__all__ = ["connect", "etcd", "etcd_binary", "etcd_path", "etcd_three", "shared_three", "world"]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with World() as world:
        yield world
