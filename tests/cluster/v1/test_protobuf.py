"""Protobuf bytes, against messages of all kinds, and against bytes written by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.v1 import protobuf
from cluster.v1 import types as v1
from cluster.v1.descriptors import messages
from cluster.v1.errors import MessageError
from cluster.v1.schema import Proto
from cluster.v1.types import executor, master, scheduler
from tests.cluster.v1.arbitrary import messages_of

any_type = st.sampled_from(list(messages()))
some = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@some
@given(any_type.flatmap(messages_of))
def test_every_message_comes_back_as_it_was(message: Proto) -> None:
    assert protobuf.decode(protobuf.encode(message), type(message)) == message


@some
@given(any_type, st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(message: type[Proto], data: bytes) -> None:
    try:
        read = protobuf.decode(data, message)
    except MessageError:
        return
    assert isinstance(read, message)


CALL = scheduler.Call
BY_HAND: list[tuple[Proto, bytes]] = [
    (v1.TaskID(value="t-1"), b"\x0a\x03t-1"),
    (v1.DurationInfo(nanoseconds=-1), b"\x08" + b"\xff" * 9 + b"\x01"),
    (v1.Filters(refuse_seconds=5.0), b"\x09\x00\x00\x00\x00\x00\x00\x14\x40"),
    (CALL(type=CALL.Type.TEARDOWN, framework_id=v1.FrameworkID(value="F")), b"\x0a\x03\x0a\x01F\x10\x02"),
    (
        CALL(
            type=CALL.Type.KILL, kill=CALL.Kill(task_id=v1.TaskID(value="t"), agent_id=v1.AgentID(value="S0"))
        ),
        b"\x10\x06\x32\x0b" + b"\x0a\x03\x0a\x01t" + b"\x12\x04\x0a\x02S0",
    ),
    (
        CALL(type=CALL.Type.SUPPRESS, suppress=CALL.Suppress(roles=("a", "b"))),
        # field 16 takes a tag of two bytes
        b"\x10\x0c\x82\x01\x06\x0a\x01a\x0a\x01b",
    ),
    (
        v1.Resource(name="cpus", type=v1.Value.Type.SCALAR, scalar=v1.Value.Scalar(value=0.5)),
        b"\x0a\x04cpus\x10\x00\x1a\x09\x09\x00\x00\x00\x00\x00\x00\xe0\x3f",
    ),
    (
        v1.Resource(
            name="ports",
            type=v1.Value.Type.RANGES,
            ranges=v1.Value.Ranges(range=(v1.Value.Range(begin=1, end=300),)),
            revocable=v1.Resource.RevocableInfo(),
        ),
        b"\x0a\x05ports\x10\x01\x22\x07\x0a\x05\x08\x01\x10\xac\x02\x4a\x00",
    ),
    (
        v1.OfferFilters.ResourceQuantities(quantities={"mem": v1.Value.Scalar(value=1.0)}),
        b"\x0a\x10\x0a\x03mem\x12\x09\x09\x00\x00\x00\x00\x00\x00\xf0\x3f",
    ),
    (scheduler.Event(type=scheduler.Event.Type.HEARTBEAT), b"\x08\x08"),
    (
        executor.Call(
            executor_id=v1.ExecutorID(value="e"),
            framework_id=v1.FrameworkID(value="F"),
            type=executor.Call.Type.MESSAGE,
            message=executor.Call.Message(data=b"\x00\xff"),
        ),
        b"\x0a\x03\x0a\x01e\x12\x03\x0a\x01F\x18\x03\x32\x04\x12\x02\x00\xff",
    ),
    (master.Call(type=master.Call.Type.GET_QUOTA), b"\x08\x1c"),
]


@pytest.mark.parametrize(("message", "data"), BY_HAND, ids=lambda each: type(each).__qualname__)
def test_bytes_are_those_written_by_hand(message: Proto, data: bytes) -> None:
    assert protobuf.encode(message) == data
    assert protobuf.decode(data, type(message)) == message


def test_fields_and_enums_that_are_not_known_are_overlooked() -> None:
    assert protobuf.decode(b"\x10\x63\xf8\x3f\x05", CALL) == CALL()


def test_what_is_not_a_number_comes_through() -> None:
    read = protobuf.decode(b"\x09\x00\x00\x00\x00\x00\x00\xf8\x7f", v1.Filters)
    assert read.refuse_seconds is not None
    assert math.isnan(read.refuse_seconds)


@pytest.mark.parametrize(
    ("message", "data", "problem"),
    [
        (CALL, b"\xff", "not a protobuf mesos.v1.scheduler.Call: "),
        (CALL, b"\x0a\x03\x0a\x01", "not a protobuf mesos.v1.scheduler.Call: "),
        (CALL, b'{"type":"SUBSCRIBE"}', "not a protobuf mesos.v1.scheduler.Call: "),
        (CALL, b"\x1a\x00", "subscribe.framework_info is missing"),
        (CALL, b"\x0a\x03\x0a\x01\xff", r"framework_id.value is b'\xff', not UTF-8"),
        (
            CALL,
            b"\x6a\x06\x0a\x04\x0a\x02\xc3\x28",
            r"accept_inverse_offers.inverse_offer_ids[0].value is b'\xc3(",
        ),
        (v1.TaskStatus, b"\x0a\x03\x0a\x01t\x10\x63", "state is missing"),
        (
            CALL,
            # accept.operations[0].launch.task_infos[0], with a name only
            b"\x22\x0b\x12\x09\x08\x01\x12\x05\x0a\x03\x0a\x01n",
            "accept.operations[0].launch.task_infos[0].task_id is missing",
        ),
    ],
)
def test_what_is_wrong_is_named(message: type[Proto], data: bytes, problem: str) -> None:
    with pytest.raises(MessageError) as caught:
        protobuf.decode(data, message)
    assert str(caught.value).startswith(problem)


def test_what_is_nested_too_deeply_is_refused() -> None:
    data = b"\x0a\x01x"
    for _ in range(300):
        size = len(data)
        length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
        data = b"\x0a\x01x\x12" + length + data
    with pytest.raises(MessageError, match=r"not a protobuf mesos\.v1\.ContainerID"):
        protobuf.decode(data, v1.ContainerID)


@pytest.mark.parametrize(
    "message", [v1.TaskID(value="\ud800"), v1.Value.Range(begin=0, end=2**64), v1.Port(number=-1)]
)
def test_what_protobuf_cannot_hold_is_refused(message: Proto) -> None:
    with pytest.raises(MessageError, match=type(message).__qualname__):
        protobuf.encode(message)
