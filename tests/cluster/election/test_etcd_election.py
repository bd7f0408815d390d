"""Candidates and detectors in etcd, one case at a time; the campaign (tests/simulation/elections) has all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from actors import UPID
from actors.simulation import Simulation
from actors.simulation.clock import SimulatedClock
from cluster.election import EtcdContender, EtcdDetector
from cluster.election.leader import Leader
from cluster.etcd import Delete, EtcdRefusedError, KeyValue, Lease, Put, TxnResult
from tests.simulation.etcd import ModelEtcd, ModelEtcdClient

TTL = 10
A, B = UPID.parse("master@a:1"), UPID.parse("master@b:1")


class Place:
    """A model of etcd, and who contends there."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.etcd = ModelEtcd(simulation.loop, Random(1))
        self.detectors: list[EtcdDetector] = []

    def client(self, name: str) -> ModelEtcdClient:
        return ModelEtcdClient(self.etcd, name, Random(name), silence=TTL)

    def clock(self, rate: float = 1.0) -> SimulatedClock:
        return SimulatedClock(self.simulation.loop, rate=rate)

    def contender(self, name: str, rate: float = 1.0) -> EtcdContender:
        return EtcdContender(self.client(name), "/o", TTL, self.clock(rate), Random(name))

    def detector(self, told: list[UPID | None]) -> EtcdDetector:
        detector = EtcdDetector(self.client("d"), "/o", self.clock(), Random("d"))
        detector.watch(told.append)
        self.detectors.append(detector)
        return detector

    async def operator(self, operation: Put | Delete) -> TxnResult:
        return await self.client("etcdctl").txn((), (operation,))


def run(scenario: Callable[[Place], Awaitable[None]]) -> None:
    """Run it in virtual time; what follows the leader ends with it."""

    async def main(simulation: Simulation) -> None:
        place = Place(simulation)
        try:
            await scenario(place)
        finally:
            for detector in place.detectors:
                detector.close()

    Simulation(3).run(main)


def test_one_leads_the_other_when_it_resigns() -> None:
    async def scenario(place: Place) -> None:
        told: list[UPID | None] = []
        place.detector(told)
        a, b = place.contender("a"), place.contender("b")
        await a.contend(A)
        second = asyncio.ensure_future(b.contend(B))
        await asyncio.sleep(100)
        assert a.leads
        assert not second.done()
        assert not b.leads
        began = place.simulation.now
        await a.resign()
        await second
        assert place.simulation.now - began < 1
        assert b.leads
        assert not a.leads
        assert await a.lost() == "it resigned"
        assert b.term > a.term > 0
        await asyncio.sleep(1)
        assert told == [None, A, None, B]

    run(scenario)


def test_a_leader_that_cannot_renew_its_lease_stops_before_another_can_lead() -> None:
    async def scenario(place: Place) -> None:
        # Its clock is slow by a tenth: it counts 9 s where etcd counts 10.
        a, b = place.contender("a", rate=0.9), place.contender("b")
        await a.contend(A)
        second = asyncio.ensure_future(b.contend(B))
        await asyncio.sleep(20)
        place.etcd.block("cut", "a", to=True, back=True)
        reason = await a.lost()
        assert reason.startswith("its lease was not renewed in time: ")
        assert not second.done()
        await second
        assert b.leads

    run(scenario)


def test_a_leader_that_was_stopped_knows_before_it_acts() -> None:
    async def scenario(place: Place) -> None:
        a = place.contender("a")
        await a.contend(A)
        leads: list[bool] = []
        # As SIGSTOP would: nothing runs for longer than the lease, then what was due runs.
        place.simulation.loop.call_at(4.0, lambda: setattr(place.simulation.loop, "_now", 25.0))
        # Due before the timer that ends the term, and so run before it.
        place.simulation.loop.call_at(7.0, lambda: leads.append(a.leads))
        await a.lost()
        assert leads == [False]

    run(scenario)


@pytest.mark.parametrize("lost", ["request", "answer", "late"])
def test_an_answer_that_is_lost_while_it_contends(lost: str) -> None:
    async def scenario(place: Place) -> None:
        client = place.client("a")
        a = EtcdContender(client, "/o", TTL, place.clock(), Random(2))
        calls: list[str] = []

        def on_call(name: str) -> None:
            calls.append(name)
            trouble = name == "txn" and calls.count("txn") <= 2
            client.weather.request_lost = float(lost == "request" and trouble)
            client.weather.answer_lost = float(lost == "answer" and trouble)
            client.weather.late = float(lost == "late" and trouble)

        client.on_call = on_call
        await a.contend(A)
        assert a.leads
        item = place.etcd.store.get("/o/master")
        assert item is not None
        assert item.create_revision == a.term
        assert Leader.decode(item.value) == A
        # It took as long as it took: the time in which it leads counts from the lease.
        assert calls.count("txn") >= 2

    run(scenario)


def test_a_key_that_somebody_deletes() -> None:
    async def scenario(place: Place) -> None:
        told: list[UPID | None] = []
        place.detector(told)
        a = place.contender("a")
        await a.contend(A)
        await asyncio.sleep(1)
        await place.operator(Delete("/o/master"))
        assert await a.lost() == "its key in etcd was deleted"
        assert told == [None, A, None]

    run(scenario)


