"""Mesos's numbers for logging levels, and ours."""

from __future__ import annotations

import logging

import pytest

from actors import ActorSystem, PausedClock
from cluster.http.v1.verbosity import set_verbosity, verbosity

pytestmark = pytest.mark.asyncio


async def test_what_is_set_is_what_is_told() -> None:
    clock = PausedClock()
    async with ActorSystem(clock=clock) as system:
        before = verbosity(system.http)
        for level in (0, 1, 2, 10):
            set_verbosity(system.http, level, 10)
            assert verbosity(system.http) == level
        set_verbosity(system.http, 2**32 - 1, 10)
        assert verbosity(system.http) == 10
        assert logging.getLogger("ostrom").getEffectiveLevel() == 1
        clock.step_to(clock.monotonic() + 10)
        assert verbosity(system.http) == before
