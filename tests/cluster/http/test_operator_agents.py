"""Agents and machines over HTTP: drained, deactivated, gone, under maintenance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cluster.messages import (
    AcceptInverseOffers,
    Acknowledge,
    DeclineInverseOffers,
    InverseOffers,
    KillTask,
    RegisterAgent,
    ShutdownAgent,
    ShutdownFramework,
    TaskState,
)
from tests.cluster.http.served import Served
from tests.cluster.world import Peer, task


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


async def state_of(served: Served, agent: Peer) -> str:
    return {row["id"]: row["state"] for row in await served.get("/ostrom/agents")}.get(agent.id, "")


@pytest.mark.asyncio
async def test_an_agent_is_drained_and_comes_back(served: Served) -> None:
    agent = await served.agent()
    framework = await served.framework()
    await served.accept(framework, framework.offers(), task())
    await served.update(agent, framework, "t", TaskState.RUNNING)
    row = await served.done("/ostrom/agents/drain", {"agent": agent.id, "max_grace_period": 3})
    assert (row["state"], row["tasks"], row["connected"]) == ("draining", 1, True)
    assert row["drain"] == {"draining": True, "max_grace_period": 3.0, "mark_gone": False}
    assert [(kill.task_id, kill.grace_period) for kill in agent.take(KillTask)] == [("t", 3.0)]
    assert (await served.refused("/ostrom/agents/reactivate", {"agent": agent.id})).startswith("409 agent ")
    uuid = await served.update(agent, framework, "t", TaskState.KILLED)
    served.tell(framework, Acknowledge(framework.id, agent.id, "t", uuid))
    await served.settle()
    assert await state_of(served, agent) == "drained"
    assert framework.offers() == []
    row = await served.done("/ostrom/agents/reactivate", {"agent": agent.id})
    assert (row["state"], row["drain"]) == ("active", None)


@pytest.mark.asyncio
async def test_an_agent_is_deactivated(served: Served) -> None:
    agent = await served.agent()
    row = await served.done("/ostrom/agents/deactivate", {"agent": agent.id})
    assert (row["state"], row["connected"]) == ("deactivated", True)
    framework = await served.framework()
    assert framework.offers() == []
    await served.done("/ostrom/agents/reactivate", {"agent": agent.id})
    assert len(framework.offers()) == 1


@pytest.mark.asyncio
async def test_an_agent_is_gone(served: Served) -> None:
    agent = await served.agent()
    assert await served.done("/ostrom/agents/gone", {"agent": agent.id}) == {"id": agent.id, "state": "gone"}
    assert len(agent.take(ShutdownAgent)) == 1
    assert await served.get("/ostrom/agents") == []
    assert await served.done("/ostrom/agents/gone", {"agent": agent.id}) == {"id": agent.id, "state": "gone"}
    for path in ("/ostrom/agents/drain", "/ostrom/agents/deactivate", "/ostrom/agents/reactivate"):
        assert await served.refused(path, {"agent": agent.id}) == f"409 agent: '{agent.id}' is gone"
    served.tell(agent, RegisterAgent(agent.info))
    await served.settle()
    assert len(agent.take(ShutdownAgent)) == 1


@pytest.mark.asyncio
async def test_an_unreachable_agent_is_shown_and_can_be_drained(served: Served) -> None:
    agent = await served.agent(checkpoint=True)
    agent.answers_pings = False
    await served.advance(100)
    (row,) = await served.get("/ostrom/agents")
    assert (row["id"], row["state"], row["connected"], row["address"]) == (agent.id, "unreachable", False, "")
    assert row["unreachable_since"] > 0
    row = await served.done("/ostrom/agents/drain", {"agent": agent.id})
    assert (row["state"], row["drain"]["draining"]) == ("unreachable", True)
    assert (
        await served.refused("/ostrom/reserve", {"agent": agent.id, "role": "eng", "resources": "cpus:1"})
    ) == f"409 agent '{agent.id}' is not registered"


@pytest.mark.asyncio
async def test_a_task_out_of_reach_is_shown(served: Served) -> None:
    agent = await served.agent(checkpoint=True)
    framework = await served.framework(capabilities=("PARTITION_AWARE",))
    await served.accept(framework, framework.offers(), task())
    agent.answers_pings = False
    await served.advance(100)
    assert [(row["id"], row["state"]) for row in await served.get("/ostrom/tasks")] == [
        ("t", "TASK_UNREACHABLE")
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/ostrom/agents/drain", {"agent": "none"}, "404 agent: 'none' is not known"),
        ("/ostrom/agents/deactivate", {"agent": "none"}, "404 agent: 'none' is not known"),
        ("/ostrom/agents/reactivate", {"agent": "none"}, "404 agent: 'none' is not known"),
        ("/ostrom/agents/gone", {"agent": "none"}, "404 agent: 'none' is not known"),
        ("/ostrom/agents/gone", {"agent": "none", "x": 1}, "400 Object contains unknown field `x`"),
        ("/ostrom/agents/drain", {}, "400 Object missing required field `agent`"),
        (
            "/ostrom/agents/drain",
            {"agent": "none", "max_grace_period": -1},
            "400 max_grace_period: Expected `float` >= ",
        ),
        (
            "/ostrom/agents/drain",
            {"agent": "none", "max_grace_period": "1"},
            "400 max_grace_period: Expected",
        ),
        (
            "/ostrom/agents/drain",
            {"agent": "none", "mark_gone": 1},
            "400 mark_gone: Expected `bool`, got `int`, not 1",
        ),
        ("/ostrom/maintenance/down", {"machines": []}, "400 machines: Expected `array` of length >= 1"),
        (
            "/ostrom/maintenance/down",
            {"machines": ["m"]},
            "409 machine 'm' is not in the maintenance schedule",
        ),
        ("/ostrom/maintenance/up", {"machines": ["m"]}, "409 machine 'm' is not down"),
    ],
)
async def test_bad_requests(served: Served, path: str, body: Any, text: str) -> None:
    assert (await served.refused(path, body)).startswith(text)


@pytest.mark.asyncio
async def test_maintenance_from_schedule_to_up(served: Served) -> None:
    agent = await served.agent(hostname="m1", checkpoint=True)
    framework = await served.framework()
    await served.accept(framework, framework.offers(), task())
    windows = [{"machines": ["m1", "m2"], "start": "2033-05-18T05:33:20+02:00", "duration": 3600}]
    shown = await served.done("/ostrom/maintenance/schedule", {"windows": windows})
    assert shown["windows"] == [
        {"id": "window-1", "machines": ["m1", "m2"], "start": 2e9, "duration": 3600, "down": False}
    ]
    (inverse,) = [offer for message in framework.take(InverseOffers) for offer in message.inverse_offers]
    shown = await served.get("/ostrom/maintenance")
    m1, m2 = shown["machines"]
    assert (m1["machine"], m1["state"], m1["agents"]) == ("m1", "SCHEDULED", [agent.id])
    assert (m2["machine"], m2["agents"], m2["inverse_offers"]) == ("m2", [], [])
    assert [(o["framework_id"], o["answer"]) for o in m1["inverse_offers"]] == [(framework.id, "")]
    served.tell(framework, DeclineInverseOffers(framework.id, (inverse.id,)))
    await served.advance(1)
    (answer,) = (await served.get("/ostrom/maintenance"))["machines"][0]["inverse_offers"]
    assert answer["answer"] == "DECLINE"
    assert answer["answered_at"] > 0
    served.tell(framework, AcceptInverseOffers(framework.id, (inverse.id,)))
    await served.advance(1)
    assert (await served.get("/ostrom/state"))["maintenance"]["machines"][0]["inverse_offers"][0][
        "answer"
    ] == "ACCEPT"

    shown = await served.done("/ostrom/maintenance/down", {"machines": ["m1"]})
    assert [(m["machine"], m["state"]) for m in shown["machines"]] == [("m2", "SCHEDULED"), ("m1", "DOWN")]
    assert len(agent.take(ShutdownAgent)) == 1
    assert await state_of(served, agent) == "unreachable"
    # The file from which the schedule was made can be posted again: who is down stays down.
    shown = await served.done("/ostrom/maintenance/schedule", {"windows": windows})
    assert [(m["machine"], m["state"]) for m in shown["machines"]] == [("m2", "SCHEDULED"), ("m1", "DOWN")]
    # And so can what was got.
    again = await served.done("/ostrom/maintenance/schedule", {"windows": shown["windows"]})
    assert again == shown
    assert (await served.refused("/ostrom/maintenance/schedule", {"windows": []})).startswith(
        "409 machine 'm1' is down"
    )
    shown = await served.done("/ostrom/maintenance/up", {"machines": ["m1"]})
    assert [(m["machine"], m["state"]) for m in shown["machines"]] == [("m2", "SCHEDULED")]
    assert await served.done("/ostrom/maintenance/schedule", {"windows": []}) == {
        "windows": [],
        "machines": [],
    }


def window(**fields: Any) -> dict[str, Any]:
    return {"machines": ["m"], "start": 2e9, **fields}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("windows", "text"),
    [
        ([{"machines": ["m"]}], "windows[0]: Object missing required field `start`"),
        ([window(start=None)], "windows[0].start: Expected `float | str`, got `null`, not None"),
        ([window(start="tomorrow")], "windows[0].start is 'tomorrow', neither seconds"),
        ([window(start="2033-05-18T05:33:20")], "windows[0].start is '2033-05-18T05:33:20': its offset"),
        ([window(), window(machines=["x"], duration=0)], "windows[1].duration is 0, not a number"),
        ([window(start=1.7e308, duration=1.7e308)], "windows[0].duration is 1.7e+308, not a number"),
        ([window(machines=[])], "windows[0].machines: Expected `array` of length >= 1"),
        ([window(machines=[""])], "windows[0].machines: '' is no machine"),
        ([window(machines=["m", "m"])], "windows[0].machines: 'm' is in windows[0] already"),
        ([window(), window()], "windows[1].machines: 'm' is in windows[0] already"),
        ([window(id="a"), window(id="a", machines=["n"])], "windows[1].id is 'a', as another's"),
        ([window(down=True)], "windows[0].down is True, its machines are not"),
        ([window(end=1)], "windows[0]: Object contains unknown field `end`"),
        (b'{"windows": [{"machines": ["m"], "start": 1e999}]}', "the body is not JSON: Number out of range"),
    ],
)
async def test_bad_schedules(served: Served, windows: Any, text: str) -> None:
    body = windows if isinstance(windows, bytes) else {"windows": windows}
    assert (await served.refused("/ostrom/maintenance/schedule", body)).startswith(f"400 {text}")
    assert await served.get("/ostrom/maintenance") == {"windows": [], "machines": []}


@pytest.mark.asyncio
async def test_a_framework_is_torn_down(served: Served) -> None:
    agent = await served.agent()
    framework = await served.framework()
    await served.accept(framework, framework.offers(), task())
    assert await served.done(f"/ostrom/teardown?framework={framework.id}") == {"ended": framework.id}
    assert framework.id not in served.registry.state.frameworks
    assert len(agent.take(ShutdownFramework)) == 1
    assert await served.refused("/ostrom/teardown?framework=none") == "404 framework: 'none' is not known"
