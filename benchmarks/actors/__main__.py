"""`python -m benchmarks.actors`."""

from __future__ import annotations

import subprocess
import sys

import actors
from benchmarks.report import Row, main, row

from .local import measure_local
from .remote import measure_remote
from .simulated import measure_simulation

LIMITS = {
    "local_tell": 2.2,
    "local_ask": 1.8,
    "actor_ask": 1.0,
    "ring": 0.75,
    "spawn": 1.0,
    "fanin": None,
    "tell_100k_actors": 1.5,
    "mailbox_1m": 1.5,
}
"""The ratios that are aimed at."""
REFERENCES = {"tell_100k_actors": "1,000 actors", "mailbox_1m": "local_tell"}


def measure(quick: bool) -> list[Row]:
    """All rows."""
    rows = []
    for name, (value, reference) in actors.run(measure_local(quick)).items():
        rows.append(
            row(
                name,
                round(value, 1),
                "ns",
                reference=REFERENCES.get(name, "floor"),
                reference_value=reference,
                at_most=LIMITS[name],
            )
        )
    fresh = subprocess.run(
        [sys.executable, "-m", "benchmarks.actors.memory"], check=True, stdout=subprocess.PIPE, text=True
    )
    rows.append(row("bytes_per_actor", float(fresh.stdout), "B", at_most=300))
    messages, day = measure_simulation(quick)
    rows.append(row("simulation", round(messages), "1/s", at_least=300_000))
    rows.append(row("simulated_day", round(day, 2), "ms"))
    remote = actors.run(measure_remote(quick))
    for name, (value, reference), unit, limit in (
        ("remote_tell", remote.tell, "ns", 1.1),
        ("remote_ask_p50", remote.ask_p50, "us", 1.25),
    ):
        rows.append(
            row(name, round(value, 1), unit, reference="floor", reference_value=reference, at_most=limit)
        )
    p99, p50 = remote.ask_p99[0], remote.ask_p50[0]
    rows.append(
        row("remote_ask_p99", round(p99, 1), "us", reference="its own p50", reference_value=p50, at_most=2.5)
    )
    return rows


if __name__ == "__main__":
    main("actors", "What the actors cost", measure)
