"""How frameworks introduce themselves."""

from __future__ import annotations

import math

import pytest

from cluster.messages import (
    HOSTNAME,
    REGION,
    ZONE,
    AttributeConstraint,
    Capability,
    FrameworkInfo,
    Subscribe,
    UpdateFramework,
)
from cluster.resources import Resources
from cluster.v1 import json
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError
from cluster.v1.translate import Dialect, translate_call
from cluster.v1.translate.frameworks import constraints_of_framework, framework_of
from cluster.v1.types.scheduler import Call

MULTI = '"capabilities":[{"type":"MULTI_ROLE"}]'


def subscribe(info: str, more: str = "") -> Subscribe:
    info, more = (f",{each}" if each else "" for each in (info, more))
    part = f'{{"framework_info":{{"user":"u","name":"n"{info}}}{more}}}'
    text = f'{{"type":"SUBSCRIBE","subscribe":{part}}}'
    message = translate_call(json.decode(text.encode(), Call), Dialect(), 0.0).message
    assert isinstance(message, Subscribe)
    return message


def test_pymesos_s_framework() -> None:
    info = (
        '"hostname":"vm","failover_timeout":60,"checkpoint":false,"capabilities":[{"type":"GPU_RESOURCES"}]'
    )
    assert subscribe(info) == Subscribe(
        FrameworkInfo("n", "u", hostname="vm", failover_timeout=60.0, roles=("*",))
    )


@pytest.mark.parametrize(
    ("info", "roles"),
    [
        ("", ("*",)),
        ('"role":null', ("*",)),
        ('"role":"eng"', ("eng",)),
        (f'"roles":["a","b"],{MULTI}', ("a", "b")),
    ],
)
def test_roles(info: str, roles: tuple[str, ...]) -> None:
    assert subscribe(info).framework.roles == roles


def test_capabilities_that_change_something_here() -> None:
    kinds = (
        "PARTITION_AWARE",
        "TASK_KILLING_STATE",
        "REVOCABLE_RESOURCES",
        "REGION_AWARE",
        "SHARED_RESOURCES",
        "NEW",
    )
    listed = ",".join(f'{{"type":"{kind}"}}' for kind in kinds)
    assert set(subscribe(f'"capabilities":[{listed},{{}}]').framework.capabilities) == set(Capability)


def test_what_a_framework_says_comes_over() -> None:
    info = (
        '"id":{"value":"F"},"principal":"p","webui_url":"http://x","labels":{"labels":[{"key":"k"},'
        '{"key":"l","value":"v"}]},"failover_timeout":1e300'
    )
    assert subscribe(info).framework == FrameworkInfo(
        "n",
        "u",
        "F",
        principal="p",
        webui_url="http://x",
        labels={"k": "", "l": "v"},
        failover_timeout=10 * 365 * 86400.0,
    )


FILTERS = '"offer_filters":{"a":%s,"b":%s}'
CPU = '{"min_allocatable_resources":{"quantities":[{"quantities":{"cpus":{"value":1},"gpus":{"value":0}}}]}}'


def test_the_least_that_an_offer_must_hold() -> None:
    info = f'"roles":["a","b"],{MULTI},{FILTERS % (CPU, CPU)}'
    assert subscribe(info).framework.min_offer == (Resources.of(cpus=1),)
    assert subscribe(f'"roles":["a"],{MULTI},"offer_filters":{{"a":{{}}}}').framework.min_offer == ()


CONSTRAINTS = '"offer_constraints":{"role_constraints":{"*":{"groups":[{"attribute_constraints":[%s]}]}}}'
ON_RACK = '{"selector":{"attribute_name":"rack"},"predicate":%s}'


@pytest.mark.parametrize(
    ("predicate", "constraint"),
    [
        ('{"exists":{}}', AttributeConstraint("rack", "exists")),
        ('{"not_exists":{}}', AttributeConstraint("rack", "not_exists")),
        ('{"text_equals":{"value":"r1"}}', AttributeConstraint("rack", "equals", "r1")),
        ('{"text_not_equals":{"value":"r1"}}', AttributeConstraint("rack", "not_equals", "r1")),
        ('{"text_matches":{"regex":"r."}}', AttributeConstraint("rack", "matches", "r.")),
        ('{"text_not_matches":{"regex":"r."}}', AttributeConstraint("rack", "not_matches", "r.")),
    ],
)
def test_constraints(predicate: str, constraint: AttributeConstraint) -> None:
    assert subscribe("", CONSTRAINTS % (ON_RACK % predicate)).framework.constraints == ((constraint,),)


@pytest.mark.parametrize(
    ("selector", "attribute"),
    [
        ('"pseudoattribute_type":"HOSTNAME"', HOSTNAME),
        ('"pseudoattribute_type":"REGION"', REGION),
        ('"pseudoattribute_type":"ZONE"', ZONE),
        ('"attribute_name":"hostname"', "hostname"),
        # Which is none of the three, though it reads like one of ours.
        ('"attribute_name":"@hostname"', "@@hostname"),
        ('"attribute_name":"@@"', "@@@"),
    ],
)
def test_what_constraints_are_on(selector: str, attribute: str) -> None:
    written = f'{{"selector":{{{selector}}},"predicate":{{"text_matches":{{"regex":"a.*"}}}}}}'
    framework = subscribe("", CONSTRAINTS % written).framework
    assert framework.constraints == ((AttributeConstraint(attribute, "matches", "a.*"),),)
    shown = constraints_of_framework(framework)
    assert shown is not None
    assert written in json.encode(shown).decode()


