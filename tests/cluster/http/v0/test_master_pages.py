"""Mesos's older pages of a master: every page against what is known of a small cluster, field by field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from actors import UPID
from cluster.messages import (
    AcceptInverseOffers,
    AttributeConstraint,
    CommandInfo,
    ExecutorInfo,
    FrameworkInfo,
    InverseOffers,
    LaunchGroup,
    StatusUpdate,
    Subscribe,
    TaskState,
    TaskStatus,
)
from cluster.messages.uris import URI
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.http.v0 import fields
from tests.cluster.http.v0.scenes import Scene, busy
from tests.cluster.world import running, task

NONE = {"cpus": 0.0, "gpus": 0.0, "mem": 0.0, "disk": 0.0}


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


@pytest_asyncio.fixture
async def scene(served: Served) -> Scene:
    return await busy(served)


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


@pytest.mark.asyncio
async def test_state(scene: Scene) -> None:
    served = scene.served
    state = await served.get("/state")
    fields.check(state, fields.STATE, fields.STATE_MAYBE, lacks=fields.BUILD)
    address = f"{served.system.address[0]}:{served.system.address[1]}"
    assert {name: state[name] for name in ("version", "id", "pid", "leader", "hostname")} == {
        "version": "1.11.0",
        "id": served.master.state.master_id,
        "pid": f"master@{address}",
        "leader": f"master@{address}",
        "hostname": served.system.address[0],
    }
    assert state["leader_info"] == {
        "id": state["id"],
        "pid": state["pid"],
        "port": served.system.address[1],
        "hostname": state["hostname"],
    }
    assert state["start_time"] == state["elected_time"] == 1_000_000.0
    assert [state[f"{name}_slaves"] for name in ("activated", "deactivated", "unreachable")] == [1, 1, 1]
    assert state["capabilities"] == ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"]
    assert (state["orphan_tasks"], state["unregistered_frameworks"], state["recovered_slaves"]) == (
        [],
        [],
        [],
    )
    assert set(by_id(state["slaves"])) == {scene.near.id, scene.idle.id}
    assert set(by_id(state["frameworks"])) == {scene.eng.id, scene.ops.id}
    assert set(by_id(state["completed_frameworks"])) == {scene.ended.id}
    assert state["flags"] == (await served.get("/flags"))["flags"]
    assert state["flags"]["offer_timeout"] == "30secs"
    # The same as where they are by themselves.
    frameworks = await served.get("/frameworks")
    assert frameworks == {
        name: state[name] for name in ("frameworks", "completed_frameworks", "unregistered_frameworks")
    }


@pytest.mark.asyncio
async def test_an_agent(scene: Scene) -> None:
    near = by_id((await scene.served.get("/state"))["slaves"])[scene.near.id]
    fields.check(near, fields.SLAVE, fields.SLAVE_MAYBE)
    assert near["pid"] == f"slave(1)@{scene.near.upid.address[0]}:{near['port']}"
    assert near["attributes"] == {"rack": "r1", "cores": 8.0, "tags": "{x, y}", "span": "[1-5]"}
    assert near["resources"] == {
        "cpus": 8.0,
        "gpus": 0.0,
        "mem": 1024.0,
        "disk": 500.0,
        "ports": "[31000-31009]",
        "zones": "{a, b}",
        "cpus_revocable": 2.0,
    }
    assert near["used_resources"] == {
        "cpus": 5.0,
        "gpus": 0.0,
        "mem": 352.0,
        "disk": 0.0,
        "ports": "[31000-31001]",
        "cpus_revocable": 1.5,
    }
    assert near["offered_resources"] == {
        "cpus": 3.0,
        "gpus": 0.0,
        "mem": 672.0,
        "disk": 500.0,
        "ports": "[31002-31009]",
        "zones": "{a, b}",
        "cpus_revocable": 0.5,
    }
    assert near["reserved_resources"] == {"eng": {**NONE, "cpus": 1.0}}
    assert near["unreserved_resources"] == {**near["resources"], "cpus": 7.0}
    assert (near["active"], near["deactivated"], near["version"]) == (True, False, "1.11.0")
    assert near["registered_time"] == 1_000_090.0
    assert "AGENT_DRAINING" in near["capabilities"]


@pytest.mark.asyncio
async def test_agents_in_other_states(scene: Scene) -> None:
    served = scene.served
    idle = by_id((await served.get("/state"))["slaves"])[scene.idle.id]
    assert (idle["active"], idle["deactivated"]) == (False, True)
    await served.disconnect(scene.near)
    await served.done("/ostrom/agents/reactivate", {"agent": scene.idle.id})
    body = {"agent": scene.idle.id, "max_grace_period": 1.5, "mark_gone": False}
    await served.done("/ostrom/agents/drain", body)
    agents = by_id((await served.get("/state"))["slaves"])
    near, idle = agents[scene.near.id], agents[scene.idle.id]
    assert (near["active"], near["deactivated"]) == (False, False)
    fields.check(idle, {*fields.SLAVE, "drain_info"}, fields.SLAVE_MAYBE)
    assert idle["drain_info"] == {
        "state": "DRAINED",
        "config": {"mark_gone": False, "max_grace_period": {"nanoseconds": 1_500_000_000}},
    }
    await served.register(scene.near)
    await served.advance(1)
    near = by_id((await served.get("/slaves"))["slaves"])[scene.near.id]
    assert near["reregistered_time"] == served.clock.time() - 1


@pytest.mark.asyncio
async def test_agents_and_frameworks_that_a_new_master_waits_for(scene: Scene) -> None:
    served = scene.served
    await served.restart()
    state = await served.get("/state")
    rows = by_id(state["recovered_slaves"])
    assert set(rows) == {scene.near.id, scene.idle.id}
    fields.check(rows[scene.near.id], fields.SLAVE_INFO, lacks={"port"})
    assert rows[scene.near.id]["attributes"]["cores"] == 8
    assert state["slaves"] == []
    recovered = {row["id"]: (row["recovered"], row["active"]) for row in state["frameworks"]}
    assert recovered == {scene.eng.id: (True, False), scene.ops.id: (True, False)}
    assert (await served.get(f"/slaves?slave_id={scene.near.id}"))["recovered_slaves"] == [
        rows[scene.near.id]
    ]


@pytest.mark.asyncio
async def test_a_framework(scene: Scene) -> None:
    frameworks = await scene.served.get("/frameworks")
    rows = by_id(frameworks["frameworks"])
    for row in [*rows.values(), *frameworks["completed_frameworks"]]:
        fields.check_framework(row)
    eng = rows[scene.eng.id]
    assert {name: eng[name] for name in ("name", "user", "hostname", "principal", "webui_url")} == {
        "name": "test",
        "user": "ann",
        "hostname": "sched.example",
        "principal": "p",
        "webui_url": "http://sched.example/",
    }
    assert (eng["failover_timeout"], eng["checkpoint"], eng["roles"]) == (3600.0, True, ["eng"])
    assert [eng[name] for name in ("active", "connected", "recovered")] == [True, True, False]
    assert (eng["registered_time"], eng["unregistered_time"]) == (1_000_000.0, 0.0)
    assert "reregistered_time" not in eng
    assert "pid" not in eng  # An actor of the master's own system, as those are that speak HTTP.
    assert eng["capabilities"] == [
        "PARTITION_AWARE",
        "REVOCABLE_RESOURCES",
        "TASK_KILLING_STATE",
        "MULTI_ROLE",
    ]
    assert eng["labels"] == [{"key": "team", "value": "x"}]
    assert eng["offer_constraints"] == {}
    assert (eng["used_resources"]["cpus"], eng["offered_resources"]["cpus"]) == (5.0, 3.0)
    assert eng["resources"] == {
        "cpus": 8.0,
        "gpus": 0.0,
        "mem": 1024.0,
        "disk": 500.0,
        "ports": "[31000-31009]",
        "zones": "{a, b}",
        "cpus_revocable": 2.0,
    }
    assert {each["id"]: each["state"] for each in eng["tasks"]} == {
        "run": "TASK_RUNNING",
        "stage": "TASK_STAGING",
        "start": "TASK_STARTING",
        "kill": "TASK_KILLING",
        "fail": "TASK_FAILED",
        "mine": "TASK_RUNNING",
        "spare": "TASK_RUNNING",
    }
    assert [each["id"] for each in eng["completed_tasks"]] == ["done"]
    (far,) = eng["unreachable_tasks"]
    assert (far["id"], far["state"], far["slave_id"]) == ("far", "TASK_UNREACHABLE", scene.far.id)
    (offer,) = eng["offers"]
    (known,) = scene.served.master.state.offers
    assert offer == {
        "id": known,
        "framework_id": scene.eng.id,
        "allocation_info": {"role": "eng"},
        "slave_id": scene.near.id,
        "resources": eng["offered_resources"],
    }
    ops = rows[scene.ops.id]
    assert [ops[name] for name in ("active", "connected", "recovered")] == [False, False, False]
    assert (ops["tasks"], ops["used_resources"]) == ([], NONE)
    (old,) = frameworks["completed_frameworks"]
    assert (old["active"], old["connected"]) == (False, False)
    assert old["unregistered_time"] >= old["registered_time"] > 0


@pytest.mark.asyncio
async def test_tasks_of_all_kinds(scene: Scene) -> None:
    (eng,) = (await scene.served.get(f"/frameworks?framework_id={scene.eng.id}"))["frameworks"]
    tasks = by_id(eng["tasks"])
    assert tasks["run"] == {
        "id": "run",
        "name": "web",
        "framework_id": scene.eng.id,
        "executor_id": "",
        "slave_id": scene.near.id,
        "state": "TASK_RUNNING",
        "resources": {"cpus": 2.0, "gpus": 0.0, "mem": 128.0, "disk": 0.0, "ports": "[31000-31001]"},
        "role": "eng",
        "statuses": [{"state": "TASK_RUNNING", "timestamp": 1_000_091.0, "healthy": True}],
        "labels": [{"key": "a", "value": "b"}],
        "discovery": {
            "visibility": "FRAMEWORK",
            "name": "web",
            "ports": {"ports": [{"number": 31000, "name": "http", "protocol": "tcp"}]},
        },
        "health_check": {
            "type": "TCP",
            "tcp": {"port": 31000},
            "delay_seconds": 15.0,
            "interval_seconds": 10.0,
            "timeout_seconds": 20.0,
            "consecutive_failures": 3,
            "grace_period_seconds": 10.0,
        },
    }
    assert tasks["stage"]["statuses"] == []
    assert tasks["spare"]["resources"] == {**NONE, "cpus_revocable": 1.5}
    assert tasks["mine"]["executor_id"] == "e"
    assert eng["executors"] == [
        {
            "executor_id": "e",
            "name": "",
            "framework_id": scene.eng.id,
            "command": {"shell": True, "value": "run", "argv": [], "uris": []},
            "resources": {**NONE, "cpus": 0.5, "mem": 64.0},
            "role": "eng",
            "type": "CUSTOM",
            "slave_id": scene.near.id,
        }
    ]


@pytest.mark.asyncio
async def test_what_a_task_has_gone_through(scene: Scene) -> None:
    served = scene.served

    async def states(task_id: str) -> list[str]:
        await served.advance(1)
        (row,) = (await served.get(f"/tasks?task_id={task_id}"))["tasks"]
        assert [each["state"] for each in row["statuses"]][-1:] == [row["state"]]
        return [each["state"].removeprefix("TASK_") for each in row["statuses"]]

    assert await states("far") == ["RUNNING", "UNREACHABLE"]
    (first,) = served.master.state.frameworks[scene.eng.id].unreachable_tasks["far"].former
    assert (first.uuid, first.data) == ("f", b"")
    assert await states("kill") == ["RUNNING", "KILLING"]
    assert await states("done") == ["FINISHED"]
    # That it is well, or not, is no other state.
    assert await states("run") == ["RUNNING"]
    for healthy in (False, True):
        told = TaskStatus("run", TaskState.RUNNING, uuid=f"{healthy}", timestamp=5.0, healthy=healthy)
        served.tell(scene.near, StatusUpdate(scene.eng.id, told))
    await served.advance(1)
    (row,) = (await served.get("/tasks?task_id=run"))["tasks"]
    assert row["statuses"] == [{"state": "TASK_RUNNING", "timestamp": 5.0, "healthy": True}]
    await served.update(scene.near, scene.eng, "run", TaskState.FAILED)
    assert await states("run") == ["RUNNING", "FAILED"]
    # It comes back, and is lost, again and again.
    known = running(scene.eng, "far", "cpus:2;mem:64", role="eng", uuid="f")
    for number in range(1, 12):
        await served.register(scene.far, known)
        assert await states("far") == (["RUNNING", "UNREACHABLE"] * number + ["RUNNING"])[-16:]
        await served.lose(scene.far)


@pytest.mark.asyncio
async def test_executors_of_other_kinds(served: Served) -> None:
    agent, framework = await served.agent("cpus:8"), await served.framework()
    given = CommandInfo(
        "run",
        arguments=("run", "-v"),
        shell=False,
        environment={"A": "1"},
        uris=(URI("http://x/a.tgz"), URI("http://x/b", executable=True)),
    )
    offers = framework.offers()
    group = LaunchGroup(ExecutorInfo("d"), (task("g", "cpus:1"),))
    custom = ExecutorInfo("c", given, Resources.of(cpus=1), "mine")
    await served.operate(framework, offers, group, refuse=0)
    await served.advance(1)
    offers = [offer for offer, _ in served.master.state.offers.values()]
    await served.accept(framework, offers, task("t", "cpus:1", executor=custom))
    (row,) = (await served.get("/frameworks"))["frameworks"]
    rows = {each["executor_id"]: each for each in row["executors"]}
    fields.check_framework(row)
    assert rows["d"] == {
        "executor_id": "d",
        "name": "",
        "framework_id": framework.id,
        "command": {"argv": [], "uris": []},
        "resources": NONE,
        "type": "DEFAULT",
        "slave_id": agent.id,
    }
    assert rows["c"]["name"] == "mine"
    assert rows["c"]["command"] == {
        "shell": False,
        "value": "run",
        "argv": ["run", "-v"],
        "environment": {"variables": [{"name": "A", "type": "VALUE", "value": "1"}]},
        "uris": [
            {"value": "http://x/a.tgz", "executable": False},
            {"value": "http://x/b", "executable": True},
        ],
    }
    assert by_id(row["tasks"])["g"]["executor_id"] == "d"


@pytest.mark.asyncio
async def test_a_framework_that_comes_again(served: Served) -> None:
    constraints = ((AttributeConstraint("rack", "equals", "r1"),),)
    framework = await served.framework("a", "b", failover_timeout=60.0, constraints=constraints)
    await served.advance(10)
    other = served.spawn()
    served.tell(other, Subscribe(framework.framework))
    await served.advance(1)
    (row,) = (await served.get("/frameworks"))["frameworks"]
    assert (row["registered_time"], row["reregistered_time"]) == (1_000_000.0, 1_000_010.0)
    assert row["roles"] == ["a", "b"]
    assert set(row["offer_constraints"]["role_constraints"]) == {"a", "b"}


@pytest.mark.asyncio
async def test_where_frameworks_are_that_do_not_speak_http(served: Served) -> None:
    framework = await served.framework()
    record = served.master.state.frameworks[framework.id]
    record.upid = UPID("mine", "192.0.2.9", 4242)
    (row,) = (await served.get("/frameworks"))["frameworks"]
    assert row["pid"] == "mine@192.0.2.9:4242"


@pytest.mark.asyncio
async def test_slaves(scene: Scene) -> None:
    served = scene.served
    slaves = await served.get("/slaves")
    for row in slaves["slaves"]:
        fields.check(row, fields.SLAVE | fields.SLAVE_FULL, fields.SLAVE_MAYBE)
    near = by_id(slaves["slaves"])[scene.near.id]
    (reserved,) = near["reserved_resources_full"]["eng"]
    assert reserved == {
        "name": "cpus",
        "type": "SCALAR",
        "scalar": {"value": 1.0},
        "role": "eng",
        "reservation": {},
        "reservations": [{"type": "DYNAMIC", "role": "eng"}],
    }
    free = {(each["name"], "revocable" in each): each for each in near["unreserved_resources_full"]}
    assert free["cpus", False] == {
        "name": "cpus",
        "type": "SCALAR",
        "scalar": {"value": 7.0},
        "role": "*",
    }
    assert free["cpus", True]["scalar"] == {"value": 2.0}
    assert free["ports", False]["ranges"] == {"range": [{"begin": 31000, "end": 31009}]}
    assert free["zones", False]["set"] == {"item": ["a", "b"]}
    used = {(each["name"], each["role"], "revocable" in each): each for each in near["used_resources_full"]}
    assert used["cpus", "*", False] == {
        "name": "cpus",
        "type": "SCALAR",
        "scalar": {"value": 4.0},
        "role": "*",
        "allocation_info": {"role": "eng"},
    }
    assert used["cpus", "eng", False]["scalar"] == {"value": 1.0}
    assert used["cpus", "*", True]["scalar"] == {"value": 1.5}
    offered = {(each["name"], "revocable" in each): each for each in near["offered_resources_full"]}
    assert offered["cpus", False]["scalar"] == {"value": 3.0}
    assert offered["cpus", False]["allocation_info"] == {"role": "eng"}
    assert (await served.get(f"/slaves?slave_id={scene.near.id}")) == {
        "slaves": [near],
        "recovered_slaves": [],
    }
    assert (await served.get("/slaves?slave_id=none")) == {"slaves": [], "recovered_slaves": []}
    # What is not messages is as in /state.
    shown = by_id((await served.get("/state"))["slaves"])[scene.near.id]
    assert {name: value for name, value in near.items() if name not in fields.SLAVE_FULL} == shown


@pytest.mark.asyncio
async def test_state_summary(scene: Scene) -> None:
    summary = await scene.served.get("/state-summary")
    fields.check(summary, {"hostname", "slaves", "frameworks"}, {"cluster"})
    for row in summary["slaves"]:
        fields.check(row, {*fields.SLAVE, *fields.SUMS, "framework_ids"}, fields.SLAVE_MAYBE)
    for row in summary["frameworks"]:
        fields.check(row, {*fields.SUMMARY, *fields.SUMS, "slave_ids"}, fields.SUMMARY_MAYBE)
    near = by_id(summary["slaves"])[scene.near.id]
    there = {
        "TASK_STAGING": 1,
        "TASK_STARTING": 1,
        "TASK_RUNNING": 3,
        "TASK_KILLING": 1,
        "TASK_FINISHED": 1,
        "TASK_FAILED": 1,
        "TASK_KILLED": 0,
        "TASK_LOST": 0,
        "TASK_ERROR": 0,
        "TASK_UNREACHABLE": 0,
    }
    assert {name: near[name] for name in fields.SUMS} == there
    assert near["framework_ids"] == [scene.eng.id]
    eng = by_id(summary["frameworks"])[scene.eng.id]
    assert {name: eng[name] for name in fields.SUMS} == {**there, "TASK_UNREACHABLE": 1}
    assert set(eng["slave_ids"]) == {scene.near.id, scene.far.id}
    idle = by_id(summary["slaves"])[scene.idle.id]
    assert sum(idle[name] for name in fields.SUMS) == 0
    assert idle["framework_ids"] == []


@pytest.mark.asyncio
async def test_tasks(scene: Scene) -> None:
    served = scene.served
    tasks = (await served.get("/tasks"))["tasks"]
    assert {each["id"] for each in tasks} == {
        "run",
        "stage",
        "start",
        "kill",
        "fail",
        "mine",
        "spare",
        "far",
        "done",
    }
    for each in tasks:
        fields.check_task(each)
    # By what was told first; the agents of the others gave no time.
    assert [each["id"] for each in tasks[:2]] == ["run", "far"]
    assert tasks[-1]["id"] == "stage"
    backwards = (await served.get("/tasks?order=asc"))["tasks"]
    assert [each["id"] for each in backwards[-2:]] == ["far", "run"]
    assert backwards[0]["id"] == "stage"

    async def ids(query: str) -> list[str]:
        return [each["id"] for each in (await served.get(f"/tasks?{query}"))["tasks"]]

    everything = [each["id"] for each in tasks]
    assert await ids("limit=2") == everything[:2]
    assert await ids("limit=2&offset=1") == everything[1:3]
    assert await ids("offset=7") == everything[7:]
    assert await ids("offset=99") == []
    assert await ids("limit=0") == []
    assert await ids("task_id=run") == ["run"]
    assert await ids(f"framework_id={scene.ops.id}") == []
    assert await ids(f"framework_id={scene.eng.id}&task_id=done") == ["done"]
    assert await ids("task_id=none") == []


@pytest.mark.asyncio
async def test_no_more_tasks_than_100_if_nothing_is_said(served: Served) -> None:
    framework = await served.framework()
    await served.agent("cpus:200;mem:1")
    many = [task(f"t{number}", "cpus:1") for number in range(120)]
    await served.accept(framework, framework.offers(), *many)
    assert len((await served.get("/tasks"))["tasks"]) == 100
    assert len((await served.get("/tasks?limit=1000"))["tasks"]) == 120
    (row,) = (await served.get("/frameworks"))["frameworks"]
    assert len(row["tasks"]) == 120


@pytest.mark.asyncio
async def test_roles(scene: Scene) -> None:
    served = scene.served
    roles = await served.get("/roles")
    fields.check(roles, {"roles"})
    rows = {row["name"]: row for row in roles["roles"]}
    assert set(rows) == {"eng", "ops"}
    for row in rows.values():
        fields.check(row, fields.ROLE)
        fields.check(row["quota"], fields.ROLE_QUOTA)
    assert rows["eng"] == {
        "name": "eng",
        "weight": 2.5,
        "quota": {
            "role": "eng",
            "guarantee": {"cpus": 2.0},
            "limit": {"cpus": 9.0},
            # What is revocable counts against no quota; what is reserved does, used or not.
            "consumed": {"cpus": 5.0, "mem": 352.0},
        },
        "resources": {"cpus": 10.0, "gpus": 0.0, "mem": 1024.0, "disk": 500.0},
        "allocated": {"cpus": 6.5, "mem": 352.0},
        "offered": {"cpus": 3.5, "mem": 672.0, "disk": 500.0},
        "reserved": {"cpus": 1.0},
        "frameworks": [scene.eng.id],
    }
    assert rows["ops"]["frameworks"] == [scene.ops.id]
    assert (rows["ops"]["weight"], rows["ops"]["resources"]) == (1.0, NONE)


@pytest.mark.asyncio
async def test_what_roles_below_hold_is_their_parents_too(served: Served) -> None:
    framework = await served.framework("a/b/c")
    agent = await served.agent("cpus:4;mem:100")
    await served.accept(framework, framework.offers(), task("t", "cpus:1;mem:10"))
    await served.order("reserve", agent.id, "a/x", Resources.of(cpus=2))
    rows = {row["name"]: row for row in (await served.get("/roles"))["roles"]}
    assert set(rows) == {"a", "a/b", "a/b/c", "a/x"}
    for name in ("a", "a/b", "a/b/c"):
        assert rows[name]["allocated"] == {"cpus": 1.0, "mem": 10.0}
    assert rows["a"]["reserved"] == rows["a/x"]["reserved"] == {"cpus": 2.0}
    assert rows["a"]["quota"]["consumed"] == {"cpus": 3.0, "mem": 10.0}
    assert rows["a/b"]["quota"]["consumed"] == {"cpus": 1.0, "mem": 10.0}
    assert [rows[name]["frameworks"] for name in ("a", "a/b/c")] == [[], [framework.id]]


@pytest.mark.asyncio
async def test_quotas_and_weights(scene: Scene) -> None:
    served = scene.served
    assert await served.get("/weights") == [{"role": "eng", "weight": 2.5}]
    assert await served.get("/quota") == {
        "infos": [
            {"role": "eng", "guarantee": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.0}}]}
        ],
        "configs": [
            {"role": "eng", "guarantees": {"cpus": {"value": 2.0}}, "limits": {"cpus": {"value": 9.0}}}
        ],
    }
    # A priority is ours, and no quota to Mesos.
    await served.done("/ostrom/quota", {"role": "ops", "priority": 3})
    assert [each["role"] for each in (await served.get("/quota"))["configs"]] == ["eng"]


@pytest.mark.asyncio
async def test_maintenance(served: Served) -> None:
    framework = await served.framework()
    agent = await served.agent(hostname="m1")
    await served.accept(framework, framework.offers(), task())
    assert await served.get("/maintenance/schedule") == {}
    assert await served.get("/maintenance/status") == {}
    windows = [
        {"machines": ["m1", "m2"], "start": 2e6, "duration": 60},
        {"machines": ["m3"], "start": 3e6},
    ]
    await served.done("/ostrom/maintenance/schedule", {"windows": windows})
    await served.done("/ostrom/maintenance/down", {"machines": ["m3"]})
    await served.advance(1)
    (inverse,) = [offer for message in framework.take(InverseOffers) for offer in message.inverse_offers]
    served.tell(framework, AcceptInverseOffers(framework.id, (inverse.id,)))
    await served.settle()
    await served.advance(1)
    ip = agent.upid.address[0]
    assert await served.get("/maintenance/schedule") == {
        "windows": [
            {
                "machine_ids": [{"hostname": "m1", "ip": ip}, {"hostname": "m2"}],
                "unavailability": {
                    "start": {"nanoseconds": 2 * 10**15},
                    "duration": {"nanoseconds": 60 * 10**9},
                },
            },
            {
                "machine_ids": [{"hostname": "m3"}],
                "unavailability": {"start": {"nanoseconds": 3 * 10**15}},
            },
        ]
    }
    status = await served.get("/maintenance/status")
    assert status["down_machines"] == [{"hostname": "m3"}]
    m1, m2 = status["draining_machines"]
    assert m2 == {"id": {"hostname": "m2"}}
    assert m1["id"] == {"hostname": "m1", "ip": ip}
    (answer,) = m1["statuses"]
    assert (answer["status"], answer["framework_id"]) == ("ACCEPT", {"value": framework.id})
    assert answer["timestamp"]["nanoseconds"] == 1_000_001 * 10**9


@pytest.mark.asyncio
async def test_an_empty_master(served: Served) -> None:
    state = await served.get("/state")
    fields.check(state, fields.STATE, fields.STATE_MAYBE, lacks=fields.BUILD)
    assert (state["slaves"], state["frameworks"]) == ([], [])
    assert await served.get("/tasks") == {"tasks": []}
    assert await served.get("/roles") == {"roles": []}
    assert await served.get("/weights") == []
    assert await served.get("/quota") == {}
    assert await served.get("/state-summary") == {
        "hostname": served.system.address[0],
        "slaves": [],
        "frameworks": [],
    }


@pytest.mark.asyncio
async def test_what_frameworks_say_comes_through_as_it_is(served: Served) -> None:
    framework = served.spawn()
    names = ["</script>", 'a"b\\c', "\u2028", "ü😀", "\x00"]
    served.tell(framework, Subscribe(FrameworkInfo("".join(names), webui_url=names[1])))
    await served.settle()
    (row,) = (await served.get("/frameworks"))["frameworks"]
    assert (row["name"], row["webui_url"]) == ("".join(names), names[1])
    assert TaskState.RUNNING not in row
