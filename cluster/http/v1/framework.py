"""A framework that speaks HTTP: to the master it is one like any other."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping

import msgspec

from actors import UPID, format_address, handles
from cluster.messages import (
    ExecutorToFramework,
    FrameworkFailure,
    FrameworkRefused,
    InverseOffers,
    Offers,
    Rescind,
    RescindInverseOffer,
    Subscribe,
    Subscribed,
    Teardown,
    Update,
    UpdateFramework,
    UpdateOperation,
)
from cluster.v1.translate import Dialect, subscribed_event, translate_call, translate_event
from cluster.v1.translate.masters import master_to
from cluster.v1.types.scheduler import Call, Event

from .media import Media
from .stream import EventStream
from .subscriber import Subscriber

__all__ = ["HEARTBEAT_INTERVAL", "HttpFramework"]

log = logging.getLogger("ostrom.http")

HEARTBEAT_INTERVAL = 15.0
"""Seconds."""

EventMessage = (
    Offers
    | InverseOffers
    | Rescind
    | RescindInverseOffer
    | Update
    | UpdateOperation
    | ExecutorToFramework
    | FrameworkFailure
)


class HttpFramework(Subscriber):
    """The framework of a stream.

    `subscribed` is where it is found by its framework's id while it is subscribed.
    """

    def __init__(
        self,
        master: UPID,
        subscribe: Subscribe,
        dialect: Dialect,
        stream: EventStream,
        media: Media,
        subscribed: MutableMapping[str, HttpFramework],
    ) -> None:
        super().__init__(stream, media)
        self.principal = subscribe.framework.principal
        self._master = master
        self._subscribe = subscribe
        self._dialect = dialect
        self._subscribed = subscribed

    def initialize(self) -> None:
        """Subscribe."""
        self.link(self._master)
        self.send(self._master, self._subscribe)

    def finalize(self) -> None:
        """End the stream."""
        if self._subscribed.get(self._dialect.framework_id) is self:
            del self._subscribed[self._dialect.framework_id]
        super().finalize()

    def describe(self) -> str:
        """Who the client is, for the log."""
        return f"framework {self._dialect.framework_id}"

    def exited(self, upid: UPID, reason: str) -> None:
        """The master is no more: the client looks for another."""
        self.terminate()

    def take(self, call: Call) -> UpdateFramework | None:
        """Do what a call says, in a turn of this actor. RefusedError if it cannot be taken as it is.

        Returns:
            The framework's new introduction, if it is one: that is not sent.
        """
        translated = translate_call(call, self._dialect, self.clock.time())
        for problem in translated.problems:
            log.info("framework %s: %s", self._dialect.framework_id, problem)
        if isinstance(translated.message, UpdateFramework):
            return translated.message
        if translated.message is not None:
            self.send(self._master, translated.message)
        for event in translated.events:
            self.tell(event)
        if isinstance(translated.message, Teardown):
            self.terminate()
        return None

    def speak(self, dialect: Dialect) -> Dialect:
        """Speak to the client so from now on, in a turn of this actor. Returns the dialect that it was."""
        before, self._dialect = self._dialect, dialect
        return before

    @handles(Subscribed)
    def subscribed(self, message: Subscribed, sender: UPID | None) -> None:
        """The master has taken the framework."""
        if sender != self._master:
            return
        self._dialect = msgspec.structs.replace(self._dialect, framework_id=message.framework_id)
        self._subscribed[message.framework_id] = self
        host, _ = self.system.address
        master = master_to(message.master_id, host, format_address(self.system.address))
        self.tell(subscribed_event(message, master, HEARTBEAT_INTERVAL))
        heartbeat = Event(type=Event.Type.HEARTBEAT)
        self.tell(heartbeat)
        self.every(HEARTBEAT_INTERVAL, self.tell, heartbeat)

    @handles(
        Offers,
        InverseOffers,
        Rescind,
        RescindInverseOffer,
        Update,
        UpdateOperation,
        ExecutorToFramework,
        FrameworkFailure,
    )
    def event(self, message: EventMessage, sender: UPID | None) -> None:
        """Tell the client."""
        if sender != self._master:
            return
        event = translate_event(message, self._dialect)
        if event is not None:
            self.tell(event)
        elif isinstance(message, UpdateOperation) and message.message:
            log.warning("framework %s: %s", self._dialect.framework_id, message.message)

    @handles(FrameworkRefused)
    def refused(self, message: FrameworkRefused, sender: UPID | None) -> None:
        """The master will not have the framework, or no longer."""
        if sender != self._master:
            return
        event = translate_event(message, self._dialect)
        if event is not None:
            self.tell(event)
        self.terminate()