def test_constraints_that_are_none() -> None:
    assert subscribe("", '"offer_constraints":{}').framework.constraints == ()


@pytest.mark.parametrize(
    ("info", "more", "problem"),
    [
        (
            '"roles":["a"]',
            "",
            "subscribe.framework_info.roles is for frameworks with the capability MULTI_ROLE",
        ),
        (f'"role":"a",{MULTI}', "", "subscribe.framework_info.role is for frameworks without"),
        (MULTI, "", "subscribe.framework_info.roles is empty"),
        ('"failover_timeout":-1', "", "subscribe.framework_info.failover_timeout is -1.0, not a number"),
        (
            '"labels":{"labels":[{"key":"k","value":"a"},{"key":"k","value":"b"}]}',
            "",
            "subscribe.framework_info.labels: key 'k' has two values",
        ),
        (
            '"offer_filters":{"a":{}}',
            "",
            "subscribe.framework_info.offer_filters: 'a' is not a role of the framework",
        ),
        (
            f'"roles":["a","b"],{MULTI},{FILTERS % (CPU, "{}")}',
            "",
            "subscribe.framework_info.offer_filters: must be the same for all roles",
        ),
        (
            '"offer_filters":{"*":{"min_allocatable_resources":{"quantities":[{}]}}}',
            "",
            "subscribe.framework_info.offer_filters: quantities[0] is empty",
        ),
        ("", '"suppressed_roles":["a"]', "subscribe.suppressed_roles: 'a' is not a role of the framework"),
        ("", CONSTRAINTS % "", "offer_constraints.groups[0].attribute_constraints is empty"),
        (
            "",
            '"offer_constraints":{"role_constraints":{"*":{}}}',
            "offer_constraints.groups is empty",
        ),
        (
            "",
            CONSTRAINTS % (ON_RACK % "{}"),
            "offer_constraints.groups[0].attribute_constraints[0].predicate has 0 predicates",
        ),
        (
            "",
            CONSTRAINTS % (ON_RACK % '{"exists":{},"not_exists":{}}'),
            "offer_constraints.groups[0].attribute_constraints[0].predicate has 2 predicates",
        ),
        (
            "",
            CONSTRAINTS % '{"selector":{"pseudoattribute_type":"CONTINENT"},"predicate":{"exists":{}}}',
            "offer_constraints.groups[0].attribute_constraints[0].selector.pseudoattribute_type is not one of"
            " HOSTNAME, REGION, ZONE",
        ),
        (
            "",
            CONSTRAINTS
            % '{"selector":{"pseudoattribute_type":"ZONE","attribute_name":"rack"},"predicate":{}}',
            "offer_constraints.groups[0].attribute_constraints[0].selector has attribute_name and",
        ),
        (
            "",
            CONSTRAINTS % '{"selector":{},"predicate":{"exists":{}}}',
            "offer_constraints.groups[0].attribute_constraints[0].selector.attribute_name is missing",
        ),
    ],
)
def test_what_is_wrong_is_named(info: str, more: str, problem: str) -> None:
    with pytest.raises(RefusedError) as caught:
        subscribe(info, more)
    assert str(caught.value).startswith(problem)


def test_a_timeout_that_is_no_number_is_refused() -> None:
    with pytest.raises(RefusedError, match="failover_timeout is nan"):
        framework_of(v1.FrameworkInfo(user="u", name="n", failover_timeout=math.nan))


def test_a_framework_that_comes_back_names_itself_once_or_twice_the_same() -> None:
    text = '{"type":"SUBSCRIBE",%s"subscribe":{"framework_info":{"user":"u","name":"n","id":{"value":"F"}}}}'
    for outer in ("", '"framework_id":{"value":"F"},'):
        call = json.decode((text % outer).encode(), Call)
        message = translate_call(call, Dialect(), 0.0).message
        assert isinstance(message, Subscribe)
        assert message.framework.id == "F"
    call = json.decode((text % '"framework_id":{"value":"G"},').encode(), Call)
    with pytest.raises(RefusedError, match=r"framework_id is 'G', but subscribe\.framework_info\.id is 'F'"):
        translate_call(call, Dialect(), 0.0)


def test_an_update() -> None:
    text = (
        '{"type":"UPDATE_FRAMEWORK","framework_id":{"value":"F"},"update_framework":{"framework_info":'
        '{"user":"u","name":"n","id":{"value":"%s"},"roles":["a","b"],%s},"suppressed_roles":["b"]}}'
    )
    call = json.decode((text % ("F", MULTI)).encode(), Call)
    framework = FrameworkInfo("n", "u", "F", ("a", "b"))
    assert translate_call(call, Dialect("F"), 0.0).message == UpdateFramework(framework, ("b",))
    call = json.decode((text % ("G", MULTI)).encode(), Call)
    with pytest.raises(RefusedError, match=r"framework_info\.id is not 'F'"):
        translate_call(call, Dialect("F"), 0.0)


def test_the_dialect_of_a_framework() -> None:
    kinds = v1.FrameworkInfo.Capability.Type
    info = v1.FrameworkInfo(
        user="u",
        name="n",
        capabilities=tuple(
            v1.FrameworkInfo.Capability(type=kind)
            for kind in (kinds.MULTI_ROLE, kinds.RESERVATION_REFINEMENT)
        ),
    )
    assert Dialect.of(info, "F") == Dialect("F", "u", multi_role=True, refinement=True)
    assert Dialect.of(v1.FrameworkInfo(user="u", name="n", id=v1.FrameworkID(value="G"))) == Dialect("G", "u")
