"""Large answers, written bit by bit: whoever else is in the process has its turn in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = ["SLICE", "write"]

SLICE = 0.002
"""Seconds of work in one go; of the processor's time, so that a busy machine does not count."""

_ENCODER = msgspec.json.Encoder()


async def write(value: Any) -> tuple[bytes, float]:
    """A value as JSON, and the seconds that took.

    Iterators are arrays, made as they are written: those in the outermost object, and in the objects that they give.
    """
    pieces: list[bytes] = []
    spent, begun = 0.0, time.thread_time()
    for _ in _written(value, pieces):
        if (now := time.thread_time()) - begun >= SLICE:
            spent += now - begun
            await asyncio.sleep(0)
            begun = time.thread_time()
    data = b"".join(pieces)
    return data, spent + time.thread_time() - begun


def _written(value: Any, pieces: list[bytes]) -> Iterator[None]:
    large = (
        {name: each for name, each in value.items() if isinstance(each, Iterator)}
        if isinstance(value, dict)
        else {}
    )
    if not large:
        pieces.append(_ENCODER.encode(value))
        return
    head = _ENCODER.encode({name: each for name, each in value.items() if name not in large})
    pieces.append(head[:-1])
    separator = b"" if head == b"{}" else b","
    for name, items in large.items():
        pieces.append(separator + _ENCODER.encode(name) + b":[")
        separator = b""
        for item in items:
            pieces.append(separator)
            yield from _written(item, pieces)
            separator = b","
            yield
        pieces.append(b"]")
        separator = b","
    pieces.append(b"}")
