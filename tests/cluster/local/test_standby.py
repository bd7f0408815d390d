"""A master that stands by, over HTTP: who leads, and how one gets there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from actors import UPID, format_address
from cluster.election import MASTER_ID
from cluster.local import MasterNode
from cluster.master.invariants import violations
from cluster.messages import AgentInfo
from cluster.registry import Change, MemoryRegistry, RegistryError, RegistryState
from cluster.resources import Resources

from .contenders import Contending, Detecting

pytestmark = pytest.mark.asyncio


class Candidate:
    """A master, its election, and requests to it."""

    def __init__(self, registry: MemoryRegistry | None = None) -> None:
        self.contender, self.detector = Contending(), Detecting()
        self.node = MasterNode(contender=self.contender, detector=self.detector, registry=registry)
        self.http: aiohttp.ClientSession

    async def __aenter__(self) -> Candidate:
        await self.node.start()
        self.http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self.node.stop()

    async def say(self, leader: UPID | None) -> None:
        """Tell it who leads; return when it has heard it."""
        self.detector.say(leader)
        known = None if leader is None or leader == self.node.upid else format_address(leader.address)
        async with asyncio.timeout(10):
            while (await self.ask("GET", "/leader"))[1]["leader"] != known:
                pass

    async def lead(self) -> None:
        """Have it lead; return when it does."""
        self.contender.win()
        async with asyncio.timeout(10):
            while (await self.ask("GET", "/leader"))[1] != {"leader": self.node.address, "leads": True}:
                pass

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.http.request(method, f"http://{self.node.address}{path}", **options) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def location(self, method: str, path: str) -> tuple[int, str]:
        """Where it sends one. The path goes out as it is."""
        reader, writer = await asyncio.open_connection(*self.node.system.address)
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        head = (await reader.read()).decode().partition("\r\n\r\n")[0].split("\r\n")
        writer.close()
        await writer.wait_closed()
        places = [line.partition(": ")[2] for line in head if line.startswith("Location: ")]
        return int(head[0].split()[1]), places[0] if places else ""


@pytest_asyncio.fixture
async def candidate() -> AsyncIterator[Candidate]:
    async with asyncio.timeout(30), Candidate() as candidate:
        yield candidate


LEADER = UPID(MASTER_ID, "192.0.2.7", 5050)


async def test_while_nobody_leads(candidate: Candidate) -> None:
    assert await candidate.ask("GET", "/leader") == (200, {"leader": None, "leads": False})
    for method, path in [
        ("GET", "/redirect"),
        ("GET", "/ostrom/agents"),
        ("GET", "/"),
        ("POST", "/ostrom/weights"),
    ]:
        assert await candidate.ask(method, path) == (503, "no master leads now\n"), path
    async with candidate.http.get(f"http://{candidate.node.address}/ostrom/agents") as response:
        assert response.headers["Retry-After"] == "1"
    for path in ("/health", "/master/health"):
        assert (await candidate.ask("GET", path))[0] == 200, path


async def test_clients_of_mesos(candidate: Candidate) -> None:
    path = "/api/v1/scheduler"
    assert (await candidate.location("POST", path))[0] == 503
    await candidate.say(LEADER)
    assert await candidate.location("POST", path) == (307, f"//192.0.2.7:5050{path}")
    for page in ("/state", "/master/state.json", "/master/slaves?slave_id=S1"):
        assert await candidate.location("GET", page) == (307, f"//192.0.2.7:5050{page}")
    assert (await candidate.ask("GET", "/metrics/snapshot"))[1]["master/elected"] == 0
    # They ask for it before they look for the leader.
    for prefix in ("", "/master"):
        assert (await candidate.ask("GET", f"{prefix}/version"))[1]["version"] == "1.11.0"
        assert await candidate.location("GET", f"{prefix}/redirect") == (307, "//192.0.2.7:5050")
        assert await candidate.location("POST", f"{prefix}{path}") == (
            307,
            f"//192.0.2.7:5050{prefix}{path}",
        )
    await candidate.lead()
    assert (await candidate.ask("GET", "/metrics/snapshot"))[1]["master/elected"] == 1
    assert (await candidate.ask("GET", "/version"))[1]["version"] == "1.11.0"
    assert (await candidate.ask("POST", path, data=b"{}"))[0] == 415


async def test_who_asks_is_sent_to_the_leader(candidate: Candidate) -> None:
    await candidate.say(LEADER)
    assert await candidate.ask("GET", "/leader") == (200, {"leader": "192.0.2.7:5050", "leads": False})
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        path = "/ostrom/tasks?state=TASK_RUNNING&agent=a%2Fb%20c"
        assert await candidate.location(method, path) == (307, f"//192.0.2.7:5050{path}")
    assert await candidate.location("GET", "/redirect?x=1") == (307, "//192.0.2.7:5050")
    assert await candidate.location("GET", "/") == (307, "//192.0.2.7:5050/")
    assert await candidate.location("GET", "http://standby:5050/a?b=c%2F") == (
        307,
        "//192.0.2.7:5050/a?b=c%2F",
    )
    # No way to send a browser elsewhere.
    assert await candidate.location("GET", "//evil.example/x") == (
        307,
        "//192.0.2.7:5050/evil.example/x",
    )
    # Its own pages stay here.
    for path in ("/health", "/master/health"):
        assert (await candidate.ask("GET", path))[0] == 200, path
    await candidate.say(None)
    assert (await candidate.location("GET", "/ostrom/agents"))[0] == 503


async def test_nobody_is_sent_in_circles(candidate: Candidate) -> None:
    """It has just won, or has lost a life ago: etcd names this one, which does not lead."""
    await candidate.say(LEADER)
    await candidate.say(candidate.node.upid)
    assert await candidate.ask("GET", "/leader") == (200, {"leader": None, "leads": False})
    assert (await candidate.location("GET", "/ostrom/agents"))[0] == 503


async def test_what_is_posted_to_a_standby_is_done_by_the_leader(candidate: Candidate) -> None:
    async with Candidate() as leader:
        await leader.lead()
        await candidate.say(leader.node.upid)
        assert (await candidate.ask("POST", "/ostrom/weights", json={"eng": 2.5}))[0] == 200
        assert leader.node.master.state.registry.weights == {"eng": 2.5}
        assert candidate.node.master.state.registry.weights == {}
        assert await candidate.ask("GET", "/ostrom/weights") == (200, {"eng": 2.5})
        assert violations(leader.node.master.state) == []


async def test_it_leads_when_it_has_won(candidate: Candidate) -> None:
    assert not candidate.node.system.hosts(candidate.node.upid)
    await candidate.lead()
    assert candidate.contender.candidate == candidate.node.upid
    assert candidate.detector.closed
    assert await candidate.ask("GET", "/ostrom/agents") == (200, [])
    assert await candidate.location("GET", "/redirect") == (307, f"//{candidate.node.address}")
    assert (await candidate.ask("GET", "/"))[0] == 200


async def test_it_reads_the_registry_when_it_leads_and_not_before() -> None:
    registry = MemoryRegistry()
    async with asyncio.timeout(30), Candidate(registry) as candidate:
        # What another decides while this one stands by.
        await registry.write([Change("agents", "A7", AgentInfo("host", Resources(), id="A7"))])
        await candidate.lead()
        assert [(row["id"], row["state"]) for row in (await candidate.ask("GET", "/ostrom/agents"))[1]] == [
            ("A7", "recovering")
        ]


async def test_it_ends_when_it_has_lost_the_lead(candidate: Candidate) -> None:
    ended = asyncio.ensure_future(candidate.node.ended())
    await candidate.lead()
    assert not ended.done()
    candidate.contender.lose("its lease was not renewed in time")
    assert await ended == "it lost the lead: its lease was not renewed in time"
    # It takes no orders, though its pages may be there still.
    status, text = await candidate.ask("POST", "/ostrom/weights", json={"eng": 2.5})
    assert status == 503, text
    assert candidate.node.master.registry.state.weights == {}  # type: ignore[attr-defined]


async def test_it_ends_when_it_notices_before_it_is_told(candidate: Candidate) -> None:
    """A turn comes before the timer of the lease does."""
    await candidate.lead()
    candidate.contender.leads = False
    assert (await candidate.ask("POST", "/ostrom/weights", json={"eng": 2.5}))[0] == 503
    assert await candidate.node.ended() == "it does not lead any more"
    assert candidate.node.master.registry.state.weights == {}  # type: ignore[attr-defined]


class Unreadable(MemoryRegistry):
    async def load(self) -> RegistryState:
        raise RegistryError("registry /x: '/x/registry/what/1' is of a newer version")


async def test_it_ends_when_the_registry_cannot_be_read() -> None:
    async with asyncio.timeout(30), Candidate(Unreadable()) as candidate:
        candidate.contender.win()
        assert (await candidate.node.ended()).endswith(
            "registry /x: '/x/registry/what/1' is of a newer version"
        )


async def test_it_resigns_when_it_is_stopped() -> None:
    async with asyncio.timeout(30):
        async with Candidate() as standby:
            pass
        assert standby.contender.resigned
        async with Candidate() as leader:
            await leader.lead()
        assert leader.contender.resigned
