"""Weights, quotas and reservations over HTTP: what is done, what is refused and why, and when it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from cluster.http.bodies import (
    BodyError,
    DrainBody,
    MachinesBody,
    QuotaBody,
    ReserveBody,
    ScheduleBody,
    read,
    strange_name,
    weights,
)
from cluster.master.maintenance import schedule_problem
from cluster.registry import Change, MemoryRegistry, Quota, RegistryError
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.world import task


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


class SlowRegistry(MemoryRegistry):
    """Writes when the test says so, or fails to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()
        self.fails = False

    async def write(self, changes: Sequence[Change]) -> None:
        await self.go.wait()
        if self.fails:
            raise RegistryError("the disk is full")
        await super().write(changes)


@pytest.mark.asyncio
async def test_weights(served: Served) -> None:
    assert await served.get("/ostrom/weights") == {}
    assert await served.done("/ostrom/weights", {"eng": 2, "ops": 0.5}) == {"eng": 2.0, "ops": 0.5}
    assert await served.done("/ostrom/weights", {"ops": 1}) == {"eng": 2.0, "ops": 1.0}
    assert await served.get("/ostrom/weights") == {"eng": 2.0, "ops": 1.0}
    assert served.registry.state.weights == {"eng": 2.0, "ops": 1.0}
    assert [(row["name"], row["weight"]) for row in await served.get("/ostrom/roles")] == [
        ("eng", 2),
        ("ops", 1),
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "no role is named"),
        ({"eng": 0}, "eng is 0, not a number above 0"),
        ({"eng": "2"}, "eng is '2', not a number above 0"),
        ({"eng": True}, "eng is True"),
        ({"eng": 10**400}, "eng is 1000"),
        ({"ops": 1, "a b": 1}, "role 'a b' is not a valid name"),
        ([1], "Expected `object`, got `array`"),
        (b"{", "the body is not JSON"),
        (b"", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
    ],
)
async def test_bad_weights(served: Served, body: Any, text: str) -> None:
    assert (await served.refused("/ostrom/weights", body)).startswith(f"400 {text}")
    assert await served.get("/ostrom/weights") == {}


@pytest.mark.asyncio
async def test_quotas(served: Served) -> None:
    await served.agent("cpus:4;mem:1024")
    framework = await served.framework("eng/dev")
    await served.accept(framework, framework.offers(), task("t", "cpus:1.5;mem:100"), refuse=0)
    row = await served.done(
        "/ostrom/quota", {"role": "eng", "guarantee": "cpus:2", "limit": "cpus:3;mem:512"}
    )
    assert row == {
        "role": "eng",
        "guarantee": {"cpus": 2},
        "limit": {"cpus": 3, "mem": 512},
        "guarantee_text": "cpus:2",
        "limit_text": "cpus:3;mem:512",
        "priority": 0,
        "used": {"cpus": 1.5, "mem": 100},
    }
    assert str(framework.offers()[-1].resources) == "cpus:1.5;mem:412"
    # What is not given stays.
    row = await served.done("/ostrom/quota", {"role": "eng", "priority": -3, "guarantee": ""})
    assert (row["guarantee_text"], row["limit_text"], row["priority"]) == ("", "cpus:3;mem:512", -3)
    assert await served.get("/ostrom/quota") == [row]
    (role,) = [row for row in await served.get("/ostrom/roles") if row["name"] == "eng"]
    assert (role["limit_text"], role["priority"], role["guarantee_text"]) == ("cpus:3;mem:512", -3, "")
    assert (await served.ask("DELETE", "/ostrom/quota?role=eng"))[0] == 200
    assert await served.get("/ostrom/quota") == []
    assert await served.ask("DELETE", "/ostrom/quota?role=eng") == (404, "role: 'eng' has no quota\n")
    assert await served.ask("DELETE", "/ostrom/quota") == (
        400,
        "role: the request names none, as in ?role=...\n",
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"limit": "cpus:1"}, "400 Object missing required field `role`"),
        ({"role": 5}, "400 role: Expected `str`, got `int`, not 5"),
        ({"role": "eng"}, "400 none of guarantee, limit and priority is given"),
        ({"role": "../x", "limit": "cpus:1"}, "400 role '../x' is not a valid name"),
        ({"role": "eng", "limits": "cpus:1"}, "400 Object contains unknown field `limits`"),
        ({"role": "eng", "limit": "cpus:x"}, "400 limit: cpus: 'x'"),
        ({"role": "eng", "limit": {"cpus": 1}}, "400 limit: Expected `str | null`, got `object`"),
        (
            {"role": "eng", "guarantee": "cpus:3", "limit": "cpus:2"},
            "400 guarantee of cpus is above its limit",
        ),
        ({"role": "eng", "priority": 2**31}, "400 priority: Expected `int` "),
        ({"role": "eng", "limit": "cpu:1"}, "409 limit: no agent has 'cpu'; is 'cpus' meant?"),
        ({"role": "eng", "guarantee": "memory:1"}, "409 guarantee: no agent has 'memory'"),
        ({"role": "eng", "guarantee": "cpus:5"}, "409 role 'eng'"),
    ],
)
async def test_bad_quotas(served: Served, body: Any, text: str) -> None:
    await served.agent("cpus:4;mem:1024;tapes:2")
    assert (await served.refused("/ostrom/quota", body)).startswith(text)
    assert await served.get("/ostrom/quota") == []


