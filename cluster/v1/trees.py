"""Large messages, made and written step by step, so that others in the process have their turn in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from . import json, protobuf
from .schema import Proto, fields_of

__all__ = ["Tree", "steps"]

Format = Literal["json", "protobuf"]

_VARINT_BITS = 7
_LENGTH_DELIMITED = 2


class Tree(Struct, frozen=True):
    """A message: its small fields, and those that are large.

    A large one is a tree again, or a list whose items are made as they are needed. Where a None comes in place of an
    item there was work to do for what follows.
    """

    message: type[Proto]
    small: Mapping[str, Any] = {}
    large: Mapping[str, Tree | Iterable[Proto | Tree | None]] = {}


def steps(tree: Tree, format_: Format, pieces: list[bytes]) -> Iterator[None]:
    """Write a message into `pieces`, which together are its bytes; each step takes a small part of the time.

    MessageError if a text of it cannot be written.
    """
    return _json(tree, pieces) if format_ == "json" else _protobuf(tree, pieces)


def _json(tree: Tree, pieces: list[bytes]) -> Iterator[None]:
    head = json.encode_fields(tree.message, tree.small).removesuffix(b"}")
    pieces.append(head)
    first = head == b"{"
    for name, part in tree.large.items():
        pieces.append(b'%s"%s":' % (b"" if first else b",", name.encode()))
        first = False
        if isinstance(part, Tree):
            yield from _json(part, pieces)
            continue
        separator = b"["
        for item in part:
            if item is not None:
                pieces.append(separator)
                separator = b","
            if isinstance(item, Tree):
                yield from _json(item, pieces)
            elif item is not None:
                pieces.append(json.encode(item))
            yield
        pieces.append(b"[]" if separator == b"[" else b"]")
    pieces.append(b"}")


def _protobuf(tree: Tree, pieces: list[bytes]) -> Iterator[None]:
    # What is in a message is behind its length; parts of one message are written one behind the other.
    pieces.append(protobuf.encode_fields(tree.message, tree.small))
    numbers = {field.name: field.number for field in fields_of(tree.message)}
    for name, part in tree.large.items():
        for item in (part,) if isinstance(part, Tree) else part:
            if isinstance(item, Tree):
                inner: list[bytes] = []
                yield from _protobuf(item, inner)
                pieces.append(_head(numbers[name], sum(map(len, inner))))
                pieces += inner
            elif item is not None:
                data = protobuf.encode(item)
                pieces += (_head(numbers[name], len(data)), data)
            yield


def _head(number: int, length: int) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(length)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 1 << _VARINT_BITS:
        written.append(number & 0x7F | 0x80)
        number >>= _VARINT_BITS
    written.append(number)
    return bytes(written)
