"""What the messages of the v1 API are made of: Structs whose fields know their protobuf number.

A field is `name: Annotated[type, number]`. Without a default it is required (as in proto2), with None it is
optional, with () repeated, with {} a map. Mesos names the messages; this module makes of the Structs what the
decoders and the descriptors need.
"""

from __future__ import annotations

import enum
import functools
import sys
import types
import typing
from typing import Annotated, Any

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo
from msgspec.structs import fields as struct_fields

__all__ = [
    "Default",
    "Double",
    "Field",
    "Int32",
    "Int64",
    "OneOf",
    "Proto",
    "ProtoEnum",
    "UInt32",
    "UInt64",
    "default_of",
    "fields_of",
    "full_name",
    "union_field",
]


class Scalar(Struct, frozen=True):
    """A protobuf scalar type, by its name there."""

    name: str


Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1), Scalar("int32")]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1), Scalar("int64")]
UInt32 = Annotated[int, Meta(ge=0, le=2**32 - 1), Scalar("uint32")]
# Its upper bound is beyond what msgspec can check; only protobuf bytes cannot hold more.
UInt64 = Annotated[int, Meta(ge=0), Scalar("uint64")]
Double = Annotated[float, Scalar("double")]


class Default(Struct, frozen=True):
    """What a field that is absent means, where Mesos says so. It is absent (None) in the Struct all the same."""

    value: bool | int | float | str


class OneOf(Struct, frozen=True):
    """At most one of the fields with this name is set."""

    name: str


class Proto(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A message of the v1 API. None is ever in itself: those who look for that need not look here (gc)."""


class ProtoEnum(enum.StrEnum):
    """An enum of the v1 API: its members are their names, and know their `number`.

    A name that is not known is UNKNOWN, where there is such a member: an older master meets a newer client.
    """

    number: int

    def __new__(cls, name: str, number: int) -> typing.Self:
        """A member."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.number = number
        return member

    @classmethod
    def named(cls, name: str) -> typing.Self:
        """The member with this name. KeyError if there is none."""
        return cls[name]

    @classmethod
    def _missing_(cls, value: object) -> typing.Self | None:
        return cls.__members__.get("UNKNOWN")


class Field(Struct, frozen=True):
    """One field of a message.

    `kind` is a scalar's protobuf name, "enum" or "message"; of the two latter, `type` is the class. Of a map they are
    those of its values; its keys are strings.
    """

    name: str
    number: int
    kind: str
    type: Any
    label: typing.Literal["required", "optional", "repeated", "map"]
    default: bool | int | float | str | None = None
    oneof: str = ""


@functools.cache
def fields_of(message: type[Proto]) -> tuple[Field, ...]:
    """The fields of a message, in the order of its Struct."""
    hints = typing.get_type_hints(message, _namespace(message), include_extras=True)
    return tuple(_field(each, hints[each.name]) for each in struct_fields(message))


def default_of(message: type[Proto], name: str) -> Any:
    """What the field means when it is absent.

    Raises:
        KeyError: If Mesos does not say, or there is no such field.
    """
    found = {field.name: field.default for field in fields_of(message) if field.default is not None}
    return found[name]


def full_name(message: type[Proto] | type[ProtoEnum]) -> str:
    """Its protobuf name, as in `mesos.v1.Offer.Operation`."""
    return f"{sys.modules[message.__module__].PACKAGE}.{message.__qualname__}"


def union_field(message: Proto) -> str:
    """The field that `type` says is set: `launch_group` for LAUNCH_GROUP. Empty without a type."""
    kind = getattr(message, "type", None)
    return "" if kind is None else str(kind).lower()


def _namespace(message: type[Proto]) -> dict[str, Any]:
    return vars(sys.modules[message.__module__])


def _field(info: FieldInfo, hint: Any) -> Field:
    metadata = typing.get_args(hint)[1:]
    number = next(each for each in metadata if isinstance(each, int))
    default = next((each.value for each in metadata if isinstance(each, Default)), None)
    oneof = next((each.name for each in metadata if isinstance(each, OneOf)), "")
    scalar = next((each.name for each in metadata if isinstance(each, Scalar)), "")
    inner = typing.get_args(hint)[0]
    label: typing.Literal["required", "optional", "repeated", "map"] = "optional"
    if info.default is NODEFAULT and info.default_factory is NODEFAULT:
        label = "required"
    origin = typing.get_origin(inner)
    if origin is tuple:
        label, inner = "repeated", typing.get_args(inner)[0]
    elif origin is dict:
        label, inner = "map", typing.get_args(inner)[1]
    elif origin in (typing.Union, types.UnionType):
        inner = typing.get_args(inner)[0]
    if typing.get_origin(inner) is Annotated:
        scalar = next(each.name for each in typing.get_args(inner) if isinstance(each, Scalar))
        inner = typing.get_args(inner)[0]
    return Field(info.name, number, scalar or _kind(inner), inner, label, default, oneof)


def _kind(inner: Any) -> str:
    if inner is str:
        return "string"
    if inner in (bytes, bool):
        return str(inner.__name__)
    return "enum" if issubclass(inner, ProtoEnum) else "message"
