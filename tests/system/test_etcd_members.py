"""Members of etcd die and freeze: one of three is no matter; two are, until they are back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.etcd.server import EtcdCluster
from tests.cluster.etcd_members import PostError, post
from tests.system.harness import eventually
from tests.system.load import Load, at_work
from tests.system.masters import Masters

LIMIT = 150.0
"""Seconds after which a test that hangs is ended."""


@pytest_asyncio.fixture
async def three(etcd_binary: None, tmp_path: Path) -> AsyncIterator[EtcdCluster]:
    async with EtcdCluster(3, tmp_path / "etcd") as three:
        try:
            yield three
        finally:
            three.kill()


async def raft_leader(three: EtcdCluster) -> int:
    """Which member leads etcd; it has to be well."""
    for at, member in enumerate(three.members):
        answer = await post(member.endpoint, "/v3/maintenance/status", {})
        if answer["leader"] == answer["header"]["member_id"]:
            return at
    raise AssertionError("no member of etcd leads")


class Renewals:
    """The leader's lease, as etcd sees it."""

    def __init__(self, three: EtcdCluster, lease: int, *, ask: int) -> None:
        self._endpoint = three.members[ask].endpoint
        self._lease = lease

    async def left(self) -> int:
        while True:
            try:
                answer = await post(self._endpoint, "/v3/lease/timetolive", {"ID": str(self._lease)})
            except PostError:
                # It has no raft leader now.
                await asyncio.sleep(0.1)
                continue
            return int(answer.get("TTL", 0))

    async def some(self, count: int) -> None:
        """Return when it was renewed so often."""
        last = await self.left()
        while count:
            await asyncio.sleep(0.1)
            now = await self.left()
            count -= now > last
            last = now


@pytest.mark.asyncio
async def test_one_member_is_no_matter(three: EtcdCluster, tmp_path: Path) -> None:
    """Killed and paused, a follower and the raft leader: the same master leads, in the same term."""
    load = Load("load", tmp_path / "effects", long=6.0)
    async with (
        asyncio.timeout(LIMIT),
        Masters(tmp_path, three.endpoints, ttl=10, agents=2) as cluster,
        at_work(load, cluster.url),
    ):
        first = await cluster.leader()
        for which in ("follower", "leader"):
            leader = await raft_leader(three)
            victim = leader if which == "leader" else (leader + 1) % 3
            for kind in ("killed", "paused"):
                renewals = Renewals(three, first.lease, ask=(victim + 1) % 3)
                if kind == "killed":
                    three.kill(victim)
                else:
                    three.pause(victim)
                # Also an etcd that has a new leader renews a lease, once.
                await asyncio.gather(load.more(5), renewals.some(2 if which == "leader" else 1))
                if kind == "killed":
                    await three.restart(victim)
                else:
                    three.resume(victim)
                    await three.members[victim].ready()
                assert await cluster.leader() == first
                if which == "leader":
                    victim = await raft_leader(three)
        assert cluster.ends == []
        assert load.reregistrations == 0


@pytest.mark.asyncio
async def test_a_lost_quorum_stops_the_leader_and_no_task(three: EtcdCluster, tmp_path: Path) -> None:
    load = Load("load", tmp_path / "effects", long=8.0)
    async with (
        asyncio.timeout(LIMIT),
        Masters(tmp_path, three.endpoints, ttl=3, agents=2) as cluster,
        at_work(load, cluster.url),
    ):
        agents = await cluster.all_agents()
        first = await cluster.leader()
        acknowledged = 0
        asked = 0

        async def operator() -> None:
            """Sets one weight after another, for as long as the leader takes them."""
            nonlocal acknowledged, asked
            while True:
                asked += 1
                status, _ = await cluster.ask(first.address, "/ostrom/weights", "POST", json={"eng": asked})
                if status != 200:
                    return
                acknowledged = asked

        operating = asyncio.create_task(operator())
        await eventually(lambda: acknowledged > 3)
        node = cluster.node(first)
        three.kill(0, 1)
        # By its own clock; it is started again, and nobody leads.
        await eventually(lambda: (node.name, 1) in cluster.ends)
        assert "the master ended: it lost the lead: its lease was not renewed in time" in node.log_tail()
        await operating
        # The others know of none but that one, and send there who asks; there it is known that nobody leads.
        other = cluster.others(first)[0].address
        while (answer := await cluster.ask(other, "/ostrom/agents")) != (503, "no master leads now\n"):
            assert answer[0] == 0, answer
            await asyncio.sleep(0.1)
        # What runs goes on, to its end.
        long = load.effects / "load-0"
        await eventually(lambda: "ended" in long.read_text())

        await three.restart(0, 1)
        second = await cluster.leader(after=first.term)
        await load.more(10)
        await cluster.until_agents(agents)
        assert await cluster.leader() == second
        status, weights = await cluster.ask(second.address, "/ostrom/weights")
        assert status == 200
        # What was refused when the quorum was lost may have been written; what was taken must be there.
        assert acknowledged <= weights["eng"] <= asked
