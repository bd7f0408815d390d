from __future__ import annotations

from collections.abc import Iterator

import coverage
import pytest


@pytest.fixture
def untraced() -> Iterator[None]:
    """Searches over thousands of random instances run the same lines again and again: tracing them takes minutes."""
    tracer = coverage.Coverage.current()
    if tracer is None:
        yield
        return
    tracer.stop()
    yield
    tracer.start()
