"""What it costs that a framework speaks Mesos's scheduler API over HTTP, and not the actors' own protocol.

The master is in this process, on the event loop of `ostrom master`, with actors that play its agents: they say of each
task at once that it runs, and cost the little that is left. The clients are in another process, and read by hand what
they can, so that it is the master that is measured. Medians of rounds in which all kinds had their turn.

`events_...` are status updates that agents send and frameworks read, to 1, 10 and 100 frameworks in turn. The
reference `bare` is a plain aiohttp server that writes the same records, made before, one `write` for each; `native` are
frameworks in the actors' own protocol. `accept_...` is from an ACCEPT with a LAUNCH to TASK_RUNNING, one after the
other or 16 at a time; `declines` are 16 at a time, and `bare` answers them unread. `bytes_per_subscriber` is what a
fresh process grows by, without the kernel's buffers.

Of ten subscribers one does not read: with 4 MiB waiting it is to be cut off (64 MiB by default). `p99_beside_it` is the
age at which events come to the others, until a moment after that; the reference are as many seconds in which it reads.
"""

from __future__ import annotations

import gc
import itertools
import logging
from collections import defaultdict
from statistics import median

from actors import run
from benchmarks.report import Row, main, quantile, row

from . import rates
from .bare import BareServer
from .memory import bytes_per_subscriber
from .scene import Scene, clients
from .slow import BOUND, Round, measured
from .words import Kind

__all__ = ["measure"]

KINDS: tuple[Kind, ...] = ("json", "protobuf", "native")
HTTP: tuple[Kind, ...] = ("json", "protobuf")
FRAMEWORKS = (1, 10, 100)
EVENTS = 10_000
AGENTS = 300
AT_ONCE = 16
SUBSCRIBERS = 1000
MIB = 2**20
PATIENCE = 20.0
"""Seconds in which who does not read must be cut off."""

Values = defaultdict[str, list[float]]


async def _events(rounds: int) -> list[Row]:
    found: Values = defaultdict(list)
    async with Scene() as scene, BareServer() as server, clients() as others:
        await scene.add(1)
        await rates.events(scene, others, "json", 1, EVENTS)
        for _, count in itertools.product(range(rounds), FRAMEWORKS):
            for kind in KINDS:
                found[f"{kind}_{count}"].append(await rates.events(scene, others, kind, count, EVENTS))
            for kind in HTTP:
                seen = await rates.bare_events(server, others, kind, count, EVENTS)
                found[f"bare_{kind}_{count}"].append(seen)
    rows = []
    for kind, count in itertools.product(HTTP, FRAMEWORKS):
        name, value = f"events_{kind}_{count}", median(found[f"{kind}_{count}"])
        bare, native = median(found[f"bare_{kind}_{count}"]), median(found[f"native_{count}"])
        rows.append(_rate(name, value, "bare", bare, 0.25))
        rows.append(_rate(name, value, "native", native))
    return rows


async def _calls(rounds: int) -> list[Row]:
    found: Values = defaultdict(list)
    async with Scene() as scene, BareServer() as server, clients() as others:
        await scene.add(AGENTS)
        await rates.accepts(scene, others, "json", AT_ONCE)
        for _ in range(rounds):
            for kind, at_once in itertools.product(KINDS, (1, AT_ONCE)):
                rate, taken = await rates.accepts(scene, others, kind, at_once)
                name = f"{kind}_{at_once}"
                found[f"accepts_{name}"].append(rate)
                found[f"p50_{name}"].append(1000 * quantile(taken, 0.5))
                found[f"p99_{name}"].append(1000 * quantile(taken, 0.99))
            for kind in KINDS:
                found[f"declines_{kind}"].append(await rates.declines(scene, others, kind, AT_ONCE))
            found["declines_bare"].append(await rates.bare_declines(server, others, AGENTS, AT_ONCE))
    values = {name: median(each) for name, each in found.items()}
    rows = []
    for kind, at_once in itertools.product(HTTP, (1, AT_ONCE)):
        name, native = f"{kind}_{at_once}", f"native_{at_once}"
        rows.append(
            _rate(f"accepts_{name}", values[f"accepts_{name}"], "native", values[f"accepts_{native}"], 0.25)
        )
        for q in ("p50", "p99"):
            reference = round(values[f"{q}_{native}"], 3)
            value = round(values[f"{q}_{name}"], 3)
            rows.append(
                row(f"accept_{name}_{q}_ms", value, "ms", reference="native", reference_value=reference)
            )
    for kind in HTTP:
        rate = values[f"declines_{kind}"]
        rows.append(_rate(f"declines_{kind}", rate, "bare", values["declines_bare"], 0.25))
        rows.append(_rate(f"declines_{kind}", rate, "native", values["declines_native"]))
    return rows


def _rate(name: str, value: float, reference: str, of_it: float, at_least: float | None = None) -> Row:
    return row(
        name, round(value), "1/s", reference=reference, reference_value=round(of_it), at_least=at_least
    )


def _memory(rounds: int) -> list[Row]:
    found: Values = defaultdict(list)
    kinds: tuple[Kind, ...] = ("json", "native", "bare")
    for _, kind in itertools.product(range(rounds), kinds):
        found[kind].append(bytes_per_subscriber(kind, SUBSCRIBERS))
    json, native, bare = (round(median(found[kind])) for kind in kinds)
    return [
        row("bytes_per_subscriber", json, "B", reference="bare", reference_value=bare, at_most=2),
        row("bytes_per_subscriber", json, "B", reference="native", reference_value=native),
    ]


async def _slow(rounds: int) -> list[Row]:
    with_one: list[Round] = []
    without: list[Round] = []
    async with Scene(BOUND) as scene, clients() as others:
        await scene.add(1)
        await measured(scene, others, 1.0, stalled=False)
        for _ in range(rounds):
            with_one.append(await measured(scene, others, PATIENCE, stalled=True))
            without.append(await measured(scene, others, with_one[-1].seconds, stalled=False))

    def of(q: float, found: list[Round]) -> float:
        return round(1000 * median(quantile(each.ages, q) for each in found), 2)

    def figure(name: str, q: float, at_most: float | None = None) -> Row:
        value, reference = of(q, with_one), of(q, without)
        return row(name, value, "ms", reference="it reads", reference_value=reference, at_most=at_most)

    waited = max(each.waited for each in with_one) / MIB
    return [
        row("cut_off_with_mib", round(waited, 2), "MiB", at_most=BOUND / MIB),
        row("cut_off_after_s", round(median(each.cut_after for each in with_one), 2), "s"),
        figure("p50_beside_it_ms", 0.5),
        figure("p99_beside_it_ms", 0.99, 1.5),
    ]


def measure(quick: bool) -> list[Row]:
    """Measure it all: some 100 s, 35 s if quick."""
    # That agents and frameworks go is what is wanted here, and would be some thousand lines.
    logging.getLogger("ostrom").setLevel(logging.CRITICAL)
    logging.getLogger("ostrom.http").setLevel(logging.WARNING)
    logging.getLogger("ostrom.http").propagate = False
    # As `ostrom master` does.
    gc.freeze()
    events, calls, memory, slow = (2, 2, 1, 3) if quick else (9, 9, 3, 15)
    return [*run(_events(events)), *run(_calls(calls)), *_memory(memory), *run(_slow(slow))]


if __name__ == "__main__":
    main("http_api", "Frameworks over HTTP", measure)
