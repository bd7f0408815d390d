"""SUBSCRIBE: what operators are told, when, and how a stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from actors import UPID, TooManyActorsError
from cluster import messages as m
from cluster.http.v1.operator import api
from cluster.http.v1.operator.feed import Feed, Subscriber
from cluster.http.v1.operator.pieces import encode_slowly
from cluster.master import Master, MasterOptions
from cluster.messages import FrameworkInfo, TaskState
from cluster.registry import RegistryError
from cluster.v1.trees import Tree
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import JSON, PROTOBUF, Operator, Stream, value
from tests.cluster.http.v1.operator.folding import Folded
from tests.cluster.master.test_durability import Gated
from tests.cluster.world import running, task

SUBSCRIBING = "_subscribe.<locals>.turn"
"""The turn of the master's in which somebody begins to be told."""


@pytest.mark.asyncio
async def test_what_is_told(served: Served, operator: Operator) -> None:
    stream = await operator.subscribe()
    assert not any(part for each in stream.state.values() for part in each.values())
    agent = await served.agent("cpus:2;mem:256")
    kind, part = await stream.next()
    assert (kind, part["agent"]["agent_info"]["id"]) == ("AGENT_ADDED", value(agent.id))
    framework = await served.framework("eng", failover_timeout=100.0)
    kind, part = await stream.next()
    assert (kind, part["framework"]["framework_info"]["id"]) == ("FRAMEWORK_ADDED", value(framework.id))
    assert (part["framework"]["active"], part["framework"]["connected"]) == (True, True)

    await served.accept(framework, framework.offers(), task("t"))
    kind, part = await stream.next()
    assert (kind, part["task"]["task_id"], part["task"]["state"]) == (
        "TASK_ADDED",
        value("t"),
        "TASK_STAGING",
    )
    await served.update(agent, framework, "t", TaskState.RUNNING, "a3921f814bf8424f9821181157a157e9")
    kind, part = await stream.next()
    assert (kind, part["framework_id"], part["state"]) == (
        "TASK_UPDATED",
        value(framework.id),
        "TASK_RUNNING",
    )
    assert part["status"]["uuid"] == "o5IfgUv4Qk+YIRgRV6FX6Q=="
    # The same status once more is none.
    await served.update(agent, framework, "t", TaskState.RUNNING, "a3921f814bf8424f9821181157a157e9")

    served.system.terminate(framework.upid)
    await served.settle()
    kind, part = await stream.next()
    assert (kind, part["framework"]["connected"], part["framework"]["active"]) == (
        "FRAMEWORK_UPDATED",
        False,
        False,
    )
    assert part["framework"]["allocated_resources"][0]["scalar"] == {"value": 1}
    await served.advance(100)
    assert (await stream.until("TASK_UPDATED"))["state"] == "TASK_KILLED"
    assert (await stream.until("FRAMEWORK_REMOVED"))["framework_info"]["id"] == value(framework.id)
    served.tell(agent, m.UnregisterAgent(agent.id))
    assert await stream.until("AGENT_REMOVED") == {"agent_id": value(agent.id)}


@pytest.mark.asyncio
async def test_what_an_agent_brings_of_a_framework_that_was_forgotten(
    served: Served, json_operator: Operator
) -> None:
    # The registry was lost: who comes is believed.
    stream = await json_operator.subscribe()
    agent = served.spawn()
    info = m.AgentInfo("host", task().resources, id="A")
    message = m.RegisterAgent(info, (FrameworkInfo("old", id="F"),), (), (running("F"),))
    served.tell(agent, message)
    await served.settle()
    assert [(await stream.next())[0] for _ in range(3)] == ["AGENT_ADDED", "FRAMEWORK_ADDED", "TASK_ADDED"]


@pytest.mark.asyncio
async def test_who_subscribes_in_the_midst_knows_what_all_know(served: Served) -> None:
    # Each subscribes at another time, with what happens going on while the answers are written.
    async with Operator(served, JSON) as one, Operator(served, PROTOBUF) as other:
        agent = await served.agent("cpus:100;mem:100000")
        framework = await served.framework("eng")
        (offer,) = framework.offers()
        names = [f"t{number}" for number in range(20)]
        await served.accept(framework, [offer], *(task(name) for name in names), refuse=10**6)
        streams: list[asyncio.Task[Stream]] = []
        for number, name in enumerate(names):
            streams.append(asyncio.ensure_future((one, other)[number % 2].subscribe()))
            for _ in range(number):
                await asyncio.sleep(0)
            await served.update(agent, framework, name, TaskState.RUNNING)
        opened = await asyncio.gather(*streams)
        await served.order("end_framework", framework.id, "enough")
        truth = Folded(await one.get("GET_STATE")).facts()
        for stream in opened:
            folded = Folded(stream.state)
            while not folded.ended:
                folded.event(*await stream.next())
            assert folded.facts() == truth


