"""What those are told who have subscribed: what happens at the master, each event written once for all of them."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence

from actors import UPID, Actor
from cluster.happenings import Happening
from cluster.http.v1.media import Media
from cluster.http.v1.stream import EventStream
from cluster.master import Master
from cluster.v1.translate.operator_events import happening_event
from cluster.v1.types.master import Event

from .pieces import SLICE, steps_in

__all__ = ["HEARTBEAT_INTERVAL", "Feed", "Subscriber"]

log = logging.getLogger("ostrom.http")

HEARTBEAT_INTERVAL = 15.0
END = object()


class Subscriber:
    """A stream. What comes before its first event is written waits. `since`: the first number that it is told of."""

    def __init__(self, stream: EventStream, media: Media, max_waiting: int) -> None:
        self.stream = stream
        self.media = media
        self.since = 0
        self.left = False
        """Whether it has ended, or has never begun and will not."""
        self._max_waiting = max_waiting
        self._early: list[bytes] | None = []
        self._early_size = 0

    def tell(self, data: bytes) -> bool:
        """Send an event. False if too many wait."""
        if self._early is None:
            return self.stream.put(data)
        self._early.append(data)
        self._early_size += len(data)
        return self._early_size <= self._max_waiting

    def begin(self, first: Sequence[bytes]) -> bool:
        """Send the first events, and those that came meanwhile. False if too many wait."""
        early, self._early = self._early or [], None
        return all(self.stream.put(data) for data in (*first, *early))


class Feed(Actor):
    """Lives as long as its master. With more than `limit` subscribers the oldest is cut off, as in Mesos."""

    def __init__(self, master: Master, limit: int) -> None:
        self._master = master
        self._limit = max(1, limit)
        self._subscribers: dict[Subscriber, None] = {}
        self._waiting: deque[tuple[int, Sequence[Happening]]] = deque()
        self._telling: Iterator[None] = iter(())
        self._working = False

    def initialize(self) -> None:
        """Follow the master."""
        self.link(self._master.upid)
        self.every(HEARTBEAT_INTERVAL, self._heartbeat)

    def exited(self, upid: UPID, reason: str) -> None:
        """The master is no more: clients look for another."""
        self.terminate()

    def finalize(self) -> None:
        """End the streams."""
        self._master.unwatch(self._take)
        for subscriber in list(self._subscribers):
            subscriber.stream.end()

    def add(self, subscriber: Subscriber) -> None:
        """Begin to tell it what happens, from this turn of the master's on; not if it has left already."""
        if subscriber.left:
            return
        while len(self._subscribers) >= self._limit:
            log.warning("%d operators have subscribed: the first is cut off", len(self._subscribers))
            self._cut(next(iter(self._subscribers)))
        subscriber.since = self._master.watch(self._take)
        self._subscribers[subscriber] = None
        self._master.subscribers = len(self._subscribers)

    def begin(self, subscriber: Subscriber, first: bytes) -> None:
        """Send a stream its first event, and what has happened since."""
        heartbeat = subscriber.media.encode(Event(type=Event.Type.HEARTBEAT))
        if not subscriber.begin((first, heartbeat)):
            self._cut_slow(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Tell it nothing more."""
        subscriber.left = True
        self._subscribers.pop(subscriber, None)
        self._master.subscribers = len(self._subscribers)
        if not self._subscribers:
            self._master.unwatch(self._take)
            self._waiting.clear()
            self._telling = iter(())

    def _take(self, number: int, happenings: Sequence[Happening]) -> None:
        # In a turn of the master's, who has other things to do.
        self._waiting.append((number, happenings))
        if not self._working:
            self._working = True
            self.defer(self._work)

    def _work(self) -> None:
        end = time.perf_counter() + SLICE
        while time.perf_counter() < end:
            if next(self._telling, END) is not END:
                continue
            if not self._waiting:
                self._working = False
                return
            self._telling = self._tell_all(*self._waiting.popleft())
        self.defer(self._work)

    def _tell_all(self, number: int, happenings: Sequence[Happening]) -> Iterator[None]:
        """Tell those who are to know of it, step by step."""
        for happening in happenings:
            for media in {each.media.type: each.media for each in self._subscribers}.values():
                pieces: list[bytes] = []
                yield from steps_in(media, happening_event(happening), pieces)
                self._send(b"".join(pieces), media, number)
                yield

    def _send(self, data: bytes, media: Media, number: int) -> None:
        for subscriber in [each for each in self._subscribers if each.media is media]:
            if subscriber.since <= number and not subscriber.tell(data):
                self._cut_slow(subscriber)

    def _heartbeat(self) -> None:
        heartbeat = Event(type=Event.Type.HEARTBEAT)
        for subscriber in list(self._subscribers):
            if not subscriber.tell(subscriber.media.encode(heartbeat)):
                self._cut_slow(subscriber)

    def _cut_slow(self, subscriber: Subscriber) -> None:
        log.warning(
            "an operator's client does not read: %d bytes wait, its stream is cut off",
            subscriber.stream.waiting,
        )
        self._cut(subscriber)

    def _cut(self, subscriber: Subscriber) -> None:
        subscriber.stream.cut()
        self.remove(subscriber)
