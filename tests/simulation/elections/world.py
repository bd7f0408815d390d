"""All who take part in an election, and what is done to them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from cluster.etcd import CompactedError
from tests.simulation.etcd import ModelEtcd, Weather

from .candidates import Candidate, Makers, Node, Watcher
from .checker import Checker
from .plan import Fault, Plan
from .process import Process, ProcessLoop

__all__ = ["World"]

CALM = 0.002
"""Seconds that a request or an answer takes on average when nothing fails: long ones are failures, too."""


class World:
    """A plan, come to life."""

    def __init__(
        self,
        loop: ProcessLoop,
        plan: Plan,
        makers: Makers,
        broken: Callable[[str, str], None],
        note: Callable[[str], None],
    ) -> None:
        self.loop = loop
        self.plan = plan
        self.makers = makers
        self.note = note
        self.etcd = ModelEtcd(loop, Random(f"etcd/{plan.seed}"))
        self.checker = Checker(self.etcd, broken, note)
        self.candidates = [Candidate(self, each) for each in plan.contenders]
        self.watchers = [Watcher(self, each) for each in plan.detectors]
        self.nodes: dict[str, Node] = {each.name: each for each in [*self.candidates, *self.watchers]}
        self.checker.candidates = self.candidates
        self._rng = Random(f"faults/{plan.seed}")
        self._outside = contextvars.Context()
        self._stopped: dict[int, Process] = {}
        self._stops = 0
        self._deaf_until = 0.0

    def later(self, seconds: float, act: Callable[..., object], *args: Any) -> None:
        """Do something, outside of all processes, after so many seconds of true time."""
        self.loop.truly_at(self.loop.true_time + seconds, act, args, self._outside)

    def stop(self, node: Node, seconds: float) -> None:
        """SIGSTOP, and SIGCONT so much later."""
        if node.alive:
            self._stops += 1
            self._stopped[self._stops] = node.process
            node.process.stop()
            self.note(f"{node.name} is stopped for {seconds:.3f} s")
            self.later(seconds, self._go_on, self._stops)

    def _go_on(self, number: int) -> None:
        process = self._stopped.pop(number, None)
        if process is not None:
            process.go_on()
            self.note(f"{process.name} goes on")

    async def cause(self, fault: Fault) -> None:
        """Do it; return when it is over."""
        target = self._target(fault)
        self.note(f"fault: {fault.kind} {fault.flavour} {target.name} {fault.seconds:.3f}")
        self.checker.counts[f"fault {fault.kind} {fault.flavour}".strip()] += 1
        etcd, seconds = self.etcd, fault.seconds
        if fault.kind == "stop":
            self.stop(target, seconds)
        elif fault.kind == "trap":
            target.traps.append((fault.flavour, seconds))
        elif fault.kind == "ambush":
            if target.alive:
                target.process.ambush = self._rng.randint(1, 80), lambda: self.stop(target, seconds)
        elif fault.kind == "kill":
            target.kill()
            self.later(seconds / 2, target.start)
        elif fault.kind == "resign":
            if isinstance(target, Candidate) and target.alive:
                target.process.spawn(target.resign())
        elif fault.kind == "raft":
            etcd.change_leader()
        elif fault.kind == "break":
            etcd.break_watches(target.name)
        elif fault.kind == "deafen":
            etcd.deafen(target.name)
            self._deaf_until = self.loop.true_time + self.plan.silence / target.machine.rate
        elif fault.kind == "compact":
            try:
                etcd.compact()
            except CompactedError:
                self.note("nothing is left to be compacted")
        else:
            await self._last(fault, target)

    async def _last(self, fault: Fault, target: Node) -> None:
        """What has an end."""
        etcd = self.etcd
        if fault.kind == "outage":
            if not etcd.down:
                etcd.begin_outage()
                try:
                    await asyncio.sleep(fault.seconds)
                finally:
                    etcd.end_outage()
        elif fault.kind == "cut":
            etcd.block(fault, target.name, to=fault.flavour != "back", back=fault.flavour != "to")
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                etcd.unblock(fault)
        elif fault.kind == "freeze":
            etcd.freeze(fault, target.name)
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                etcd.thaw(fault)
        elif fault.kind == "weather":
            self._worsen(target.weather, fault.flavour)
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                self._clear(target.weather)
        else:
            raise ValueError(f"fault.kind is {fault.kind!r}")

    def _target(self, fault: Fault) -> Node:
        if fault.target != "leader":
            return self.nodes[fault.target]
        leaders = [each for each in self.candidates if each.leads]
        return leaders[0] if leaders else self._rng.choice(self.candidates)

    def _worsen(self, weather: Weather, flavour: str) -> None:
        for name in ("request_lost", "answer_lost", "late"):
            if flavour in (name, "all"):
                setattr(weather, name, self._rng.uniform(0.05, 0.6))
        weather.latency = self._rng.choice((self.plan.latency, 0.2, 0.5))

    def _clear(self, weather: Weather) -> None:
        weather.request_lost = weather.answer_lost = weather.late = 0.0
        weather.latency = self.plan.latency

    def recover(self) -> float:
        """End what faults there still are; return the true time at which nothing of them is left."""
        for number in list(self._stopped):
            self._go_on(number)
        for node in self.nodes.values():
            node.traps.clear()
            node.weather.latency = CALM
            node.start()
            node.process.ambush = None
        return max(self.loop.true_time, self._deaf_until, self.etcd.busy_until)

    async def blink(self) -> float:
        """Kill the leader while others have read who leads, and do not watch yet; return when that is over.

        It stays dead, so that it is they who take over.
        """
        leader = next((each for each in self.candidates if each.leads), self.candidates[0])
        shut = self.plan.ttl + 4.0
        share = self._rng.choice((0.5, 1.0))
        for node in self.nodes.values():
            if node is not leader and self._rng.random() < share:
                node.traps.append(("get answered", shut))
                self.etcd.break_watches(node.name)
        await asyncio.sleep(2.0)
        for node in self.nodes.values():
            node.traps.clear()
        leader.kill()
        return self.loop.true_time + shut

    def unsettled(self) -> Iterator[str]:
        """What is not yet as it must be when nothing fails."""
        leaders = self.checker.leaders()
        if len(leaders) != 1:
            yield f"{len(leaders)} lead"
            return
        for watcher in self.watchers:
            if watcher.leader != leaders[0].upid:
                yield f"{watcher.name} follows {watcher.leader}, not {leaders[0].upid}"
