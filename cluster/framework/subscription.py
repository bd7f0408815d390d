"""A framework's subscription: finds the master, subscribes, and again whenever that is lost."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Iterator

import msgspec

from actors import NOPROC, UPID, Actor, Message, Timer, handles
from cluster.election import Detector
from cluster.messages import (
    FrameworkInfo,
    FrameworkRefused,
    Revive,
    Subscribe,
    Subscribed,
    Suppress,
    UpdateFramework,
)

from .reconciling import MasterView

__all__ = ["FrameworkRefusedError", "Subscription"]

log = logging.getLogger("ostrom.framework")

BACKOFF_MIN = 2.0
BACKOFF_MAX = 60.0
BACKOFF_LEAST = 0.1
"""Seconds: however short the failover timeout is."""
SOON = 0.1
"""Seconds until it asks again when nobody is there, at first: one who was elected just now is there at once."""


class FrameworkRefusedError(Exception):
    """The master refuses this framework; the text says why."""


class Subscription(Actor):
    """Subscribes with whoever leads, and knows the master that took the framework.

    It asks at once, then after a random time of up to 2 s (0.1 s if nobody is there), twice as many each time up to a
    minute; but at least ten times within the framework's failover timeout, as in Mesos.
    """

    def __init__(self, info: FrameworkInfo, detector: Detector, rng: random.Random) -> None:
        self.info = info
        self.master: UPID | None = None
        """The master that this framework is subscribed with."""
        self.view = MasterView()
        self._detector = detector
        self._rng = rng
        self._leader: UPID | None = None
        self._deposed: dict[UPID, set[UPID]] = {}
        self._backoff = 0.0
        self._soon = SOON
        self._asked = False
        """Whether a subscription has been sent since the last connection to the master broke."""
        self._timer: Timer | None = None
        self._ever = False
        self._said: list[tuple[FrameworkInfo, tuple[str, ...]]] = []

    # For the driver.

    def suppressed(self) -> tuple[str, ...]:
        """The roles that want no offers."""
        raise NotImplementedError

    def on_subscribed(self, again: bool) -> None:
        """A master has taken the framework."""
        raise NotImplementedError

    def on_lost(self) -> None:
        """There is no master any more."""
        raise NotImplementedError

    def on_refused(self, error: FrameworkRefusedError) -> None:
        """The master will not have the framework."""
        raise NotImplementedError

    def call(self, message: Message) -> bool:
        """Send to the master; False if there is none now."""
        if self.master is None:
            return False
        self.send(self.master, message)
        return True

    def introduce(self, info: FrameworkInfo) -> None:
        """Be another from now on, under the same id."""
        self.info = msgspec.structs.replace(info, id=self.info.id)
        self.call(UpdateFramework(self.info, self.suppressed()))

    # The leader.

    def initialize(self) -> None:
        """Look for the master."""
        self._detector.watch(lambda leader: self.defer(self._detected, leader))

    def finalize(self) -> None:
        """Stop looking."""
        self._detector.close()

    def _detected(self, leader: UPID | None) -> None:
        if self._leader is not None:
            # A master may go by another address than the one that it was found by.
            names = self._deposed.setdefault(self._leader, {self._leader})
            if self.master is not None:
                names.add(self.master)
        self._leader = leader
        if leader is not None:
            self._deposed.pop(leader, None)
        self._lost()
        self._backoff, self._soon = 0.0, SOON
        if leader is None or not self._ever or not self._detector.spread:
            self._subscribe()
            return
        self._cancel()
        self._timer = self.after(self._rng.uniform(0, self._detector.spread), self._subscribe)

    def _lost(self) -> None:
        if self.master is not None:
            self.master = None
            self.on_lost()

    def _subscribe(self) -> None:
        """Subscribe, and again with growing random delays until the master answers."""
        self._cancel()
        if self._leader is None or self.master is not None:
            return
        self.link(self._leader)
        suppressed = self.suppressed()
        if (self.info, suppressed) not in self._said:
            self._said.append((self.info, suppressed))
        self.send(self._leader, Subscribe(self.info, suppressed))
        self._asked = True
        self._backoff = min(max(self._backoff * 2, BACKOFF_MIN), self._longest)
        self._timer = self.after(self._rng.uniform(self._backoff / 2, self._backoff), self._subscribe)

    @property
    def _longest(self) -> float:
        """The longest pause between two subscriptions."""
        if self.info.failover_timeout > 0:
            return min(BACKOFF_MAX, max(self.info.failover_timeout / 10, BACKOFF_LEAST))
        return BACKOFF_MAX

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @handles(Subscribed)
    def subscribed(self, message: Subscribed, sender: UPID | None) -> None:
        """The master has taken this framework."""
        if self.master is not None or self._leader is None or self._is_deposed(sender):
            return
        if not self._asked:
            # The connection over which it was asked for has broken, and to the master that is the end of it.
            return
        if self.info.id not in ("", message.framework_id):
            # A first subscription, from before it had its id, has come late, to a master that does not know it yet.
            return
        self.master = sender
        if sender is not None:
            # The answer may come over another connection than the one that was linked.
            self.link(sender)
        self.view = MasterView(self.view.subscription + 1, message.master_id)
        self.info = msgspec.structs.replace(self.info, id=message.framework_id)
        self._backoff, self._soon = 0.0, SOON
        self._cancel()
        said, self._said = self._said, []
        for correction in self._corrections(said):
            self.call(correction)
        again, self._ever = self._ever, True
        self.on_subscribed(again)

    def _corrections(self, said: Collection[tuple[FrameworkInfo, tuple[str, ...]]]) -> Iterator[Message]:
        """What has changed since it was said in any of the subscriptions: they may arrive in part, or late."""
        suppressed = self.suppressed()
        if any(msgspec.structs.replace(info, id=self.info.id) != self.info for info, _ in said):
            yield UpdateFramework(self.info, suppressed)
        if any(set(roles) != set(suppressed) for _, roles in said):
            wanted = tuple(role for role in self.info.roles if role not in suppressed)
            if suppressed:
                yield Suppress(self.info.id, suppressed)
            if wanted:
                yield Revive(self.info.id, wanted)

    @handles(FrameworkRefused)
    def framework_refused(self, message: FrameworkRefused, sender: UPID | None) -> None:
        """The master will not have this framework: it ends."""
        if not self._is_deposed(sender):
            self.on_refused(FrameworkRefusedError(message.message))

    def _is_deposed(self, sender: UPID | None) -> bool:
        """Whether a former leader says it: an old answer."""
        return any(sender in names for names in self._deposed.values())

    def exited(self, upid: UPID, reason: str) -> None:
        """The master's connection is gone: subscribe again."""
        if upid in (self.master, self._leader):
            self._asked = False
            if self.master is not None:
                log.warning("lost the master at %s (%s), subscribing again", upid, reason)
            self._lost()
            if self._timer is None:
                self._subscribe()
            elif reason == NOPROC and self._backoff > 0:
                self._cancel()
                self._timer = self.after(self._rng.uniform(self._soon / 2, self._soon), self._subscribe)
                self._soon = min(self._soon * 2, self._longest)
                self._backoff = self._soon / 2
