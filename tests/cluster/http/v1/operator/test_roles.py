"""Weights, quotas and roles, by Mesos's calls."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.registry import Quota
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import Operator, scalar, value
from tests.cluster.world import task


def amounts(resources: list[Any]) -> dict[str, float]:
    return {each["name"]: each["scalar"]["value"] for each in resources}


@pytest.mark.asyncio
async def test_weights(served: Served, operator: Operator) -> None:
    assert (await operator.get("GET_WEIGHTS")).get("weight_infos", []) == []
    await operator.done(
        "UPDATE_WEIGHTS", weight_infos=[{"role": "eng", "weight": 2.5}, {"role": "a/b", "weight": 1}]
    )
    assert served.master.state.registry.weights == {"eng": 2.5, "a/b": 1.0}
    assert served.registry.state.weights == {"eng": 2.5, "a/b": 1.0}
    assert await operator.get("GET_WEIGHTS") == {
        "weight_infos": [{"role": "a/b", "weight": 1}, {"role": "eng", "weight": 2.5}]
    }
    await operator.send({"type": "UPDATE_WEIGHTS", "update_weights": {}})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("infos", "text"),
    [
        ([{"weight": 1}], "update_weights.weight_infos[0].role is missing"),
        ([{"role": "a"}], "update_weights.weight_infos[0].weight is missing"),
        ([{"role": "a", "weight": 0}], "update_weights.weight_infos[0].weight is 0, not a number above 0"),
        ([{"role": "a", "weight": -1}], "update_weights.weight_infos[0].weight is -1, not a number above 0"),
        ([{"role": "/", "weight": 1}], "update_weights.weight_infos: role '/' is not a valid name"),
        (
            [{"role": "a", "weight": 1}, {"role": "a", "weight": 2}],
            "update_weights.weight_infos[1].role is 'a', as another's",
        ),
    ],
)
async def test_weights_that_are_none(
    served: Served, json_operator: Operator, infos: list[Any], text: str
) -> None:
    assert await json_operator.refused("UPDATE_WEIGHTS", weight_infos=infos) == f"400 {text}"
    assert served.master.state.registry.weights == {}


@pytest.mark.asyncio
async def test_roles(served: Served, operator: Operator) -> None:
    agent = await served.agent("cpus:4;mem:1024")
    framework = await served.framework("eng")
    (offer,) = framework.offers()
    await served.accept(framework, [offer], task("t", "cpus:1;mem:100"), refuse=0)
    await served.advance(1)
    await served.order("set_weights", {"ops": 2.0})
    await served.order("set_quota", "qa", Quota(limit=Resources.of(cpus=1)))
    await served.order("reserve", agent.id, "kept", Resources.of(mem=10))
    roles = {each["name"]: each for each in (await operator.get("GET_ROLES"))["roles"]}
    assert set(roles) == {"eng", "ops", "qa", "kept"}
    assert roles["eng"]["frameworks"] == [value(framework.id)]
    assert (roles["eng"]["weight"], roles["ops"]["weight"]) == (1, 2)
    # What it uses and what it is offered, together.
    assert amounts(roles["eng"]["resources"]) == {"cpus": 4, "mem": 1014}
    assert roles["ops"].get("resources", []) == []


def guarantee(**amounts: float) -> list[Any]:
    return [scalar(name, amount) for name, amount in amounts.items()]


@pytest.mark.asyncio
async def test_quotas_in_the_older_form(served: Served, operator: Operator) -> None:
    await served.agent("cpus:4;mem:1024")
    await operator.done("SET_QUOTA", quota_request={"role": "eng", "guarantee": guarantee(cpus=2, mem=100)})
    both = Resources.of(cpus=2, mem=100)
    assert served.registry.state.quotas == {"eng": Quota(both, both)}
    status = (await operator.get("GET_QUOTA"))["status"]
    (info,) = status["infos"]
    assert (info["role"], amounts(info["guarantee"])) == ("eng", {"cpus": 2, "mem": 100})
    numbers = {"cpus": {"value": 2}, "mem": {"value": 100}}
    assert status["configs"] == [{"role": "eng", "guarantees": numbers, "limits": numbers}]

    again = await operator.refused("SET_QUOTA", quota_request={"role": "eng", "guarantee": guarantee(cpus=1)})
    assert again == "400 set_quota.quota_request.role: 'eng' has a quota already"
    too_much = {"role": "ops", "guarantee": guarantee(cpus=3)}
    assert (await operator.refused("SET_QUOTA", quota_request=too_much)).startswith(
        "409 role 'ops': guarantees of 5000"
    )
    await operator.done("SET_QUOTA", quota_request={**too_much, "force": True})
    await operator.done("REMOVE_QUOTA", role="ops")
    await operator.done("REMOVE_QUOTA", role="eng")
    assert served.registry.state.quotas == {}
    assert not any((await operator.get("GET_QUOTA"))["status"].values())
    assert await operator.refused("REMOVE_QUOTA", role="eng") == "400 remove_quota.role: 'eng' has no quota"


@pytest.mark.asyncio
async def test_the_priority_of_a_role_stays(served: Served, operator: Operator) -> None:
    await served.agent("cpus:4")
    await served.order("set_quota", "eng", Quota(priority=3))
    assert not any((await operator.get("GET_QUOTA"))["status"].values())
    await operator.done("SET_QUOTA", quota_request={"role": "eng", "guarantee": guarantee(cpus=1)})
    one = Resources.of(cpus=1)
    assert served.registry.state.quotas == {"eng": Quota(one, one, 3)}
    await operator.done("UPDATE_QUOTA", quota_configs=[{"role": "eng"}])
    assert served.registry.state.quotas == {"eng": Quota(priority=3)}
    await operator.done("SET_QUOTA", quota_request={"role": "eng", "guarantee": guarantee(cpus=1)})
    await operator.done("REMOVE_QUOTA", role="eng")
    assert served.registry.state.quotas == {"eng": Quota(priority=3)}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"guarantee": guarantee(cpus=1)}, "role is missing"),
        ({"role": "a"}, "guarantee is empty"),
        ({"role": "a", "guarantee": None}, "guarantee is empty"),
        ({"role": "a//b", "guarantee": guarantee(cpus=1)}, "role: role 'a//b' is not a valid name"),
        (
            {"role": "a", "guarantee": [{"name": "ports", "type": "RANGES", "ranges": {"range": []}}]},
            "guarantee[0] is no scalar, and only those are guaranteed",
        ),
        (
            {"role": "a", "guarantee": [scalar("cpus", 1, role="a")]},
            "guarantee[0] is reserved, and a guarantee is not",
        ),
        (
            {"role": "a", "guarantee": [scalar("cpus", 1, revocable={})]},
            "guarantee[0] is revocable, and a guarantee is not",
        ),
        (
            {"role": "a", "guarantee": [scalar("cpus", 1), scalar("cpus", 2)]},
            "guarantee[1].name is 'cpus', as another's",
        ),
        ({"role": "a", "guarantee": [scalar("cpus", -1)]}, "guarantee[0]: 'cpus' is -1.0, not a quantity"),
    ],
)
async def test_quotas_that_are_none(json_operator: Operator, request_: Any, text: str) -> None:
    found = await json_operator.refused("SET_QUOTA", quota_request=request_)
    assert found.startswith(f"400 set_quota.quota_request.{text}"), found


@pytest.mark.asyncio
async def test_quotas_of_several_roles(served: Served, operator: Operator) -> None:
    await served.agent("cpus:4;mem:1024")
    await operator.done(
        "UPDATE_QUOTA",
        quota_configs=[
            {"role": "eng", "guarantees": {"cpus": {"value": 3}}, "limits": {"cpus": {"value": 3}}},
            {"role": "ops", "limits": {"mem": {"value": 512.5}}},
        ],
    )
    three = Resources.of(cpus=3)
    before = {"eng": Quota(three, three), "ops": Quota(limit=Resources.of(mem=512.5))}
    assert served.registry.state.quotas == before
    # They change places, which by turns could not be.
    change = [
        {"role": "ops", "guarantees": {"cpus": {"value": 3}}},
        {"role": "eng", "guarantees": {"cpus": {"value": 1}}},
    ]
    await operator.done("UPDATE_QUOTA", quota_configs=change)
    assert served.registry.state.quotas == {"ops": Quota(three), "eng": Quota(Resources.of(cpus=1))}
    # All, or none.
    change = [
        {"role": "ops", "guarantees": {"cpus": {"value": 2}}},
        {"role": "eng", "guarantees": {"cpus": {"value": 4}}},
    ]
    text = await operator.refused("UPDATE_QUOTA", quota_configs=change)
    assert text.startswith("400 role 'eng': guarantees of 6000 thousandths of cpus in sum")
    assert served.registry.state.quotas == {"ops": Quota(three), "eng": Quota(Resources.of(cpus=1))}
    text = await operator.refused("SET_QUOTA", quota_request={"role": "x", "guarantee": guarantee(cpus=1)})
    assert text.startswith("409 role 'x': guarantees of 5000")
    await operator.done("UPDATE_QUOTA", force=True, quota_configs=change)
    # What says nothing ends what there was.
    await operator.done("UPDATE_QUOTA", quota_configs=[{"role": "ops"}, {"role": "nobody"}])
    assert set(served.registry.state.quotas) == {"eng"}
    await operator.send({"type": "UPDATE_QUOTA", "update_quota": {}})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "role is missing"),
        ({"role": ""}, "role: role '' is not a valid name"),
        ({"role": "a", "limits": {"cpus": {"value": 0}}}, "limits['cpus'] is 0: limits are above 0 here"),
        ({"role": "a", "limits": {"cpus": {}}}, "limits['cpus'].value is missing"),
        (
            {"role": "a", "guarantees": {"cpus": {"value": -1}}},
            "guarantees[0]: 'cpus' is -1.0, not a quantity",
        ),
        ({"role": "a", "guarantees": {"c;": {"value": 1}}}, "guarantees[0]: "),
    ],
)
async def test_configs_that_are_none(json_operator: Operator, config: Any, text: str) -> None:
    found = await json_operator.refused("UPDATE_QUOTA", quota_configs=[config])
    assert found.startswith(f"400 update_quota.quota_configs[0].{text}"), found
    twice = await json_operator.refused("UPDATE_QUOTA", quota_configs=[{"role": "a"}, {"role": "a"}])
    assert twice == "400 update_quota.quota_configs[1].role is 'a', as another's"


@pytest.mark.asyncio
async def test_a_guarantee_above_its_limit(json_operator: Operator) -> None:
    config = {"role": "a", "guarantees": {"cpus": {"value": 2}}, "limits": {"cpus": {"value": 1}}}
    text = await json_operator.refused("UPDATE_QUOTA", quota_configs=[config])
    assert text.startswith("400 role 'a': guarantee of 2000 thousandths of cpus is above its limit")
