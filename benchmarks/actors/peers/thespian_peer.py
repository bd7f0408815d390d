"""Thespian inside one process: its simpleSystemBase, which runs actors one after the other."""

from __future__ import annotations

from typing import Any

from thespian.actors import Actor, ActorSystem

from benchmarks.actors.ours import STATUS

from .rounds import report, resident, rounds

BURST = 1000


class Counter(Actor):
    """Counts."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - theirs
        """Count one; tell."""
        self.count += 1
        if message == "count":
            self.send(sender, self.count)


class Ring(Actor):
    """Hands a hop on until none is left, and tells whoever began it."""

    next: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - theirs
        """Pass it on; or learn who is next."""
        kind, value = message[:2]
        if kind == "next":
            self.next = value
            self.send(sender, "ok")
        else:
            asker = message[2] if len(message) > 2 else sender
            self.send(*((self.next, ("hop", value - 1, asker)) if value else (asker, "done")))


class Sender(Actor):
    """One of many that send to one."""

    to: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - theirs
        """Send so many; or learn to whom."""
        if isinstance(message, int):
            for _ in range(message):
                self.send(self.to, STATUS)
        elif isinstance(message, tuple):
            (self.to,) = message
            self.send(sender, "ok")


def main() -> None:
    """Measure."""
    figures = {}
    system = ActorSystem("simpleSystemBase")
    counter = system.createActor(Counter)

    def tell() -> None:
        for _ in range(BURST):
            system.tell(counter, STATUS)
        system.ask(counter, "count", 10)

    figures["local_tell"] = rounds(BURST, tell)
    figures["local_ask"] = rounds(500, lambda: [system.ask(counter, "count", 10) for _ in range(500)])
    ring = [system.createActor(Ring) for _ in range(100)]
    for index, each in enumerate(ring):
        system.ask(each, ("next", ring[(index + 1) % 100]), 10)
    figures["ring"] = rounds(500, lambda: system.ask(ring[0], ("hop", 500), 10))
    senders = [system.createActor(Sender) for _ in range(1000)]
    for each in senders:
        system.ask(each, (counter,), 10)

    def fanin() -> None:
        for each in senders:
            system.tell(each, 5)
        system.ask(counter, "count", 10)

    figures["fanin"] = rounds(5000, fanin)
    before = resident()
    spawned = [system.createActor(Counter) for _ in range(5000)]
    figures["bytes_per_actor"] = (resident() - before) / len(spawned)
    figures["spawn"] = rounds(1000, lambda: [system.createActor(Counter) for _ in range(1000)])
    system.shutdown()
    report(figures)


if __name__ == "__main__":
    main()
