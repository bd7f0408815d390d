"""A framework that speaks Mesos's API alone, with a master that knows nothing of it."""

from __future__ import annotations

import json as python_json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from cluster.messages import (
    KillTask,
    RunTask,
    RunTaskGroup,
    StatusUpdate,
    StatusUpdateAcknowledgement,
    Subscribed,
    TaskState,
    TaskStatus,
)
from cluster.resources import Resources
from cluster.v1 import json, protobuf
from cluster.v1.schema import Proto
from cluster.v1.translate import Dialect, master_to, subscribed_event, translate_call, translate_event
from cluster.v1.types.scheduler import Call, Event
from tests.cluster.world import Peer, World

UUID = "0123456789abcdef0123456789abcdef"
Json = dict[str, Any]


class Encoding(NamedTuple):
    encode: Callable[[Proto], bytes]
    decode: Callable[[bytes, Any], Any]


ENCODINGS = [
    pytest.param(Encoding(json.encode, json.decode), id="json"),
    pytest.param(Encoding(protobuf.encode, protobuf.decode), id="protobuf"),
]


class Framework:
    """What it says and hears passes through bytes, and is JSON to the test."""

    def __init__(self, world: World, encoding: Encoding) -> None:
        self.world = world
        self.encoding = encoding
        self.peer: Peer = world.spawn()
        self.dialect = Dialect()
        self.told: list[Json] = []

    async def call(self, kind: str, **part: Any) -> None:
        said: Json = {"type": kind, kind.lower(): part or None}
        if self.dialect.framework_id:
            said["framework_id"] = {"value": self.dialect.framework_id}
        written = self.encoding.encode(json.decode(python_json.dumps(said).encode(), Call))
        call = self.encoding.decode(written, Call)
        if call.subscribe is not None:
            self.dialect = Dialect.of(call.subscribe.framework_info)
        done = translate_call(call, self.dialect, self.world.clock.time())
        for event in done.events:
            self._hear(event)
        if done.message is not None:
            self.world.tell(self.peer, done.message)
            await self.world.settle()

    def events(self, kind: str) -> list[Json]:
        """The parts of the events of a type that came since the last time."""
        inbox, self.peer.inbox = self.peer.inbox, []
        for message in inbox:
            if isinstance(message, Subscribed):
                self.dialect = Dialect(
                    message.framework_id, self.dialect.user, self.dialect.multi_role, self.dialect.refinement
                )
                self._hear(subscribed_event(message, master_to("M", "host", "127.0.0.1:5050"), 15.0))
            elif (event := translate_event(message, self.dialect)) is not None:
                self._hear(event)
        found = [each[kind.lower()] for each in self.told if each["type"] == kind]
        self.told = [each for each in self.told if each["type"] != kind]
        return found

    def _hear(self, event: Event) -> None:
        heard = self.encoding.decode(self.encoding.encode(event), Event)
        self.told.append(python_json.loads(json.encode(heard)))

    async def subscribe(self, *capabilities: str, **info: Any) -> None:
        listed = [{"type": each} for each in capabilities]
        await self.call(
            "SUBSCRIBE", framework_info={"user": "root", "name": "n", "capabilities": listed, **info}
        )
        (subscribed,) = self.events("SUBSCRIBED")
        assert subscribed["framework_id"] == {"value": self.dialect.framework_id}

    def offers(self) -> list[Json]:
        return [offer for part in self.events("OFFERS") for offer in part["offers"]]

    async def accept(self, offer: Json, *operations: Json, refuse: float = 0.0) -> None:
        await self.call(
            "ACCEPT", offer_ids=[offer["id"]], operations=operations, filters={"refuse_seconds": refuse}
        )


def task(offer: Json, task_id: str = "t", **more: Any) -> Json:
    """A task that takes all of an offer, in the words in which it was offered."""
    given = {"name": "n", "task_id": {"value": task_id}, "agent_id": offer["agent_id"]}
    return {**given, "resources": offer["resources"], "command": {"value": "true"}, **more}


def launch(*tasks: Json) -> Json:
    return {"type": "LAUNCH", "launch": {"task_infos": tasks}}


