"""What frameworks are told, to the letter."""

from __future__ import annotations

import json as python_json
from typing import Any

import pytest

from actors import Message
from cluster import messages as m
from cluster.attributes import Attributes
from cluster.resources import Resources
from cluster.v1 import json
from cluster.v1 import types as v1
from cluster.v1.translate import Dialect, subscribed_event, translate_event
from cluster.v1.translate.agents import agent_to
from cluster.v1.translate.statuses import status_of

OLD = Dialect("F")
NEW = Dialect("F", multi_role=True, refinement=True)


def told(message: Message, dialect: Dialect = OLD) -> Any:
    event = translate_event(message, dialect)
    assert event is not None
    return python_json.loads(json.encode(event))


def id_(value: str) -> dict[str, str]:
    return {"value": value}


OFFER = m.Offer(
    "O",
    "F",
    "S0",
    "host",
    Resources.of(cpus=2, ports=[(80, 90)]),
    "eng",
    Attributes.parse("rack:r1;cores:8;ports:[1-5];tags:{b,a}"),
    "agent@10.0.0.1:5051",
    {"eng": Resources.of(cpus=1)},
    Resources.of(cpus=4),
    m.Unavailability(100.0, 60.0),
)
PORTS = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 80, "end": 90}]}}


def cpus(value: float, **more: Any) -> dict[str, Any]:
    return {"name": "cpus", "type": "SCALAR", "scalar": {"value": value}, **more}


def test_an_offer_for_a_framework_of_one_role() -> None:
    (offer,) = told(m.Offers((OFFER,)))["offers"]["offers"]
    assert offer == {
        "id": id_("O"),
        "framework_id": id_("F"),
        "agent_id": id_("S0"),
        "hostname": "host",
        "url": {
            "scheme": "http",
            "address": {"hostname": "host", "ip": "10.0.0.1", "port": 5051},
            "path": "/slave(1)",
        },
        "resources": [
            cpus(1.0, role="*"),
            {**PORTS, "role": "*"},
            cpus(1.0, role="eng", reservation={}),
            cpus(4.0, role="*", revocable={}),
        ],
        "attributes": [
            {"name": "rack", "type": "TEXT", "text": {"value": "r1"}},
            {"name": "cores", "type": "SCALAR", "scalar": {"value": 8.0}},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 5}]}},
            {"name": "tags", "type": "SET", "set": {"item": ["a", "b"]}},
        ],
        "unavailability": {
            "start": {"nanoseconds": 100_000_000_000},
            "duration": {"nanoseconds": 60_000_000_000},
        },
    }


def test_an_offer_for_a_framework_of_many_roles() -> None:
    (offer,) = told(m.Offers((OFFER,)), NEW)["offers"]["offers"]
    to_eng = {"allocation_info": {"role": "eng"}}
    assert offer["allocation_info"] == {"role": "eng"}
    assert offer["resources"] == [
        cpus(1.0, **to_eng),
        {**PORTS, **to_eng},
        cpus(1.0, **to_eng, reservations=[{"type": "DYNAMIC", "role": "eng"}]),
        cpus(4.0, **to_eng, revocable={}),
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("host.example:5051", {"hostname": "host", "port": 5051}),
        ("[::1]:5051", {"hostname": "host", "ip": "::1", "port": 5051}),
        ("agent@10.0.0.1:5051", {"hostname": "host", "ip": "10.0.0.1", "port": 5051}),
        ("agent@[::1]:5051", {"hostname": "host", "ip": "::1", "port": 5051}),
        ("agent@unix:/run/agent", None),
        ("unix:/run/agent", None),
        ("", None),
    ],
)
def test_where_an_agent_is(address: str, expected: dict[str, Any] | None) -> None:
    agent = m.AgentInfo("host", Resources.of(cpus=1), id="S0")
    offer = m.Offer("O", "F", "S0", "host", Resources.of(cpus=1), address=address)
    (written,) = told(m.Offers((offer,)))["offers"]["offers"]
    assert written.get("url", {}).get("address") == expected
    assert agent_to(agent, address).port == (5051 if expected else None)


