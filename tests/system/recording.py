"""An agent and a framework that work for every leader, and keep all that anybody sends them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from actors import NOPROC, UPID, Actor, Message
from cluster.attributes import Attributes
from cluster.election import Detector
from cluster.messages import (
    AgentInfo,
    AgentRegistered,
    FrameworkInfo,
    PingAgent,
    PongAgent,
    RegisterAgent,
    Subscribe,
    Subscribed,
)
from cluster.resources import Resources

__all__ = ["Heard", "RecordingAgent", "RecordingFramework"]


class Heard(NamedTuple):
    """A message, and when it came (monotonic seconds)."""

    at: float
    sender: UPID | None
    message: Message


class Recording(Actor):
    """Introduces itself to every leader. Its connections to those before stay, until they break.

    `patient`: it does so again while nobody is there.
    """

    patient = True

    def __init__(self, detector: Detector) -> None:
        self.heard: list[Heard] = []
        self.leader: UPID | None = None
        self.gone: list[UPID] = []
        self._detector = detector
        self._changed = asyncio.Event()

    def initialize(self) -> None:
        self._detector.watch(lambda leader: self.defer(self._detected, leader))

    def finalize(self) -> None:
        self._detector.close()

    def _detected(self, leader: UPID | None) -> None:
        self.leader = leader
        if leader is not None:
            self.link(leader)
            self.introduce(leader)
        self._changed.set()

    def introduce(self, leader: UPID) -> None:
        raise NotImplementedError

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        self.heard.append(Heard(time.monotonic(), sender, message))
        self.answer(message, sender)
        self._changed.set()

    def answer(self, message: Message, sender: UPID | None) -> None:
        raise NotImplementedError

    def exited(self, upid: UPID, reason: str) -> None:
        if reason == NOPROC and upid == self.leader and self.patient:
            # Its key is there before its actor is.
            self.after(0.05, self._detected, upid)
            return
        # All that came over its connection has come before this.
        self.gone.append(upid)
        self._changed.set()

    def of(self, sender: UPID, kind: type[Message] = Message) -> list[Message]:
        """What somebody has sent so far."""
        return [
            heard.message
            for heard in self.heard
            if heard.sender == sender and isinstance(heard.message, kind)
        ]

    async def until(self, condition: Callable[[], object]) -> None:
        """Return when what came has made it true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def until_gone(self, upid: UPID) -> None:
        """Return when nothing of somebody's can come any more: its connection has ended."""
        await self.until(lambda: upid in self.gone)


class RecordingAgent(Recording):
    """Says that it has four processors, and answers pings."""

    def __init__(self, detector: Detector, hostname: str) -> None:
        super().__init__(detector)
        self.info = AgentInfo(hostname, Resources.of(cpus=4, mem=1024), Attributes())

    def introduce(self, leader: UPID) -> None:
        self.send(leader, RegisterAgent(self.info))

    def answer(self, message: Message, sender: UPID | None) -> None:
        if isinstance(message, AgentRegistered):
            self.info = msgspec.structs.replace(self.info, id=message.agent_id)
        elif isinstance(message, PingAgent) and sender is not None:
            self.send(sender, PongAgent(self.info.id))


class RecordingFramework(Recording):
    """Takes offers, and leaves them unanswered."""

    def __init__(self, detector: Detector, name: str) -> None:
        super().__init__(detector)
        self.info = FrameworkInfo(name, failover_timeout=600.0)

    def introduce(self, leader: UPID) -> None:
        self.send(leader, Subscribe(self.info))

    def answer(self, message: Message, sender: UPID | None) -> None:
        if isinstance(message, Subscribed):
            self.info = msgspec.structs.replace(self.info, id=message.framework_id)
