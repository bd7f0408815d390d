"""Masters that elect one of them, and agents, as processes; the election seen from outside, as etcd has it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp

from actors import format_address
from cluster.election.leader import Leader, leader_key
from cluster.etcd import EtcdAddress, EtcdClient, EtcdUnavailableError
from cluster.local import NodeProcess

__all__ = ["Lead", "Masters", "Node"]

POLL = 0.03


class Lead(NamedTuple):
    """A leader: its term, and where it is."""

    term: int
    address: str
    lease: int


class Node(NodeProcess):
    """A process that can be sent signals."""

    @property
    def returncode(self) -> int | None:
        """How it has ended, if it has."""
        return None if self._process is None else self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)


class Masters:
    """Three masters and some agents. `supervise`: a master that ends is started again; `ends` has who did, and how."""

    def __init__(
        self,
        work_dir: Path,
        endpoints: Sequence[str],
        *,
        ttl: int = 2,
        agents: int = 3,
        flags: Sequence[str] = (),
        supervise: bool = True,
    ) -> None:
        self.url = f"etcd://{','.join(endpoints)}/{work_dir.name}"
        self.ends: list[tuple[str, int]] = []
        self._work_dir = work_dir
        self._supervise = supervise
        self._supervising: list[asyncio.Task[None]] = []
        self._flags = ["--election", self.url, "--lease-ttl", str(ttl), *flags]
        address = EtcdAddress.parse(self.url)
        self.etcd = EtcdClient(address)
        self.path = address.path
        self.masters = [self.master(f"master-{number}") for number in range(3)]
        self.agents = [self.agent(f"agent-{number}") for number in range(agents)]

    def master(self, name: str) -> Node:
        return self.process(name, ["master", "--port", "0", *self._flags])

    def agent(self, name: str) -> Node:
        arguments = [
            "agent",
            "--master",
            self.url,
            "--port",
            "0",
            "--overcommit",
            "--resources",
            "cpus:2;mem:512",
        ]
        return self.process(name, [*arguments, "--recovery-timeout", "60"])

    def process(self, name: str, arguments: list[str]) -> Node:
        return Node(
            name, [*arguments, "--work-dir", str(self._work_dir / name)], self._work_dir / f"{name}.log"
        )

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(node.start() for node in [*self.masters, *self.agents]))
        except BaseException:
            await self.__aexit__()
            raise
        if self._supervise:
            self._supervising = [asyncio.ensure_future(self._restart(node)) for node in self.masters]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._supervising:
            task.cancel()
        await asyncio.gather(*self._supervising, return_exceptions=True)
        await asyncio.gather(*(agent.stop() for agent in self.agents))
        for node in self.masters:
            node.signal(signal.SIGCONT)
        await asyncio.gather(*(node.stop() for node in self.masters))
        await self.etcd.close()

    async def _restart(self, node: Node) -> None:
        while True:
            self.ends.append((node.name, await node.wait()))
            await node.restart()

    # The election.

    async def lead(self) -> Lead | None:
        """Who leads, as etcd says it; None if nobody does, or etcd cannot tell."""
        try:
            item, _ = await self.etcd.get(leader_key(self.path))
        except EtcdUnavailableError:
            return None
        if item is None:
            return None
        return Lead(item.create_revision, format_address(Leader.decode(item.value).address), item.lease)

    async def leader(self, after: int = 0) -> Lead:
        """Who leads, in a later term than that one."""
        while True:
            lead = await self.lead()
            if lead is not None and lead.term > after:
                return lead
            await asyncio.sleep(POLL)

    def node(self, lead: Lead) -> Node:
        """The process of a leader."""
        (node,) = [node for node in self.masters if node.address == lead.address]
        return node

    def others(self, lead: Lead) -> list[Node]:
        """The masters that stand by."""
        return [node for node in self.masters if node.address != lead.address]

    async def stored(self, kind: str) -> dict[str, bytes]:
        """What the registry has of a kind, by id."""
        prefix = f"{self.path}/registry/{kind}/"
        page = await self.etcd.range(prefix)
        return {item.key.removeprefix(prefix): item.value for item in page.items}

    # What the masters say.

    async def ask(self, place: str, path: str, method: str = "GET", **options: Any) -> tuple[int, Any]:
        """Status and body, JSON or text, of a page; redirects are followed. 0 if there was no answer."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
                http.request(method, f"http://{place}{path}", **options) as response,
            ):
                is_json = response.content_type == "application/json"
                return response.status, await (response.json() if is_json else response.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, str(error)

    async def agents_of(self, place: str) -> dict[str, str]:
        """The agents' states, by id, as a master (or who leads in its stead) says."""
        status, rows = await self.ask(place, "/ostrom/agents")
        return {row["id"]: row["state"] for row in rows} if status == 200 else {}

    async def until_agents(self, states: dict[str, str]) -> None:
        """Return when the leader says just that of the agents; any master is asked for it."""
        while await self.agents_of(self.masters[0].address) != states:
            await asyncio.sleep(POLL)

    async def until_agents_of(self, lead: Lead, states: dict[str, str]) -> None:
        """The same, of one master."""
        while await self.agents_of(lead.address) != states:
            await asyncio.sleep(POLL)

    async def all_agents(self) -> dict[str, str]:
        """Return, with their states, when all agents are registered."""
        while True:
            states = await self.agents_of(self.masters[0].address)
            if list(states.values()).count("active") == len(self.agents):
                return states
            await asyncio.sleep(POLL)
