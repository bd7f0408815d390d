"""`python -m benchmarks.allocators`."""

from __future__ import annotations

from benchmarks.report import Row, main

from .events import check_events, measure_events, measure_names
from .memory import measure_memory
from .passes import check_small, measure_passes, measure_quota, measure_skew
from .pools import compile_ahead, measure_pools
from .storms import check_storm, measure_storms

__all__ = ["measure"]


def measure(quick: bool) -> list[Row]:
    """All rows; first it is seen that both engines do the same."""
    compiling = compile_ahead()
    check_small()
    check_events()
    check_storm()
    if compiling is not None:
        compiling.wait()
    return [
        *measure_passes(quick),
        *measure_quota(quick),
        *measure_events(quick),
        *measure_names(quick),
        *measure_storms(quick),
        *measure_pools(quick),
        *measure_skew(quick),
        *measure_memory(quick),
    ]


if __name__ == "__main__":
    main("allocators", "How long the allocator decides", measure)
