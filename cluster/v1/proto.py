"""The schema as .proto text, for other languages: `python -m cluster.v1.proto [--into DIRECTORY]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from .descriptors import file_descriptors

__all__ = ["main", "proto_text"]

_QUOTED = (FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_BYTES)


def proto_text(file: FileDescriptorProto) -> str:
    """One file's text."""
    lines = ['syntax = "proto2";', "", f"package {file.package};"]
    if file.dependency:
        lines += ["", *(f'import "{name}";' for name in file.dependency)]
    for enum in file.enum_type:
        lines += ["", *_enum(enum)]
    for message in file.message_type:
        lines += ["", *_message(message, f".{file.package}")]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Print all of it, or write each file below a directory."""
    parser = argparse.ArgumentParser(prog="python -m cluster.v1.proto", description=__doc__)
    parser.add_argument("--into", type=Path, metavar="DIRECTORY", help="write the files there")
    into: Path | None = parser.parse_args(arguments).into
    for file in file_descriptors():
        # Every protobuf library brings its own.
        if file.package == "google.protobuf":
            continue
        if into is None:
            sys.stdout.write(f"// {file.name}\n\n{proto_text(file)}\n")
            continue
        path = into / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(proto_text(file))


def _message(message: DescriptorProto, scope: str) -> Iterator[str]:
    scope = f"{scope}.{message.name}"
    entries = {f"{scope}.{each.name}": each for each in message.nested_type if each.options.map_entry}
    body: list[str] = []
    for enum in message.enum_type:
        body += [*_enum(enum), ""]
    for nested in message.nested_type:
        if not nested.options.map_entry:
            body += [*_message(nested, scope), ""]
    done: set[int] = set()
    for field in message.field:
        if not field.HasField("oneof_index"):
            body.append(_field(field, entries))
        elif field.oneof_index not in done:
            done.add(field.oneof_index)
            body.append(f"oneof {message.oneof_decl[field.oneof_index].name} {{")
            same = [each for each in message.field if each.HasField("oneof_index")]
            body += [
                f"  {_type(each)} {each.name} = {each.number};"
                for each in same
                if each.oneof_index == field.oneof_index
            ]
            body.append("}")
    if not body:
        yield f"message {message.name} {{}}"
        return
    if not body[-1]:
        body.pop()
    yield f"message {message.name} {{"
    yield from (f"  {line}" if line else "" for line in body)
    yield "}"


def _enum(enum: EnumDescriptorProto) -> Iterator[str]:
    yield f"enum {enum.name} {{"
    yield from (f"  {value.name} = {value.number};" for value in enum.value)
    yield "}"


def _field(field: FieldDescriptorProto, entries: dict[str, DescriptorProto]) -> str:
    entry = entries.get(field.type_name)
    if entry is not None:
        return f"map<{_type(entry.field[0])}, {_type(entry.field[1])}> {field.name} = {field.number};"
    label = FieldDescriptorProto.Label.Name(field.label).removeprefix("LABEL_").lower()
    default = ""
    if field.HasField("default_value"):
        value = f'"{field.default_value}"' if field.type in _QUOTED else field.default_value
        default = f" [default = {value}]"
    return f"{label} {_type(field)} {field.name} = {field.number}{default};"


def _type(field: FieldDescriptorProto) -> str:
    # Whole names, with the dot in front: no name in between can be meant instead.
    name: str = field.type_name or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    return name


if __name__ == "__main__":
    main()