def test_a_lease_that_somebody_revokes() -> None:
    async def scenario(place: Place) -> None:
        a = place.contender("a")
        await a.contend(A)
        (lease,) = place.etcd.leases
        place.etcd.revoke(lease)
        # With the lease goes the key: whichever is seen first.
        assert await a.lost() in ("its lease has ended", "its key in etcd was deleted")

    run(scenario)


def test_who_has_led_does_not_contend_again() -> None:
    async def scenario(place: Place) -> None:
        a = place.contender("a")
        with pytest.raises(RuntimeError, match="has not led"):
            a.guard()
        with pytest.raises(RuntimeError, match="does not lead"):
            await a.lost()
        await a.contend(A)
        assert a.guard() == ("/o/master", "create_revision", a.term)
        with pytest.raises(RuntimeError, match="does not contend again"):
            await a.contend(A)

    run(scenario)


def test_one_that_resigns_while_it_contends_leaves_nothing() -> None:
    async def scenario(place: Place) -> None:
        client = place.client("a")
        client.weather.answer_lost = 1.0
        a = EtcdContender(client, "/o", TTL, place.clock(), Random(2))
        client.on_call = lambda name: setattr(client.weather, "answer_lost", float(name == "txn"))
        contending = asyncio.ensure_future(a.contend(A))
        await asyncio.sleep(0.5)
        assert place.etcd.store.get("/o/master") is not None
        contending.cancel()
        await asyncio.wait([contending])
        await a.resign()
        assert place.etcd.store.get("/o/master") is None
        assert place.etcd.leases == {}

    run(scenario)


def test_a_detector_outlasts_etcd_and_nonsense() -> None:
    async def scenario(place: Place) -> None:
        told: list[UPID | None] = []
        place.detector(told)
        a = place.contender("a")
        await a.contend(A)
        await asyncio.sleep(1)
        place.etcd.begin_outage()
        await asyncio.sleep(60)
        # The last that is known: whether it leads is for itself to know.
        assert told == [None, A]
        place.etcd.end_outage()
        await asyncio.sleep(30)
        assert told == [None, A, None]
        await place.operator(Put("/o/master", b"nonsense"))
        await place.operator(Put("/o/master", b'{"upid":"not one"}'))
        await place.operator(Delete("/o/master"))
        b = place.contender("b")
        await b.contend(B)
        place.etcd.compact()
        place.etcd.break_watches("d")
        await asyncio.sleep(30)
        assert [leader for leader in told[2:] if leader is not None] == [B]
        assert b.leads

    run(scenario)


@pytest.mark.parametrize(
    ("leader", "here"), [("master@127.0.0.1:5050", True), ("master@m1.example:1", False)]
)
def test_whether_leaders_are_on_this_machine_is_known_when_one_is(leader: str, here: bool) -> None:
    async def scenario(place: Place) -> None:
        detector = EtcdDetector(place.client("d"), "/o", place.clock(), Random("d"))
        asked = asyncio.ensure_future(detector.on_this_machine())
        await asyncio.sleep(10)
        assert not asked.done()
        await place.operator(Put("/o/master", b"nonsense"))
        await asyncio.sleep(10)
        await place.operator(Put("/o/master", Leader(leader).encode()))
        assert await asked is here

    run(scenario)


class Refusing(ModelEtcdClient):
    """One whose user may not read."""

    refuses = True

    async def grant(self, ttl: int) -> Lease:
        raise EtcdRefusedError("permission denied (code 7)")

    async def get(self, key: str) -> tuple[KeyValue | None, int]:
        if self.refuses:
            raise EtcdRefusedError("permission denied (code 7)")
        return await super().get(key)


def test_what_etcd_refuses_is_told_by_the_candidate_and_tried_again_by_the_detector() -> None:
    async def scenario(place: Place) -> None:
        client = Refusing(place.etcd, "a", Random(1))
        with pytest.raises(EtcdRefusedError, match="permission denied"):
            await EtcdContender(client, "/o", TTL, place.clock()).contend(A)
        told: list[UPID | None] = []
        detector = EtcdDetector(client, "/o", place.clock(), Random(1))
        detector.watch(told.append)
        place.detectors.append(detector)
        await asyncio.sleep(20)
        assert told == []
        client.refuses = False
        await asyncio.sleep(20)
        assert told == [None]
        with pytest.raises(RuntimeError, match="watched already"):
            detector.watch(told.append)

    run(scenario)


def test_etcd_that_is_not_there_is_waited_for() -> None:
    async def scenario(place: Place) -> None:
        place.etcd.begin_outage()
        a = place.contender("a")
        contending = asyncio.ensure_future(a.contend(A))
        await asyncio.sleep(100)
        assert not contending.done()
        place.etcd.end_outage()
        await contending
        assert a.leads

    run(scenario)


def test_a_lease_of_no_time() -> None:
    async def scenario(place: Place) -> None:
        with pytest.raises(ValueError, match="ttl is 0"):
            EtcdContender(place.client("a"), "/o", 0)

    run(scenario)
