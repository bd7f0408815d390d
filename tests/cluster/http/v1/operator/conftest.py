from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import JSON, PROTOBUF, Operator


@pytest_asyncio.fixture(params=[JSON, PROTOBUF])
async def operator(served: Served, request: pytest.FixtureRequest) -> AsyncIterator[Operator]:
    """One who speaks JSON, then one who speaks protobuf."""
    async with Operator(served, request.param) as operator:
        yield operator


@pytest_asyncio.fixture
async def json_operator(served: Served) -> AsyncIterator[Operator]:
    async with Operator(served) as operator:
        yield operator
