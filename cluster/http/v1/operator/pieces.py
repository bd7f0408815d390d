"""Large messages, written piece by piece: whoever else is in the process has its turn in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from cluster.http.v1.media import JSON, Media
from cluster.v1.schema import Proto, fields_of

__all__ = ["SLICE", "Tree", "encode_slowly"]

SLICE = 0.002
"""Seconds of work in one go."""
_VARINT_BITS = 7
_LENGTH_DELIMITED = 2


class Tree(Struct, frozen=True):
    """A message: its small fields, and those that are large: trees again, or lists whose items are made as needed."""

    message: type[Proto]
    small: Mapping[str, Any] = {}
    large: Mapping[str, Tree | Iterable[Proto]] = {}


async def encode_slowly(tree: Tree, media: Media) -> bytes:
    """The message as bytes. MessageError if a text of it cannot be written."""
    pieces: list[bytes] = []
    steps = _json(tree, pieces) if media is JSON else _protobuf(tree, media, pieces)
    end = time.perf_counter() + SLICE
    for _ in steps:
        if time.perf_counter() >= end:
            await asyncio.sleep(0)
            end = time.perf_counter() + SLICE
    return b"".join(pieces)


def _json(tree: Tree, pieces: list[bytes]) -> Iterator[None]:
    head = JSON.encode(tree.message(**tree.small)).removesuffix(b"}")
    pieces.append(head)
    first = head == b"{"
    for name, part in tree.large.items():
        pieces.append(b'"%s":' % name.encode() if first else b',"%s":' % name.encode())
        first = False
        if isinstance(part, Tree):
            yield from _json(part, pieces)
            continue
        separator = b"["
        for item in part:
            pieces.append(separator + JSON.encode(item))
            separator = b","
            yield
        pieces.append(b"[]" if separator == b"[" else b"]")
    pieces.append(b"}")


def _protobuf(tree: Tree, media: Media, pieces: list[bytes]) -> Iterator[None]:
    # What is in a message is behind its length; parts of one message are written one behind the other.
    pieces.append(media.encode(tree.message(**tree.small)))
    numbers = {field.name: field.number for field in fields_of(tree.message)}
    for name, part in tree.large.items():
        if isinstance(part, Tree):
            inner: list[bytes] = []
            yield from _protobuf(part, media, inner)
            length = sum(map(len, inner))
            pieces.append(_varint(numbers[name] << 3 | _LENGTH_DELIMITED) + _varint(length))
            pieces += inner
            continue
        for item in part:
            pieces.append(media.encode(tree.message(**{name: (item,)})))
            yield


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 1 << _VARINT_BITS:
        written.append(number & 0x7F | 0x80)
        number >>= _VARINT_BITS
    written.append(number)
    return bytes(written)