def test_an_agent() -> None:
    agent = m.AgentInfo(
        "host", Resources.of(cpus=1), Attributes.parse("a:b"), "S0", revocable=Resources.of(mem=5)
    )
    assert python_json.loads(json.encode(agent_to(agent, "127.0.0.1:1"))) == {
        "hostname": "host",
        "port": 1,
        "resources": [
            cpus(1.0, role="*"),
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 5.0}, "role": "*", "revocable": {}},
        ],
        "attributes": [{"name": "a", "type": "TEXT", "text": {"value": "b"}}],
        "id": id_("S0"),
    }


STATUS = m.TaskStatus(
    "t",
    m.TaskState.RUNNING,
    m.Source.EXECUTOR,
    data=b'{"pid": 20712}',
    agent_id="S0",
    executor_id="main",
    timestamp=1795208408.0,
    uuid="a3921f814bf8424f9821181157a157e9",
)
INVERSE = m.InverseOffer("I", "F", "S0", m.Unavailability(1.5))

EVENTS: list[tuple[Message, dict[str, Any]]] = [
    (
        m.Update(STATUS),
        {
            "type": "UPDATE",
            "update": {
                "status": {
                    "task_id": id_("t"),
                    "state": "TASK_RUNNING",
                    "data": "eyJwaWQiOiAyMDcxMn0=",
                    "timestamp": 1795208408,
                    "uuid": "o5IfgUv4Qk+YIRgRV6FX6Q==",
                    "source": "SOURCE_EXECUTOR",
                    "agent_id": id_("S0"),
                    "executor_id": id_("main"),
                }
            },
        },
    ),
    (
        m.Update(
            m.TaskStatus("t", m.TaskState.LOST, reason=m.Reason.AGENT_REMOVED, message="gone", timestamp=1.5)
        ),
        {
            "type": "UPDATE",
            "update": {
                "status": {
                    "task_id": id_("t"),
                    "state": "TASK_LOST",
                    "message": "gone",
                    "source": "SOURCE_MASTER",
                    "reason": "REASON_AGENT_REMOVED",
                    "timestamp": 1.5,
                }
            },
        },
    ),
    (m.Rescind("O"), {"type": "RESCIND", "rescind": {"offer_id": id_("O")}}),
    (
        m.InverseOffers((INVERSE,)),
        {
            "type": "INVERSE_OFFERS",
            "inverse_offers": {
                "inverse_offers": [
                    {
                        "id": id_("I"),
                        "framework_id": id_("F"),
                        "agent_id": id_("S0"),
                        "unavailability": {"start": {"nanoseconds": 1_500_000_000}},
                    }
                ]
            },
        },
    ),
    (
        m.RescindInverseOffer("I"),
        {"type": "RESCIND_INVERSE_OFFER", "rescind_inverse_offer": {"inverse_offer_id": id_("I")}},
    ),
    (
        m.ExecutorToFramework("F", "S0", "e", b"hello"),
        {"type": "MESSAGE", "message": {"agent_id": id_("S0"), "executor_id": id_("e"), "data": "aGVsbG8="}},
    ),
    (
        # `data` is a field that must be there, also if it is empty.
        m.ExecutorToFramework("F", "S0", "e", b""),
        {"type": "MESSAGE", "message": {"agent_id": id_("S0"), "executor_id": id_("e"), "data": ""}},
    ),
    (m.FrameworkFailure("S0"), {"type": "FAILURE", "failure": {"agent_id": id_("S0")}}),
    (
        m.FrameworkFailure("S0", "e", "exited"),
        {"type": "FAILURE", "failure": {"agent_id": id_("S0"), "executor_id": id_("e"), "status": -1}},
    ),
    (
        m.FrameworkFailure("S0", "e", "exited", 1792),
        {"type": "FAILURE", "failure": {"agent_id": id_("S0"), "executor_id": id_("e"), "status": 1792}},
    ),
    (m.FrameworkRefused("no"), {"type": "ERROR", "error": {"message": "no"}}),
    (
        m.UpdateOperation("o", m.OperationState.FINISHED),
        {
            "type": "UPDATE_OPERATION_STATUS",
            "update_operation_status": {"status": {"operation_id": id_("o"), "state": "OPERATION_FINISHED"}},
        },
    ),
]


