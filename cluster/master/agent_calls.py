"""The messages of agents."""

from __future__ import annotations

import logging
from collections.abc import Callable

from actors import NOCONNECTION, UPID, handles
from cluster.messages import (
    ExecutorToFramework,
    ExitedExecutor,
    PongAgent,
    RegisterAgent,
    StatusUpdate,
    UnregisterAgent,
)

from .records import AgentRecord
from .shell import MasterShell

__all__ = ["AgentCalls"]

FIRST_PROBE = 0.05
"""Seconds until an agent whose connection broke twice is linked to once more; then twice as many each time."""


class AgentCalls(MasterShell):
    """What agents send, and the end of their connections."""

    @handles(RegisterAgent)
    def register_agent(self, message: RegisterAgent, sender: UPID | None) -> None:
        """An agent introduces itself."""
        if sender is None:
            return
        self.state.register_agent(sender, message, self._now)
        self._probed.pop(sender, None)
        self.link(sender)
        self._done()

    def _with_agent(self, sender: UPID | None, act: Callable[[AgentRecord], object]) -> None:
        agent = self.state.agent_of(sender)
        if agent is not None:
            act(agent)
            self._done()

    @handles(UnregisterAgent)
    def unregister_agent(self, message: UnregisterAgent, sender: UPID | None) -> None:
        """An agent ends by itself."""
        agent = self.state.agent_of(sender)
        if agent is not None and agent.id == message.agent_id:
            self._remove_agent(agent, "it was shut down", logging.INFO)
            self._done()

    def _remove_agent(self, agent: AgentRecord, text: str, level: int = logging.WARNING) -> None:
        self._probed.pop(agent.upid, None)
        self.state.remove_agent(agent.id, self._now, text, level=level)

    @handles(PongAgent)
    def pong(self, message: PongAgent, sender: UPID | None) -> None:
        """An agent lives."""
        agent = self.state.agent_of(sender)
        if agent is not None and agent.id == message.agent_id:
            self.state.ponged(agent)
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

    def agent_gone(self, upid: UPID, reason: str) -> None:
        """An agent is gone, or its connection is. What one that checkpoints runs lives on: the pings decide."""
        agent = self.state.agent_disconnected(upid)
        if agent is None or agent.info.checkpoint:
            return
        if reason == NOCONNECTION:
            self._probe(upid)
        else:
            self._remove_agent(agent, f"its process is gone ({reason})")

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
        if upid in self._probed and self.state.has_agent_at(upid):
            self.link(upid)
        else:
            self._probed.pop(upid, None)
