"""What messages look like in JSON, as OpenAPI (3.1) describes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from cluster.v1.schema import Field, Proto, ProtoEnum, fields_of, full_name

__all__ = ["plain_schemas", "proto_schemas", "reference"]

Json = dict[str, Any]

REFERENCE = "#/components/schemas/"
BOUNDED: dict[str, Json] = {
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "uint32": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "uint64": {"type": "integer", "minimum": 0},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
}


def reference(message: type[Proto] | type[ProtoEnum]) -> Json:
    """Where the schema of a message of the v1 API is."""
    return {"$ref": REFERENCE + full_name(message)}


def proto_schemas(messages: Iterable[type[Proto]]) -> dict[str, Json]:
    """The schemas of messages of the v1 API and of all that they are made of, by their protobuf names."""
    found: dict[str, Json] = {}
    waiting: list[type[Proto] | type[ProtoEnum]] = list(messages)
    while waiting:
        each = waiting.pop()
        name = full_name(each)
        if name in found:
            continue
        if issubclass(each, ProtoEnum):
            found[name] = {"type": "string", "enum": [member.value for member in each]}
            continue
        fields = fields_of(each)
        found[name] = _message(fields)
        waiting += [field.type for field in fields if field.kind in ("message", "enum")]
    return dict(sorted(found.items()))


def _message(fields: Iterable[Field]) -> Json:
    schema: Json = {"type": "object", "properties": {field.name: _field(field) for field in fields}}
    if required := [field.name for field in fields if field.label == "required"]:
        schema["required"] = required
    return schema


def _field(field: Field) -> Json:
    one: Json = reference(field.type) if field.kind in ("message", "enum") else dict(BOUNDED[field.kind])
    if field.default is not None:
        one["default"] = field.default
    if field.label == "repeated":
        return {"type": "array", "items": one}
    if field.label == "map":
        return {"type": "object", "additionalProperties": one}
    return one


def plain_schemas(types: Iterable[type[msgspec.Struct]]) -> dict[str, Json]:
    """The schemas of bodies of our own, by the names of their classes."""
    _, found = msgspec.json.schema_components(types, ref_template=REFERENCE + "{name}")
    return dict(sorted(found.items()))
