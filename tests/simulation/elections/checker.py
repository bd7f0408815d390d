"""What must hold at every moment of true time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from actors import UPID
from cluster.etcd import Compare, Put, TxnResult
from cluster.etcd.interface import Operation
from tests.simulation.etcd import ModelEtcd

if TYPE_CHECKING:
    from .candidates import Candidate

__all__ = ["PATH", "Checker"]

PATH = "/ostrom"
MASTER = f"{PATH}/master"
REGISTRY = f"{PATH}/registry/"
TOLD_WITHIN = 0.1
"""Seconds in which a process that runs is to know that it leads no longer."""


class Checker:
    """Sees all candidates from outside, and what etcd did. `broken` is told the kind of a violation, and a text.

    two-leaders: the gates of two candidates are open, if only they would run. leads-without-key: a gate is open, and
    etcd has given its term up. not-told: a gate has been closed for a while, and `lost` has not returned. stale-write:
    a write was done whose writer's term is not the newest, or is over. led-again, term-went-back, detector-went-back,
    unknown-leader: as they say.
    """

    def __init__(
        self, etcd: ModelEtcd, broken: Callable[[str, str], None], note: Callable[[str], None]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.candidates: list[Candidate] = []
        self.newest = 0
        self._etcd = etcd
        self._broken = broken
        self._note = note
        self._terms: dict[str, int] = {}
        """Of each candidacy, by the name of its client."""
        self._upids: dict[UPID, str] = {}
        self._heard: dict[str, int] = {}
        self._leading: dict[str, bool] = {}
        self._closed: dict[str, float] = {}
        etcd.on_txn = self._txn

    def enter(self, upid: UPID, client: str) -> None:
        """A candidacy."""
        self._upids[upid] = client

    def leaders(self) -> list[Candidate]:
        """Who would act now, if it ran."""
        return [each for each in self.candidates if each.leads]

    def look(self) -> None:
        """After each event, and at times in between."""
        leaders = []
        now = self._etcd.loop.time()
        for each in self.candidates:
            if each.contender is None:
                continue
            leads = each.leads
            if leads:
                leaders.append(each)
            if leads != self._leading.get(each.client.name, False):
                self._note(f"{each.client.name} {'leads' if leads else 'does not lead'}")
                if leads and each.client.name in self._leading:
                    self._broken("led-again", f"{each.client.name} did not lead for a while, and does again")
                self._leading[each.client.name] = leads
                self._closed[each.client.name] = now
            elif not leads and each.client.name in self._closed and not each.led and not each.process.stopped:
                since = max(self._closed[each.client.name], each.process.went_on)
                if now > since + TOLD_WITHIN:
                    self._broken("not-told", f"{each.client.name} does not lead, and has not been told so")
        if len(leaders) > 1:
            names = " and ".join(
                each.client.name + (", stopped," if each.process.stopped else "") for each in leaders
            )
            self._broken("two-leaders", f"{names} both lead")
        for each in leaders:
            term = self._terms.get(each.client.name, 0)
            item = self._etcd.store.get(MASTER)
            if item is None or item.create_revision != term:
                holder = "nobody" if item is None else f"term {item.create_revision}"
                stopped = ", stopped," if each.process.stopped else ""
                self._broken(
                    "leads-without-key",
                    f"{each.client.name}{stopped} leads, term {term}; in etcd {holder} does",
                )

    def _txn(
        self, client: str, compares: Sequence[Compare], then: Sequence[Operation], result: TxnResult
    ) -> None:
        keys = [each.key for each in then if isinstance(each, Put)]
        if MASTER in keys and result.succeeded:
            if result.revision <= self.newest:
                self._broken("term-went-back", f"{client}: term {result.revision} after {self.newest}")
            self.newest = self._terms[client] = result.revision
            self.counts["elections"] += 1
            self._note(f"etcd: {client} has created the key, term {self.newest}")
        if not any(key.startswith(REGISTRY) for key in keys):
            return
        self.counts["writes done" if result.succeeded else "writes refused"] += 1
        if result.succeeded:
            item, term = self._etcd.store.get(MASTER), self._terms.get(client, 0)
            if item is None or not term == item.create_revision == self.newest:
                text = f"{client}, term {term}, has written, and the newest term is {self.newest}"
                self._broken("stale-write", f"{text}{'' if item else ', which is over'}")

    def told(self, detector: str, leader: UPID | None) -> None:
        """A detector calls back."""
        self._note(f"{detector} is told {leader}")
        if leader is None:
            return
        term = self._terms.get(self._upids.get(leader, ""), 0)
        if not term:
            self._broken("unknown-leader", f"{detector} is told that {leader} leads, which never did")
        if term < self._heard.get(detector, 0):
            self._broken(
                "detector-went-back",
                f"{detector} is told {leader}, term {term}, after {self._heard[detector]}",
            )
        self._heard[detector] = term
