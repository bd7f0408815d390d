"""Large messages, written a slice of time after the other: whoever else is in the process has its turn in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from cluster.http.v1.media import JSON, Media
from cluster.v1.trees import Tree, steps

__all__ = ["SLICE", "encode_slowly", "steps_in"]

SLICE = 0.002
"""Seconds of work in one go."""


def steps_in(media: Media, tree: Tree, pieces: list[bytes]) -> Iterator[None]:
    """Write a message into `pieces`, step by step. MessageError if a text of it cannot be written."""
    return steps(tree, "json" if media is JSON else "protobuf", pieces)


async def encode_slowly(tree: Tree, media: Media) -> bytes:
    """The message as bytes. MessageError if a text of it cannot be written."""
    pieces: list[bytes] = []
    end = time.perf_counter() + SLICE
    for _ in steps_in(media, tree, pieces):
        if time.perf_counter() >= end:
            await asyncio.sleep(0)
            end = time.perf_counter() + SLICE
    return b"".join(pieces)
