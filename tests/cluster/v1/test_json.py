"""JSON is read as Mesos reads it, and written so that all clients can read it."""

from __future__ import annotations

import json as python_json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.v1 import json
from cluster.v1 import types as v1
from cluster.v1.descriptors import messages
from cluster.v1.errors import MessageError
from cluster.v1.json import _slowly
from cluster.v1.schema import Proto
from cluster.v1.types import executor, master, scheduler
from tests.cluster.v1.arbitrary import messages_of

some = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
any_message = st.sampled_from(list(messages())).flatmap(messages_of)


@some
@given(any_message)
def test_every_message_comes_back_as_it_was(message: Proto) -> None:
    data = json.encode(message)
    assert data.isascii()
    assert b"\n" not in data
    assert json.decode(data, type(message)) == message


@some
@given(any_message)
def test_the_slow_way_reads_the_same(message: Proto) -> None:
    assert _slowly(json.encode(message), type(message)) == message


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[type[Proto], bytes]:
    """A message with something else in one place."""
    message = draw(any_message)
    raw = python_json.loads(json.encode(message))
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
            places.append((value, key))
            if isinstance(each, dict | list):
                walk(each)

    walk(raw)
    if not places:
        return type(message), python_json.dumps(draw(junk)).encode()
    container, key = draw(st.sampled_from(places))
    container[key] = draw(junk)
    return type(message), python_json.dumps(raw).encode()


@settings(some, max_examples=600)
@given(spoilt())
def test_both_ways_agree_about_what_is_spoilt(case: tuple[type[Proto], bytes]) -> None:
    message, data = case
    try:
        fast = msgspec.json.decode(data, type=message)
    except msgspec.DecodeError:
        fast = None
    slow, problem = None, ""
    try:
        slow = _slowly(data, message)
    except MessageError as error:
        problem = str(error)
    # Only the bound of uint64 is beyond the fast way.
    assert fast is None or fast == slow or str(2**64 - 1) in problem
    assert len(problem) < 1000


CALL = scheduler.Call


def call(text: str) -> scheduler.Call:
    return json.decode(text.encode(), CALL)


def test_null_is_absent_also_where_an_array_is_expected() -> None:
    read = call(
        '{"type":"SUBSCRIBE","framework_id":null,"subscribe":{"suppressed_roles":null,"framework_info":'
        '{"user":"root","name":"x","role":null,"id":null,"roles":null,"capabilities":[{"type":null},null],'
        '"offer_filters":null}}}'
    )
    assert read == CALL(
        type=CALL.Type.SUBSCRIBE,
        subscribe=CALL.Subscribe(
            framework_info=v1.FrameworkInfo(
                user="root", name="x", capabilities=(v1.FrameworkInfo.Capability(),)
            )
        ),
    )


def test_names_that_are_not_known_are_overlooked() -> None:
    assert call('{"type":"REVIVE","revive":{"rolls":["a"]},"Type":3}') == CALL(
        type=CALL.Type.REVIVE, revive=CALL.Revive()
    )


def test_one_value_does_for_an_array_of_one() -> None:
    read = call('{"type":"DECLINE","decline":{"offer_ids":{"value":"o1"}}}')
    assert read.decline == CALL.Decline(offer_ids=(v1.OfferID(value="o1"),))


def test_an_enum_s_unknown_name_is_unknown_or_absent() -> None:
    assert call('{"type":"FROBNICATE"}').type is CALL.Type.UNKNOWN
    text = '{"task_id":{"value":"t"},"state":"TASK_RUNNING","reason":"REASON_OF_TOMORROW"}'
    assert json.decode(text.encode(), v1.TaskStatus).reason is None


