"""What is ours and has words in Mesos's API comes back as it was, through JSON and through protobuf."""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster import messages as m
from cluster.resources import Resources
from cluster.v1 import json, protobuf
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError
from cluster.v1.schema import Proto
from cluster.v1.translate import Dialect
from cluster.v1.translate.checks import check_of, check_to, health_check_of, health_check_to
from cluster.v1.translate.commands import command_of, command_to
from cluster.v1.translate.frameworks import constraints_of_framework, framework_of, framework_to
from cluster.v1.translate.resources import Quantities, read_resources, write_resources
from cluster.v1.translate.statuses import status_of, status_to, uuid_of, uuid_to
from cluster.v1.translate.tasks import executor_of, executor_to, task_of, task_to
from tests.cluster.v1.translate import ours

P = TypeVar("P", bound=Proto)
some = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
DIALECT = Dialect("F", "root")


def sent(message: P) -> P:
    """The message as it arrives; both ways of writing it must say the same."""
    read = json.decode(json.encode(message), type(message))
    assert protobuf.decode(protobuf.encode(message), type(message)) == read
    return read


@some
@given(ours.resources, ours.reserved, st.builds(Resources, ours.scalars), st.booleans())
def test_resources(plain: Resources, reserved: m.Reserved, revocable: Resources, refinement: bool) -> None:
    quantities = Quantities(plain, reserved, revocable)
    written = write_resources(quantities, refinement=refinement, allocated_to="eng")
    read = sent(v1.Request(resources=written)).resources
    assert all(each.allocation_info == v1.Resource.AllocationInfo(role="eng") for each in read)
    assert all(bool(each.role) != refinement for each in read)
    assert read_resources(read, "resources") == quantities


@some
@given(ours.commands())
def test_commands(command: m.CommandInfo) -> None:
    assert command_of(sent(command_to(command)), "root", "command") == command


@some
@given(ours.health_checks)
def test_health_checks(check: m.HealthCheck) -> None:
    assert health_check_of(sent(health_check_to(check)), "health_check") == check


@some
@given(ours.checks)
def test_checks(check: m.Check) -> None:
    assert check_of(sent(check_to(check)), "check") == check


@some
@given(ours.executors)
def test_executors(executor: m.ExecutorInfo) -> None:
    assert executor_of(sent(executor_to(executor, "F")), DIALECT, "executor") == executor


@some
@given(ours.tasks, st.sampled_from([None, "eng"]))
def test_tasks(task: m.TaskInfo, role: str | None) -> None:
    assert task_of(sent(task_to(task, role=role)), DIALECT, "task") == task


def test_a_task_on_revocable_resources() -> None:
    task = m.TaskInfo("t", Resources.of(cpus=1), revocable=True)
    assert task_of(sent(task_to(task)), DIALECT, "task") == task


def test_a_task_on_reserved_resources() -> None:
    task = m.TaskInfo("t", Resources.of(cpus=3, mem=64))
    written = sent(task_to(task, {"eng": Resources.of(cpus=2)}, "eng"))
    assert [(each.name, each.role, each.scalar and each.scalar.value) for each in written.resources] == [
        ("cpus", "*", 1.0),
        ("mem", "*", 64.0),
        ("cpus", "eng", 2.0),
    ]
    assert task_of(written, DIALECT, "task") == task
    with pytest.raises(ValueError, match="more is reserved"):
        task_to(task, {"eng": Resources.of(cpus=4)})


@some
@given(ours.frameworks)
def test_frameworks(framework: m.FrameworkInfo) -> None:
    constraints = constraints_of_framework(framework)
    written = sent(framework_to(framework))
    assert framework_of(written, constraints and sent(constraints)) == framework


@some
@given(ours.statuses)
def test_statuses(status: m.TaskStatus) -> None:
    assert status_of(sent(status_to(status)), "status") == status


@given(st.binary(min_size=16, max_size=16))
def test_every_uuid_of_mesos_s_is_one_of_ours(uuid: bytes) -> None:
    assert uuid_to(uuid_of(uuid, "uuid")) == uuid


@given(st.uuids().map(lambda uuid: uuid.hex) | st.text(max_size=64))
def test_every_name_of_an_update_comes_back(uuid: str) -> None:
    assert uuid_of(uuid_to(uuid), "uuid") == uuid


@given(st.binary(max_size=40).filter(lambda uuid: len(uuid) != 16))
def test_what_is_no_uuid_is_refused(uuid: bytes) -> None:
    with pytest.raises(RefusedError, match="uuid has"):
        uuid_of(uuid, "uuid")
    with pytest.raises(RefusedError, match="not one that was sent"):
        uuid_of(uuid_to("x") + b"\xff", "uuid")
