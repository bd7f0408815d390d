"""The executor API, as PyMesos speaks it."""

from __future__ import annotations

import json as python_json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from actors import Message
from cluster import messages as m
from cluster.resources import Resources
from cluster.v1 import json, protobuf
from cluster.v1.errors import RefusedError
from cluster.v1.translate.executors import (
    registered_event,
    translate_executor_call,
    translate_executor_event,
)
from cluster.v1.types.executor import Call, Event
from tests.cluster.v1.arbitrary import messages_of

IDS = '"executor_id":{"value":"main"},"framework_id":{"value":"F"}'
UUID = "o5IfgUv4Qk+YIRgRV6FX6Q=="
HEX = "a3921f814bf8424f9821181157a157e9"
RUNNING = (
    '{"task_id":{"value":"t"},"state":"TASK_RUNNING","timestamp":1.5,'
    f'"uuid":"{UUID}","source":"SOURCE_EXECUTOR"}}'
)
STATUS = m.TaskStatus("t", m.TaskState.RUNNING, m.Source.EXECUTOR, timestamp=1.5, uuid=HEX)


def called(text: str) -> Message | None:
    return translate_executor_call(json.decode(f"{{{IDS},{text}}}".encode(), Call), "c")


CALLS: list[tuple[str, Message | None]] = [
    (
        '"type":"SUBSCRIBE","subscribe":{"unacknowledged_tasks":[],"unacknowledged_updates":[]}',
        m.RegisterExecutor("F", "main", "c", by_itself=True),
    ),
    ('"type":"SUBSCRIBE"', m.RegisterExecutor("F", "main", "c", by_itself=True)),
    (
        '"type":"SUBSCRIBE","subscribe":{"unacknowledged_tasks":[{"name":"n","task_id":{"value":"t"},"agent_id":'
        f'{{"value":"S0"}}}}],"unacknowledged_updates":[{{"status":{RUNNING}}}]}}',
        m.RegisterExecutor("F", "main", "c", ("t",), (STATUS,), by_itself=True),
    ),
    (f'"type":"UPDATE","update":{{"status":{RUNNING}}}', m.ExecutorStatusUpdate("F", "main", STATUS)),
    ('"type":"MESSAGE","message":{"data":"aGVsbG8="}', m.ExecutorMessage("F", "main", b"hello")),
    ('"type":"HEARTBEAT"', None),
]


@pytest.mark.parametrize(("text", "message"), CALLS)
def test_a_call(text: str, message: Message | None) -> None:
    assert called(text) == message


def update(old: str, new: str) -> str:
    return f'"type":"UPDATE","update":{{"status":{RUNNING.replace(old, new)}}}'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"type":"REGISTER"', "type is missing, or not known"),
        ('"type":"UPDATE"', "update is missing, though the type is UPDATE"),
        (update(f'"uuid":"{UUID}",', ""), "update.status.uuid is missing"),
        (update(UUID, "ZDQw"), "update.status.uuid has 3 bytes, a UUID has 16"),
        (
            update("SOURCE_EXECUTOR", "SOURCE_MASTER"),
            "update.status.source is SOURCE_MASTER, must be SOURCE_EXECUTOR",
        ),
        (
            update(',"source":"SOURCE_EXECUTOR"', ""),
            "update.status.source is missing, must be SOURCE_EXECUTOR",
        ),
        (update("TASK_RUNNING", "TASK_STAGING"), "update.status.state is TASK_STAGING"),
        (
            update('"timestamp":1.5', '"executor_id":{"value":"other"}'),
            "update.status.executor_id is 'other', not 'main'",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(RefusedError) as caught:
        called(text)
    assert str(caught.value).startswith(problem)


def id_(value: str) -> dict[str, str]:
    return {"value": value}


EVENTS: list[tuple[Message, dict[str, Any]]] = [
    (
        m.LaunchTask(m.TaskInfo("t", Resources.of(cpus=1), "n", "S0", data=b"hello")),
        {
            "type": "LAUNCH",
            "launch": {
                "task": {
                    "name": "n",
                    "task_id": id_("t"),
                    "agent_id": id_("S0"),
                    "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}, "role": "*"}],
                    "kill_policy": {"grace_period": {"nanoseconds": 3_000_000_000}},
                    "data": "aGVsbG8=",
                }
            },
        },
    ),
    (
        m.LaunchTaskGroup((m.TaskInfo("a", Resources(), "n", "S0"),)),
        {
            "type": "LAUNCH_GROUP",
            "launch_group": {
                "task_group": {
                    "tasks": [
                        {
                            "name": "n",
                            "task_id": id_("a"),
                            "agent_id": id_("S0"),
                            "kill_policy": {"grace_period": {"nanoseconds": 3_000_000_000}},
                        }
                    ]
                }
            },
        },
    ),
    (
        m.ExecutorKillTask("t", 1.5),
        {
            "type": "KILL",
            "kill": {"task_id": id_("t"), "kill_policy": {"grace_period": {"nanoseconds": 1_500_000_000}}},
        },
    ),
    (
        m.ExecutorAcknowledgement("t", HEX),
        {"type": "ACKNOWLEDGED", "acknowledged": {"task_id": id_("t"), "uuid": UUID}},
    ),
    (m.ExecutorMessage("F", "main", b"hello"), {"type": "MESSAGE", "message": {"data": "aGVsbG8="}}),
    (m.ExecutorShutdown(5.0), {"type": "SHUTDOWN"}),
]


@pytest.mark.parametrize(("message", "expected"), EVENTS, ids=lambda each: type(each).__name__)
def test_an_event(message: Message, expected: dict[str, Any]) -> None:
    event = translate_executor_event(message)
    assert python_json.loads(json.encode(event)) == expected
    assert protobuf.decode(protobuf.encode(event), Event) == event


def test_the_first_event() -> None:
    message = m.ExecutorRegistered(
        m.ExecutorInfo("main", m.CommandInfo("run")),
        m.FrameworkInfo("n", "root", "F"),
        m.AgentInfo("host", Resources.of(cpus=1), id="S0"),
    )
    event = registered_event(message, "c", "10.0.0.1:5051")
    told = python_json.loads(json.encode(event))["subscribed"]
    # PyMesos compares these two with its own, as wholes.
    assert told["executor_info"]["executor_id"] == id_("main")
    assert told["framework_info"]["id"] == id_("F")
    assert told["executor_info"]["framework_id"] == id_("F")
    assert told["agent_info"]["id"] == id_("S0")
    assert told["agent_info"]["port"] == 5051
    assert told["container_id"] == id_("c")
    assert protobuf.decode(protobuf.encode(event), Event) == event


def test_what_is_not_for_executors_is_no_event() -> None:
    with pytest.raises(TypeError, match="PingAgent"):
        translate_executor_event(m.PingAgent("S0", connected=True))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages_of(Call))
def test_any_call_is_translated_or_refused(call: Call) -> None:
    problem = ""
    try:
        message = translate_executor_call(call, "c")
    except RefusedError as error:
        problem, message = str(error), None
    assert len(problem) < 1000
    assert message is None or isinstance(message, Message)
