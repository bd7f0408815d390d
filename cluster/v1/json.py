"""Messages of the v1 API as JSON, read as Mesos reads it and written so that every client can.

Written is one line of ASCII: some clients split what they get at newlines and count characters for bytes. Read is
what Mesos reads: null is absent, names that are not known are overlooked, one value does for an array of one, numbers
and bools may be in quotes (protobuf's own libraries write int64 so), a name of an enum that is not known is UNKNOWN or
(where there is no such) absent. Enums by their number are refused, as there.
"""

from __future__ import annotations

import base64
import binascii
import functools
import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from .errors import MessageError, shown
from .schema import Field, Proto, fields_of

__all__ = ["decode", "encode", "encode_fields"]

P = TypeVar("P", bound=Proto)

_BOUNDS = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_OTHER_THAN_ASCII = re.compile(r"[^\x00-\x7f]")
_ENCODER = msgspec.json.Encoder()
_ABSENT = object()
_INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}


def encode(message: Proto) -> bytes:
    """The message as one line of ASCII.

    Raises:
        MessageError: If a text holds half a character, which JSON cannot.
    """
    return _encode(message, type(message))


def encode_fields(message: type[Proto], values: Mapping[str, Any]) -> bytes:
    """Some fields of a message as an object of its own. MessageError as above."""
    return _encode({name: value for name, value in values.items() if value is not None}, message)


def _encode(value: Any, message: type[Proto]) -> bytes:
    try:
        data = _ENCODER.encode(value)
    except UnicodeEncodeError as error:
        raise MessageError(f"{message.__qualname__}: {error}") from error
    if data.isascii():
        return data
    return _OTHER_THAN_ASCII.sub(_escaped, data.decode()).encode()


def decode(data: bytes, message: type[P]) -> P:
    """Read a message.

    Raises:
        MessageError: If it is not JSON, or a field is missing or not of its type; the text names its path.
    """
    try:
        read: P = _decoder(message).decode(data)
        return read
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Most messages are as msgspec wants them. Of the others Python finds out whether Mesos would take them, and
        # what is wrong.
        return _slowly(data, message)


@functools.cache
def _decoder(message: type[Proto]) -> Any:
    return msgspec.json.Decoder(message)


def _slowly(data: bytes, message: type[P]) -> P:
    try:
        raw = msgspec.json.decode(data)
        return _message(raw, message, "")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise MessageError("nested too deeply") from error


def _message(raw: Any, message: type[P], path: str) -> P:
    if not isinstance(raw, dict):
        raise MessageError(f"{path or 'the message'} is {shown(raw)}, not an object")
    given: dict[str, Any] = {}
    for field in fields_of(message):
        value = raw.get(field.name)
        where = f"{path}.{field.name}" if path else field.name
        if value is not None:
            value = _field(value, field, where)
            if value is not _ABSENT:
                given[field.name] = value
        if field.label == "required" and field.name not in given:
            raise MessageError(f"{where} is missing")
    return message(**given)


def _field(value: Any, field: Field, path: str) -> Any:
    if field.label == "repeated":
        listed = value if isinstance(value, list) else [value]
        items = (_value(each, field, f"{path}[{place}]") for place, each in enumerate(listed))
        return tuple(item for item in items if item is not _ABSENT)
    if field.label == "map":
        if not isinstance(value, dict):
            raise MessageError(f"{path} is {shown(value)}, not an object")
        read = {name: _value(each, field, f"{path}[{shown(name)}]") for name, each in value.items()}
        return {name: each for name, each in read.items() if each is not _ABSENT}
    return _value(value, field, path)


def _value(value: Any, field: Field, path: str) -> Any:
    if value is None:
        return _ABSENT
    match field.kind:
        case "message":
            return _message(value, field.type, path)
        case "enum":
            return _enum(value, field, path)
        case "bytes":
            return _bytes(value, path)
        case "double":
            return _double(value, path)
        case "string":
            if isinstance(value, str):
                return value
            raise MessageError(f"{path} is {shown(value)}, not a string")
        case "bool":
            unquoted = _unquoted(value)
            if isinstance(unquoted, bool):
                return unquoted
            raise MessageError(f"{path} is {shown(value)}, not a bool")
        case _:
            return _integer(value, field.kind, path)


def _enum(value: Any, field: Field, path: str) -> Any:
    if not isinstance(value, str):
        raise MessageError(f"{path} is {shown(value)}, not one of the names of {field.type.__qualname__}")
    try:
        return field.type(value)
    except ValueError as error:
        if field.label == "required":
            raise MessageError(
                f"{path} is {shown(value)}, not one of {', '.join(field.type.__members__)}"
            ) from error
        return _ABSENT


def _bytes(value: Any, path: str) -> bytes:
    if not isinstance(value, str):
        raise MessageError(f"{path} is {shown(value)}, not base64 text")
    # Python's older encoders wrap lines, and end the last one, too.
    bare = "".join(value.split()).rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MessageError(f"{path} is {shown(value)}, not base64 text: {error}") from error


def _unquoted(value: Any) -> Any:
    """A number or a bool that stands in quotes, or what it is."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value


def _double(value: Any, path: str) -> float:
    if isinstance(value, str) and value in _INFINITE:
        return _INFINITE[value]
    number = _unquoted(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise MessageError(f"{path} is {shown(value)}, not a number")
    try:
        return float(number)
    except OverflowError as error:
        raise MessageError(f"{path} is {shown(value)}, too large") from error


def _integer(value: Any, kind: str, path: str) -> int:
    number = _unquoted(value)
    # Mesos cuts off what is behind the point; we take only what loses nothing.
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise MessageError(f"{path} is {shown(value)}, not a whole number")
    low, high = _BOUNDS[kind]
    if not low <= number <= high:
        raise MessageError(f"{path} is {shown(value)}, not {low} to {high}")
    return number


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
