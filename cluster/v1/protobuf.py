"""Messages of the v1 API as protobuf bytes, by google's library; the schema is made from the Structs."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.message_factory import GetMessageClass

from .descriptors import file_descriptors
from .errors import MessageError, shown
from .schema import Field, Proto, fields_of, full_name

__all__ = ["decode", "encode", "encode_fields"]

P = TypeVar("P", bound=Proto)


def encode(message: Proto) -> bytes:
    """The message as bytes.

    Raises:
        MessageError: If a field holds what protobuf cannot: a number of more than 64 bits, half a character.
    """
    try:
        data: bytes = _made(message).SerializeToString()
        return data
    except (ValueError, TypeError, EncodeError) as error:
        raise MessageError(f"{type(message).__qualname__}: {error}") from error


def encode_fields(message: type[Proto], values: Mapping[str, Any]) -> bytes:
    """Some fields of a message as bytes, to be followed by those of its other fields. MessageError as above."""
    made = _class_of(message)()
    try:
        for field in fields_of(message):
            if values.get(field.name) is not None:
                _set(made, field, values[field.name])
        data: bytes = made.SerializePartialToString()
        return data
    except (ValueError, TypeError, EncodeError) as error:
        raise MessageError(f"{message.__qualname__}: {error}") from error


def decode(data: bytes, message: type[P]) -> P:
    """Read a message. Fields, and values of enums, that are not known are overlooked.

    Raises:
        MessageError: If the bytes are none, or a field is missing; the text names its path.
    """
    try:
        made = _class_of(message).FromString(data)
        return _read(made, message, "")
    except DecodeError as error:
        raise MessageError(f"not a protobuf {full_name(message)}: {error}") from error


@functools.cache
def _pool() -> DescriptorPool:
    # Of our own: a process may have Mesos's modules loaded as well.
    pool = DescriptorPool()
    for file in file_descriptors():
        pool.Add(file)
    return pool


@functools.cache
def _class_of(message: type[Proto]) -> Any:
    return GetMessageClass(_pool().FindMessageTypeByName(full_name(message)))


@functools.cache
def _by_name(message: type[Proto]) -> dict[str, Field]:
    return {field.name: field for field in fields_of(message)}


@functools.cache
def _by_number(enum: Any) -> dict[int, Any]:
    return {member.number: member for member in enum}


def _made(message: Proto) -> Any:
    make = _class_of(type(message))
    try:
        # In half the time of what follows.
        return make(**msgspec.to_builtins(message, builtin_types=(bytes,)))
    except (TypeError, ValueError):
        # Older versions of the library do not make maps of messages so. What it cannot hold is told again.
        made = make()
        _fill(made, message)
        return made


def _fill(made: Any, message: Proto) -> None:
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if value is not None:
            _set(made, field, value)


def _set(made: Any, field: Field, value: Any) -> None:
    name, kind, label = field.name, field.kind, field.label
    if label == "repeated":
        if kind == "message":
            repeated = getattr(made, name)
            for each in value:
                _fill(repeated.add(), each)
        elif value:
            getattr(made, name).extend([_plain(each, kind) for each in value])
    elif label == "map":
        entries = getattr(made, name)
        for key, each in value.items():
            if kind == "message":
                _fill(entries[key], each)
            else:
                entries[key] = _plain(each, kind)
    elif kind == "message":
        part = getattr(made, name)
        # An empty message is one, too.
        part.SetInParent()
        _fill(part, value)
    else:
        setattr(made, name, _plain(value, kind))


def _plain(value: Any, kind: str) -> Any:
    return value.number if kind == "enum" else value


def _read(made: Any, message: type[P], path: str) -> P:
    fields = _by_name(message)
    given: dict[str, Any] = {}
    for descriptor, value in made.ListFields():
        field = fields[descriptor.name]
        where = f"{path}.{field.name}" if path else field.name
        if field.label == "repeated":
            given[field.name] = tuple(
                _value(each, field, f"{where}[{place}]") for place, each in enumerate(value)
            )
        elif field.label == "map":
            given[field.name] = {
                key: _value(each, field, f"{where}[{shown(key)}]") for key, each in value.items()
            }
        else:
            given[field.name] = _value(value, field, where)
    for name, field in fields.items():
        if field.label == "required" and name not in given:
            raise MessageError(f"{path}.{name} is missing" if path else f"{name} is missing")
    return message(**given)


def _value(value: Any, field: Field, path: str) -> Any:
    if field.kind == "message":
        return _read(value, field.type, path)
    if field.kind == "enum":
        return _by_number(field.type)[value]
    if field.kind == "string" and not isinstance(value, str):
        # As proto2 does not say what is in a string, the library hands out what is not UTF-8 as bytes.
        raise MessageError(f"{path} is {shown(value)}, not UTF-8")
    return value
