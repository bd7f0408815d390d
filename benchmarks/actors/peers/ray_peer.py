"""Ray: an actor is a process of its cluster."""

from __future__ import annotations

import time
from typing import Any

import ray

from benchmarks.actors.ours import STATUS
from benchmarks.report import quantile

from .rounds import report, rounds

BURST = 250


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.count = 0

    def status(self, _message: Any) -> None:
        """Count one."""
        self.count += 1

    def total(self) -> int:
        """Tell."""
        return self.count


def main() -> None:
    """Measure."""
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, configure_logging=False)
    figures = {}
    remote = ray.remote(Counter).options(num_cpus=0.01)
    counter: Any = remote.remote()
    ray.get(counter.total.remote())

    def tell() -> None:
        for _ in range(BURST):
            counter.status.remote(STATUS)
        ray.get(counter.total.remote())

    figures["remote_tell"] = rounds(BURST, tell)
    taken = []
    for _ in range(300):
        began = time.perf_counter()
        ray.get(counter.total.remote())
        taken.append((time.perf_counter() - began) * 1e9)
    figures["remote_ask_p50"], figures["remote_ask_p99"] = quantile(taken, 0.5), quantile(taken, 0.99)
    began = time.perf_counter()
    spawned: list[Any] = [remote.remote() for _ in range(4)]
    ray.get([each.total.remote() for each in spawned])
    figures["spawn"] = (time.perf_counter() - began) / len(spawned) * 1e9
    ray.shutdown()
    report(figures)


if __name__ == "__main__":
    main()