@pytest.mark.asyncio
async def test_a_resource_that_no_agent_has_may_be_limited_on_ones_word(served: Served) -> None:
    row = await served.done("/ostrom/quota", {"role": "eng", "limit": "tapes:1;gpus:1", "force": True})
    assert row["limit_text"] == "gpus:1;tapes:1"
    # What was forced once need not be forced again by who changes something else.
    assert (await served.refused("/ostrom/quota", {"role": "eng", "priority": 1})).startswith(
        "409 limit: no agent"
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("cpus:1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "role",
        "guarantee",
        "limit",
        "priority",
        "agent",
        "resources",
        "machines",
        "windows",
        "start",
        "duration",
        "id",
    ]
)


@given(
    body=st.binary(max_size=64)
    | st.one_of(
        VALUES, st.dictionaries(FIELDS, VALUES), st.dictionaries(st.text(max_size=3), st.floats())
    ).map(lambda value: json.dumps(value).encode())
    | st.lists(st.dictionaries(FIELDS, VALUES), max_size=2).map(
        lambda windows: json.dumps({"windows": windows}).encode()
    )
)
def test_whatever_is_sent_is_understood_or_refused(body: bytes) -> None:
    for type_, use in (
        (dict[str, Any], weights),
        (QuotaBody, lambda body: body.applied(Quota())),
        (ReserveBody, lambda body: body.parsed()),
        (DrainBody, lambda _: None),
        (MachinesBody, lambda _: None),
        (ScheduleBody, lambda body: schedule_problem(body.parsed({"m"}), set())),
    ):
        with contextlib.suppress(BodyError):
            use(read(body, type_))


def test_names_that_may_be_misspelt() -> None:
    assert strange_name(["cpus", "ports", "tapes"], ["tapes"]) is None
    assert strange_name(["disc"], []) == "no agent has 'disc'; is 'disk' meant?"
    assert strange_name(["xyzzy"], []) == "no agent has 'xyzzy'"


