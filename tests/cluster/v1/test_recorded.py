"""What PyMesos sends and understands, typed from its tests and transcripts: it is a message here, field by field."""

from __future__ import annotations

import json as python_json
from typing import Any

import pytest

from cluster.v1 import json, protobuf
from cluster.v1.errors import MessageError
from cluster.v1.schema import Proto
from cluster.v1.types.master import Call as MasterCall
from cluster.v1.types.scheduler import Call as SchedulerCall
from tests.cluster.v1.recorded import agent, executor, master, scheduler
from tests.cluster.v1.recorded.common import F


def name(case: Any) -> str:
    return str(case["type"]) if isinstance(case, dict) else type(case).__module__.rpartition("types.")[2]


@pytest.mark.parametrize(
    ("said", "meant"), [*scheduler.CALLS, *executor.CALLS, *master.CALLS, *agent.CALLS], ids=name
)
def test_what_pymesos_says(said: dict[str, Any], meant: Proto) -> None:
    assert json.decode(python_json.dumps(said).encode(), type(meant)) == meant
    # The other encoding has the same to say.
    assert protobuf.decode(protobuf.encode(meant), type(meant)) == meant


@pytest.mark.parametrize(
    ("event", "understood"), [*scheduler.EVENTS, *executor.EVENTS, *master.EVENTS], ids=name
)
def test_what_pymesos_understands(event: Proto, understood: dict[str, Any]) -> None:
    assert python_json.loads(json.encode(event)) == understood
    assert json.decode(python_json.dumps(understood).encode(), type(event)) == event


@pytest.mark.parametrize(
    ("data", "message", "text"),
    [
        # As PyMesos's tests have them, of which none goes over a wire.
        (
            {"type": "SET_QUOTA", "set_quota": {"quota_request": {"force": "yes", "role": "r"}}},
            MasterCall,
            "set_quota.quota_request.force is 'yes', not a bool",
        ),
        (
            {
                "type": "ACCEPT",
                **F,
                "accept": {
                    "offer_ids": [{"value": "O"}],
                    "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{"name": "1"}]}}],
                },
            },
            SchedulerCall,
            "accept.operations[0].launch.task_infos[0].task_id is missing",
        ),
        (
            {"type": "DECLINE", **F, "decline": {"offer_ids": ["O"]}},
            SchedulerCall,
            "decline.offer_ids[0] is 'O', not an object",
        ),
    ],
)
def test_what_no_mesos_takes_either(data: dict[str, Any], message: type[Proto], text: str) -> None:
    with pytest.raises(MessageError) as raised:
        json.decode(python_json.dumps(data).encode(), message)
    assert str(raised.value) == text
