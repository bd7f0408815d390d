"""Whatever a framework calls is translated or refused, and nothing of it is lost."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster import messages as m
from cluster.v1 import json, protobuf
from cluster.v1.errors import RefusedError
from cluster.v1.schema import fields_of, union_field
from cluster.v1.translate import Dialect, Translated, translate_call, translate_event
from cluster.v1.types.scheduler import Call, Event
from tests.cluster.v1.arbitrary import messages_of
from tests.cluster.v1.translate import ours

some = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
DIALECT = Dialect("F", "", multi_role=True)
PARTS = {field.name: field.type for field in fields_of(Call)}


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call whose part is mostly there, and arbitrary."""
    call = draw(messages_of(Call))
    kind = draw(st.sampled_from(list(Call.Type)))
    name = kind.lower()
    given: dict[str, Any] = {"type": kind}
    if name in PARTS:
        given[name] = draw(messages_of(PARTS[name]))
    return msgspec.structs.replace(call, **given)


@some
@given(calls())
def test_any_call_is_translated_or_refused(call: Call) -> None:
    done, problem = Translated(), ""
    try:
        done = translate_call(call, DIALECT, 5.0)
    except RefusedError as error:
        problem = str(error) or "without a text"
    assert problem != "without a text"
    assert len(problem) < 1000
    if done.message is not None:
        # It could be sent over our own wire: nothing in it is beyond what a field may hold.
        data = msgspec.msgpack.encode(done.message)
        msgspec.msgpack.decode(data, type=type(done.message))
    for event in done.events:
        assert json.decode(json.encode(event), Event) == event
        assert protobuf.decode(protobuf.encode(event), Event) == event


@some
@given(messages_of(Call.Accept))
def test_each_task_is_launched_or_told_of(accept: Call.Accept) -> None:
    given = {"type": Call.Type.ACCEPT, "accept": accept}
    call = json.decode(json.encode(Call(**given)), Call)
    call = msgspec.structs.replace(call, framework_id=messages_id("F"))
    try:
        done = translate_call(call, DIALECT, 5.0)
    except RefusedError:
        return
    assert isinstance(done.message, m.Accept)
    assert done.message.offer_ids == tuple(each.value for each in accept.offer_ids)
    launched = [
        task.task_id
        for each in done.message.operations
        if isinstance(each, m.Launch | m.LaunchGroup)
        for task in each.tasks
    ]
    told = [event.update.status.task_id.value for event in done.events if event.update is not None]
    asked: list[str] = []
    for each in accept.operations:
        if union_field(each) == "launch" and each.launch is not None:
            asked += [task.task_id.value for task in each.launch.task_infos]
        if union_field(each) == "launch_group" and each.launch_group is not None:
            asked += [task.task_id.value for task in each.launch_group.task_group.tasks]
    assert sorted(launched + told) == sorted(asked)
    assert bool(told) <= bool(done.problems)


def messages_id(value: str) -> Any:
    return PARTS["framework_id"](value=value)


events = st.one_of(
    st.builds(m.Update, ours.statuses),
    st.builds(m.Rescind, ours.words),
    st.builds(m.RescindInverseOffer, ours.words),
    st.builds(m.UpdateOperation, ours.words, st.sampled_from(list(m.OperationState)), ours.words),
    st.builds(m.ExecutorToFramework, ours.words, ours.words, ours.words, st.binary(max_size=9)),
    st.builds(m.FrameworkFailure, ours.words, ours.words, ours.words),
    st.builds(m.FrameworkRefused, ours.words),
)


@some
@given(events)
def test_any_event_can_be_written(message: Any) -> None:
    event = translate_event(message, DIALECT)
    if event is None:
        assert isinstance(message, m.UpdateOperation)
        assert not message.operation_id
        return
    assert event.type is not None
    assert getattr(event, union_field(event)) is not None
    assert json.decode(json.encode(event), Event) == event
    assert protobuf.decode(protobuf.encode(event), Event) == event