@pytest.mark.asyncio
async def test_nothing_is_told_that_may_be_forgotten() -> None:
    class OnGatedRegistry(Served):
        def __init__(self) -> None:
            self.gated = Gated()
            super().__init__(registry=self.gated)

    async with OnGatedRegistry() as served, Operator(served) as operator:
        stream = await operator.subscribe()
        served.gated.gate.clear()
        framework = served.spawn()
        served.tell(framework, m.Subscribe(FrameworkInfo("test")))
        await served.settle()
        late = asyncio.ensure_future(operator.subscribe())
        event = asyncio.ensure_future(stream.record())
        await served.settle()
        await asyncio.sleep(0.05)
        assert not late.done()
        assert not event.done()
        served.gated.gate.set()
        await served.settle()
        assert (await event)["type"] == "FRAMEWORK_ADDED"
        # It is in what the second was told at first, and not told again.
        second = await late
        assert len(second.state["get_frameworks"]["frameworks"]) == 1
        await served.agent()
        assert (await second.next())[0] == "AGENT_ADDED"

        served.gated.gate.clear()
        served.tell(served.spawn(), m.Subscribe(FrameworkInfo("other")))
        third = asyncio.ensure_future(operator.call("SUBSCRIBE"))
        await left(served, 3)
        served.gated.error = RegistryError("the disk is full")
        served.gated.gate.set()
        status, text = await third
        assert (status, text) == (503, "it may be forgotten: the disk is full")
        while (event := await stream.record()) is not None:
            assert event["type"] == "AGENT_ADDED"


@pytest.mark.asyncio
async def test_heartbeats(served: Served, operator: Operator) -> None:
    stream = await operator.subscribe()
    for _ in range(3):
        await served.advance(15)
        assert await stream.record() == {"type": "HEARTBEAT"}
    event = asyncio.ensure_future(stream.record())
    await served.advance(14)
    assert not event.done()
    await served.advance(1)
    assert await event == {"type": "HEARTBEAT"}


@pytest.mark.asyncio
async def test_no_cost_when_nobody_watches(served: Served, json_operator: Operator) -> None:
    state = served.master.state
    assert not state.watched
    first, second = await json_operator.subscribe(), await json_operator.subscribe()
    assert state.watched
    figures = await served.get("/metrics/snapshot")
    assert figures["master/operator_event_stream_subscribers"] == 2
    first.response.close()
    await left(served, 1)
    assert state.watched
    second.response.close()
    await left(served, 0)
    assert not state.watched
    await served.agent()
    assert state.happenings == []
    # It can begin again.
    third = await json_operator.subscribe()
    await served.framework()
    assert (await third.next())[0] == "FRAMEWORK_ADDED"


async def left(served: Served, count: int) -> None:
    """Wait until so many streams are left."""
    async with asyncio.timeout(5):
        while served.master.subscribers != count:
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_streams_end_with_the_master(served: Served, json_operator: Operator) -> None:
    stream = await json_operator.subscribe()
    await served.restart()
    assert await stream.record() is None
    assert (await json_operator.subscribe()).state is not None


