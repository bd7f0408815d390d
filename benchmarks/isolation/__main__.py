"""What isolation costs, and what it keeps."""

from __future__ import annotations

import asyncio

from benchmarks.report import Row, main

from .killing import kills
from .launching import launches
from .neighbours import neighbours
from .overhead import overhead
from .polling import polls

PARTS = (overhead, launches, polls, neighbours, kills)


def measure(quick: bool) -> list[Row]:
    """All of it, one after the other."""
    return [row for part in PARTS for row in asyncio.run(part(quick))]


if __name__ == "__main__":
    main("isolation", __doc__ or "", measure)