@pytest.mark.asyncio
async def test_reservations(served: Served) -> None:
    agent = await served.agent("cpus:4;mem:1024;ports:[1-9]")
    body = {"agent": agent.id, "role": "eng", "resources": "cpus:1;ports:[2-3]"}
    row = {
        "agent_id": agent.id,
        "hostname": "host",
        "role": "eng",
        "resources": {"cpus": 1},
        "resources_text": "cpus:1;ports:[2-3]",
    }
    assert await served.done("/ostrom/reserve", body) == [row]
    assert await served.get("/ostrom/reservations") == [row]
    assert (await served.get("/ostrom/agents"))[0]["reserved_text"] == {"eng": "cpus:1;ports:[2-3]"}
    assert served.registry.state.reservations == {agent.id: {"eng": Resources.parse("cpus:1;ports:[2-3]")}}
    assert await served.done("/ostrom/unreserve", {**body, "resources": "ports:[2-3]"}) == [
        {**row, "resources_text": "cpus:1"}
    ]
    assert await served.done("/ostrom/unreserve", {**body, "resources": "cpus:1"}) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"role": "eng", "resources": "cpus:5"}, "409 agent "),
        ({"role": "eng", "resources": "tapes:5"}, "409 agent "),
        ({"role": "eng", "resources": ""}, "400 resources is '', which is nothing"),
        ({"role": "*", "resources": "cpus:1"}, "400 role is '*'"),
        ({"role": "a b", "resources": "cpus:1"}, "400 role 'a b'"),
        ({"role": "eng", "resources": "cpus"}, "400 resources: 'cpus' does not read as name:value"),
        ({"role": "eng", "resources": "cpus:1", "agent": "none"}, "404 agent: 'none' is not known"),
    ],
)
@pytest.mark.parametrize("path", ["/ostrom/reserve", "/ostrom/unreserve"])
async def test_bad_reservations(served: Served, path: str, body: Any, text: str) -> None:
    agent = await served.agent()
    assert (await served.refused(path, {"agent": agent.id, **body})).startswith(text)
    assert await served.get("/ostrom/reservations") == []


@pytest.mark.asyncio
async def test_an_operation_is_answered_when_it_is_on_record() -> None:
    registry = SlowRegistry()
    async with Served(registry=registry) as served:
        registry.go.clear()
        first = asyncio.ensure_future(served.ask("POST", "/ostrom/weights", json={"eng": 2}))
        while "eng" not in served.master.state.registry.weights:
            await served.get("/ostrom/agents")
        second = asyncio.ensure_future(served.ask("POST", "/ostrom/weights", json={"ops": 3}))
        while "ops" not in served.master.state.registry.weights:
            await served.get("/ostrom/agents")
        answered = first.done()
        # A master that ends lets what is being written be written.
        registry.go.set()
        assert not answered
        assert [await first, await second] == [(200, {"eng": 2.0}), (200, {"eng": 2.0, "ops": 3.0})]
        assert registry.state.weights == {"eng": 2.0, "ops": 3.0}


@pytest.mark.asyncio
async def test_what_cannot_be_recorded_is_not_promised() -> None:
    registry = SlowRegistry()
    async with Served(registry=registry) as served:
        registry.fails = True
        status, text = await served.ask("POST", "/ostrom/weights", json={"eng": 2})
        assert (status, text) == (503, "it may be forgotten: the disk is full\n")


@pytest.mark.asyncio
async def test_who_sends_slowly_holds_up_nobody(served: Served) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /ostrom/weights HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    assert await served.done("/ostrom/weights", {"ops": 1}) == {"ops": 1.0}
    writer.write(b'"eng":2}')
    assert (await reader.readline()).split()[1] == b"200"
    writer.close()
    await writer.wait_closed()
    assert await served.get("/ostrom/weights") == {"eng": 2.0, "ops": 1.0}


@pytest.mark.asyncio
async def test_get_where_only_post_is(served: Served) -> None:
    for path in (
        "/ostrom/reserve",
        "/ostrom/unreserve",
        "/ostrom/agents/drain",
        "/ostrom/maintenance/down",
        "/ostrom/teardown",
    ):
        assert (await served.ask("GET", path))[0] == 405
    assert (await served.ask("DELETE", "/ostrom/weights"))[0] == 405
    assert await served.ask("GET", "/ostrom/explain") == (
        400,
        "framework: the request names none, as in ?framework=...\n",
    )
    assert (await served.ask("POST", "/ostrom/teardown"))[0] == 400
