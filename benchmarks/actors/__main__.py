"""`python -m benchmarks.actors`."""

from __future__ import annotations

import subprocess
import sys

import actors
from benchmarks.report import Row, main, row

from .crowd import measure_crowd
from .local import measure_local
from .peers import PEERS, measure_peer
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


PEER_LIMITS = {
    ("local_tell", "pykka"): 0.067,
    ("local_tell", "xoscar"): 0.067,
    ("ring", "xoscar"): 0.1,
    ("remote_tell", "pyzmq"): 0.125,
    ("remote_tell", "erlang"): 1.0,
}
"""So many times as fast as those; what was told with a floor stands in the row before."""
SLOW_TO_START = ("ray",)
"""Not in a quick run: it takes ten seconds to start."""


def measure(quick: bool) -> list[Row]:
    """All rows: against the floor, and then against each peer that is installed."""
    rows = ours(quick)
    figures = {each.name: each for each in reversed(rows)}
    for peer in PEERS:
        if quick and peer in SLOW_TO_START:
            continue
        for name, value in measure_peer(peer, quick).items():
            own = figures[name]
            reference = value / 1e3 if own.unit == "us" else value
            limit = PEER_LIMITS.get((name, peer))
            rows.append(
                row(name, own.value, own.unit, reference=peer, reference_value=reference, at_most=limit)
            )
    return rows


def ours(quick: bool) -> list[Row]:
    """The rows against the floor, or against a small case of the same."""
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
    crowd = actors.run(measure_crowd(quick))
    few, many = crowd.few, crowd.many
    rows.append(
        row("tell_10k_links", round(many, 1), "ns", reference="250 links", reference_value=few, at_most=1.5)
    )
    for name, value in (
        ("p99_beside_a_peer_that_reads_nothing", crowd.beside_deaf),
        ("p99_beside_a_byte_a_second", crowd.beside_slow),
    ):
        rows.append(row(name, round(value, 1), "us", reference="alone", reference_value=crowd.alone))
    return rows


if __name__ == "__main__":
    main("actors", "What the actors cost", measure)
