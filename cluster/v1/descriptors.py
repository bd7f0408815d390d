"""The schema as protobuf describes it: one file for each of Mesos's packages, made from the Structs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from .schema import Field, Proto, ProtoEnum, fields_of, full_name
from .types import (
    agents,
    allocator,
    commands,
    constraints,
    containers,
    counters,
    executor,
    frameworks,
    ids,
    maintenance,
    network,
    offers,
    providers,
    quota,
    scheduler,
    security,
    statistics,
    tasks,
    values,
    volumes,
)
from .types.agent import calls as agent_calls
from .types.agent import processes as agent_processes
from .types.agent import responses as agent_responses
from .types.master import calls as master_calls
from .types.master import durations
from .types.master import events as master_events
from .types.master import responses as master_responses

__all__ = ["FILES", "file_descriptors", "messages"]

FILES: dict[str, tuple[ModuleType, ...]] = {
    "google/protobuf/duration.proto": (durations,),
    "mesos/v1/mesos.proto": (
        ids,
        security,
        volumes,
        network,
        values,
        containers,
        commands,
        frameworks,
        agents,
        providers,
        tasks,
        offers,
        counters,
        statistics,
    ),
    "mesos/v1/allocator/allocator.proto": (allocator,),
    "mesos/v1/maintenance/maintenance.proto": (maintenance,),
    "mesos/v1/quota/quota.proto": (quota,),
    "mesos/v1/scheduler/scheduler.proto": (constraints, scheduler),
    "mesos/v1/executor/executor.proto": (executor,),
    "mesos/v1/master/master.proto": (master_calls, master_responses, master_events),
    "mesos/v1/agent/agent.proto": (agent_processes, agent_calls, agent_responses),
}
"""Mesos's files, each after those that it needs, and the modules whose messages they hold."""

_TYPES = {
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "enum": FieldDescriptorProto.TYPE_ENUM,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "message": FieldDescriptorProto.TYPE_MESSAGE,
    "string": FieldDescriptorProto.TYPE_STRING,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
}
_LABELS = {
    "optional": FieldDescriptorProto.LABEL_OPTIONAL,
    "repeated": FieldDescriptorProto.LABEL_REPEATED,
    "required": FieldDescriptorProto.LABEL_REQUIRED,
}


def messages() -> Iterator[type[Proto]]:
    """Every message of the v1 API, nested ones after those that they are in."""
    for modules in FILES.values():
        for module in modules:
            for each in _defined(module):
                yield from _with_nested(each)


@functools.cache
def file_descriptors() -> tuple[FileDescriptorProto, ...]:
    """The files, each after those that it needs."""
    return tuple(_file(name, modules) for name, modules in FILES.items())


def _with_nested(cls: Any) -> Iterator[type[Proto]]:
    if issubclass(cls, Proto):
        yield cls
        for nested in _nested(cls):
            yield from _with_nested(nested)


def _defined(module: ModuleType) -> list[Any]:
    return [
        each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__
    ]


def _nested(cls: type) -> list[Any]:
    return [each for each in vars(cls).values() if inspect.isclass(each)]


def _file(name: str, modules: tuple[ModuleType, ...]) -> FileDescriptorProto:
    file = FileDescriptorProto(name=name, package=modules[0].PACKAGE, syntax="proto2")
    used: set[str] = set()
    for module in modules:
        for each in _defined(module):
            if issubclass(each, ProtoEnum):
                _enum(file.enum_type.add(), each)
            else:
                _message(file.message_type.add(), each, used)
    file.dependency.extend(each for each in FILES if each in used and each != name)
    return file


def _message(made: DescriptorProto, message: type[Proto], used: set[str]) -> None:
    made.name = message.__name__
    for each in _nested(message):
        if issubclass(each, ProtoEnum):
            _enum(made.enum_type.add(), each)
        else:
            _message(made.nested_type.add(), each, used)
    for field in fields_of(message):
        if field.label == "map":
            _map(made, field, message, used)
        else:
            _field(made.field.add(), field, used, _LABELS[field.label])
        if field.oneof:
            names = [each.name for each in made.oneof_decl]
            if field.oneof not in names:
                made.oneof_decl.add(name=field.oneof)
                names.append(field.oneof)
            made.field[-1].oneof_index = names.index(field.oneof)


def _field(made: FieldDescriptorProto, field: Field, used: set[str], label: int) -> None:
    made.name, made.number, made.label, made.type = field.name, field.number, label, _TYPES[field.kind]
    if field.kind in ("enum", "message"):
        made.type_name = "." + full_name(field.type)
        used.add(_file_of(field.type.__module__))
    if field.default is not None:
        made.default_value = (
            str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        )


def _map(made: DescriptorProto, field: Field, message: type[Proto], used: set[str]) -> None:
    entry = made.nested_type.add(name="".join(part.title() for part in field.name.split("_")) + "Entry")
    entry.options.map_entry = True
    _field(entry.field.add(), Field("key", 1, "string", str, "optional"), used, _LABELS["optional"])
    value = Field("value", 2, field.kind, field.type, "optional")
    _field(entry.field.add(), value, used, _LABELS["optional"])
    made.field.add(
        name=field.name,
        number=field.number,
        label=_LABELS["repeated"],
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".{full_name(message)}.{entry.name}",
    )


def _enum(made: EnumDescriptorProto, enum: type[ProtoEnum]) -> None:
    made.name = enum.__name__
    for member in enum:
        made.value.add(name=member.value, number=member.number)


@functools.cache
def _file_of(module: str) -> str:
    return next(name for name, modules in FILES.items() if module in {each.__name__ for each in modules})
