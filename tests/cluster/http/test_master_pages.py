"""The master's pages: what they show, and what reading them costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from actors import PausedClock
from cluster import Framework, LocalCluster
from cluster.http.snapshot import MIN_AGE, Snapshots
from cluster.http.views import VIEWS, reasons
from cluster.local import MasterNode
from cluster.messages import FrameworkRefused, ShutdownFramework, TaskState
from tests.cluster.world import World, executor, task


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with LocalCluster(agents=1, timers=True, attributes=["rack:r1"]) as cluster:
        yield cluster


async def get(cluster: LocalCluster, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{cluster.master}{path}") as response:
        if response.content_type == "application/json":
            return response.status, await response.json()
        return response.status, await response.text()


@pytest.mark.asyncio
async def test_views_of_a_busy_cluster(world: World) -> None:
    agent = await world.agent("cpus:4;mem:1024", "rack:r1")
    framework = await world.framework("eng")
    tasks = [task("a", "cpus:1;mem:100"), task("b", "cpus:1;mem:24", executor=executor("e", "cpus:0.5"))]
    await world.accept(framework, framework.offers(), *tasks, refuse=0)
    await world.update(agent, framework, "a", TaskState.FINISHED)
    await world.advance(1)
    views = {path: make(world.master.state) for path, make in VIEWS.items()}
    (row,) = views["/ostrom/agents"]
    assert row["resources"] == {"cpus": 4, "mem": 1024}
    assert row["offered"] == {"cpus": 2.5, "mem": 1000}
    assert row["free"] == {}
    assert (row["connected"], row["attributes_text"], row["tasks"]) == (True, "rack:r1", 1)
    (row,) = views["/ostrom/frameworks"]
    # 0.5 for the executor, 1 for its task, and what is on offer.
    assert (row["id"], row["roles"], row["tasks"], row["share"]) == (framework.id, ["eng"], 1, 1.0)
    assert [(r["id"], r["state"], r["completed"]) for r in views["/ostrom/tasks"]] == [
        ("a", "TASK_FINISHED", True),
        ("b", "TASK_STAGING", False),
    ]
    assert sum(offer["framework_id"] == framework.id for offer in views["/ostrom/offers"]) == row["offers"]
    assert [(role["name"], role["share"], role["frameworks"]) for role in views["/ostrom/roles"]] == [
        ("eng", 1.0, [framework.id])
    ]
    assert views["/ostrom/state"]["agents"] == views["/ostrom/agents"]


@pytest.mark.asyncio
@pytest.mark.parametrize("prefix", ["", "/master"])
async def test_every_page_answers_with_and_without_the_actors_name(
    cluster: LocalCluster, prefix: str
) -> None:
    for path in VIEWS:
        status, body = await get(cluster, prefix + path)
        assert status == 200
        assert isinstance(body, list | dict)


@pytest.mark.asyncio
async def test_the_page_for_people(cluster: LocalCluster) -> None:
    for path in ("/", "/master", "/ui/app.js", "/ui/style.css"):
        url = f"http://{cluster.master}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 200
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
            assert "innerHTML" not in await response.text()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path", ["/nonsense", "/ui/nonsense", "/ui/../../etc/passwd", "/ostrom/agents/x/y", "/master/x"]
)
async def test_what_is_not_there_is_404_and_the_master_lives(cluster: LocalCluster, path: str) -> None:
    status, _ = await get(cluster, path)
    assert status == 404 or path.startswith("/ostrom/agents")
    assert (await get(cluster, "/ostrom/agents"))[0] == 200


@pytest.mark.asyncio
async def test_tasks_are_filtered() -> None:
    class Two(Framework):
        async def registered(self) -> None:
            await self.submit("sleep 0", cpus=1)
            await self.submit("sleep 600", cpus=1).reached(TaskState.RUNNING)
            rows.extend((await get(cluster, "/ostrom/tasks"))[1])
            queries = (f"framework={self.id}", "state=TASK_RUNNING", "framework=x", "completed=1")
            counts.extend([len((await get(cluster, f"/ostrom/tasks?{query}"))[1]) for query in queries])
            self.stop()

    rows: list[Any] = []
    counts: list[int] = []
    async with LocalCluster(agents=1, timers=True) as cluster:
        await cluster.run(Two("two"))
    assert [row["state"] for row in rows] == ["TASK_RUNNING"]
    assert counts == [1, 1, 0, 2]


@pytest.mark.asyncio
async def test_an_operator_ends_a_framework(world: World) -> None:
    agent = await world.agent()
    framework = await world.framework()
    await world.accept(framework, framework.offers(), task())
    assert not world.master.end_framework("nonsense", "x")
    world.system.dispatch(
        world.master.upid, world.master.end_framework, framework.id, "torn down by an operator"
    )
    await world.settle()
    assert [message.message for message in framework.take(FrameworkRefused)] == ["torn down by an operator"]
    assert len(agent.take(ShutdownFramework)) == 1
    assert world.free(agent) == "cpus:4;mem:1024"


@pytest.mark.asyncio
async def test_teardown_over_http(cluster: LocalCluster) -> None:
    url = f"http://{cluster.master}/ostrom/teardown"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, params={"framework": "nonsense"}) as response:
            assert response.status == 404
            assert "'nonsense' is not known" in await response.text()
        async with session.get(url) as response:
            assert response.status == 405


def test_a_view_is_encoded_once_for_all_who_ask() -> None:
    clock = PausedClock()
    snapshots = Snapshots(clock)
    values = iter(range(100))

    def get_() -> bytes:
        return snapshots.get("x", lambda: next(values))[1]

    assert {get_() for _ in range(50)} == {b"0"}
    clock.step_to(clock.monotonic() + 3600)
    assert get_() == b"0"
    snapshots.changed()
    assert get_() == b"1"
    # However much changes: not more often than that.
    for _ in range(50):
        snapshots.changed()
        assert get_() == b"1"
    clock.step_to(clock.monotonic() + 2 * MIN_AGE)
    assert get_() == b"2"
    assert snapshots.encoded == 3


@pytest.mark.asyncio
async def test_a_change_is_seen(cluster: LocalCluster) -> None:
    assert isinstance(cluster.master_node, MasterNode)
    assert len((await get(cluster, "/ostrom/agents"))[1]) == 1
    await cluster.agents[0].stop()
    cluster.agents.clear()
    master = cluster.master_node.master
    while master.state.agents:
        await cluster.master_node.system.call(master.upid, lambda: None)
    _, rows = await get(cluster, "/ostrom/agents")
    while rows:
        _, rows = await get(cluster, "/ostrom/agents")


@pytest.mark.asyncio
async def test_why_a_framework_is_offered_nothing(world: World) -> None:
    framework = await world.framework("eng")
    agents = [(await world.agent()).id for _ in range(3)]
    offers = framework.offers()
    await world.decline(framework, *offers[:2], refuse=5)
    await world.advance(1)
    found = reasons(world.master.state, framework.id, None, world.clock.time())
    declined = [offer.agent_id for offer in offers[:2]]
    assert found == [
        {"reasons": ["role eng: refused for 4 s more"], "agents": declined},
        {"reasons": ["nothing is free on the agent"], "agents": [offers[2].agent_id]},
    ]
    assert agents == [each for row in found for each in row["agents"]]
    assert reasons(world.master.state, framework.id, declined[0], world.clock.time()) == [
        {"reasons": ["role eng: refused for 4 s more"], "agents": [declined[0]]}
    ]


@pytest.mark.asyncio
async def test_explain_answers_404_for_what_is_not_known(cluster: LocalCluster) -> None:
    assert await get(cluster, "/ostrom/explain?framework=none") == (404, "framework: 'none' is not known\n")

    class Curious(Framework):
        async def registered(self) -> None:
            self.found = await get(cluster, f"/ostrom/explain?framework={self.id}")
            self.missed = await get(cluster, f"/ostrom/explain?framework={self.id}&agent=none")
            self.stop()

    framework = Curious("curious")
    await cluster.run(framework)
    assert (framework.found[0], len(framework.found[1])) == (200, 1)
    assert framework.missed == (404, "agent: 'none' is not known\n")
