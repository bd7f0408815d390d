"""The schema is whole, and unambiguous."""

from __future__ import annotations

import enum
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto

import cluster.v1.types
from cluster.v1 import types as v1
from cluster.v1.descriptors import FILES, file_descriptors, messages
from cluster.v1.proto import main, proto_text
from cluster.v1.schema import Proto, ProtoEnum, default_of, fields_of, full_name
from cluster.v1.types import agent, executor, master, scheduler

ALL = list(messages())
LABELS = {1: "?", 2: "!", 3: "*"}


def test_every_module_with_messages_is_in_a_file() -> None:
    named = {module.__name__ for modules in FILES.values() for module in modules}
    found = {
        each.name
        for each in pkgutil.walk_packages(cluster.v1.types.__path__, "cluster.v1.types.")
        if not each.ispkg
    }
    assert named == found


@pytest.mark.parametrize("message", ALL, ids=full_name)
def test_numbers_and_names_of_fields_are_used_once(message: type[Proto]) -> None:
    fields = fields_of(message)
    assert len({field.number for field in fields}) == len(fields)
    assert all(1 <= field.number < 19000 for field in fields)


def test_numbers_of_enums_are_used_once() -> None:
    enums = {
        field.type for message in ALL for field in fields_of(message) if isinstance(field.type, enum.EnumMeta)
    }
    assert len(enums) > 40
    for each in enums:
        assert issubclass(each, ProtoEnum)
        assert len({member.number for member in each}) == len(each)
        assert all(member.value == member.name for member in each)


@pytest.mark.parametrize(
    "call",
    [scheduler.Call, scheduler.Event, executor.Call, executor.Event, master.Call, master.Event, agent.Call],
    ids=full_name,
)
def test_a_part_of_a_call_is_named_like_its_type(call: type[Proto]) -> None:
    fields = {field.name: field for field in fields_of(call)}
    kinds = {member.value.lower() for member in fields["type"].type}
    parts = {name for name, field in fields.items() if field.kind == "message"}
    assert parts - kinds <= {"framework_id", "executor_id"}


def test_numbers_are_mesos_s() -> None:
    """The list was compared with Mesos's own descriptors, as far as they were at hand: none of it may ever change."""
    lines: list[str] = []
    for file in file_descriptors():
        lines += [_enum_line(each, file.package) for each in file.enum_type]
        for message in file.message_type:
            lines += _message_lines(message, file.package)
    known = (Path(__file__).parent / "numbers.txt").read_text().splitlines()
    assert lines == known


def _message_lines(message: DescriptorProto, scope: str) -> Iterator[str]:
    name = f"{scope}.{message.name}"
    fields = (f"{each.name}={each.number}:{LABELS[each.label]}{each.type}" for each in message.field)
    yield " ".join([name, *fields])
    for enum_ in message.enum_type:
        yield _enum_line(enum_, name)
    for nested in message.nested_type:
        yield from _message_lines(nested, name)


def _enum_line(enum_: EnumDescriptorProto, scope: str) -> str:
    return " ".join([f"{scope}.{enum_.name}", *(f"{each.name}={each.number}" for each in enum_.value)])


def test_defaults_are_known() -> None:
    assert default_of(v1.Filters, "refuse_seconds") == 5.0
    assert default_of(v1.CommandInfo, "shell") is True
    with pytest.raises(KeyError):
        default_of(v1.CommandInfo, "user")


def test_the_proto_text_of_a_file() -> None:
    (file,) = [each for each in file_descriptors() if each.package == "mesos.v1.quota"]
    assert (
        proto_text(file)
        == """\
syntax = "proto2";

package mesos.v1.quota;

import "mesos/v1/mesos.proto";

message QuotaInfo {
  optional string role = 1;
  optional string principal = 2;
  repeated .mesos.v1.Resource guarantee = 3;
}

message QuotaRequest {
  optional bool force = 1;
  optional string role = 2;
  repeated .mesos.v1.Resource guarantee = 3;
}

message QuotaConfig {
  required string role = 1;
  map<string, .mesos.v1.Value.Scalar> guarantees = 2;
  map<string, .mesos.v1.Value.Scalar> limits = 3;
}

message QuotaStatus {
  repeated .mesos.v1.quota.QuotaInfo infos = 1;
  repeated .mesos.v1.quota.QuotaConfig configs = 2;
}
"""
    )


def test_oneofs_nested_messages_and_defaults_are_in_the_text() -> None:
    text = "".join(proto_text(each) for each in file_descriptors())
    assert (
        "    oneof selector {\n      .mesos.v1.scheduler.AttributeConstraint.Selector.PseudoattributeType"
        in text
    )
    assert "  optional double refuse_seconds = 1 [default = 5.0];\n" in text
    assert '  optional string role = 6 [default = "*"];\n' in text
    assert "  message RevocableInfo {}\n" in text
    assert text.count("{") == text.count("}")


def test_the_text_is_printed() -> None:
    command = [sys.executable, "-m", "cluster.v1.proto"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('// mesos/v1/mesos.proto\n\nsyntax = "proto2";\n')
    assert "package mesos.v1.agent;" in done.stdout


def test_the_text_is_written_into_a_directory(tmp_path: Path) -> None:
    main(["--into", str(tmp_path)])
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.proto")}
    assert written == set(FILES) - {"google/protobuf/duration.proto"}
