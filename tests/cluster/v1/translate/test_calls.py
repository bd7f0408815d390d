"""The scheduler API's calls, one by one."""

from __future__ import annotations

import math

import pytest

from actors import Message
from cluster import messages as m
from cluster.v1 import json
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError
from cluster.v1.translate import Dialect, Translated, translate_call
from cluster.v1.translate.offers import filters_of
from cluster.v1.types.scheduler import Call

DIALECT = Dialect("F", "root")


def translated(text: str) -> Translated:
    return translate_call(json.decode(text.encode(), Call), DIALECT, 5.0)


UUID = "o5IfgUv4Qk+YIRgRV6FX6Q=="
HEX = "a3921f814bf8424f9821181157a157e9"
S0 = '"agent_id":{"value":"S0"}'
CALLS: list[tuple[str, str, Message | None]] = [
    ("TEARDOWN", "", m.Teardown("F")),
    ("REVIVE", "", m.Revive("F")),
    ("REVIVE", '"revive":{"roles":["a"]}', m.Revive("F", ("a",))),
    ("SUPPRESS", "", m.Suppress("F")),
    ("SUPPRESS", '"suppress":{"roles":["a","b"]}', m.Suppress("F", ("a", "b"))),
    (
        "DECLINE",
        '"decline":{"offer_ids":[{"value":"O"}],"filters":{"refuse_seconds":4}}',
        m.Decline("F", ("O",), m.Filters(4.0)),
    ),
    ("DECLINE", '"decline":{}', m.Decline("F", ())),
    ("ACCEPT", '"accept":{"offer_ids":[{"value":"O"}]}', m.Accept("F", ("O",), ())),
    (
        "ACCEPT_INVERSE_OFFERS",
        '"accept_inverse_offers":{"inverse_offer_ids":[{"value":"I"}],"filters":{}}',
        m.AcceptInverseOffers("F", ("I",)),
    ),
    (
        "DECLINE_INVERSE_OFFERS",
        '"decline_inverse_offers":{"inverse_offer_ids":[{"value":"I"}]}',
        m.DeclineInverseOffers("F", ("I",)),
    ),
    ("KILL", '"kill":{"task_id":{"value":"t"}}', m.KillTask("F", "t")),
    ("KILL", f'"kill":{{"task_id":{{"value":"t"}},{S0},"kill_policy":{{}}}}', m.KillTask("F", "t")),
    (
        "KILL",
        '"kill":{"task_id":{"value":"t"},"kill_policy":{"grace_period":{"nanoseconds":1500000000}}}',
        m.KillTask("F", "t", 1.5),
    ),
    ("SHUTDOWN", f'"shutdown":{{"executor_id":{{"value":"e"}},{S0}}}', m.ShutdownExecutor("F", "S0", "e")),
    (
        "ACKNOWLEDGE",
        f'"acknowledge":{{{S0},"task_id":{{"value":"t"}},"uuid":"{UUID}"}}',
        m.Acknowledge("F", "S0", "t", HEX),
    ),
    ("RECONCILE", '"reconcile":{"tasks":[]}', m.Reconcile("F")),
    (
        "RECONCILE",
        f'"reconcile":{{"tasks":[{{"task_id":{{"value":"t"}}}},{{"task_id":{{"value":"u"}},{S0}}}]}}',
        m.Reconcile("F", ("t", "u"), {"u": "S0"}),
    ),
    (
        "MESSAGE",
        f'"message":{{{S0},"executor_id":{{"value":"e"}},"data":"aGVsbG8="}}',
        m.FrameworkToExecutor("F", "S0", "e", b"hello"),
    ),
    ("REQUEST", "", None),
    ("REQUEST", '"request":{"requests":[{"resources":[]}]}', None),
    (
        "ACKNOWLEDGE_OPERATION_STATUS",
        f'"acknowledge_operation_status":{{"operation_id":{{"value":"o"}},"uuid":"{UUID}"}}',
        None,
    ),
]


@pytest.mark.parametrize(("kind", "part", "message"), CALLS)
def test_a_call(kind: str, part: str, message: Message | None) -> None:
    text = f'{{"type":"{kind}","framework_id":{{"value":"F"}}{"," if part else ""}{part}}}'
    assert translated(text) == Translated(message)


def test_every_type_of_call_is_tested() -> None:
    elsewhere = {"UNKNOWN", "SUBSCRIBE", "UPDATE_FRAMEWORK", "RECONCILE_OPERATIONS"}
    assert {kind for kind, _, _ in CALLS} | elsewhere == set(Call.Type.__members__)


def test_operations_that_are_asked_for_are_unknown_by_then() -> None:
    done = translated(
        '{"type":"RECONCILE_OPERATIONS","framework_id":{"value":"F"},"reconcile_operations":{"operations":'
        f'[{{"operation_id":{{"value":"o"}},{S0}}}]}}}}'
    )
    assert done.message is None
    (event,) = done.events
    assert json.encode(event) == (
        b'{"type":"UPDATE_OPERATION_STATUS","update_operation_status":{"status":{"operation_id":{"value":"o"},'
        b'"state":"OPERATION_UNKNOWN","message":"what became of it was told when it was done; no record is kept here"'
        b',"agent_id":{"value":"S0"}}}}'
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "type is missing, or not known"),
        ('{"type":"FROBNICATE"}', "type is missing, or not known"),
        ('{"type":"REVIVE"}', "framework_id is missing"),
        ('{"type":"SUBSCRIBE"}', "subscribe is missing, though the type is SUBSCRIBE"),
        ('{"type":"KILL","framework_id":{"value":"F"}}', "kill is missing, though the type is KILL"),
        (
            '{"type":"KILL","framework_id":{"value":"F"},"kill":{"task_id":{"value":"t"},'
            '"kill_policy":{"grace_period":{"nanoseconds":-1}}}}',
            "kill.kill_policy.grace_period is -1e-09 seconds, not 0 to 86400",
        ),
        (
            f'{{"type":"ACKNOWLEDGE","framework_id":{{"value":"F"}},"acknowledge":{{{S0},'
            '"task_id":{"value":"t"},"uuid":"ZDQw"}}',
            "acknowledge.uuid has 3 bytes, a UUID has 16",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(RefusedError) as caught:
        translated(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("refuse", "in_force"),
    [
        (None, 5.0),
        (0.0, 0.0),
        (4.5, 4.5),
        (4294967295.0, 365 * 86400.0),
        (1e300, 365 * 86400.0),
        (math.inf, 365 * 86400.0),
        (-1.0, 5.0),
        (-math.inf, 5.0),
        (math.nan, 5.0),
    ],
)
def test_how_long_offers_are_refused(refuse: float | None, in_force: float) -> None:
    assert filters_of(v1.Filters(refuse_seconds=refuse)).seconds() == in_force


def test_without_filters_it_is_five_seconds() -> None:
    assert filters_of(None).seconds() == 5.0