@pytest.mark.parametrize(
    "text",
    [
        "o5IfgUv4Qk+YIRgRV6FX6Q==",
        "o5IfgUv4Qk+YIRgRV6FX6Q",
        # What base64.encodebytes and binascii.b2a_base64 write.
        r"o5IfgUv4Qk+YIRgRV6FX6Q==\n",
        r"o5IfgUv4Qk+Y\nIRgRV6FX6Q==\n",
    ],
)
def test_bytes_are_base64_with_padding_or_without(text: str) -> None:
    ids = '"agent_id":{"value":"S0"},"task_id":{"value":"t"}'
    read = call(f'{{"type":"ACKNOWLEDGE","acknowledge":{{{ids},"uuid":"{text}"}}}}')
    assert read.acknowledge is not None
    assert read.acknowledge.uuid == bytes.fromhex("a3921f814bf8424f9821181157a157e9")


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert json.decode(b'{"nanoseconds":5e9}', v1.DurationInfo) == v1.DurationInfo(nanoseconds=5 * 10**9)


def test_numbers_and_bools_may_be_in_quotes() -> None:
    # Protobuf's own libraries write 64 bits so, and Mesos reads it.
    ports = json.decode(
        b'{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":"31000","end":"31009"}]}}', v1.Resource
    )
    assert ports.ranges == v1.Value.Ranges(range=(v1.Value.Range(begin=31000, end=31009),))
    assert json.decode(b'{"nanoseconds":"-5e9"}', v1.DurationInfo).nanoseconds == -5 * 10**9
    assert json.decode(b'{"refuse_seconds":"0.5"}', v1.Filters).refuse_seconds == 0.5
    assert json.decode(b'{"refuse_seconds":"Infinity"}', v1.Filters).refuse_seconds == math.inf
    assert json.decode(b'{"refuse_seconds":"-Infinity"}', v1.Filters).refuse_seconds == -math.inf
    assert json.decode(b'{"shell":"false"}', v1.CommandInfo).shell is False


STATUS = '{"task_id":{"value":"t"},"state":"TASK_RUNNING",%s}'


@pytest.mark.parametrize(
    ("message", "text", "problem"),
    [
        (CALL, "", "not JSON"),
        (CALL, '{"type":"SUBSCRIBE"', "not JSON: Input data was truncated"),
        (CALL, '{"type":"SUBSCRIBE"}x', "not JSON"),
        (CALL, '{"type":"SUB\xff"}', "not JSON"),
        (CALL, "[]", "the message is an array, not an object"),
        (CALL, "null", "the message is None, not an object"),
        (CALL, '{"type":1}', "type is 1, not one of the names of Call.Type"),
        (CALL, '{"subscribe":{}}', "subscribe.framework_info is missing"),
        (CALL, '{"subscribe":{"framework_info":null}}', "subscribe.framework_info is missing"),
        (CALL, '{"subscribe":{"framework_info":{"user":"u"}}}', "subscribe.framework_info.name is missing"),
        (CALL, '{"kill":"t"}', "kill is 't', not an object"),
        (CALL, '{"kill":{"task_id":{"value":7}}}', "kill.task_id.value is 7, not a string"),
        (
            CALL,
            '{"accept":{"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"n"}]}}]}}',
            "accept.operations[0].launch.task_infos[0].task_id is missing",
        ),
        (CALL, '{"revive":{"roles":["a",5]}}', "revive.roles[1] is 5, not a string"),
        (
            v1.FrameworkInfo,
            '{"user":"u","name":"n","offer_filters":{"r":3}}',
            "offer_filters['r'] is 3, not an object",
        ),
        (
            v1.FrameworkInfo,
            '{"user":"u","name":"n","offer_filters":[]}',
            "offer_filters is an array, not an object",
        ),
        (v1.Filters, '{"refuse_seconds":"5 s"}', "refuse_seconds is '5 s', not a number"),
        (v1.Filters, '{"refuse_seconds":"\\"5\\""}', "refuse_seconds is '\"5\"', not a number"),
        (v1.Filters, '{"refuse_seconds":"NaN"}', "refuse_seconds is 'NaN', not a number"),
        (v1.Filters, '{"refuse_seconds":"true"}', "refuse_seconds is 'true', not a number"),
        (v1.Filters, '{"refuse_seconds":"%s"}' % ("[" * 100_000), "refuse_seconds is '[[["),
        (v1.Port, '{"number":""}', "number is '', not a whole number"),
        (v1.Port, '{"number":"null"}', "number is 'null', not a whole number"),
        (v1.Port, '{"number":"80.5"}', "number is '80.5', not a whole number"),
        (v1.Port, '{"number":"4294967296"}', "number is '4294967296', not 0 to 4294967295"),
        (v1.Filters, '{"refuse_seconds":true}', "refuse_seconds is True, not a number"),
        (v1.Filters, '{"refuse_seconds":NaN}', "not JSON"),
        (v1.Filters, '{"refuse_seconds":1e999}', "not JSON: Number out of range"),
        (
            v1.Filters,
            '{"refuse_seconds":1%s}' % ("0" * 400),
            "refuse_seconds is a very large number, too large",
        ),
        (v1.Port, '{"number":80.5}', "number is 80.5, not a whole number"),
        (v1.Port, '{"number":-1}', "number is -1, not 0 to 4294967295"),
        (v1.Port, '{"number":4294967296}', "number is 4294967296, not 0 to 4294967295"),
        (v1.TaskStatus, STATUS % '"healthy":"True"', "healthy is 'True', not a bool"),
        (v1.TaskStatus, STATUS % '"healthy":"1"', "healthy is '1', not a bool"),
        (v1.TaskStatus, STATUS % '"healthy":1', "healthy is 1, not a bool"),
        (v1.TaskStatus, STATUS % '"data":"%%"', "data is '%%', not base64 text"),
        (v1.TaskStatus, STATUS % '"data":3', "data is 3, not base64 text"),
        (v1.TaskStatus, STATUS % '"uuid":"a"', "uuid is 'a', not base64 text"),
        (
            v1.TaskStatus,
            '{"task_id":{"value":"t"},"state":"TASK_SLEEPING"}',
            "state is 'TASK_SLEEPING', not one of TASK_STARTING, TASK_STAGING,",
        ),
    ],
)
def test_what_is_wrong_is_named(message: type[Proto], text: str, problem: str) -> None:
    with pytest.raises(MessageError) as caught:
        json.decode(text.encode("latin-1"), message)
    assert str(caught.value).startswith(problem)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("opening", ['{"value":"x","parent":', "[", '{"a":'])
