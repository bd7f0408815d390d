from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def logger() -> Iterator[None]:
    """The command sets up the log of its process, which here is the tests'."""
    log = logging.getLogger("ostrom")
    before = log.handlers, log.level, log.propagate
    yield
    log.handlers, log.level, log.propagate = before
