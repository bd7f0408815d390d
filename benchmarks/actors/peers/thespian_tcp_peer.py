"""Thespian between processes: its multiprocTCPBase, with a process for each actor."""

from __future__ import annotations

import time

from thespian.actors import ActorSystem

from benchmarks.actors.ours import STATUS
from benchmarks.report import quantile

from .rounds import pin, report, rounds
from .thespian_peer import Counter

BURST = 250


def main() -> None:
    """Measure."""
    pin()
    figures = {}
    system = ActorSystem("multiprocTCPBase")
    try:
        counter = system.createActor(Counter)
        system.ask(counter, "count", 10)

        def tell() -> None:
            for _ in range(BURST):
                system.tell(counter, STATUS)
            system.ask(counter, "count", 60)

        figures["remote_tell"] = rounds(BURST, tell)
        taken = []
        for _ in range(500):
            began = time.perf_counter()
            system.ask(counter, "count", 10)
            taken.append((time.perf_counter() - began) * 1e9)
        figures["remote_ask_p50"], figures["remote_ask_p99"] = quantile(taken, 0.5), quantile(taken, 0.99)
    finally:
        system.shutdown()
    report(figures)


if __name__ == "__main__":
    main()