def test_what_is_nested_too_deeply_is_refused(opening: str) -> None:
    with pytest.raises(MessageError, match=r"nested too deeply|not JSON"):
        json.decode((opening * 100_000).encode(), v1.ContainerID)


@pytest.mark.parametrize("text", ["é", "\u2028", "𝄞", "a\nb", '"\\', "\x7f", "日本語"])
def test_what_is_not_ascii_is_escaped(text: str) -> None:
    data = json.encode(v1.TaskID(value=text))
    assert data.isascii()
    assert b"\n" not in data
    assert python_json.loads(data) == {"value": text}


def test_half_a_character_cannot_be_written() -> None:
    with pytest.raises(MessageError, match=r"TaskID: .* surrogates"):
        json.encode(v1.TaskID(value="\ud800"))


def test_what_is_absent_is_not_written_and_what_is_false_is() -> None:
    assert json.encode(v1.FrameworkInfo(user="", name="n", checkpoint=False)) == (
        b'{"user":"","name":"n","checkpoint":false}'
    )


# What PyMesos 0.3.15 sends, as recorded.
PYMESOS: list[tuple[type[Proto], str]] = [
    (
        CALL,
        '{"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "pymesos-test", '
        '"hostname": "vm", "failover_timeout": 60, "checkpoint": false, "capabilities": [{"type": "GPU_RESOURCES"}]}}}',
    ),
    (
        CALL,
        '{"type":"DECLINE","framework_id":{"value":"F"},"decline":{"offer_ids":[{"value":"O"}],'
        '"filters":{"refuse_seconds":4}}}',
    ),
    (
        CALL,
        '{"type":"ACCEPT","framework_id":{"value":"F"},"accept":{"offer_ids":[{"value":"O"}],"operations":[{"type":'
        '"LAUNCH","launch":{"task_infos":[{"task_id":{"value":"t-1"},"agent_id":{"value":"S0"},"name":"task",'
        '"executor":{"executor_id":{"value":"main"},"name":"main","command":{"value":"python executor.py"},'
        '"resources":[{"name":"mem","type":"SCALAR","scalar":{"value":32}}]},"resources":[{"name":"cpus",'
        '"type":"SCALAR","scalar":{"value":0.1}},{"name":"gpus","type":"SCALAR","scalar":{"value":0}}],'
        '"data":"eyJwaWQiOiAyMDcxMn0="}]}}],"filters":{}}}',
    ),
    (
        CALL,
        '{"type":"ACKNOWLEDGE","framework_id":{"value":"F"},"acknowledge":{"agent_id":{"value":"S0"},'
        '"task_id":{"value":"t-1"},"uuid":"o5IfgUv4Qk+YIRgRV6FX6Q=="}}',
    ),
    (CALL, '{"type":"KILL","framework_id":{"value":"F"},"kill":{"task_id":{"value":"t-1"}}}'),
    (
        CALL,
        '{"type":"RECONCILE","framework_id":{"value":"F"},"reconcile":{"tasks":[{"task_id":{"value":"t-1"}}]}}',
    ),
    (CALL, '{"type":"RECONCILE","framework_id":{"value":"F"},"reconcile":{"tasks":[]}}'),
    (
        CALL,
        '{"type":"MESSAGE","framework_id":{"value":"F"},"message":{"agent_id":{"value":"S0"},'
        '"executor_id":{"value":"main"},"data":"aGVsbG8="}}',
    ),
    (CALL, '{"type":"REVIVE","framework_id":{"value":"F"}}'),
    (CALL, '{"type":"SUPPRESS","framework_id":{"value":"F"}}'),
    (CALL, '{"type":"TEARDOWN","framework_id":{"value":"F"}}'),
    (scheduler.Event, '{"type": "HEARTBEAT"}'),
    (
        scheduler.Event,
        '{"type":"UPDATE","update":{"status":{"task_id":{"value":"t-1"},"state":"TASK_RUNNING","data":'
        '"eyJwaWQiOiAyMDcxMn0=","timestamp":1795208408,"uuid":"o5IfgUv4Qk+YIRgRV6FX6Q==","source":"SOURCE_EXECUTOR",'
        '"agent_id":{"value":"S0"},"executor_id":{"value":"main"}}}}',
    ),
    (
        scheduler.Event,
        '{"type":"FAILURE","failure":{"agent_id":{"value":"S1"},"executor_id":{"value":"crash"},"status":7}}',
    ),
    (
        executor.Call,
        '{"type": "SUBSCRIBE", "framework_id": {"value": "F"}, "executor_id": {"value": "main"}, '
        '"subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": []}}',
    ),
    (
        executor.Call,
        '{"type":"UPDATE","executor_id":{"value":"main"},"framework_id":{"value":"F"},"update":{"status":{"task_id":'
        '{"value":"t-1"},"state":"TASK_RUNNING","timestamp":1795208408.25,"uuid":"o5IfgUv4Qk+YIRgRV6FX6Q==",'
        '"source":"SOURCE_EXECUTOR"}}}',
    ),
    (
        executor.Call,
        '{"type":"MESSAGE","executor_id":{"value":"main"},"framework_id":{"value":"F"},"message":{"data":"aGVsbG8="}}',
    ),
    (master.Call, '{"type":"GET_AGENTS"}'),
]


@pytest.mark.parametrize(
    ("message", "text"), PYMESOS, ids=lambda case: case[:40] if isinstance(case, str) else ""
)
def test_what_pymesos_sends_is_read(message: type[Proto], text: str) -> None:
    read = json.decode(text.encode(), message)
    written = python_json.loads(json.encode(read))
    assert _bare(written) == _bare(python_json.loads(text))


def _bare(value: Any) -> Any:
    # An empty array is as none.
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if each != []}
    return [_bare(each) for each in value] if isinstance(value, list) else value
