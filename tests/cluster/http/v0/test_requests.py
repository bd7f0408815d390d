"""How the older pages are asked: under which names, by which methods, with which parameters; and what asking costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from cluster.http.snapshot import MIN_AGE, PART
from cluster.http.v0 import writing
from cluster.http.v0.answers import Answers
from cluster.http.v0.flags import duration_text
from cluster.http.v0.flat import Flat
from cluster.local import LocalCluster
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.world import task

MASTER = (
    "/state",
    "/state-summary",
    "/tasks",
    "/frameworks",
    "/slaves",
    "/roles",
    "/quota",
    "/weights",
    "/maintenance/schedule",
    "/maintenance/status",
    "/flags",
    "/files/debug",
)
AGENT = ("/state", "/flags", "/containers", "/monitor/statistics", "/files/debug")


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


@pytest.mark.asyncio
async def test_every_name_of_every_page() -> None:
    async with LocalCluster(agents=1, timers=True) as cluster, aiohttp.ClientSession() as session:
        places = ((cluster.master, "/master", MASTER), (cluster.agents[0].address, "/slave(1)", AGENT))
        for place, name, pages in places:
            for path in pages:
                found = []
                for prefix in ("", name):
                    for suffix in ("", ".json"):
                        url = f"http://{place}{prefix}{path}{suffix}"
                        async with session.get(url) as response:
                            assert response.status == 200, url
                            assert response.content_type == "application/json", url
                            assert response.headers["X-Content-Type-Options"] == "nosniff"
                            found.append(await response.json())
                        for method in ("POST", "PUT", "DELETE"):
                            async with session.request(method, url) as response:
                                assert response.status == 405, (method, url)
                                assert "GET" in response.headers["Allow"]
                assert all(type(each) is type(found[0]) for each in found)
                if path != "/state":
                    assert all(each == found[0] for each in found), path
        # Its own name, and the alias with its brackets in percent signs, as some clients write them.
        for prefix in ("/agent", "/slave%281%29"):
            async with session.get(f"http://{cluster.agents[0].address}{prefix}/state") as response:
                assert (await response.json())["pid"] == f"slave(1)@{cluster.agents[0].address}"
        for path in (
            "/slave(2)/state",
            "/slave(1)",
            "/slave(1)/nonsense",
            "/slave/state",
            "/registrar(1)/registry",
        ):
            async with session.get(f"http://{cluster.agents[0].address}{path}") as response:
                assert response.status == 404, path


@pytest.mark.asyncio
async def test_an_agents_other_pages_have_the_alias_too() -> None:
    async with LocalCluster(agents=1, timers=True) as cluster, aiohttp.ClientSession() as session:
        address = cluster.agents[0].address
        async with session.get(f"http://{address}/slave(1)/ostrom/state") as response:
            assert response.status == 200
        async with session.get(f"http://{address}/slave(1)/health") as response:
            assert response.status == 200
        async with session.post(f"http://{address}/slave(1)/api/v1/executor", data=b"{}") as response:
            assert response.status == 415
        cluster.agents[0].system.http.forbid("/agent/state")
        for path in ("/state", "/agent/state", "/slave(1)/state"):
            async with session.get(f"http://{address}{path}") as response:
                assert response.status == 403, path


@pytest.mark.asyncio
@pytest.mark.parametrize("path", MASTER)
async def test_jsonp(served: Served, path: str) -> None:
    plain = await served.get(path)
    async with served._session.get(f"{served.url}{path}?jsonp=a.b_1$") as response:
        assert (response.status, response.content_type) == (200, "text/javascript")
        text = await response.text()
    assert text.startswith("a.b_1$(")
    assert text.endswith(");")
    assert json.loads(text[len("a.b_1$(") : -2]) == plain
    for name in ("alert(1)//", "a b", "<script>", "1a", "", "a" * 300):
        status, text = await served.ask("GET", path, params={"jsonp": name})
        assert status == 400
        assert text.startswith("jsonp is ")


@pytest.mark.asyncio
async def test_jsonp_is_a_script_whatever_it_holds(served: Served) -> None:
    framework, _ = await served.framework(), await served.agent()
    await served.accept(framework, framework.offers(), task("t", name="a\u2028b\u2029"))
    async with served._session.get(f"{served.url}/tasks?jsonp=f") as response:
        text = await response.text()
    assert "\u2028" not in text
    assert "\u2029" not in text
    assert json.loads(text[2:-2])["tasks"][0]["name"] == "a\u2028b\u2029"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=x", "limit is 'x', not a whole number from 0"),
        ("limit=-1", "limit is '-1', not a whole number from 0"),
        ("limit=1.5", "limit is '1.5', not a whole number from 0"),
        ("limit=", "limit is '', not a whole number from 0"),
        ("offset=x", "offset is 'x', not a whole number from 0"),
        ("offset=9999999999999999999", "offset is '9999999999999999999', not a whole"),
        ("limit=\u0661", "limit is '\u0661', not a whole number from 0"),
        ("order=up", "order is 'up', neither asc nor des"),
    ],
)
async def test_bad_parameters(served: Served, query: str, text: str) -> None:
    status, answer = await served.ask("GET", f"/tasks?{query}")
    assert status == 400
    assert answer.startswith(text)


# What it costs.


@pytest_asyncio.fixture
async def counted(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Served, Answers]]:
    kept: list[Answers] = []

    class Kept(Answers):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            kept.append(self)

    monkeypatch.setattr("cluster.http.v0.master.Answers", Kept)
    async with Served() as served:
        yield served, kept[0]


@pytest.mark.asyncio
async def test_a_hundred_who_ask_at_once_cost_what_one_does(counted: tuple[Served, Answers]) -> None:
    served, answers = counted
    await served.agent()
    before = answers.made
    await asyncio.gather(*(served.get("/state") for _ in range(100)))
    assert answers.made - before == 1
    # Nothing changes.
    await served.get("/state")
    assert answers.made - before == 1
    await served.agent()
    await served.get("/state")
    assert answers.made - before == 1, "it is not old enough"
    await served.advance(MIN_AGE)
    assert len((await served.get("/state"))["slaves"]) == 2
    assert answers.made - before == 2


@pytest.mark.asyncio
async def test_what_was_seen_too_early_is_not_taken_for_the_latest(served: Served) -> None:
    assert await served.get("/tasks?limit=1") == {"tasks": []}
    await served.agent()
    assert (await served.get("/slaves"))["slaves"] == [], "as it was seen for the other page"
    # No turn of the master's goes by meanwhile.
    served.clock.step_to(served.clock.monotonic() + MIN_AGE * 2)
    assert len((await served.get("/slaves"))["slaves"]) == 1


@pytest.mark.asyncio
async def test_who_has_changed_something_sees_it(served: Served) -> None:
    agent = await served.agent()
    (row,) = (await served.get("/slaves"))["slaves"]
    assert row["deactivated"] is False
    await served.done("/ostrom/agents/deactivate", {"agent": agent.id})
    (row,) = (await served.get("/slaves"))["slaves"]
    assert row["deactivated"] is True


@pytest.mark.asyncio
async def test_a_page_that_is_long_in_the_making_is_made_less_often(
    counted: tuple[Served, Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, answers = counted

    async def write(value: Any) -> tuple[bytes, float]:
        return (await writing.write(value))[0], 1.0

    monkeypatch.setattr("cluster.http.v0.answers.write", write)
    await served.get("/state")
    for _ in range(20):
        await served.agent()
        await served.advance(0.5)
        await served.get("/state")
    assert answers.made == 1 + 20 * 0.5 * PART


@pytest.mark.asyncio
async def test_who_leaves_does_not_take_the_answer_from_the_others(served: Served) -> None:
    await served.agent()
    first = asyncio.ensure_future(served.get("/state"))
    others = [asyncio.ensure_future(served.get("/state")) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert all(len(each["slaves"]) == 1 for each in await asyncio.gather(*others))


@pytest.mark.asyncio
async def test_others_have_their_turns_while_a_large_page_is_written(served: Served) -> None:
    framework = await served.framework()
    await served.agent("cpus:3000;mem:1")
    await served.accept(framework, framework.offers(), *(task(f"t{n}", "cpus:1") for n in range(3000)))
    ticks: list[float] = []
    loop = asyncio.get_running_loop()

    async def tick() -> None:
        while True:
            ticks.append(loop.time())
            await asyncio.sleep(0)

    ticking = asyncio.ensure_future(tick())
    (row,) = (await served.get("/frameworks"))["frameworks"]
    ticking.cancel()
    assert len(row["tasks"]) == 3000
    # Its 3,000 tasks take 20 ms and more in one go.
    assert len(ticks) > 10


# Small things.


@given(
    st.recursive(
        st.none() | st.integers(-5, 5) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=20,
    )
)
def test_what_is_written_bit_by_bit_is_the_same(value: Any) -> None:
    def lazy(each: Any) -> Any:
        if isinstance(each, dict):
            return {
                name: map(lazy, inner) if isinstance(inner, list) else inner for name, inner in each.items()
            }
        return each

    data, _ = asyncio.run(writing.write(lazy(value)))
    assert json.loads(data) == value


def test_sums_of_agents_with_the_same_ports() -> None:
    sums = Flat()
    for _ in range(2):
        sums.add(Resources.parse("cpus:0.1;ports:[1-3,9-9];zones:{a}"))
    sums.add(Resources.parse("cpus:0.1;ports:[4-5];zones:{b};widgets:2"), revocable=False)
    sums.add(Resources.parse("cpus:1;ports:[7-7]"), revocable=True)
    assert sums.shown() == {
        "cpus": 0.3,
        "gpus": 0.0,
        "mem": 0.0,
        "disk": 0.0,
        "widgets": 2.0,
        "ports": "[1-5, 9-9]",
        "zones": "{a, b}",
        "cpus_revocable": 1.0,
        "ports_revocable": "[7-7]",
    }


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.0, "1secs"), (600.0, "10mins"), (1209600.0, "2weeks"), (0.0, "0ns")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
