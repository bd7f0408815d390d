"""The checks of v2, where it has controllers: here, or in the guest of `make test-cgroup2`."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.isolation.cgroups import v2_checks

# Killing takes no controller.
HERE = list(v2_checks.CHECKS) if v2_checks.controllers() else ["kills"]


@pytest.mark.parametrize("name", HERE)
def test_v2(name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("control groups are made by root here")
    asyncio.run(v2_checks.run(v2_checks.CHECKS[name]))
