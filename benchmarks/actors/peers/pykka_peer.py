"""Pykka: an actor is a thread."""

from __future__ import annotations

import threading
from typing import Any

import pykka

from benchmarks.actors.ours import STATUS

from .rounds import report, resident, rounds

BURST = 1000


class Counter(pykka.ThreadingActor):
    """Counts."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: Any) -> int:
        """Count one; tell."""
        self.count += 1
        return self.count


class Ring(pykka.ThreadingActor):
    """Hands a hop on until none is left."""

    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self.done = done
        self.next: pykka.ActorRef[Any] | None = None

    def on_receive(self, message: Any) -> None:
        """Pass it on; or learn who is next."""
        if isinstance(message, pykka.ActorRef):
            self.next = message
        elif message and self.next is not None:
            self.next.tell(message - 1)
        else:
            self.done.set()


class Sender(pykka.ThreadingActor):
    """One of many that send to one."""

    def __init__(self, to: pykka.ActorRef[Any]) -> None:
        super().__init__()
        self.to = to

    def on_receive(self, message: int) -> None:
        """Send so many."""
        for _ in range(message):
            self.to.tell(STATUS)


def main() -> None:
    """Measure."""
    figures = {}
    counter = Counter.start()

    def tell() -> None:
        for _ in range(BURST):
            counter.tell(STATUS)
        counter.ask("count")

    figures["local_tell"] = rounds(BURST, tell)
    figures["local_ask"] = rounds(500, lambda: [counter.ask("count") for _ in range(500)])
    done = threading.Event()
    ring = [Ring.start(done) for _ in range(100)]
    for index, each in enumerate(ring):
        each.ask(ring[(index + 1) % 100])

    def hops() -> None:
        done.clear()
        ring[0].tell(2000)
        done.wait()

    figures["ring"] = rounds(2000, hops)
    senders = [Sender.start(counter) for _ in range(1000)]

    def fanin() -> None:
        for each in senders:
            each.tell(5)
        for each in senders:
            each.ask(0)
        counter.ask("count")

    figures["fanin"] = rounds(5000, fanin)
    pykka.ActorRegistry.stop_all()
    before = resident()
    spawned = [Counter.start() for _ in range(500)]
    figures["bytes_per_actor"] = (resident() - before) / len(spawned)
    pykka.ActorRegistry.stop_all()
    refs: list[Any] = []

    def spawn() -> None:
        refs.extend(Counter.start() for _ in range(200))

    figures["spawn"] = rounds(200, spawn)
    pykka.ActorRegistry.stop_all()
    report(figures)


if __name__ == "__main__":
    main()
