"""Planned maintenance, by Mesos's calls."""

from __future__ import annotations

from typing import Any

import pytest

from cluster import messages as m
from cluster.registry import Window
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import Operator, value
from tests.cluster.world import task

START = 2_000_000_000


def window(*machines: Any, start: int = START, duration: int | None = None) -> Any:
    unavailability: dict[str, Any] = {"start": {"nanoseconds": start * 10**9}}
    if duration is not None:
        unavailability["duration"] = {"nanoseconds": duration * 10**9}
    return {"machine_ids": [machine(each) for each in machines], "unavailability": unavailability}


def machine(name: Any) -> Any:
    return {"hostname": name} if isinstance(name, str) else name


async def plan(operator: Operator, *windows: Any) -> None:
    await operator.done("UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": list(windows)})


@pytest.mark.asyncio
async def test_a_schedule_comes_back_as_it_was_given(served: Served, operator: Operator) -> None:
    empty = await operator.get("GET_MAINTENANCE_SCHEDULE")
    assert not empty["schedule"].get("windows")
    windows = [window("a", "b", duration=3600), window("c", start=START + 5)]
    await plan(operator, *windows)
    assert set(served.registry.state.windows.values()) == {
        Window(("a", "b"), float(START), 3600.0),
        Window(("c",), float(START + 5)),
    }
    assert (await operator.get("GET_MAINTENANCE_SCHEDULE"))["schedule"]["windows"] == windows
    await plan(operator)
    assert served.registry.state.windows == {}


@pytest.mark.asyncio
async def test_machines_by_their_addresses(served: Served, operator: Operator) -> None:
    # Agents of this test are all at the same address, which has a name.
    await served.agent(hostname="here")
    await plan(operator, window({"hostname": "here", "ip": "10.0.0.1"}))
    (found,) = (await operator.get("GET_MAINTENANCE_SCHEDULE"))["schedule"]["windows"]
    assert found["machine_ids"] == [{"hostname": "here", "ip": "world"}]
    await plan(operator, window({"ip": "world"}))
    (planned,) = served.registry.state.windows.values()
    assert planned.machines == ("here",)
    schedule = {"windows": [window({"ip": "10.0.0.1"})]}
    text = await operator.refused("UPDATE_MAINTENANCE_SCHEDULE", schedule=schedule)
    assert text == (
        "400 update_maintenance_schedule.schedule.windows[0].machine_ids[0].ip is '10.0.0.1', of no agent:"
        " machines are known by their hostnames here"
    )


@pytest.mark.asyncio
async def test_what_frameworks_say_to_it(served: Served, operator: Operator) -> None:
    agent = await served.agent(hostname="here")
    framework = await served.framework()
    await served.accept(framework, framework.offers(), task("t"))
    await plan(operator, window("here", duration=60), window("other"))
    (inverse,) = framework.take(m.InverseOffers)[0].inverse_offers
    status = (await operator.get("GET_MAINTENANCE_STATUS"))["status"]
    first, second = status["draining_machines"]
    assert first["id"] == {"hostname": "here", "ip": "world"}
    assert first["statuses"] == [
        {"status": "UNKNOWN", "framework_id": value(framework.id), "timestamp": {"nanoseconds": 0}}
    ]
    assert second == {"id": {"hostname": "other"}}
    await served.advance(3)
    served.tell(framework, m.AcceptInverseOffers(framework.id, (inverse.id,)))
    await served.settle()
    status = (await operator.get("GET_MAINTENANCE_STATUS"))["status"]
    (answer,) = status["draining_machines"][0]["statuses"]
    assert answer["status"] == "ACCEPT"
    assert answer["timestamp"]["nanoseconds"] == round(served.clock.time() * 10**9)

    await operator.done("START_MAINTENANCE", machines=[{"hostname": "here"}])
    assert agent.id not in served.master.state.agents
    status = (await operator.get("GET_MAINTENANCE_STATUS"))["status"]
    assert status["down_machines"] == [{"hostname": "here"}]
    assert [each["id"] for each in status["draining_machines"]] == [{"hostname": "other"}]
    # A schedule that keeps it in its window keeps it down.
    await plan(operator, window("here", "third", duration=60))
    assert {each.down for each in served.registry.state.windows.values()} == {True, False}
    await operator.done("STOP_MAINTENANCE", machines=[{"hostname": "here"}])
    status = (await operator.get("GET_MAINTENANCE_STATUS"))["status"]
    assert not status.get("down_machines")
    assert [each["id"] for each in status["draining_machines"]] == [{"hostname": "third"}]


@pytest.mark.asyncio
async def test_what_cannot_be_started_or_stopped(operator: Operator) -> None:
    await plan(operator, window("a", "b"))
    here = [{"hostname": "c"}]
    planned = "not in the maintenance schedule, or down already"
    assert await operator.refused("START_MAINTENANCE", machines=here) == f"400 machine 'c' is {planned}"
    await operator.done("START_MAINTENANCE", machines=[{"hostname": "a"}])
    both = [{"hostname": "b"}, {"hostname": "a"}]
    assert await operator.refused("START_MAINTENANCE", machines=both) == f"400 machine 'a' is {planned}"
    assert (
        await operator.refused("STOP_MAINTENANCE", machines=both)
        == "400 machine 'b' is not down for maintenance"
    )
    text = await operator.refused("UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": []})
    assert text == "400 machine 'a' is down: it can leave the schedule when it is up"
    for kind in ("START_MAINTENANCE", "STOP_MAINTENANCE"):
        status, text = await operator.send({"type": kind, kind.lower(): {}})
        assert (status, text) == (400, f"{kind.lower()}.machines is empty")
        twice = await operator.refused(kind, machines=[{"hostname": "a"}, {"hostname": "a"}])
        assert twice == f"400 {kind.lower()}.machines[1] is 'a', as another"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("windows", "text"),
    [
        ([{"machine_ids": [machine("a")]}], "windows[0].unavailability is missing"),
        ([{"unavailability": {"start": {"nanoseconds": 0}}}], "windows[0].machine_ids is empty"),
        ([window({})], "windows[0].machine_ids[0] has neither hostname nor ip"),
        ([window({"hostname": None, "ip": None})], "windows[0].machine_ids[0] has neither hostname nor ip"),
        ([window("a"), window("a")], "windows[1].machines: 'a' is in windows[0] already"),
        ([window("a", duration=0)], "windows[0].unavailability.duration is 0 ns, and is above 0"),
        ([window("a", duration=-5)], "windows[0].unavailability.duration is -5000000000 ns, and is above 0"),
        ([window(5)], "windows[0].machine_ids[0] is 5, not an object"),
    ],
)
async def test_schedules_that_are_none(json_operator: Operator, windows: Any, text: str) -> None:
    found = await json_operator.refused("UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": windows})
    assert found.startswith(f"400 update_maintenance_schedule.schedule.{text}"), found
