"""What one seed stands for: a cluster, its frameworks, and the faults, all drawn before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

__all__ = ["ETCD_FROM", "TEMPERS", "WIDER_FROM", "AgentPlan", "Fault", "FrameworkPlan", "Plan", "make_plan"]

WIDER_FROM = 10_000
"""From this seed on plans have more kinds of things; those before it keep the stories that they are known for."""
ETCD_FROM = 20_000
"""From this seed on masters are elected in a model of etcd, by the code that elects real ones."""

TEMPERS = (
    "polite",
    "greedy",
    "slow",
    "silent",
    "declining",
    "duplicating",
    "overreaching",
    "killing",
    "executing",
    "forgetful",
)
"""What frameworks are like: see tempers.py."""

FAULTS = {
    "cut": 3,
    "flaky": 2,
    "partition": 4,
    "agent": 5,
    "master": 4,
    "framework": 4,
    "container": 2,
    "disk": 2,
    "session": 1,
    "latency": 1,
    "step": 1,
    "operator": 2,
}
"""Kinds of faults (see faults.py), and how often each is drawn."""

WIDER_TEMPERS = ("reserving", "updating", "revocable")
WIDER_FAULTS = {"reserve": 4, "quota": 3, "maintenance": 3}


@dataclass(frozen=True)
class AgentPlan:
    """An agent: what it has, and how its clock goes."""

    name: str
    cpus: int
    mem: int
    offset: float
    rate: float
    checkpoint: bool
    revocable: int = 0


@dataclass(frozen=True)
class FrameworkPlan:
    """A framework. `leaves` says how it ends after all: it tears itself down, or is not heard of again."""

    name: str
    temper: str
    roles: tuple[str, ...]
    failover_timeout: float
    tasks: int
    pace: float
    leaves: str
    offset: float
    partition_aware: bool
    killing_state: bool
    principal: str = ""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at a moment, for some seconds. `targets` are names of nodes."""

    at: float
    kind: str
    targets: tuple[str, ...]
    seconds: float = 0.0
    flavour: str = ""


@dataclass(frozen=True)
class Plan:
    """A seed, drawn out. Times are virtual seconds."""

    seed: int
    masters: tuple[str, ...]
    standalone: bool
    agents: tuple[AgentPlan, ...]
    frameworks: tuple[FrameworkPlan, ...]
    faults: tuple[Fault, ...]
    chaos: float
    latency: tuple[float, float]
    offer_timeout: float
    ping_interval: float
    max_missed_pings: int
    agent_reregister_timeout: float
    launch_failures: float
    allocator: str = "drf"
    qps: float | None = None
    removal_limit: tuple[int, float] | None = None
    lease_ttl: int = 0

    def describe(self) -> str:
        """The plan for people, a line for each thing."""
        lines = [
            f"seed {self.seed}: {len(self.masters)} masters{' (standalone)' if self.standalone else ''}, "
            f"{len(self.agents)} agents, {len(self.frameworks)} frameworks, chaos for {self.chaos:.0f} s",
            f"  latency {self.latency}, offer timeout {self.offer_timeout}, "
            f"ping {self.ping_interval} x {self.max_missed_pings}, launches fail {self.launch_failures}",
            f"  allocator {self.allocator}, messages a second {self.qps}, removal limit {self.removal_limit}, "
            f"lease {self.lease_ttl or 'none'}",
        ]
        lines += [f"  {agent}" for agent in self.agents]
        lines += [f"  {framework}" for framework in self.frameworks]
        lines += [f"  {fault}" for fault in self.faults]
        return "\n".join(lines)


