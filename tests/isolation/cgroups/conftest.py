from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Literal

import pytest

from tests.isolation.cgroups.roots import Site


def open_site(version: Literal["auto", "1", "2"]) -> Iterator[Site]:
    if os.geteuid() != 0:
        pytest.skip("control groups are made by root here")
    site = Site(version)
    if (reason := site.refusal()) is not None:
        pytest.skip(reason)
    yield site
    # The kernel may find a group busy for a moment after its last process.
    until = time.monotonic() + 5
    while site.left() and time.monotonic() < until:
        time.sleep(0.01)
    left = site.left()
    site.clear()
    assert left == []


@pytest.fixture
def site() -> Iterator[Site]:
    """A root in all control groups that are mounted here."""
    yield from open_site("auto")


@pytest.fixture(params=["auto", "1"])
def each_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The same, and one without v2."""
    yield from open_site(request.param)


@pytest.fixture
def site_of_v1() -> Iterator[Site]:
    """One without v2."""
    yield from open_site("1")
