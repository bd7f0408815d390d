"""The master as an actor: receives, asks the rules, sends what they say."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from actors import NOCONNECTION, UPID, Actor, Message, Timer, handles
from allocators import OfferAllocator
from allocators.plugins import make_allocator
from cluster.messages import (
    Accept,
    Acknowledge,
    AgentRefused,
    Decline,
    ExecutorToFramework,
    ExitedExecutor,
    FrameworkRefused,
    FrameworkToExecutor,
    KillTask,
    PingAgent,
    PongAgent,
    Reconcile,
    RegisterAgent,
    Revive,
    ShutdownExecutor,
    StatusUpdate,
    Subscribe,
    Suppress,
    Teardown,
    UnregisterAgent,
)
from cluster.registry import Change, MemoryRegistry, Registry

from .options import MasterOptions, RoleOptions
from .records import FrameworkRecord
from .state import MasterState
from .validation import role_problem

__all__ = ["Master"]

log = logging.getLogger("ostrom.master")

FIRST_PROBE = 0.05
"""Seconds until an agent whose connection broke twice is linked to once more; then twice as many each time."""


class Master(Actor):
    """The master: offers the agents' resources to frameworks and carries their messages.

    `registry` is what it must not forget (default: nothing outlives the process); `allocator` decides who is
    offered what (default: weighted DRF), by its name (see `allocators.plugins`) or itself; `weights` are set for roles
    at start, beside the registry's, and so are `roles`, which the registry does not keep. ValueError for an allocator
    that there is not, and for quotas that cannot be.
    """

    def __init__(
        self,
        *,
        options: MasterOptions | None = None,
        registry: Registry | None = None,
        allocator: OfferAllocator | str = "drf",
        weights: dict[str, float] | None = None,
        roles: Mapping[str, RoleOptions] | None = None,
        seed: int | None = None,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311 - names and orders, no secrets
        self.options = options or MasterOptions()
        self.registry = registry or MemoryRegistry()
        self.state = MasterState(
            f"{rng.getrandbits(32):08x}",
            self._allocator(allocator, np.random.default_rng(rng.getrandbits(32))),
            self.options,
        )
        self._weights = dict(weights or {})
        for role, settings in (roles or {}).items():
            if problem := role_problem(role):
                raise ValueError(f"roles: {problem}")
            self.state.set_role(role, settings)
        self._allocating = False
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._probed: dict[UPID, float] = {}
        self.on_turn: Callable[[], object] | None = None

    async def initialize(self) -> None:
        """Recover from the registry; then the timers."""
        stored = await self.registry.load()
        weights = {**stored.weights, **self._weights}
        for role, weight in weights.items():
            if problem := role_problem(role):
                raise ValueError(f"weights: {problem}")
            self.state.set_weight(role, weight)
        if self._weights:
            await self.registry.write(
                [Change("weights", role, weight) for role, weight in self._weights.items()]
            )
        self.every(self.options.allocation_interval, self._periodic)
        self.every(self.options.ping_interval, self._ping)
        log.info("master %s at %s, %d agents on record", self.state.master_id, self.upid, len(stored.agents))

    async def finalize(self) -> None:
        """Let go of the registry."""
        await self.registry.close()

    @staticmethod
    def _allocator(allocator: OfferAllocator | str, rng: np.random.Generator) -> OfferAllocator:
        return make_allocator(allocator, rng) if isinstance(allocator, str) else allocator

    @property
    def _now(self) -> float:
        return self.clock.time()

    def _done(self) -> None:
        """After every turn: send what the rules said, and see to the allocation and the next deadline.

        Allocation waits for the end of the mailbox, so that what one turn of the loop brought is one pass.
        """
        state = self.state
        if state.outbox:
            outbox, state.outbox = state.outbox, []
            for to, message in outbox:
                self.send(to, message)
        if not self._allocating:
            self._allocating = True
            self.defer(self._allocate)
        if self.on_turn is not None:
            self.on_turn()

    def _allocate(self) -> None:
        self._allocating = False
        self.state.allocate(self._now)
        self._flush()
        self._set_timer()

    def _flush(self) -> None:
        outbox, self.state.outbox = self.state.outbox, []
        for to, message in outbox:
            self.send(to, message)
        if self.on_turn is not None:
            self.on_turn()

    def _set_timer(self) -> None:
        due = self.state.next_deadline()
        if due is None or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self.after(max(0.0, due - self._now), self._due)

    def _due(self) -> None:
        self._timer = None
        self.state.expire(self._now)
        self._done()

    def _periodic(self) -> None:
        """The reconciling pass over all agents: events allocate what they touch at once."""
        self.state.expire(self._now)
        self.state.allocate(self._now, full=True)
        self._flush()

    # Frameworks.

    @handles(Subscribe)
    def subscribe(self, message: Subscribe, sender: UPID | None) -> None:
        """A scheduler introduces itself."""
        if sender is None:
            return
        self.state.subscribe(sender, message, self._now)
        self.link(sender)
        self._done()

    def _with_framework(
        self, sender: UPID | None, framework_id: str, act: Callable[[FrameworkRecord], Any]
    ) -> None:
        framework = self.state.framework_of(sender, framework_id)
        if framework is not None:
            act(framework)
            self._done()

    @handles(Teardown)
    def teardown(self, message: Teardown, sender: UPID | None) -> None:
        """A framework ends."""
        self._with_framework(
            sender,
            message.framework_id,
            lambda f: self.state.teardown(f.id, self._now, "torn down by itself"),
        )

    def end_framework(self, framework_id: str, reason: str) -> bool:
        """End a framework on an operator's word, in a turn of this actor. False if there is none."""
        framework = self.state.frameworks.get(framework_id)
        if framework is None:
            return False
        if framework.upid is not None:
            self.send(framework.upid, FrameworkRefused(reason))
        self.state.teardown(framework_id, self._now, reason)
        self._done()
        return True

    @handles(Accept)
    def accept(self, message: Accept, sender: UPID | None) -> None:
        """Offers are used."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.accept(f, message, self._now))

    @handles(Decline)
    def decline(self, message: Decline, sender: UPID | None) -> None:
        """Offers are not wanted."""
        self._with_framework(
            sender, message.framework_id, lambda f: self.state.decline(f, message, self._now)
        )

    @handles(Revive)
    def revive(self, message: Revive, sender: UPID | None) -> None:
        """Offers are wanted again."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.revive(f, message))

    @handles(Suppress)
    def suppress(self, message: Suppress, sender: UPID | None) -> None:
        """No offers are wanted."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.suppress(f, message))

    @handles(KillTask)
    def kill(self, message: KillTask, sender: UPID | None) -> None:
        """A task is to end."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.kill(f, message, self._now))

    @handles(Acknowledge)
    def acknowledge(self, message: Acknowledge, sender: UPID | None) -> None:
        """A status was received."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.acknowledge(f, message))

    @handles(Reconcile)
    def reconcile(self, message: Reconcile, sender: UPID | None) -> None:
        """A framework compares notes."""
        self._with_framework(
            sender, message.framework_id, lambda f: self.state.reconcile(f, message, self._now)
        )

    @handles(FrameworkToExecutor, ShutdownExecutor)
    def to_executor(self, message: FrameworkToExecutor | ShutdownExecutor, sender: UPID | None) -> None:
        """For an executor."""
        self._with_framework(sender, message.framework_id, lambda _: self.state.message_to_executor(message))

    # Agents.

    @handles(RegisterAgent)
    async def register_agent(self, message: RegisterAgent, sender: UPID | None) -> None:
        """An agent introduces itself: its admission is durable before it is told."""
        if sender is None:
            return
        info = self.state.agent_info(sender, message)
        if not info.resources:
            self.send(sender, AgentRefused("it has no resources"))
            return
        if info.id not in self.state.agents:
            await self.registry.write([Change("agents", info.id, info)])
        self.state.register_agent(sender, info, message, self._now)
        self._probed.pop(sender, None)
        self.link(sender)
        self._done()

    @handles(UnregisterAgent)
    async def unregister_agent(self, message: UnregisterAgent, sender: UPID | None) -> None:
        """An agent ends by itself."""
        agent = self.state.agent_of(sender)
        if agent is not None and agent.id == message.agent_id:
            await self._remove_agent(agent.id, "it was shut down", logging.INFO)

    async def _remove_agent(self, agent_id: str, text: str, level: int = logging.WARNING) -> None:
        await self.registry.write([Change("agents", agent_id, None)])
        self._probed.pop(self.state.agents[agent_id].upid, None)
        self.state.remove_agent(agent_id, self._now, text, level=level)
        self._done()

    @handles(PongAgent)
    def pong(self, message: PongAgent, sender: UPID | None) -> None:
        """An agent lives."""
        agent = self.state.agent_of(sender)
        if agent is not None and agent.id == message.agent_id:
            agent.missed_pings = 0

    async def _ping(self) -> None:
        for agent_id in self.state.ping_all(self._now):
            await self._remove_agent(agent_id, "it does not answer pings")
        for agent in self.state.agents.values():
            self.send(agent.upid, PingAgent(agent.id, agent.connected))

    def _with_agent(self, sender: UPID | None, act: Callable[[Any], Any]) -> None:
        agent = self.state.agent_of(sender)
        if agent is not None:
            act(agent)
            self._done()

    @handles(StatusUpdate)
    def status_update(self, message: StatusUpdate, sender: UPID | None) -> None:
        """A task has a new state."""
        self._with_agent(sender, lambda agent: self.state.status_update(agent, message, self._now))

    @handles(ExitedExecutor)
    def exited_executor(self, message: ExitedExecutor, sender: UPID | None) -> None:
        """An executor ended."""
        self._with_agent(sender, lambda agent: self.state.exited_executor(agent, message))

    @handles(ExecutorToFramework)
    def to_framework(self, message: ExecutorToFramework, sender: UPID | None) -> None:
        """For a framework."""
        self._with_agent(sender, lambda _: self.state.message_to_framework(message))

    # Both.

    async def exited(self, upid: UPID, reason: str) -> None:
        """A scheduler or an agent is gone, or its connection is."""
        self.state.framework_exited(upid, self._now)
        agent = self.state.agent_disconnected(upid)
        if agent is not None:
            if reason == NOCONNECTION:
                self._probe(upid)
            else:
                await self._remove_agent(agent.id, f"its process is gone ({reason})")
        self._done()

    def _probe(self, upid: UPID) -> None:
        """Link once more to an agent whose connection broke: it may live.

        A machine that answers "refused", or a new process there that knows no such actor, settles it at once; an
        agent that lives registers again; one that is silent is left to the pings. A link that breaks again is
        repeated after a while: a process that is being killed may still listen when its connections are gone.
        """
        pause = self._probed.get(upid, 0.0)
        self._probed[upid] = min(max(FIRST_PROBE, 2 * pause), self.options.ping_interval)
        if pause:
            self.after(pause, self._probe_again, upid)
        else:
            self.link(upid)

    def _probe_again(self, upid: UPID) -> None:
        if upid in self._probed:
            self.link(upid)

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        """What a master does not know is counted, nothing more."""
        self.system.dead_letter(self.upid, message, sender, "no handler")
