"""What it costs that a framework speaks Mesos's scheduler API over HTTP, and not the actors' own protocol.

The master is in this process, on the event loop of `ostrom master`, with actors that play its agents: they say of each
task at once that it runs, and cost the little that is left. The clients are in another process, and read by hand what
they can, so that it is the master that is measured. Medians of rounds in which all kinds had their turn.

`events_...` are status updates that agents send and frameworks read, to 1, 10 and 100 frameworks in turn. The
reference `bare` is a plain aiohttp server that writes the same records, made before, one `write` for each; `native` are
frameworks in the actors' own protocol. `accept_...` is from an ACCEPT with a LAUNCH to TASK_RUNNING, one after the
other or 16 at a time; `declines` are 16 at a time, and `bare` answers them unread. `operator_events_...` are deliveries
of the same to subscribers of the operator API, each event to all of them. `processor_...` is for one of those the time
of the process with the master, and its agents: it says more than the rates where the machine has other things to do.
`bytes_per_subscriber` is what a fresh process grows by, without the kernel's buffers.

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
from .rates import Rate
from .scene import Scene, clients
from .slow import BOUND, Round, measured
from .words import Kind

__all__ = ["measure"]

KINDS: tuple[Kind, ...] = ("json", "protobuf", "native")
HTTP: tuple[Kind, ...] = ("json", "protobuf")
SUBSCRIBERS = (1, 10, 100)
SOME = 10
EVENTS = 10_000
AGENTS = 300
AT_ONCE = 16
MANY = 1000
MIB = 2**20
PATIENCE = 20.0
"""Seconds in which who does not read must be cut off."""

Values = defaultdict[str, list[float]]


class Found:
    """What was measured, by name: how often a second, and with how much of the processor."""

    def __init__(self) -> None:
        self._rates: defaultdict[str, list[Rate]] = defaultdict(list)

    def add(self, name: str, rate: Rate) -> None:
        """One round."""
        self._rates[name].append(rate)

    def rate(self, name: str, reference: str, at_least: float | None = None) -> Row:
        """A row: how often, beside another."""
        value, of_it = (
            round(median(each.per_second for each in self._rates[which])) for which in (name, reference)
        )
        named = reference.partition("_")[0]
        return row(name, value, "1/s", reference=named, reference_value=of_it, at_least=at_least)

    def processor(self, name: str, reference: str, at_most: float | None = None) -> Row:
        """A row: the processor's time, beside another."""
        value, of_it = (
            round(median(each.processor for each in self._rates[which]), 1) for which in (name, reference)
        )
        named = reference.partition("_")[0]
        return row(f"processor_{name}", value, "us", reference=named, reference_value=of_it, at_most=at_most)

    def milliseconds(self, name: str, reference: str, q: float) -> Row:
        """A row: how long it took, beside another."""
        value, of_it = (
            round(1000 * median(quantile(each.taken, q) for each in self._rates[which]), 3)
            for which in (name, reference)
        )
        named = reference.partition("_")[0]
        return row(f"{name}_p{100 * q:.0f}_ms", value, "ms", reference=named, reference_value=of_it)


async def _events(rounds: int, events: int) -> list[Row]:
    found = Found()
    async with Scene() as scene, Scene() as operated, BareServer() as server, clients() as others:
        await scene.add(1)
        await operated.add(1)
        await operated.launch()
        await rates.events(scene, others, "json", 1, events)
        for _, count in itertools.product(range(rounds), SUBSCRIBERS):
            for kind in KINDS:
                rate = await rates.events(scene, others, kind, count, events)
                found.add(f"{named(kind)}events_{kind}_{count}", rate)
            rate = await rates.operator_events(operated, others, count, events)
            found.add(f"operator_events_{count}", rate)
            for kind in HTTP:
                rate = await rates.bare_events(server, others, kind, count, events)
                found.add(f"bare_events_{kind}_{count}", rate)
    rows = []
    for kind, count in itertools.product(HTTP, SUBSCRIBERS):
        name, bare, native = (f"{each}events_{kind}_{count}" for each in ("", "bare_", "native_"))
        native = f"native_events_native_{count}"
        rows += [found.rate(name, bare, 0.2), found.rate(name, native)]
        if count == SOME:
            rows += [found.processor(name, bare, 5), found.processor(name, native)]
    for count in SUBSCRIBERS:
        name, bare = f"operator_events_{count}", f"bare_events_json_{count}"
        rows += [found.rate(name, bare), found.processor(name, bare)]
    return rows


async def _calls(rounds: int) -> list[Row]:
    found = Found()
    async with Scene() as scene, BareServer() as server, clients() as others:
        await scene.add(AGENTS)
        await rates.accepts(scene, others, "json", AT_ONCE)
        for _ in range(rounds):
            for kind, at_once in itertools.product(KINDS, (1, AT_ONCE)):
                rate = await rates.accepts(scene, others, kind, at_once)
                found.add(f"{named(kind)}accepts_{kind}_{at_once}", rate)
            for kind in KINDS:
                rate = await rates.declines(scene, others, kind, AT_ONCE)
                found.add(f"{named(kind)}declines_{kind}", rate)
            found.add("bare_declines", await rates.bare_declines(server, others, AGENTS, AT_ONCE))
    rows = []
    for kind, at_once in itertools.product(HTTP, (1, AT_ONCE)):
        name, native = f"accepts_{kind}_{at_once}", f"native_accepts_native_{at_once}"
        rows += [found.rate(name, native, 0.2), found.processor(name, native, 4)]
        rows += [found.milliseconds(name, native, q) for q in (0.5, 0.99)]
    for kind in HTTP:
        name = f"declines_{kind}"
        rows += [found.rate(name, "bare_declines", 0.2), found.rate(name, "native_declines_native")]
    return rows


def named(kind: Kind) -> str:
    """What stands before the names of those that are references."""
    return "native_" if kind == "native" else ""


def _memory(rounds: int) -> list[Row]:
    found: Values = defaultdict(list)
    kinds: tuple[Kind, ...] = ("json", "native", "bare")
    for _, kind in itertools.product(range(rounds), kinds):
        found[kind].append(bytes_per_subscriber(kind, MANY))
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
    """Measure it all: some 150 s, 30 s if quick."""
    # That agents and frameworks go is what is wanted here, and would be some thousand lines.
    logging.getLogger("ostrom").setLevel(logging.CRITICAL)
    logging.getLogger("ostrom.http").setLevel(logging.WARNING)
    logging.getLogger("ostrom.http").propagate = False
    # As `ostrom master` does.
    gc.freeze()
    each = EVENTS // 2 if quick else EVENTS
    events, calls, memory, slow = (2, 2, 1, 2) if quick else (9, 9, 3, 15)
    return [
        *run(_events(events, each)),
        *run(_calls(calls)),
        *_memory(memory),
        *run(_slow(slow)),
    ]


if __name__ == "__main__":
    main("http_api", "Frameworks over HTTP", measure)
