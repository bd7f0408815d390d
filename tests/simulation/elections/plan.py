"""What a seed stands for: processes and their clocks, and what goes wrong when."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = ["Fault", "Machine", "Plan", "make_plan"]

TTLS = (1, 2, 3, 5, 10)
"""Seconds that are asked for: of the first, more is granted."""
DRIFT = 0.1
"""By how much of its rate a clock may be wrong."""
LONGEST_STALL = 40.0


@dataclass(frozen=True)
class Machine:
    """Where a process runs: its clock is `offset` seconds ahead and runs at `rate`."""

    name: str
    offset: float
    rate: float


@dataclass(frozen=True)
class Fault:
    """One fault. The target "leader" is whoever leads then."""

    at: float
    kind: str
    target: str
    seconds: float
    flavour: str = ""


@dataclass(frozen=True)
class Plan:
    """The whole story, but for latencies and what gets lost."""

    seed: int
    ttl: int
    silence: float
    latency: float
    contenders: tuple[Machine, ...]
    detectors: tuple[Machine, ...]
    chaos: float
    faults: tuple[Fault, ...]

    def describe(self) -> str:
        """As text."""
        lines = [
            f"seed {self.seed}: ttl {self.ttl} s, silence {self.silence:g} s, chaos for {self.chaos:g} s"
        ]
        lines += [
            f"  {each.name}: clock {each.offset:+.1f} s, rate {each.rate:.3f}"
            for each in (*self.contenders, *self.detectors)
        ]
        lines += [
            f"  {fault.at:8.3f} {fault.kind} {fault.flavour} {fault.target} {fault.seconds:.3f} s"
            for fault in self.faults
        ]
        return "\n".join(lines)


KINDS = {
    "stop": 5,
    "trap": 6,
    "ambush": 4,
    "kill": 3,
    "resign": 2,
    "cut": 5,
    "weather": 3,
    "outage": 1,
    "raft": 1,
    "freeze": 1,
    "break": 1,
    "deafen": 1,
    "compact": 1,
}
"""How likely each kind is."""
FLAVOURS = {
    "trap": (
        *("keepalive", "keepalive", "keepalive answered", "keepalive answered"),
        *("txn", "txn", "txn answered", "txn answered"),
        *("grant", "grant answered", "get", "get answered", "revoke", "watch", "watch answered"),
    ),
    "cut": ("to", "back", "both"),
    "weather": ("request_lost", "answer_lost", "late", "all"),
}


def make_plan(seed: int) -> Plan:
    """The plan of a seed."""
    rng = Random(f"election plan/{seed}")
    ttl = rng.choice(TTLS)
    contenders = tuple(_machine(rng, f"c{number}") for number in range(rng.randint(2, 5)))
    detectors = tuple(_machine(rng, f"d{number}") for number in range(rng.randint(1, 3)))
    chaos = rng.uniform(30, 150)
    # The faults of a seed are of few kinds, so that they meet others of their own.
    kinds = rng.sample(list(KINDS), rng.randint(2, len(KINDS)))
    faults = [_fault(rng, kinds, contenders, detectors, ttl, chaos) for _ in range(rng.randint(3, 25))]
    return Plan(
        seed,
        ttl,
        rng.choice((5.0, 30.0)),
        rng.choice((0.001, 0.01, 0.05)),
        contenders,
        detectors,
        chaos,
        tuple(sorted(faults, key=lambda fault: fault.at)),
    )


def _machine(rng: Random, name: str) -> Machine:
    rate = rng.choice((1.0, 1 - DRIFT, 1 + DRIFT, rng.uniform(1 - DRIFT, 1 + DRIFT)))
    return Machine(name, rng.uniform(0, 1e6), rate)


def _fault(
    rng: Random,
    kinds: list[str],
    contenders: tuple[Machine, ...],
    detectors: tuple[Machine, ...],
    ttl: int,
    chaos: float,
) -> Fault:
    kind = rng.choices(kinds, [KINDS[each] for each in kinds])[0]
    some = rng.choice(contenders).name
    if kind in ("freeze", "break", "deafen", "cut", "weather", "stop") and rng.random() < 0.25:
        some = rng.choice(detectors).name
    elif rng.random() < 0.6:
        some = "leader"
    seconds = rng.choice(
        (
            rng.uniform(0, LONGEST_STALL),
            rng.uniform(0, 2 * ttl),
            # Where a lease is about to run out is where most can go wrong.
            rng.uniform(0.6, 1.4) * ttl,
        )
    )
    at = rng.uniform(0, chaos)
    return Fault(at, kind, some, min(seconds, LONGEST_STALL), rng.choice(FLAVOURS.get(kind, ("",))))