@pytest.mark.parametrize(("message", "expected"), EVENTS, ids=lambda each: type(each).__name__)
def test_an_event(message: Message, expected: dict[str, Any]) -> None:
    assert told(message) == expected


def test_the_first_event() -> None:
    master = v1.MasterInfo(id="M", ip=0, port=5050, version="1.11.0")
    event = subscribed_event(m.Subscribed("F", "M"), master, 15.0)
    assert json.encode(event) == (
        b'{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"F"},"heartbeat_interval_seconds":15.0,'
        b'"master_info":{"id":"M","ip":0,"port":5050,"version":"1.11.0"}}}'
    )


def test_of_an_operation_without_an_id_nothing_is_told() -> None:
    assert translate_event(m.UpdateOperation("", m.OperationState.ERROR, "no"), OLD) is None


def test_what_is_not_for_frameworks_is_no_event() -> None:
    with pytest.raises(TypeError, match="PingAgent"):
        translate_event(m.PingAgent("S0", connected=True), OLD)


@pytest.mark.parametrize(
    ("message", "expected"), [("", "REASON_GC_ERROR"), ("text", "text (REASON_GC_ERROR)")]
)
def test_a_reason_that_we_have_not_is_in_the_message(message: str, expected: str) -> None:
    status = v1.TaskStatus(
        task_id=v1.TaskID(value="t"),
        state=v1.TaskState.TASK_FAILED,
        reason=v1.TaskStatus.Reason.REASON_GC_ERROR,
        message=message or None,
    )
    read = status_of(status, "update.status")
    assert (read.reason, read.message, read.source) == (m.Reason.NONE, expected, m.Source.EXECUTOR)


def test_what_a_check_saw_is_nothing_while_its_kind_is_not_known() -> None:
    given = {"task_id": v1.TaskID(value="t"), "state": v1.TaskState.TASK_RUNNING}
    status = v1.TaskStatus(**given, check_status=v1.CheckStatusInfo())  # type: ignore[arg-type]
    assert status_of(status, "update.status").check_status is None


@pytest.mark.parametrize(("aware", "state"), [(True, "TASK_DROPPED"), (False, "TASK_LOST")])
def test_a_task_that_was_dropped(aware: bool, state: str) -> None:
    status = m.TaskStatus("t", m.TaskState.DROPPED)
    event = told(m.Update(status), Dialect("F", partition_aware=aware))
    assert event["update"]["status"]["state"] == state
    # The states that both know stay.
    event = told(m.Update(m.TaskStatus("t", m.TaskState.ERROR)), Dialect("F"))
    assert event["update"]["status"]["state"] == "TASK_ERROR"


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (m.Refusal.NONE, "no"),
        (m.Refusal.FAILED_OVER, "Framework failed over"),
        (m.Refusal.ENDED, "Framework has been removed"),
    ],
)
def test_a_framework_that_is_refused(cause: m.Refusal, text: str) -> None:
    assert told(m.FrameworkRefused("no", cause)) == {"type": "ERROR", "error": {"message": text}}


@pytest.mark.parametrize(
    ("host", "networks"),
    [
        ("10.0.0.7", [{"ip_addresses": [{"protocol": "IPv4", "ip_address": "10.0.0.7"}]}]),
        ("::1", [{"ip_addresses": [{"protocol": "IPv6", "ip_address": "::1"}]}]),
        ("agent.example.org", None),
    ],
)
def test_the_container_of_a_task(host: str, networks: list[Any] | None) -> None:
    status = m.TaskStatus("t", m.TaskState.RUNNING, container=m.ContainerStatus("c1", host))
    container = told(m.Update(status))["update"]["status"]["container_status"]
    assert container["container_id"] == id_("c1")
    assert container.get("network_infos") == networks
