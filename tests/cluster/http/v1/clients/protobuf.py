"""Protobuf's wire format by hand, in both directions, and as strict as generated code is about what must be there."""

from __future__ import annotations

import struct
from typing import Any

VARINT, FIXED64, BYTES = 0, 1, 2


def varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def field(number: int, value: bytes | str | float) -> bytes:
    """A field: bytes, text, a message's bytes, a whole number or a double."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | BYTES) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | FIXED64) + struct.pack("<d", value)
    return varint(number << 3 | VARINT) + varint(value)


def message(*fields: tuple[int, Any]) -> bytes:
    return b"".join(field(number, value) for number, value in fields)


def id_(text: str) -> bytes:
    """FrameworkID, OfferID, AgentID, TaskID: their value is field 1."""
    return field(1, text)


def read(data: bytes) -> dict[int, list[Any]]:
    """The fields of a message by their number: whole numbers, doubles, and the bytes of texts and messages."""
    found: dict[int, list[Any]] = {}
    place = 0

    def take() -> int:
        nonlocal place
        number = shift = 0
        while True:
            byte = data[place]
            place += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while place < len(data):
        tag = take()
        value: Any
        match tag & 7:
            case 0:
                value = take()
            case 1:
                (value,) = struct.unpack_from("<d", data, place)
                place += 8
            case 2:
                size = take()
                assert place + size <= len(data)
                value = data[place : place + size]
                place += size
            case kind:
                raise AssertionError(f"wire type {kind}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def required(fields: dict[int, list[Any]], *numbers: int) -> list[Any]:
    """The values of fields that a message must have, once."""
    for number in numbers:
        assert len(fields.get(number, ())) == 1, f"field {number} of {fields}"
    return [fields[number][0] for number in numbers]


def text_of(data: bytes) -> str:
    """The value of an id."""
    return str(required(read(data), 1)[0].decode())