@pytest.mark.asyncio
async def test_who_leaves_before_it_has_begun_is_forgotten(
    served: Served, json_operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def wait(tree: Tree, media: Any) -> bytes:
        reached.set()
        await gate.wait()
        return await encode_slowly(tree, media)

    monkeypatch.setattr(api, "encode_slowly", wait)
    early = asyncio.ensure_future(json_operator.subscribe())
    await reached.wait()
    assert served.master.state.watched
    early.cancel()
    await left(served, 0)
    assert not served.master.state.watched


@pytest.mark.asyncio
async def test_what_happens_while_the_first_answer_is_written_comes_after_it(
    served: Served, json_operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def wait(tree: Tree, media: Any) -> bytes:
        reached.set()
        await gate.wait()
        return await encode_slowly(tree, media)

    monkeypatch.setattr(api, "encode_slowly", wait)
    begun = asyncio.ensure_future(json_operator.subscribe())
    await reached.wait()
    agent = await served.agent()
    gate.set()
    stream = await begun
    assert not stream.state["get_agents"].get("agents")
    kind, part = await stream.next()
    assert (kind, part["agent"]["agent_info"]["id"]) == ("AGENT_ADDED", value(agent.id))


@pytest.mark.asyncio
async def test_what_is_told_begins_where_what_is_seen_ends(
    served: Served, json_operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = served.system.call

    def call_before_another(to: UPID, turn: Callable[..., Any], *args: Any) -> Any:
        def before() -> Any:
            if turn.__qualname__.endswith(SUBSCRIBING):
                # It is next in the master's mailbox.
                served.tell(served.spawn(), m.Subscribe(FrameworkInfo("next")))
            return turn(*args)

        return call(to, before)

    monkeypatch.setattr(served.system, "call", call_before_another)
    stream = await json_operator.subscribe()
    assert not stream.state["get_frameworks"].get("frameworks")
    assert (await stream.next())[0] == "FRAMEWORK_ADDED"


@pytest.mark.asyncio
async def test_who_leaves_while_the_master_is_busy_never_begins(
    served: Served, json_operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, gone = asyncio.Event(), asyncio.Event()
    remove, added = Feed.remove, list[bool]()

    def removed(self: Feed, subscriber: Subscriber) -> None:
        remove(self, subscriber)
        gone.set()

    monkeypatch.setattr(Feed, "remove", removed)
    monkeypatch.setattr(
        served.master, "watch", lambda watcher: added.append(True) or Master.watch(served.master, watcher)
    )
    early = asyncio.ensure_future(json_operator.subscribe())
    # The route's own turn is the first, and that of the subscription the next.
    call = served.system.call

    def call_when_it_is_not_busy(to: UPID, turn: Callable[..., Any], *args: Any) -> Any:
        if turn.__qualname__.endswith(SUBSCRIBING):
            served.system.dispatch(to, gate.wait)
            early.cancel()
        return call(to, turn, *args)

    monkeypatch.setattr(served.system, "call", call_when_it_is_not_busy)
    async with asyncio.timeout(5):
        await gone.wait()
    gate.set()
    await served.settle()
    assert added == []
    assert not served.master.state.watched


@pytest.mark.asyncio
async def test_too_much_happens_while_the_first_answer_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def wait(tree: Tree, media: Any) -> bytes:
        reached.set()
        await gate.wait()
        return await encode_slowly(tree, media)

    monkeypatch.setattr(api, "encode_slowly", wait)
    async with Bounded() as served, Operator(served) as operator:
        begun = asyncio.ensure_future(operator.post({"type": "SUBSCRIBE"}))
        await reached.wait()
        peer = served.spawn()
        for number in range(40):
            served.tell(peer, m.Subscribe(FrameworkInfo("x" * 2**15 + str(number))))
            await served.settle()
            if not served.master.state.watched:
                break
        assert not served.master.state.watched
        gate.set()
        response = await begun
        assert await response.read() == b""


@pytest.mark.asyncio
async def test_the_oldest_is_cut_off_when_there_are_too_many() -> None:
    options = MasterOptions(max_operator_event_stream_subscribers=2)
    async with Served(options) as served, Operator(served) as operator:
        streams = [await operator.subscribe() for _ in range(3)]
        with pytest.raises(aiohttp.ClientError):
            await streams[0].record()
        await served.agent()
        for stream in streams[1:]:
            assert (await stream.next())[0] == "AGENT_ADDED"


class Bounded(Served):
    max_waiting = 2**20


@pytest.mark.asyncio
async def test_who_does_not_read_is_cut_off() -> None:
    async with Bounded() as served, Operator(served) as operator:
        slow, other = await operator.subscribe(), await operator.subscribe()
        slow.response.connection.transport.pause_reading()
        info = FrameworkInfo("x" * 2**17, id="")
        peer = served.spawn()
        reading = asyncio.ensure_future(read_all(other))
        async with asyncio.timeout(20):
            for number in range(200):
                changed = m.Subscribe(m.FrameworkInfo(info.name + str(number)))
                served.tell(peer, changed)
                await served.settle()
                await asyncio.sleep(0)
                if served.master.subscribers == 1:
                    break
        assert served.master.subscribers == 1
        # The other goes on.
        agent = await served.agent()
        async with asyncio.timeout(5):
            assert await reading == agent.id


async def read_all(stream: Stream) -> str:
    """Read until an agent is added; returns its id."""
    agent_id: str = (await stream.until("AGENT_ADDED"))["agent"]["agent_info"]["id"]["value"]
    return agent_id


@pytest.mark.asyncio
async def test_no_more_actors(
    served: Served, json_operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spawn(*_: object) -> None:
        raise TooManyActorsError("too many")

    monkeypatch.setattr(served.system, "spawn", spawn)
    assert await json_operator.refused("SUBSCRIBE") == "503 too many"
