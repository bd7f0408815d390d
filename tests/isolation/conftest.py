from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from isolation import Launcher
from tests.isolation.box import Box


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path, uuid.uuid4().hex)


@pytest_asyncio.fixture
async def launcher() -> AsyncIterator[Launcher]:
    async with asyncio.timeout(60), Launcher() as launcher:
        yield launcher
