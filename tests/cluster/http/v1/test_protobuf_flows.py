"""What frameworks do, by a protobuf client that shares no line with the code that is tested."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cluster.local import AgentNode, LocalCluster, MasterNode
from cluster.master.invariants import violations
from cluster.v1.types import scheduler
from tests.cluster.http.v1.mesos_protobuf import CALLS, EVENTS
from tests.cluster.http.v1.protobuf_client import Scheduler, amount, custom, id_, task_info
from tests.system.harness import eventually, processes_with

pytestmark = pytest.mark.asyncio

LIMIT = 120.0
FOR_LONG = {"value": "exec sleep 600"}


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1, resources="cpus:4;mem:1024") as cluster:
        yield cluster
        assert violations(master(cluster).state) == []


@pytest_asyncio.fixture
async def framework(cluster: LocalCluster) -> AsyncIterator[Scheduler]:
    """One that has subscribed."""
    async with Scheduler(cluster.master) as framework:
        await framework.subscribe()
        yield framework


def master(cluster: LocalCluster) -> Any:
    assert isinstance(cluster.master_node, MasterNode)
    return cluster.master_node.master


async def running(framework: Scheduler, *task_ids: str, **fields: Any) -> dict[str, Any]:
    """Have tasks run on the next offer; returns it."""
    offer = await framework.offer()
    fields = fields or {"command": FOR_LONG}
    await framework.launch(offer, *(task_info(offer, task_id, **fields) for task_id in task_ids))
    for task_id in task_ids:
        await framework.status(task_id, "TASK_RUNNING")
    return offer


async def test_the_numbers_are_those_of_the_schema() -> None:
    # And the other way round: both were typed from Mesos's files.
    for numbers, enum in ((EVENTS, scheduler.Event.Type), (CALLS, scheduler.Call.Type)):
        assert numbers == {member.value: member.number for member in enum if member.value in numbers}


async def test_subscribe_and_offers(cluster: LocalCluster) -> None:
    async with Scheduler(cluster.master, name="mine", role="web") as framework:
        subscribed = await framework.subscribe()
        assert subscribed["heartbeat_interval_seconds"] == 15
        assert subscribed["master_info"]["version"] == "1.11.0"
        await framework.next("HEARTBEAT")
        known = master(cluster).state.frameworks[framework.id].info
        assert (known.name, known.roles, known.failover_timeout) == ("mine", ("web",), 60)
        offer = await framework.offer()
        assert (amount(offer, "cpus"), amount(offer, "mem")) == (4, 1024)
        assert offer["framework_id"] == id_(framework.id)
        assert [each["ranges"] for each in offer["resources"] if each["name"] == "ports"] == [
            {"range": [{"begin": 31000, "end": 31999}]}
        ]
        assert offer["hostname"]


async def test_what_is_declined_does_not_come_back_until_it_is_revived(framework: Scheduler) -> None:
    offer = await framework.offer()
    await framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0.0})
    again = await framework.offer()
    assert (again["agent_id"], again["id"] != offer["id"]) == (offer["agent_id"], True)
    await framework.call("DECLINE", offer_ids=[again["id"]], filters={"refuse_seconds": 4294967295.0})
    await framework.call("REVIVE")
    third = await framework.offer()
    assert third["agent_id"] == offer["agent_id"]


async def test_suppress_and_revive(cluster: LocalCluster, framework: Scheduler) -> None:
    offer = await framework.offer()
    await framework.call("SUPPRESS")
    await framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0.0})
    # Another gets it, and gives it back: in that many allocations was the first passed over.
    async with Scheduler(cluster.master) as other:
        await other.subscribe()
        for _ in range(2):
            theirs = await other.offer()
            await other.call("DECLINE", offer_ids=[theirs["id"]], filters={"refuse_seconds": 0.0})
        await other.call("TEARDOWN")
    # Answers come in order: no offer had been made before.
    await framework.call("RECONCILE", tasks=[{"task_id": id_("never-was")}])
    await framework.status("never-was", "TASK_LOST")
    assert [event for event in framework.events if event["type"] == "OFFERS"] == []
    await framework.call("REVIVE")
    assert (await framework.offer())["agent_id"] == offer["agent_id"]


async def test_commands(framework: Scheduler) -> None:
    offer = await framework.offer()
    variables = [{"name": "A", "value": "ä"}]
    good = {"value": "test $A = ä", "environment": {"variables": variables}}
    await framework.launch(
        offer,
        task_info(offer, "good", command=good),
        task_info(offer, "bad", command={"value": "exit 3"}),
        task_info(offer, "args", command={"shell": False, "value": "true", "arguments": ["true"]}),
        task_info(offer, "none"),
        refuse_seconds=0,
    )
    ends: dict[str, Any] = {}
    while len(ends) < 4:
        status = await framework.status()
        if status["state"] != "TASK_RUNNING":
            ends[status["task_id"]["value"]] = status
    assert {name: status["state"] for name, status in ends.items()} == {
        "good": "TASK_FINISHED",
        "bad": "TASK_FAILED",
        "args": "TASK_FINISHED",
        "none": "TASK_ERROR",
    }
    assert ends["none"]["reason"] == "REASON_TASK_INVALID"
    assert "uuid" not in ends["none"]
    back = 0.0
    while back < 4:
        back += sum(amount(each, "cpus") for each in (await framework.next("OFFERS"))["offers"])
    assert back == pytest.approx(4)


async def test_a_custom_executor(cluster: LocalCluster, framework: Scheduler) -> None:
    offer = await framework.offer()
    tasks = [task_info(offer, task_id, executor=custom(), data=b"\xff\x00") for task_id in ("a", "b")]
    await framework.launch(offer, *tasks)
    statuses = [await framework.status(), await framework.status()]
    for status in statuses:
        assert (status["state"], status["source"]) == ("TASK_RUNNING", "SOURCE_EXECUTOR")
        assert (status["executor_id"], status["agent_id"]) == (id_("e"), offer["agent_id"])
        assert (len(status["uuid"]), status["timestamp"] > 0) == (16, True)
    # One process runs both.
    (pid,) = {status["data"] for status in statuses}
    # It was told of the acknowledgements.
    to = {"agent_id": offer["agent_id"], "executor_id": id_("e")}
    said = {(await framework.next("MESSAGE"))["data"] for _ in range(2)}
    assert said == {b"acknowledged a", b"acknowledged b"}
    await framework.call("MESSAGE", **to, data=b"\x00 you")
    assert await framework.next("MESSAGE") == {**to, "data": b"heard \x00 you"}
    await framework.call("MESSAGE", **to, data=b"TASK_FINISHED a")
    finished = await framework.status("a", "TASK_FINISHED")
    assert finished["data"] == pid
    assert (await framework.next("MESSAGE"))["data"] == b"acknowledged a"
    # What was acknowledged, and is said once more, is acknowledged by the agent: the framework is not told again.
    await framework.call("MESSAGE", **to, data=b"again b")
    assert (await framework.next("MESSAGE"))["data"] == b"acknowledged b"
    policy = {"grace_period": {"nanoseconds": 10**9}}
    await framework.call("KILL", task_id=id_("b"), agent_id=offer["agent_id"], kill_policy=policy)
    await framework.status("b", "TASK_KILLED")
    await framework.call("SHUTDOWN", **to)
    failure = await framework.next("FAILURE")
    assert {name: failure[name] for name in to} == to
    assert [event for event in framework.events if event["type"] == "UPDATE"] == []
    await eventually(lambda: not Path(f"/proc/{pid.decode()}").exists())


async def test_an_executor_that_crashes(cluster: LocalCluster, framework: Scheduler) -> None:
    offer = await running(framework, "t", executor=custom())
    to = {"agent_id": offer["agent_id"], "executor_id": id_("e")}
    await framework.call("MESSAGE", **to, data=b"exit 7")
    status = await framework.status("t", "TASK_FAILED")
    assert status["reason"] == "REASON_EXECUTOR_TERMINATED"
    failure = await framework.next("FAILURE")
    assert {name: failure[name] for name in to} == to
    assert "status" in failure


async def test_kill(framework: Scheduler) -> None:
    await running(framework, "t")
    await framework.call("KILL", task_id=id_("t"))
    await framework.status("t", "TASK_KILLED")
    await framework.call("KILL", task_id=id_("never-was"))
    await framework.status("never-was", "TASK_LOST")


async def test_reconcile(framework: Scheduler) -> None:
    offer = await running(framework, "a", "b")
    tasks = [{"task_id": id_("a"), "agent_id": offer["agent_id"]}, {"task_id": id_("never-was")}]
    await framework.call("RECONCILE", tasks=tasks)
    for task_id, state in (("a", "TASK_RUNNING"), ("never-was", "TASK_LOST")):
        status = await framework.status(task_id, state)
        assert (status["reason"], status["source"]) == ("REASON_RECONCILIATION", "SOURCE_MASTER")
        assert "uuid" not in status
    assert (
        await framework.answer({"framework_id": id_(framework.id), "type": "RECONCILE", "reconcile": {}})
    )[0] == 202
    found = {(await framework.status())["task_id"]["value"] for _ in range(2)}
    assert found == {"a", "b"}


async def test_an_update_that_is_not_acknowledged_comes_again(framework: Scheduler) -> None:
    framework.acknowledges = False
    offer = await framework.offer()
    await framework.launch(offer, task_info(offer, "t", command={"value": "true"}))
    first, again = await framework.status(), await framework.status()
    assert (first, first["state"]) == (again, "TASK_RUNNING")
    # What comes behind it waits.
    assert [event for event in framework.events if event["type"] == "UPDATE"] == []
    await framework.acknowledge(first)
    last = await framework.status()
    assert (last["state"], last["uuid"] != first["uuid"]) == ("TASK_FINISHED", True)
    await framework.acknowledge(last)
    await framework.acknowledge(last)
    await framework.call("RECONCILE", tasks=[{"task_id": id_("never-was")}])
    assert (await framework.status())["task_id"] == id_("never-was")


async def test_loss_of_an_agent(cluster: LocalCluster, framework: Scheduler) -> None:
    offer = await running(framework, "t")
    (agent,) = cluster.agents
    assert isinstance(agent, AgentNode)
    cluster.agents.remove(agent)
    await agent.stop()
    status = await framework.status("t", "TASK_LOST")
    assert (status["agent_id"], status["source"]) == (offer["agent_id"], "SOURCE_MASTER")
    assert await framework.next("FAILURE") == {"agent_id": offer["agent_id"]}
    await cluster.add_agent()
    other = await framework.offer()
    assert other["agent_id"] != offer["agent_id"]
    (agent,) = cluster.agents
    cluster.agents.remove(agent)
    await agent.stop()
    assert await framework.next("RESCIND") == {"offer_id": other["id"]}


async def test_failover_to_one_that_begins_when_the_other_has_gone(
    cluster: LocalCluster, framework: Scheduler
) -> None:
    await running(framework, "t")
    framework.close()
    async with Scheduler(cluster.master, id=id_(framework.id)) as second:
        assert (await second.subscribe())["framework_id"] == id_(framework.id)
        await second.call("RECONCILE", tasks=[])
        await second.status("t", "TASK_RUNNING")
        await second.call("KILL", task_id=id_("t"))
        await second.status("t", "TASK_KILLED")


async def test_failover_from_one_that_lives(cluster: LocalCluster, framework: Scheduler) -> None:
    await running(framework, "t")
    async with Scheduler(cluster.master, id=id_(framework.id)) as second:
        await second.subscribe()
        assert (await framework.ends())[-1] == {
            "type": "ERROR",
            "error": {"message": "Framework failed over"},
        }
        status, text = await framework.answer({"framework_id": id_(framework.id), "type": "REVIVE"})
        assert (status, text.partition(" ")[0]) == (400, "Mesos-Stream-Id")
        await second.call("KILL", task_id=id_("t"))
        await second.status("t", "TASK_KILLED")


async def test_without_a_time_to_fail_over_it_ends_with_its_connection(cluster: LocalCluster) -> None:
    async with Scheduler(cluster.master, failover_timeout=0.0) as framework:
        await framework.subscribe()
        marker = uuid.uuid4().hex
        await running(framework, "t", command={"value": f": {marker}; sleep 600"})
        await eventually(lambda: processes_with(marker))
        framework.close()
        await eventually(lambda: not processes_with(marker))
        await framework.begin()
        assert await framework.ends() == [
            {"type": "ERROR", "error": {"message": "Framework has been removed"}}
        ]


async def test_teardown(cluster: LocalCluster, framework: Scheduler) -> None:
    marker = uuid.uuid4().hex
    await running(framework, "t", command={"value": f": {marker}; sleep 600"})
    await eventually(lambda: processes_with(marker))
    await framework.call("TEARDOWN")
    await framework.ends()
    await eventually(lambda: not processes_with(marker))
    assert not master(cluster).state.frameworks


async def test_a_thousand_tasks() -> None:
    count = 1000
    told: dict[str, list[str]] = {f"t-{number}": [] for number in range(count)}
    waiting = list(told)
    left = set(told)
    seen: set[bytes] = set()
    async with (
        asyncio.timeout(LIMIT),
        LocalCluster(agents=4, resources="cpus:32;mem:4096", timers=True, duration=lambda _: 0.05) as cluster,
        Scheduler(cluster.master) as framework,
    ):
        await framework.subscribe()
        while left:
            event = await framework.event()
            assert event is not None
            for offer in event.get("offers", {}).get("offers", []):
                room = int(amount(offer, "cpus"))
                batch, waiting = waiting[:room], waiting[room:]
                tasks = [task_info(offer, task_id, command={"value": "true"}) for task_id in batch]
                await framework.launch(offer, *tasks, refuse_seconds=0 if waiting else 600)
            if event["type"] == "UPDATE":
                status = event["update"]["status"]
                await framework.acknowledge(status)
                if status["uuid"] not in seen:
                    seen.add(status["uuid"])
                    told[status["task_id"]["value"]].append(status["state"])
                    if status["state"] == "TASK_FINISHED":
                        left.discard(status["task_id"]["value"])
        assert Counter(map(tuple, told.values())) == {("TASK_RUNNING", "TASK_FINISHED"): count}
        await framework.call("TEARDOWN")
        assert violations(master(cluster).state) == []