def make_plan(seed: int) -> Plan:
    """Draw the plan of a seed. Most clusters are small: what goes wrong goes wrong there too, and sooner."""
    rng = Random(f"plan/{seed}")
    masters = tuple(f"m{number}" for number in range(rng.choice((1, 1, 2, 3))))
    agents = tuple(_agent(rng, number) for number in range(3 + int(47 * rng.random() ** 5)))
    frameworks = [_framework(rng, number) for number in range(1 + int(9.99 * rng.random() ** 2))]
    chaos = rng.uniform(40, 240)
    count = rng.randint(1, 14)
    names = [agent.name for agent in agents], [framework.name for framework in frameworks]
    # In half of the plans one kind of fault is most of what happens.
    favourite = rng.choice((*(None for _ in FAULTS), *FAULTS))
    weights = [weight + (20 if kind == favourite else 0) for kind, weight in FAULTS.items()]
    faults = [_fault(rng, chaos, masters, *names, weights) for _ in range(count)]
    plan = Plan(
        seed,
        masters,
        len(masters) == 1 and rng.random() < 0.6,
        agents,
        tuple(frameworks),
        tuple(sorted(faults, key=lambda fault: fault.at)),
        chaos,
        rng.choice(((0.0002, 0.001), (0.001, 0.02), (0.02, 0.3))),
        rng.choice((5.0, 30.0)),
        rng.choice((3.0, 15.0)),
        rng.choice((2, 5)),
        rng.choice((20.0, 60.0, 300.0)),
        rng.choice((0.0, 0.0, 0.1)),
    )
    plan = _denser(Random(f"plan, denser/{seed}"), plan, names, weights)
    if seed >= WIDER_FROM:
        plan = _wider(Random(f"plan, wider/{seed}"), plan)
    return plan if seed < ETCD_FROM else _in_etcd(Random(f"plan, etcd/{seed}"), plan)


def _denser(rng: Random, plan: Plan, names: tuple[list[str], list[str]], weights: list[int]) -> Plan:
    """More of everything: faults must hit what is busy. Drawn apart, so that the rest of a plan stays what it is."""
    frameworks = [
        replace(
            framework,
            temper="grouping" if rng.random() < 0.08 else framework.temper,
            tasks=rng.choice((framework.tasks, rng.randint(10, 100))),
        )
        for framework in plan.frameworks
    ]
    faults = [
        replace(fault, seconds=rng.uniform(30, 120))
        if fault.kind == "partition" and rng.random() < 0.3
        else fault
        for fault in plan.faults
    ]
    faults += [
        _fault(rng, plan.chaos, plan.masters, *names, weights) for _ in range(rng.choice((0, 5, 10, 30)))
    ]
    faults.sort(key=lambda fault: fault.at)
    return replace(plan, frameworks=tuple(frameworks), faults=tuple(faults))


def _wider(rng: Random, plan: Plan) -> Plan:
    """Reservations, quotas, maintenance, revocable resources, limits of rates, other allocators."""
    frameworks = [
        replace(
            framework,
            temper=rng.choice(WIDER_TEMPERS) if rng.random() < 0.4 else framework.temper,
            principal=rng.choice(("", "p")),
        )
        for framework in plan.frameworks
    ]
    # One of them has some, or who waits for it waits for ever.
    agents = [
        replace(agent, revocable=rng.choice((0, 0, 2)) if n else 2) for n, agent in enumerate(plan.agents)
    ]
    faults = [
        _wider_fault(rng, plan.chaos, [agent.name for agent in agents])
        for _ in range(rng.choice((0, 2, 5, 15)))
    ]
    return replace(
        plan,
        agents=tuple(agents),
        frameworks=tuple(frameworks),
        faults=tuple(sorted((*plan.faults, *faults), key=lambda fault: fault.at)),
        allocator=rng.choice(("drf", "drf", "capacity", "fifo", "lottery", "priority")),
        # Fewer, and a decline of all offers takes minutes: nothing that waits behind would become quiet.
        qps=rng.choice((None, None, None, 20.0, 100.0)),
        removal_limit=rng.choice((None, None, (1, 30.0))),
    )