def one(offers: list[Json], name: str) -> Json:
    (offer,) = offers
    return next(each for each in offer["resources"] if each["name"] == name)


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_life_of_a_task(world: World, encoding: Encoding) -> None:
    agent = await world.agent("cpus:4;mem:1024;ports:[1-9]", "rack:r1")
    framework = Framework(world, encoding)
    await framework.subscribe()
    (offer,) = framework.offers()
    await framework.accept(offer, launch(task(offer), task(offer, "bad", limits={"cpus": {"value": 1}})))
    (run,) = agent.take(RunTask)
    assert run.task.resources == Resources.parse("cpus:4;mem:1024;ports:[1-9]")
    (bad,) = framework.events("UPDATE")
    assert (bad["status"]["task_id"], bad["status"]["state"]) == ({"value": "bad"}, "TASK_ERROR")
    assert "uuid" not in bad["status"]

    status = TaskStatus("t", TaskState.RUNNING, agent_id=agent.id, uuid=UUID)
    world.tell(agent, StatusUpdate(framework.dialect.framework_id, status))
    await world.settle()
    (update,) = framework.events("UPDATE")
    assert update["status"]["state"] == "TASK_RUNNING"
    known = {name: update["status"][name] for name in ("agent_id", "task_id", "uuid")}
    await framework.call("ACKNOWLEDGE", **known)
    assert agent.take(StatusUpdateAcknowledgement) == [
        StatusUpdateAcknowledgement(framework.dialect.framework_id, "t", UUID)
    ]

    await framework.call("RECONCILE", tasks=[{"task_id": {"value": "t"}}, {"task_id": {"value": "u"}}])
    states = {each["status"]["task_id"]["value"]: each["status"] for each in framework.events("UPDATE")}
    assert states["t"]["state"] == "TASK_RUNNING"
    assert states["t"]["reason"] == "REASON_RECONCILIATION"
    assert states["u"]["state"] in ("TASK_LOST", "TASK_UNKNOWN")

    await framework.call(
        "KILL", task_id={"value": "t"}, kill_policy={"grace_period": {"nanoseconds": 5 * 10**9}}
    )
    (kill,) = agent.take(KillTask)
    assert (kill.task_id, kill.grace_period) == ("t", 5.0)


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("refinement", [False, True])
async def test_what_is_reserved_is_offered_and_used_in_the_framework_s_own_words(
    world: World, encoding: Encoding, refinement: bool
) -> None:
    agent = await world.agent("cpus:4;mem:1024;ports:[1-9]")
    framework = Framework(world, encoding)
    if refinement:
        await framework.subscribe("MULTI_ROLE", "RESERVATION_REFINEMENT", roles=["eng"])
    else:
        await framework.subscribe(role="eng")
    (offer,) = framework.offers()
    cpus = one([offer], "cpus")
    if refinement:
        assert offer["allocation_info"] == cpus["allocation_info"] == {"role": "eng"}
        mine = {**cpus, "reservations": [{"type": "DYNAMIC", "role": "eng"}]}
    else:
        assert "allocation_info" not in offer
        assert cpus["role"] == "*"
        mine = {**cpus, "role": "eng", "reservation": {}}
    mine["scalar"] = {"value": 1.5}
    reserve = {"type": "RESERVE", "id": {"value": "r"}, "reserve": {"resources": [mine]}}
    create = {"type": "CREATE", "id": {"value": "c"}, "create": {"volumes": []}}
    await framework.accept(offer, reserve, create)
    told = {
        each["status"]["operation_id"]["value"]: each["status"]["state"]
        for each in framework.events("UPDATE_OPERATION_STATUS")
    }
    assert told == {"r": "OPERATION_FINISHED", "c": "OPERATION_ERROR"}
    await framework.call("REVIVE")
    await world.advance(5.0)
    offers = framework.offers()
    assert mine in offers[-1]["resources"]

    # It takes all of it, as it was offered; another reserves nothing, and gives back what is.
    unreserve = {"type": "UNRESERVE", "id": {"value": "u"}, "unreserve": {"resources": [mine]}}
    await framework.accept(offers[-1], launch(task(offers[-1])), unreserve)
    (run,) = agent.take(RunTask)
    assert run.task.resources == Resources.parse("cpus:4;mem:1024;ports:[1-9]")
    assert run.reserved == {"eng": Resources.parse("cpus:1.5")}
    (refused,) = framework.events("UPDATE_OPERATION_STATUS")
    assert refused["status"]["state"] == "OPERATION_ERROR"


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_group(world: World, encoding: Encoding) -> None:
    agent = await world.agent("cpus:4;mem:1024")
    framework = Framework(world, encoding)
    await framework.subscribe()
    (offer,) = framework.offers()
    half = [{**each, "scalar": {"value": each["scalar"]["value"] / 2}} for each in offer["resources"]]
    tasks = [task(offer, task_id, resources=half) for task_id in ("t", "u")]
    group = {"executor": {"executor_id": {"value": "e"}, "type": "DEFAULT"}, "task_group": {"tasks": tasks}}
    await framework.accept(offer, {"type": "LAUNCH_GROUP", "launch_group": group})
    (run,) = agent.take(RunTaskGroup)
    assert [each.task_id for each in run.tasks] == ["t", "u"]


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_revocable_resources(world: World, encoding: Encoding) -> None:
    agent = await world.agent("cpus:4;mem:1024", revocable=Resources.parse("cpus:8"))
    framework = Framework(world, encoding)
    await framework.subscribe("REVOCABLE_RESOURCES")
    (offer,) = framework.offers()
    revocable = [each for each in offer["resources"] if "revocable" in each]
    assert [each["scalar"]["value"] for each in revocable] == [8.0]
    await framework.accept(offer, launch(task(offer, resources=revocable)))
    (run,) = agent.take(RunTask)
    assert run.task.revocable


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_what_the_master_refuses_is_an_error(world: World, encoding: Encoding) -> None:
    framework = Framework(world, encoding)
    await framework.call("SUBSCRIBE", framework_info={"user": "root", "name": "n", "role": "a b"})
    (error,) = framework.events("ERROR")
    assert "role 'a b' is not a valid name" in error["message"]


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_constraints_and_the_least_of_an_offer(world: World, encoding: Encoding) -> None:
    there = await world.agent("cpus:4;mem:1024", "rack:r1", hostname="a")
    await world.agent("cpus:4;mem:1024", "rack:r2", hostname="b")
    await world.agent("cpus:1;mem:1024", "rack:r1", hostname="c")
    framework = Framework(world, encoding)
    constraint = {"selector": {"attribute_name": "rack"}, "predicate": {"text_equals": {"value": "r1"}}}
    groups = [{"attribute_constraints": [constraint]}]
    quantities = [{"quantities": {"cpus": {"value": 2}}}]
    await framework.call(
        "SUBSCRIBE",
        framework_info={
            "user": "root",
            "name": "n",
            "offer_filters": {"*": {"min_allocatable_resources": {"quantities": quantities}}},
        },
        offer_constraints={"role_constraints": {"*": {"groups": groups}}},
    )
    framework.events("SUBSCRIBED")
    assert [offer["agent_id"]["value"] for offer in framework.offers()] == [there.id]
