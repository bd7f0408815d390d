"""Each call does at the master what it does for a native framework, and each message comes as its event."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from allocators.errors import AllocatorError
from cluster import messages as m
from cluster.master.options import MasterOptions, RateLimit
from cluster.resources import Resources
from cluster.v1 import protobuf
from cluster.v1 import types as v1
from cluster.v1.types.scheduler import Call
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import JSON, PROTOBUF, WITHIN, Client, scalar, task, value
from tests.cluster.world import Peer


async def running(served: Served, client: Client, agent: Peer, task_id: str = "t") -> str:
    """Launch a task on the agent's next offer, and have it run; returns its update's uuid."""
    (offer,) = await client.offers()
    await client.launch(offer, task_id, refuse_seconds=1000)
    await served.settle()
    (launch,) = agent.take(m.RunTask)
    assert launch.task.task_id == task_id
    uuid = "a3921f814bf8424f9821181157a157e9"
    status = m.TaskStatus(
        task_id,
        m.TaskState.RUNNING,
        executor_id=task_id,
        uuid=uuid,
        data=b"\x00\xff",
        source=m.Source.EXECUTOR,
    )
    served.tell(agent, m.StatusUpdate(client.id, status))
    return uuid


@pytest.mark.asyncio
@pytest.mark.parametrize("media", [JSON, PROTOBUF])
async def test_a_task_runs_and_its_status_is_acknowledged(served: Served, media: str) -> None:
    agent = await served.agent("cpus:4;mem:1024")
    async with Client(served.url, media) as client:
        await client.subscribe()
        uuid = await running(served, client, agent)
        status = (await client.next("UPDATE"))["status"]
        assert base64.b64decode(status["uuid"]).hex() == uuid
        assert (status["task_id"], status["state"]) == (value("t"), "TASK_RUNNING")
        assert (status["agent_id"], status["executor_id"]) == (value(agent.id), value("t"))
        assert (status["source"], status["data"]) == ("SOURCE_EXECUTOR", "AP8=")
        assert agent.take(m.StatusUpdateAcknowledgement) == []
        part = {"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]}
        await client.done("ACKNOWLEDGE", **part)
        await served.settle()
        assert [each.uuid for each in agent.take(m.StatusUpdateAcknowledgement)] == [uuid]
        # What is acknowledged once more, or for a task that is not known, is no error.
        await client.done("ACKNOWLEDGE", **part)
        await client.done("ACKNOWLEDGE", **{**part, "task_id": value("other")})


@pytest.mark.asyncio
async def test_kill(served: Served, client: Client) -> None:
    agent = await served.agent()
    await running(served, client, agent)
    await client.done("KILL", task_id=value("t"))
    policy = {"grace_period": {"nanoseconds": 2_500_000_000}}
    await client.done("KILL", task_id=value("t"), agent_id=value(agent.id), kill_policy=policy)
    await served.settle()
    assert [(each.task_id, each.grace_period) for each in agent.take(m.KillTask)] == [("t", -1.0), ("t", 2.5)]
    await client.done("KILL", task_id=value("nobody knows it"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("seconds", "expected"), [(100.0, 100.0), (4294967295, 600), (-1, 5.0), (None, 5.0), (0, 0.0)]
)
async def test_decline(served: Served, client: Client, seconds: float | None, expected: float) -> None:
    await served.agent()
    (offer,) = await client.offers()
    await client.done("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": seconds})
    await served.settle()
    if expected:
        await served.advance(expected - 0.5)
        assert not served.master.state.offers
    if expected < 600:
        await served.advance(2)
        assert await client.offers()
    # The offer is no more, which is nobody's fault.
    await client.done("DECLINE", offer_ids=[offer["id"], value("unheard of")])


@pytest.mark.asyncio
async def test_decline_for_no_number_of_seconds(served: Served) -> None:
    # Protobuf can say what JSON cannot.
    await served.agent()
    async with Client(served.url, PROTOBUF) as client:
        await client.subscribe()
        (offer,) = await client.offers()
        call = Call(
            framework_id=v1.FrameworkID(value=client.id),
            type=Call.Type.DECLINE,
            decline=Call.Decline(
                offer_ids=(v1.OfferID(value=offer["id"]["value"]),),
                filters=v1.Filters(refuse_seconds=float("nan")),
            ),
        )
        answer = await client.send(protobuf.encode(call), **{"Mesos-Stream-Id": client.stream})
        assert answer == (202, "")
        await served.advance(6)
        assert await client.offers()


@pytest.mark.asyncio
async def test_suppress_and_revive(served: Served) -> None:
    capabilities = [{"type": "MULTI_ROLE"}]
    async with Client(served.url, roles=["a", "b"], capabilities=capabilities) as client:
        await client.subscribe()
        await client.done("SUPPRESS", roles=["a"])
        await served.agent()
        (offer,) = await client.offers()
        assert offer["allocation_info"] == {"role": "b"}
        await client.done("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 10_000})
        await client.done("SUPPRESS")
        await served.advance(60)
        record = served.master.state.frameworks[client.id]
        assert (record.suppressed, len(record.offers)) == ({"a", "b"}, 0)
        # Filters are forgotten, too.
        await client.done("REVIVE", roles=["a"])
        assert (await client.offers())[0]["allocation_info"] == {"role": "a"}
        await client.done("REVIVE")
        await served.settle()
        assert record.suppressed == set()


@pytest.mark.asyncio
async def test_reconcile(served: Served, client: Client) -> None:
    agent = await served.agent()
    await running(served, client, agent)
    await client.status()
    # All there are, by an empty list or none.
    for part in ({"tasks": []}, {"tasks": None}):
        await client.done("RECONCILE", **part)
        status = (await client.next("UPDATE"))["status"]
        assert (status["task_id"], status["state"]) == (value("t"), "TASK_RUNNING")
        assert (status["reason"], status["source"]) == ("REASON_RECONCILIATION", "SOURCE_MASTER")
        assert "uuid" not in status
    tasks = [
        {"task_id": value("x")},
        {"task_id": value("y"), "agent_id": value(agent.id)},
        {"task_id": value("t")},
    ]
    await client.done("RECONCILE", tasks=tasks)
    found = [(await client.next("UPDATE"))["status"] for _ in tasks]
    assert [(each["task_id"]["value"], each["state"]) for each in found] == [
        ("x", "TASK_LOST"),
        ("y", "TASK_LOST"),
        ("t", "TASK_RUNNING"),
    ]


@pytest.mark.asyncio
async def test_reconcile_for_a_framework_that_knows_partitions(served: Served) -> None:
    async with Client(served.url, capabilities=[{"type": "PARTITION_AWARE"}]) as client:
        await client.subscribe()
        await client.done("RECONCILE", tasks=[{"task_id": value("x")}])
        assert (await client.next("UPDATE"))["status"]["state"] == "TASK_UNKNOWN"


@pytest.mark.asyncio
async def test_messages_both_ways_and_executors_that_end(served: Served, client: Client) -> None:
    agent = await served.agent()
    (offer,) = await client.offers()
    own = {
        "executor_id": value("e"),
        "command": {"value": "run"},
        "resources": [scalar("cpus", 0.5), scalar("mem", 32)],
    }
    await client.launch(offer, "t", executor=own, command=None)
    await served.settle()
    part = {"agent_id": value(agent.id), "executor_id": value("e")}
    await client.done("MESSAGE", **part, data="AP8=")
    await served.settle()
    (message,) = agent.take(m.FrameworkToExecutor)
    assert (message.executor_id, message.data) == ("e", b"\x00\xff")
    served.tell(agent, m.ExecutorToFramework(client.id, agent.id, "e", b"\xff\x00"))
    assert await client.next("MESSAGE") == {**part, "data": "/wA="}
    await client.done("SHUTDOWN", **part)
    await served.settle()
    assert [each.executor_id for each in agent.take(m.ShutdownExecutor)] == ["e"]


@pytest.mark.asyncio
async def test_a_group(served: Served, client: Client) -> None:
    agent = await served.agent()
    (offer,) = await client.offers()
    own = {
        "type": "DEFAULT",
        "executor_id": value("e"),
        "resources": [scalar("cpus", 0.5), scalar("mem", 32)],
    }
    group = {"tasks": [task(each, offer["agent_id"]) for each in ("a", "b")]}
    operation = {"type": "LAUNCH_GROUP", "launch_group": {"executor": own, "task_group": group}}
    await client.done("ACCEPT", offer_ids=[offer["id"]], operations=[operation])
    await served.settle()
    (launch,) = agent.take(m.RunTaskGroup)
    assert [each.task_id for each in launch.tasks] == ["a", "b"]


@pytest.mark.asyncio
async def test_reserve_and_unreserve(served: Served) -> None:
    agent = await served.agent("cpus:4;mem:1024")
    async with Client(served.url, role="eng") as client:
        await client.subscribe()
        (offer,) = await client.offers()
        reserved = scalar("cpus", 3, role="eng", reservation={})
        operation = {"type": "RESERVE", "id": value("r"), "reserve": {"resources": [reserved]}}
        accept = {"operations": [operation], "filters": {"refuse_seconds": 0}}
        await client.done("ACCEPT", offer_ids=[offer["id"]], **accept)
        status = (await client.next("UPDATE_OPERATION_STATUS"))["status"]
        assert (status["operation_id"], status["state"]) == (value("r"), "OPERATION_FINISHED")
        state = served.master.state.agents[agent.id]
        assert state.reserved == {"eng": Resources.of(cpus=3)}
        await served.advance(1)
        (offer,) = await client.offers()
        assert reserved in offer["resources"]
        operation = {"type": "UNRESERVE", "unreserve": {"resources": [reserved]}}
        await client.done("ACCEPT", offer_ids=[offer["id"]], operations=[operation])
        await served.settle()
        assert not state.reserved


@pytest.mark.asyncio
async def test_an_accept_of_an_offer_that_is_no_more(served: Served, client: Client) -> None:
    await served.agent()
    (offer,) = await client.offers()
    await client.launch(offer, "t")
    await client.launch(offer, "u")
    status = await client.status()
    assert (status["task_id"], status["state"]) == (value("u"), "TASK_LOST")
    assert status["reason"] == "REASON_INVALID_OFFERS"


@pytest.mark.asyncio
async def test_agents_that_are_lost(served: Served, client: Client) -> None:
    agent = await served.agent()
    await running(served, client, agent)
    await client.status()
    served.tell(agent, m.UnregisterAgent(agent.id))
    assert await client.next("FAILURE") == {"agent_id": value(agent.id)}
    assert (await client.status())["state"] == "TASK_LOST"


@pytest.mark.asyncio
async def test_rescind(served: Served, client: Client) -> None:
    agent = await served.agent()
    (offer,) = await client.offers()
    served.tell(agent, m.UnregisterAgent(agent.id))
    assert await client.next("RESCIND") == {"offer_id": offer["id"]}


@pytest.mark.asyncio
async def test_inverse_offers(served: Served, client: Client) -> None:
    agent = await served.agent()
    await running(served, client, agent)
    start = served.clock.time() + 1000
    window = {"machines": ["host"], "start": start, "duration": 60}
    await served.done("/ostrom/maintenance/schedule", {"windows": [window]})
    (inverse,) = (await client.next("INVERSE_OFFERS"))["inverse_offers"]
    assert inverse["agent_id"] == value(agent.id)
    assert inverse["unavailability"]["start"]["nanoseconds"] == int(start * 10**9)
    record = served.master.state.inverse_offers[inverse["id"]["value"]]
    for answer in ("ACCEPT", "DECLINE"):
        await client.done(f"{answer}_INVERSE_OFFERS", inverse_offer_ids=[inverse["id"]])
        await served.settle()
        assert record.answer == answer
    await served.done("/ostrom/maintenance/schedule", {"windows": []})
    rescinded = await client.next("RESCIND_INVERSE_OFFER")
    assert rescinded == {"inverse_offer_id": inverse["id"]}


@pytest.mark.asyncio
async def test_calls_without_effect(served: Served, client: Client) -> None:
    await client.done("REQUEST", requests=[{"resources": [scalar("cpus", 1)]}])
    part: Any = {"agent_id": value("A"), "uuid": "AAAAAAAAAAAAAAAAAAAAAA==", "operation_id": value("o")}
    await client.done("ACKNOWLEDGE_OPERATION_STATUS", **part)
    await client.done("RECONCILE_OPERATIONS", operations=[{"operation_id": value("o")}])
    status = (await client.next("UPDATE_OPERATION_STATUS"))["status"]
    assert (status["operation_id"], status["state"]) == (value("o"), "OPERATION_UNKNOWN")


@pytest.mark.asyncio
async def test_update_framework(served: Served) -> None:
    multi_role = {"capabilities": [{"type": "MULTI_ROLE"}]}
    async with Client(served.url, roles=["a"], **multi_role) as client:
        await client.subscribe()
        info = {**client.info, "roles": ["b"], "name": "other"}
        assert await client.call("UPDATE_FRAMEWORK", framework_info=info) == (200, "")
        known = served.master.state.frameworks[client.id].info
        assert (known.name, known.roles) == ("other", ("b",))
        await served.agent()
        assert (await client.offers())[0]["allocation_info"] == {"role": "b"}
        status, text = await client.call("UPDATE_FRAMEWORK", framework_info={**info, "user": "nobody"})
        assert status == 400
        assert text.startswith("update_framework.framework_info: framework.user cannot change")
        assert served.master.state.frameworks[client.id].info == known
        # What can be read has changed with the capabilities.
        info = {**client.info, "roles": [], "role": "b", "capabilities": []}
        assert await client.call("UPDATE_FRAMEWORK", framework_info=info) == (200, "")
        await served.agent()
        assert "allocation_info" not in (await client.offers())[0]


@pytest.mark.asyncio
async def test_what_the_allocator_refuses_changes_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    multi_role = {"capabilities": [{"type": "MULTI_ROLE"}]}
    async with Client(served.url, roles=["a"], **multi_role) as client:
        await client.subscribe()
        known = served.master.state.frameworks[client.id].info

        def refuse(*_: object, **__: object) -> None:
            raise AllocatorError("this allocator knows no role 'b'")

        with monkeypatch.context() as patch:
            patch.setattr(served.master.state.allocator, "set_framework", refuse)
            info = {**client.info, "roles": [], "role": "b", "capabilities": []}
            assert await client.call("UPDATE_FRAMEWORK", framework_info=info) == (
                400,
                "update_framework.framework_info: this allocator knows no role 'b'",
            )
        assert served.master.state.frameworks[client.id].info == known
        await served.agent()
        assert (await client.offers())[0]["allocation_info"] == {"role": "a"}


@pytest.mark.asyncio
async def test_an_update_that_waits_for_its_turn_is_answered_when_it_had_it() -> None:
    limits = {"slow": RateLimit(1.0, 2)}
    async with (
        Served(MasterOptions(rate_limits=limits)) as served,
        Client(served.url, principal="slow") as client,
    ):
        await client.subscribe()
        info = {**client.info, "name": "other"}
        asked = asyncio.create_task(client.call("UPDATE_FRAMEWORK", framework_info=info))
        async with asyncio.timeout(WITHIN):
            while not served.master._limits._waiting["slow"]:
                await asyncio.sleep(0.001)
        assert served.master.state.frameworks[client.id].info.name == "test"
        assert not asked.done()
        await served.advance(1)
        assert await asked == (200, "")
        assert served.master.state.frameworks[client.id].info.name == "other"
        # The third that waits is one too many.
        calls = [asyncio.create_task(client.call("UPDATE_FRAMEWORK", framework_info=info)) for _ in range(4)]
        assert (await client.end())[-1]["error"]["message"] == ("principal 'slow': more than 2 messages wait")
        await served.advance(5)
        assert {status for status, _ in await asyncio.gather(*calls)} <= {200, 403}
