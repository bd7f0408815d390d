"""The scheduler's side of the protocol: subscribes, follows the master, acknowledges."""

from __future__ import annotations

import logging
import random
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from actors import UPID, Actor, Message, Timer, handles
from cluster.election import Detector
from cluster.messages import (
    Acknowledge,
    ExecutorToFramework,
    FrameworkFailure,
    FrameworkInfo,
    FrameworkRefused,
    Offers,
    Reconcile,
    Rescind,
    Subscribe,
    Subscribed,
    TaskStatus,
    Teardown,
    Update,
)

if TYPE_CHECKING:
    from .base import Framework

__all__ = ["FrameworkRefusedError", "SchedulerDriver"]

log = logging.getLogger("ostrom.framework")

BACKOFF_MIN = 2.0
BACKOFF_MAX = 60.0
REMEMBERED_UPDATES = 10_000


class FrameworkRefusedError(Exception):
    """The master refuses this framework; the text says why."""


class SchedulerDriver(Actor):
    """Speaks with the master on a framework's behalf, and calls the framework back."""

    def __init__(
        self, framework: Framework, info: FrameworkInfo, detector: Detector, seed: int | None = None
    ) -> None:
        self.framework = framework
        self.info = info
        self.master: UPID | None = None
        """The master that this framework is subscribed with."""
        self._detector = detector
        self._rng = random.Random(seed)  # noqa: S311 - delays, no secrets
        self._leader: UPID | None = None
        self._backoff = 0.0
        self._timer: Timer | None = None
        self._ever = False
        self._seen: set[str] = set()
        self._seen_order: deque[str] = deque()

    def initialize(self) -> None:
        """Look for the master."""
        self._detector.watch(lambda leader: self.defer(self._detected, leader))

    def finalize(self) -> None:
        """Stop looking."""
        self._detector.close()

    def call(self, message: Message) -> bool:
        """Send to the master; False if there is none now."""
        if self.master is None:
            return False
        self.send(self.master, message)
        return True

    def teardown(self) -> None:
        """End the framework on the cluster."""
        if self.info.id:
            self.call(Teardown(self.info.id))

    # Subscription.

    def _detected(self, leader: UPID | None) -> None:
        self._leader = leader
        self._lost()
        self._backoff = 0.0
        self._subscribe()

    def _lost(self) -> None:
        if self.master is not None:
            self.master = None
            self.framework.on_disconnected()

    def _subscribe(self) -> None:
        """Subscribe, and again with growing random delays until the master answers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._leader is None or self.master is not None:
            return
        self.link(self._leader)
        self.send(self._leader, Subscribe(self.info, self.framework.suppressed_roles()))
        self._backoff = min(max(self._backoff * 2, BACKOFF_MIN), BACKOFF_MAX)
        self._timer = self.after(self._rng.uniform(self._backoff / 2, self._backoff), self._subscribe)

    @handles(Subscribed)
    def subscribed(self, message: Subscribed, sender: UPID | None) -> None:
        """The master has taken this framework."""
        if self.master is not None:
            return
        self.master = sender
        self.info = msgspec.structs.replace(self.info, id=message.framework_id)
        self._backoff = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        again, self._ever = self._ever, True
        self.framework.on_subscribed(again)

    @handles(FrameworkRefused)
    def framework_refused(self, message: FrameworkRefused) -> None:
        """The master will not have this framework: it ends."""
        self.framework.fail(FrameworkRefusedError(message.message))

    def exited(self, upid: UPID, reason: str) -> None:
        """The master's connection is gone: subscribe again."""
        if upid in (self.master, self._leader):
            if self.master is not None:
                log.warning("lost the master at %s (%s), subscribing again", upid, reason)
            self._lost()
            if self._timer is None:
                self._subscribe()

    def _from_master(self, sender: UPID | None) -> bool:
        return sender is not None and sender == self.master

    # Events.

    @handles(Offers)
    def offers(self, message: Offers, sender: UPID | None) -> None:
        """Resources."""
        if self._from_master(sender):
            self.framework.on_offers(message.offers)

    @handles(Rescind)
    def rescind(self, message: Rescind, sender: UPID | None) -> None:
        """An offer is no longer valid."""
        if self._from_master(sender):
            self.framework.on_rescinded(message.offer_id)

    @handles(Update)
    def update(self, message: Update, sender: UPID | None) -> None:
        """A task's new state. What was seen before is acknowledged again, and not told again."""
        if not self._from_master(sender):
            return
        status = message.status
        if status.uuid and status.uuid in self._seen:
            self.acknowledge(status)
            return
        if status.uuid:
            self._seen.add(status.uuid)
            self._seen_order.append(status.uuid)
            if len(self._seen_order) > REMEMBERED_UPDATES:
                self._seen.discard(self._seen_order.popleft())
        self.framework.on_status(status)
        if not self.framework.explicit_acknowledgements:
            self.acknowledge(status)

    def acknowledge(self, status: TaskStatus) -> None:
        """The framework has this status; without a uuid there is nothing to acknowledge."""
        if status.uuid:
            self.call(Acknowledge(self.info.id, status.agent_id, status.task_id, status.uuid))

    @handles(ExecutorToFramework)
    def executor_message(self, message: ExecutorToFramework, sender: UPID | None) -> None:
        """From an executor."""
        if self._from_master(sender):
            self.framework.on_message(message.agent_id, message.executor_id, message.data)

    @handles(FrameworkFailure)
    def failure(self, message: FrameworkFailure, sender: UPID | None) -> None:
        """An agent or an executor is gone."""
        if self._from_master(sender):
            self.framework.on_failure(message)

    def reconcile(self, task_ids: tuple[str, ...]) -> None:
        """Ask for the latest state of tasks."""
        self.call(Reconcile(self.info.id, task_ids))
