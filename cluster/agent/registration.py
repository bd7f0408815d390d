"""How an agent finds its master, stays known to it, and notices when it is not."""

from __future__ import annotations

import asyncio
import logging
import random

from actors import NOPROC, UPID, Actor, Message, Timer, handles
from cluster.election import Detector
from cluster.messages import (
    AgentRefused,
    AgentRegistered,
    PingAgent,
    PongAgent,
    ShutdownAgent,
)

from .options import AgentOptions
from .state import AgentState
from .tokens import ExecutorTokens

__all__ = ["Registering"]

log = logging.getLogger("ostrom.agent")

SOON = 0.1
"""Seconds, at most, until an agent asks again that found nobody there: one who was elected just now is there at once.

Then twice as many each time.
"""


class Registering(Actor):
    """The part of the agent that registers, answers pings, and registers again."""

    options: AgentOptions
    state: AgentState
    incarnation: str
    _rng: random.Random
    _detector: Detector
    tokens: ExecutorTokens
    """By which executors are known."""

    def __init__(self) -> None:
        self.master: UPID | None = None
        """The master that this agent is registered with."""
        self.refused: str | None = None
        self.shutting_down = False
        self.returns = False
        """Whether, if so, what has become of all that is to be told by the next process."""
        """Whether all that runs is to end with this process."""
        self._leader: UPID | None = None
        self._taken = asyncio.Event()
        self._ping_timeout = 0.0
        self._backoff = 0.0
        self._soon = SOON
        self._register_timer: Timer | None = None
        self._ping_timer: Timer | None = None

    def _done(self) -> None:
        raise NotImplementedError

    @property
    def _now(self) -> float:
        return self.clock.time()

    def _detected(self, leader: UPID | None) -> None:
        self._leader = leader
        self.master = None
        self._backoff, self._soon = 0.0, SOON
        if leader is None or not self._taken.is_set() or not self._detector.spread:
            self._register()
            return
        if self._register_timer is not None:
            self._register_timer.cancel()
        # All the others have lost the same master.
        self._register_timer = self.after(self._rng.uniform(0, self._detector.spread), self._register)

    def _register(self) -> None:
        """Register, and again with growing random delays until the master answers."""
        if self._register_timer is not None:
            self._register_timer.cancel()
            self._register_timer = None
        if self._leader is None or self.master is not None:
            return
        self.link(self._leader)
        self.tell_leader(self.state.registration(self.incarnation))
        limit = self.options.registration_backoff_max
        self._backoff = min(max(self._backoff * 2, self.options.registration_backoff), limit)
        self._register_timer = self.after(self._rng.uniform(self._backoff / 2, self._backoff), self._register)

    def tell_leader(self, message: Message) -> None:
        """Send to the master, registered or not, after what has to be written down first."""
        raise NotImplementedError

    @handles(AgentRegistered)
    def registered(self, message: AgentRegistered, sender: UPID | None) -> None:
        """The master has taken this agent."""
        if sender is None or sender != self._leader:
            return
        if self.master is None:
            log.info("registered as %s with master %s", message.agent_id, sender)
        self.master = sender
        self._backoff, self._soon = 0.0, SOON
        self._taken.set()
        if self._register_timer is not None:
            self._register_timer.cancel()
            self._register_timer = None
        self._ping_timeout = message.ping_timeout
        self._expect_ping(message.ping_timeout)
        self.state.registered(message, self._now)
        self._done()

    @handles(AgentRefused)
    def agent_refused(self, message: AgentRefused, sender: UPID | None) -> None:
        """The master will not have this agent: it ends."""
        if sender is None or sender != self._leader:
            return
        log.error("the master refuses this agent: %s", message.message)
        self.refused = message.message
        self.terminate(f"refused: {message.message}")

    @handles(ShutdownAgent)
    def shutdown_agent(self, message: ShutdownAgent, sender: UPID | None) -> None:
        """The master will not have this agent any more, or not for now: it ends, with all that it runs."""
        if sender is None or sender != self._leader:
            return
        log.error("the master shuts this agent down: %s", message.message)
        self.refused = message.message
        self.shutting_down, self.returns = True, message.returns
        self.terminate(f"shut down by the master: {message.message}")

    async def registered_once(self) -> None:
        """Return when a master has taken this agent for the first time."""
        await self._taken.wait()

    def _expect_ping(self, timeout: float) -> None:
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        self._ping_timer = self.after(timeout, self._master_silent)

    def _master_silent(self) -> None:
        log.warning("no ping from the master, registering again")
        self.master = None
        self._register()

    @handles(PingAgent)
    def ping(self, message: PingAgent, sender: UPID | None) -> None:
        """The master asks whether this agent lives."""
        if sender is None or sender != self.master:
            return
        self._expect_ping(self._ping_timeout)
        self.send(sender, PongAgent(self.state.info.id))
        if not message.connected:
            self.master = None
            self._register()

    def exited(self, upid: UPID, reason: str) -> None:
        """The master's connection is gone, or an executor is."""
        if upid in (self.master, self._leader):
            log.warning("lost the master at %s (%s), registering again", upid, reason)
            self.master = None
            if self._register_timer is None or self._backoff == 0.0:
                self._register()
            elif reason == NOPROC:
                self._register_timer.cancel()
                self._register_timer = self.after(
                    self._rng.uniform(self._soon / 2, self._soon), self._register
                )
                self._soon = min(self._soon * 2, self.options.registration_backoff_max)
                self._backoff = self._soon / 2
            return
        self.state.executor_exited(upid)
        self._done()
