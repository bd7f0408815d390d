"""The checks of v2, where it has controllers."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.isolation.cgroups import v2_checks


@pytest.mark.parametrize("name", v2_checks.CHECKS)
def test_v2(name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("control groups are made by root here")
    # Killing takes no controller.
    if not v2_checks.controllers() and name != "kills":
        pytest.skip("v2 has no controllers here: v1 has them (the guest of make test-cgroup2 has them all)")
    asyncio.run(v2_checks.run(v2_checks.CHECKS[name]))
