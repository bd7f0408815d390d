"""Any message of the v1 API, for hypothesis: made from the schema."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cluster.v1.schema import Field, Proto, fields_of

__all__ = ["messages_of"]

MOST = 4
DEEPEST = 4

scalars: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "bytes": st.binary(max_size=20),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "string": st.text(max_size=10),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
}


@st.composite
def messages_of(draw: st.DrawFn, message: type[Proto], depth: int = 0) -> Any:
    """A message of this type: all that it must have, and some of what it may."""
    fields = fields_of(message)
    optional = [field.name for field in fields if field.label != "required"]
    chosen: set[str] = set()
    if optional and depth < DEEPEST:
        chosen = draw(st.sets(st.sampled_from(optional), max_size=MOST))
    given: dict[str, Any] = {}
    oneofs: set[str] = set()
    for field in fields:
        if (field.label != "required" and field.name not in chosen) or field.oneof in oneofs:
            continue
        if field.oneof:
            oneofs.add(field.oneof)
        given[field.name] = draw(_field(field, depth + 1))
    return message(**given)


def _field(field: Field, depth: int) -> st.SearchStrategy[Any]:
    value = _value(field, depth)
    if field.label == "repeated":
        return st.lists(value, max_size=2).map(tuple)
    if field.label == "map":
        return st.dictionaries(st.text(max_size=4), value, max_size=2)
    return value


def _value(field: Field, depth: int) -> st.SearchStrategy[Any]:
    if field.kind == "message":
        return messages_of(field.type, depth)
    if field.kind == "enum":
        return st.sampled_from(list(field.type))
    return scalars[field.kind]