def _in_etcd(rng: Random, plan: Plan) -> Plan:
    """Several masters; a third of them is in trouble with etcd now and then."""
    masters = tuple(f"m{number}" for number in range(max(len(plan.masters), rng.choice((2, 3)))))
    faults = [
        Fault(
            rng.uniform(3, plan.chaos),
            *rng.choice((("session", ()), ("disk", ("registry",)), ("partition", (rng.choice(masters),)))),
            rng.choice((1.0, 8.0, 20.0)),
            rng.choice(("slow", "failing")),
        )
        for _ in range(rng.choice((0, 2, 6)))
    ]
    faults = [
        replace(fault, flavour=rng.choice(("two-way", "to", "from"))) if fault.kind == "partition" else fault
        for fault in faults
    ]
    return replace(
        plan,
        masters=masters,
        standalone=False,
        faults=tuple(sorted((*plan.faults, *faults), key=lambda fault: fault.at)),
        lease_ttl=rng.choice((2, 5, 10)),
    )


def _wider_fault(rng: Random, chaos: float, agents: list[str]) -> Fault:
    kind = rng.choices(list(WIDER_FAULTS), list(WIDER_FAULTS.values()))[0]
    count = rng.randint(1, min(3, len(agents))) if kind == "maintenance" else 1
    return Fault(rng.uniform(3, chaos), kind, tuple(rng.sample(agents, count)), rng.choice((1.0, 10.0, 60.0)))


def _agent(rng: Random, number: int) -> AgentPlan:
    skewed = rng.random() < 0.3
    return AgentPlan(
        f"a{number}",
        rng.choice((2, 4, 8)),
        rng.choice((1024, 4096)),
        rng.uniform(-500, 500) if skewed else 0.0,
        rng.uniform(0.95, 1.05) if skewed else 1.0,
        rng.random() < 0.8,
    )


def _framework(rng: Random, number: int) -> FrameworkPlan:
    return FrameworkPlan(
        f"f{number}",
        rng.choice(TEMPERS),
        rng.choice((("*",), ("eng",), ("eng/dev",), ("eng", "ops"))),
        rng.choice((0.0, 10.0, 100.0, 100.0, 300.0)),
        rng.randint(1, 25),
        rng.uniform(0.5, 20.0),
        rng.choice(("teardown", "teardown", "vanishes")),
        rng.uniform(-500, 500) if rng.random() < 0.2 else 0.0,
        rng.random() < 0.5,
        rng.random() < 0.3,
    )


def _fault(
    rng: Random,
    chaos: float,
    masters: tuple[str, ...],
    agents: list[str],
    frameworks: list[str],
    weights: list[int],
) -> Fault:
    at = rng.uniform(3, chaos)
    seconds = rng.choice((rng.uniform(0, 1), rng.uniform(1, 20), rng.uniform(20, 120)))
    others = [*agents, *frameworks]
    kind = rng.choices(list(FAULTS), weights)[0]
    if kind in ("cut", "flaky", "latency"):
        return Fault(at, kind, (rng.choice(masters), rng.choice(others)), seconds)
    if kind == "partition":
        flavour = rng.choice(("two-way", "to", "from"))
        some = rng.choice(
            (
                [rng.choice(agents)],
                rng.sample(agents, rng.randint(1, len(agents))),
                [rng.choice(frameworks)],
                rng.sample(others, rng.randint(1, len(others))),
            )
        )
        return Fault(at, kind, tuple(some), seconds, flavour)
    if kind == "agent":
        return Fault(
            at,
            kind,
            (rng.choice(agents),),
            seconds,
            rng.choice(("process", "process", "machine", "power", "lost")),
        )
    if kind == "master":
        return Fault(
            at,
            kind,
            (rng.choice(("leader", *masters)),),
            seconds,
            rng.choice(("process", "process", "power")),
        )
    if kind == "framework":
        return Fault(
            at, kind, (rng.choice(frameworks),), seconds, rng.choice(("process", "process", "power"))
        )
    if kind == "container":
        return Fault(at, kind, (rng.choice(agents),))
    if kind == "disk":
        return Fault(
            at, kind, (rng.choice(("registry", *agents)),), seconds, rng.choice(("slow", "slow", "failing"))
        )
    if kind == "operator":
        return Fault(
            at, kind, (rng.choice(agents),), seconds, rng.choice(("drain", "drain", "deactivate", "gone"))
        )
    if kind == "session":
        return Fault(at, kind, (), seconds)
    return Fault(at, kind, (rng.choice((*masters, *others)),), seconds, f"{rng.uniform(-100, 100):.3f}")
