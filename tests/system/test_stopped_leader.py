"""A leader that is stopped (SIGSTOP) until another leads, and goes on (SIGCONT): it must not act on its old term.

Who works for it records all that comes, and tempts it: while it is stopped an agent and a framework come to it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from actors import UPID, ActorSystem, Message
from cluster.election import detector_for
from cluster.etcd.server import EtcdCluster
from cluster.messages import AgentRegistered, Offers, PingAgent, Subscribed
from tests.system.masters import Lead, Masters, Node
from tests.system.recording import Recording, RecordingAgent, RecordingFramework

LIMIT = 120.0
"""Seconds after which a test that hangs is ended."""
TTL = 2


class NaiveNode(Node):
    """Runs naive_master.py."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.system.naive_master", *self._arguments]


class NaiveMasters(Masters):
    def master(self, name: str) -> Node:
        return NaiveNode(name, [self.url, str(TTL)], self._work_dir / f"{name}.log")


class Stopped(NamedTuple):
    """What was seen: who led, who does now, everybody who has recorded, and how much each had when it went on."""

    node: Node
    old: UPID
    new: UPID
    peers: list[Recording]
    before: list[int]

    def after(self) -> list[Message]:
        """What the old leader has sent since."""
        return [
            heard.message
            for peer, count in zip(self.peers, self.before, strict=True)
            for heard in peer.heard[count:]
            if heard.sender == self.old
        ]


def _upid(lead: Lead) -> UPID:
    return UPID.parse(f"master@{lead.address}")


@asynccontextmanager
async def a_stop(cluster: Masters) -> AsyncIterator[Stopped]:
    """Stop the leader for three times its lease, during which all come to another, and have it go on."""
    async with ActorSystem("127.0.0.1") as system:
        agent = RecordingAgent(detector_for(cluster.url), "faithful")
        framework = RecordingFramework(detector_for(cluster.url), "faithful")
        system.spawn(agent)
        system.spawn(framework)
        first = await cluster.leader()
        old, node = _upid(first), cluster.node(first)
        await agent.until(lambda: agent.of(old, AgentRegistered) and agent.of(old, PingAgent))
        await framework.until(lambda: framework.of(old, Offers))

        node.signal(signal.SIGSTOP)
        stopped_for = asyncio.create_task(asyncio.sleep(3 * TTL))
        late_agent = RecordingAgent(_Fixed(old), "late")
        late_framework = RecordingFramework(_Fixed(old), "late")
        late_agent.patient = late_framework.patient = False
        system.spawn(late_agent)
        system.spawn(late_framework)
        second = await cluster.leader(after=first.term)
        new = _upid(second)
        await agent.until(lambda: agent.of(new, PingAgent))
        await framework.until(lambda: framework.of(new, Offers))
        await stopped_for

        peers = [agent, framework, late_agent, late_framework]
        seen = Stopped(node, old, new, peers, [len(peer.heard) for peer in peers])
        assert not any(old in peer.gone for peer in peers)
        node.signal(signal.SIGCONT)
        yield seen


class _Fixed:
    """Who is taken for the leader by those that have not heard of another."""

    spread = 0.0

    def __init__(self, leader: UPID) -> None:
        self._leader = leader

    def watch(self, changed: Callable[[UPID | None], None]) -> None:
        changed(self._leader)

    async def on_this_machine(self) -> bool:
        return True

    def close(self) -> None:
        pass


@pytest.mark.asyncio
async def test_a_leader_that_was_stopped_never_acts_again(etcd: EtcdCluster, tmp_path: Path) -> None:
    masters = Masters(
        tmp_path, etcd.endpoints, ttl=TTL, agents=0, supervise=False, flags=["--agent-ping-timeout", "1"]
    )
    async with asyncio.timeout(LIMIT), masters as cluster, a_stop(cluster) as seen:
        assert await seen.node.wait() == 1
        # Whatever it may have sent has come when the end of its connection has.
        await asyncio.gather(*(peer.until_gone(seen.old) for peer in seen.peers))
        assert seen.after() == []
        assert "the master ended: it lost the lead: its lease was not renewed in time" in seen.node.log_tail()
        assert "Traceback" not in seen.node.log_tail()
        hosts = b"".join((await cluster.stored("agents")).values())
        assert b"faithful" in hosts
        assert b"late" not in hosts
        # And it can stand by anew.
        await seen.node.restart()
        status, body = await cluster.ask(seen.node.address, "/leader")
        assert (status, body["leads"]) == (200, False)


@pytest.mark.asyncio
async def test_that_would_be_seen_of_one_that_only_believes_to_lead(
    etcd: EtcdCluster, tmp_path: Path
) -> None:
    """The control: the same test with masters that do not ask before they act."""
    masters = NaiveMasters(tmp_path, etcd.endpoints, agents=0, supervise=False)
    async with asyncio.timeout(LIMIT), masters as cluster, a_stop(cluster) as seen:
        agent, _, late_agent, late_framework = seen.peers
        await late_agent.until(lambda: late_agent.of(seen.old, AgentRegistered))
        await late_framework.until(lambda: late_framework.of(seen.old, Subscribed))
        sent = {type(message) for message in seen.after()}
        assert {AgentRegistered, Subscribed} <= sent
        # Pings and offers go to those that follow another by now.
        await agent.until(lambda: PingAgent in {type(message) for message in seen.after()})
        assert seen.node.returncode is None
