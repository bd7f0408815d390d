"""Random histories, played to an allocator and to the reference at once."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from allocators import AllocatorError, DRFAllocator
from allocators.constraints import AttributeConstraint, OfferConstraints
from tests.allocators.reference import REVOCABLE, UNRESERVED, Reference, WrongError, in_parts, path_to

ROLES = ["*", "a", "a/x", "a/y", "a/x/p", "b", "b/x"]
AGENTS = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"]
FRAMEWORKS = ["f1", "f2", "f3", "f4", "f5"]
MINIMUMS = [[], [], [{"cpus": 3000}], [{"cpus": 2000, "mem": 100_000}, {"gpus": 1000}], [{}]]
REFUSALS = [None, 0.0, 1.0, 1.0, 5.0]
STEPS = {"cpus": 1000, "mem": 40_000, "gpus": 1000, "ports": 1000}
KINDS = ["guarantees", "limits", "reservations", "revocable", "constraints", "windows", "claims"]
PREDICATES = [
    ("disk", "exists", None),
    ("disk", "equals", "ssd"),
    ("disk", "not_matches", "s.*"),
    ("year", "at_least", 2021),
    ("year", "not_exists", None),
]


def seeded(seed):
    return Random(seed)


class Recorder(np.random.Generator):
    """A generator that keeps the last order that it made."""

    order = None

    def permutation(self, *args, **options):
        self.order = super().permutation(*args, **options)
        return self.order


class History:
    """`engine` None plays to the reference alone; `kinds` are the features that occur (None: a random choice)."""

    def __init__(
        self,
        random,
        engine="plain",
        *,
        kinds=None,
        agents=AGENTS,
        frameworks=FRAMEWORKS,
        roles=ROLES,
        minimums=MINIMUMS,
        refusals=REFUSALS,
    ):
        self.random = random
        self.now = 0.0
        self.slow = Reference()
        self.agents, self.frameworks, self.roles = agents, frameworks, roles
        self.minimums, self.refusals = minimums, refusals
        self.most = random.randrange(1, len(agents) + 1)
        some = [kind for kind in KINDS if random.random() < 0.6]
        self.kinds = set(some if kinds is None else kinds)
        self.engine = engine
        self.rng = Recorder(np.random.PCG64(random.randrange(1000)))
        self.fast = None if engine is None else DRFAllocator(self.rng, engine=engine)

    def start(self):
        """A whole cluster at once."""
        r = self.random
        for _ in range(r.randrange(0, 5)):
            self.set_role()
        for _ in range(r.randrange(1, self.most + 1) if self.most < 20 else self.most):
            self.add_agent()
        for _ in range(r.randrange(1, len(self.frameworks) + 1)):
            self.set_framework()

    def step(self):
        """Play one random event to both."""
        r = self.random
        joined, has_agents = sorted(self.slow.frameworks), bool(self.slow.agents)
        events = [self.set_framework, self.set_role]
        events += [self.set_role] * (2 * ("guarantees" in self.kinds) + 2 * ("limits" in self.kinds))
        events += [self.add_agent] * 2 if len(self.slow.agents) < self.most else []
        events += [self.update_agent, self.update_agent] if has_agents else []
        events += [self.remove_agent] if has_agents else []
        events += [self.update_reservations] * 2 if has_agents and "reservations" in self.kinds else []
        events += [self.update_window] if has_agents and "windows" in self.kinds else []
        events += [self.claim] * 2 if has_agents and "claims" in self.kinds else []
        events += [self.suppress, self.revive] if joined else []
        events += [self.remove_framework] if joined and r.random() < 0.3 else []
        events += [self.release] * 14 if self.slow.held else []
        r.choice(events)()

    def allocate(self, *, full=False):
        """Let both decide over the agents in the same order; return both answers as lists of tuples."""
        if self.fast is None:
            order = self.random.sample(sorted(self.slow.agents), len(self.slow.agents))
            return None, self.slow.allocate(order, self.now)
        fast = self.decide(full=full)
        if self.rng.order is None:  # one candidate at most
            order = list(dict.fromkeys(grant[0] for grant in fast))
        else:
            order = [self.fast.agent_names[row] for row in self.rng.order]
        # The other agents must get nothing, wherever in the order they are.
        order += [agent for agent in sorted(self.slow.agents) if agent not in order]
        return fast, self.slow.allocate(order, self.now)

    def decide(self, *, full=False):
        """Let the allocator decide, and not the reference."""
        self.rng.order = None
        return [
            (g.agent, g.framework, g.role, g.amounts, g.reserved, g.revocable)
            for g in self.fast.allocate(self.now, full=full).grants
        ]

    def follow(self):
        """Let the allocator decide, and enter that into the books of the reference, which is much faster."""
        grants = self.decide()
        for agent, framework, role, *amounts in grants:
            free, given = self.slow.free(agent), in_parts(*amounts)
            assert given, "an empty grant"
            assert all(amount <= free.get(key, 0) for key, amount in given.items()), "not free"
            assert self.slow.may(framework, role)
            assert self.slow.is_active(agent, self.now)
            self.slow.charge(agent, framework, role, given)
        self.slow.filters = [f for f in self.slow.filters if f[4] > self.now]
        self.slow.left_out = set()
        return grants

    def wait(self):
        self.now += self.random.choice([0.0, 0.5, 1.0, 3.0])

    def both(self, method, *args, **options):
        """Play an event; what the reference calls wrong the allocator must refuse."""
        try:
            getattr(self.slow, method)(*args, **options)
        except WrongError:
            if self.fast is not None:
                with pytest.raises(AllocatorError):
                    getattr(self.fast, method)(*args, **options)
        else:
            if self.fast is not None:
                getattr(self.fast, method)(*args, **options)

    # Amounts

    def amounts(self):
        r = self.random
        amounts = {"cpus": r.randrange(0, 9) * 1000, "mem": r.randrange(0, 9) * 40_000}
        if r.random() < 0.3:
            amounts["gpus"] = r.randrange(0, 4) * 1000
        if r.random() < 0.3:
            amounts["ports"] = r.randrange(0, 50) * 1000
        return amounts

    def attributes(self):
        r = self.random
        attributes = {"disk": r.choice(["ssd", "hdd"])} if r.random() < 0.7 else {}
        return {**attributes, "year": r.choice([2020, 2022.5])} if r.random() < 0.5 else attributes

    def revocable(self):
        r = self.random
        if "revocable" not in self.kinds or r.random() < 0.4:
            return {}
        return {name: r.randrange(0, 5) * STEPS[name] for name in r.sample(["cpus", "mem", "gpus"], 2)}

    def quota(self, most):
        r = self.random
        names = r.sample(["cpus", "cpus", "mem", "mem", "gpus", "ports"], r.choice([0, 1, 1, 2, 3]))
        names = ["cpus", "mem"] if r.random() < 0.4 else names  # with both, a role can be full
        return {name: r.randrange(0, 2 * most + 1) * STEPS[name] // 2 for name in names}

    def part_of(self, amounts):
        """Some of these amounts, often all."""
        r = self.random
        if r.random() < 0.6:
            return dict(amounts)
        step = r.choice([1, 500, 1000])
        return {n: r.randrange(0, v // step + 1) * step for n, v in amounts.items() if r.random() < 0.8}

    def reservations(self, room, least):
        """Reservations that keep at least these amounts by role, out of what there is room for."""
        r = self.random
        roles = [role for role in self.roles if role != "*"]
        roles = {*least, *r.sample(roles, min(len(roles), r.choice([0, 1, 1, 2, 3])))}
        reservations = {}
        for role in sorted(roles):
            reservations[role] = dict(least.get(role, {}))
            for name in sorted(room):
                if r.random() < 0.6:
                    more = r.randrange(0, room[name] // STEPS[name] + 1) * STEPS[name]
                    room = {**room, name: room[name] - more}
                    reservations[role][name] = reservations[role].get(name, 0) + more
        return reservations

    # Events

    def add_agent(self):
        r = self.random
        agent = r.choice([a for a in self.agents if a not in self.slow.agents])
        total = self.amounts()
        allocated = {}
        if r.random() < 0.3:
            client = (r.choice(self.frameworks), r.choice(self.roles))
            allocated[client] = {n: r.randrange(0, v + 1) for n, v in total.items()}
            if r.random() < 0.3:
                allocated[client]["cpus"] = total["cpus"] + 500
        options = {"attributes": self.attributes(), "revocable": self.revocable()}
        if "reservations" in self.kinds and r.random() < 0.7:
            options["reservations"] = self.reservations(total, {})
            if r.random() < 0.03:
                options["reservations"]["a"] = {"cpus": total["cpus"] + 1}
        self.both("add_agent", agent, total, allocated, **options)

    def update_agent(self):
        r = self.random
        agent = r.choice(sorted(self.slow.agents))
        changes = {"active": r.choice([None, True, True, False])}
        if r.random() < 0.5:
            total, reserved = self.amounts(), self.slow.agents[agent]["reservations"].values()
            for name in sorted({name for amounts in reserved for name in amounts}):
                least = sum(amounts.get(name, 0) for amounts in reserved)
                if r.random() < 0.95:  # else it may be an error
                    total[name] = max(total.get(name, 0), least)
            changes["total"] = total
        if "constraints" in self.kinds and r.random() < 0.3:
            changes["attributes"] = self.attributes()
        if "revocable" in self.kinds and r.random() < 0.5:
            changes["revocable"] = self.revocable()
        self.both("update_agent", agent, **changes)

    def update_reservations(self):
        r = self.random
        agent = r.choice(sorted(self.slow.agents))
        least, room = {}, {}
        for (part, name), amount in self.slow.held_on(agent).items():
            if part in self.slow.agents[agent]["reservations"]:
                least.setdefault(part, {})[name] = amount
        for (part, name), amount in self.slow.free(agent).items():
            if part == UNRESERVED or part in self.slow.agents[agent]["reservations"]:
                room[name] = room.get(name, 0) + amount
        reservations = self.reservations({name: max(0, amount) for name, amount in room.items()}, least)
        if reservations and r.random() < 0.1:  # often an error
            amounts = reservations[r.choice(sorted(reservations))]
            amounts["cpus"] = max(0, amounts.get("cpus", 0) + r.choice([-1000, 1000]))
        self.both("update_agent", agent, reservations=reservations)

    def update_window(self):
        r = self.random
        agent = r.choice(sorted(self.slow.agents))
        window = (self.now + r.choice([-1.0, 0.0, 0.5, 2.0, 6.0]), r.choice([None, 0.0, 0.5, 2.0, 4.0]))
        self.both("update_agent", agent, unavailability=() if r.random() < 0.3 else window)

    def remove_agent(self):
        self.both("remove_agent", self.random.choice(sorted(self.slow.agents)))

    def set_framework(self, framework=None):
        r = self.random
        framework = framework or r.choice(self.frameworks)
        roles = r.sample(self.roles, r.randrange(0, min(4, len(self.roles) + 1)))
        suppressed = [role for role in roles if r.random() < 0.2]
        options = {"min_offer": r.choice(self.minimums), "active": r.random() < 0.85}
        if "revocable" in self.kinds:
            options["revocable"] = r.random() < 0.6
        if "constraints" in self.kinds and r.random() < 0.6:
            options["constraints"] = OfferConstraints(
                agents=r.sample(self.agents, len(self.agents) // 2) if r.random() < 0.3 else None,
                any_of=[
                    [AttributeConstraint(*one) for one in r.sample(PREDICATES, r.choice([0, 1, 1, 1, 2]))]
                    for _ in range(r.choice([0, 1, 1, 2]))
                ],
                available_for=r.choice([0.0, 1.0, 3.0]),
            )
        self.both("set_framework", framework, roles, suppressed=suppressed, **options)

    def remove_framework(self):
        self.both("remove_framework", self.random.choice(sorted(self.slow.frameworks)))

    def set_role(self, role=None):
        r = self.random
        role, options = role or r.choice(self.roles), {}
        if r.random() < 0.4:
            options["weight"] = r.choice([0.5, 1.0, 1.0, 2.0, 3.0])
        if "guarantees" in self.kinds and r.random() < 0.6:
            options["guarantee"] = self.quota(8)
            options["force"] = r.random() < 0.8
        if "limits" in self.kinds and r.random() < 0.6:
            options["limit"] = self.quota(16)
            for name, amount in options.get("guarantee", self.slow.guarantees.get(role, {})).items():
                if name in options["limit"] and r.random() < 0.9:  # else it may be an error
                    options["limit"][name] = max(options["limit"][name], amount)
        self.both("set_role", role, **options)

    def release(self):
        r = self.random
        key = r.choice(sorted(self.slow.held))
        amounts, reserved, revocable = self.holding(key)
        if r.random() < 0.5:
            amounts, revocable = self.part_of(amounts), self.part_of(revocable)
            reserved = {role: self.part_of(parts) for role, parts in reserved.items()}
        options = {
            "reserved": reserved,
            "revocable": revocable,
            "refuse": r.choice(self.refusals),
        }
        if r.random() < 0.01:
            amounts["cpus"] = amounts.get("cpus", 0) + 100_000  # an error
        self.both("release", *key, amounts, **options, now=self.now)

    def holding(self, key):
        """What is held, in the form in which it is released."""
        amounts, reserved, revocable = {}, {}, {}
        for (part, name), amount in sorted(self.slow.held[key].items()):
            where = {"": amounts, "-": revocable}.get(part)
            (reserved.setdefault(part, {}) if where is None else where)[name] = amount
        return amounts, reserved, revocable

    def claim(self):
        r = self.random
        agent, framework, role = (
            r.choice(sorted(self.slow.agents)),
            r.choice(self.frameworks),
            r.choice(self.roles),
        )
        amounts, reserved, revocable = {}, {}, {}
        for (part, name), amount in sorted(self.slow.free(agent).items()):
            wanted = r.randrange(0, max(0, amount) // 500 + 1) * 500
            if r.random() < 0.01:
                wanted = max(0, amount) + 500  # an error, but of what is not reserved
            if part == "-" and r.random() < 0.3:
                revocable[name] = wanted
            elif part == "" and r.random() < 0.3:
                amounts[name] = wanted
            elif part in path_to(role) or (part not in {"", "-"} and r.random() < 0.01):
                reserved.setdefault(part, {})[name] = wanted
        self.both("claim", agent, framework, role, amounts, reserved=reserved, revocable=revocable)

    def suppress(self):
        self.both("suppress", *self.some_roles())

    def revive(self):
        self.both("revive", *self.some_roles())

    def some_roles(self):
        framework = self.random.choice(sorted(self.slow.frameworks))
        return framework, [
            role for role in sorted(self.slow.frameworks[framework]["roles"]) if self.random.random() < 0.6
        ]


def check_state(history):
    """Compare all that the allocator tells with the books of the reference."""
    fast, slow = history.fast, history.slow
    for agent, state in slow.agents.items():
        held = {key[1:]: parts for key, parts in slow.held.items() if key[0] == agent}
        holdings = {(g.framework, g.role): (g.amounts, g.reserved, g.revocable) for g in fast.holdings(agent)}
        assert holdings == {client: history.holding((agent, *client)) for client in held}
        assert fast.allocated(agent) == {client: not_revocable(parts) for client, parts in held.items()}
        assert fast.total(agent) == {name: amount for name, amount in state["total"].items() if amount}
        free = {part: amount for part, amount in slow.free(agent).items() if amount > 0}
        assert fast.free(agent) == not_revocable(free)
    clients = {(f, role) for f, state in slow.frameworks.items() for role in state["roles"]}
    clients |= {key[1:] for key in slow.held}
    assert fast.shares() == {client: slow.client_share(*client) for client in clients}
    roles = {path for role in slow.all_roles() for path in path_to(role)}
    assert fast.role_shares() == {role: slow.role_share(role) for role in roles}


def not_revocable(parts):
    """The sum of the parts by name, reserved or not."""
    sums = {}
    for (part, name), amount in parts.items():
        if part != REVOCABLE:
            sums[name] = sums.get(name, 0) + amount
    return sums


def check_expiry(history):
    """Just after a decision: what is due next is a filter's end, or a window that begins or ends."""
    windows = [state["window"] for state in history.slow.agents.values() if state["window"]]
    times = {start for start, _ in windows} | {start + duration for start, duration in windows if duration}
    times = {time for time in times if time > history.now}
    expiry = history.fast.next_expiry()
    # Filters that a later one makes pointless may be dropped, so the first end may be a later one.
    assert expiry in ({f[4] for f in history.slow.filters} | times or {None})
    assert all(expiry <= time for time in times)


def rebuilt(history):
    """A new allocator that is told what there is, and what is held, in the way that a new master would."""
    slow, fast = history.slow, history.fast
    fresh = DRFAllocator(engine=history.engine)
    for role in sorted({*slow.weights, *slow.guarantees, *slow.limits}):
        fresh.set_role(
            role,
            weight=slow.weights.get(role),
            guarantee=slow.guarantees.get(role),
            limit=slow.limits.get(role),
            force=True,
        )
    for agent, state in sorted(slow.agents.items()):
        holdings = fast.holdings(agent)
        # Revocable resources may have become fewer than are held, but so they could not be claimed.
        most = {name: 10**9 for grant in holdings for name in grant.revocable}
        fresh.add_agent(
            agent,
            fast.total(agent),
            attributes=state["attributes"],
            reservations=state["reservations"],
            revocable=most,
        )
        for grant in holdings:
            fresh.claim(
                agent,
                grant.framework,
                grant.role,
                grant.amounts,
                reserved=grant.reserved,
                revocable=grant.revocable,
            )
        fresh.update_agent(
            agent, active=state["active"], revocable=state["revocable"], unavailability=state["window"]
        )
    for framework, state in sorted(slow.frameworks.items()):
        fresh.set_framework(
            framework,
            sorted(state["roles"]),
            suppressed=state["suppressed"],
            min_offer=state["minimum"],
            active=state["active"],
            revocable=state["revocable"],
            constraints=state["constraints"],
        )
    return fresh


def check_rebuilt(history):
    """Compare an allocator with one that is built anew from its books."""
    history.now += 1000.0  # all filters have ended
    history.follow()
    history.follow()  # as has what was left out once
    fast, fresh = history.fast, rebuilt(history)
    for agent in history.slow.agents:
        assert fresh.total(agent) == fast.total(agent)
        assert fresh.free(agent) == fast.free(agent)
        assert fresh.allocated(agent) == fast.allocated(agent)
        assert in_order(fresh.holdings(agent)) == in_order(fast.holdings(agent))
        for framework in history.slow.frameworks:
            # Only whether: which of several quotas is named may depend on which resource was named first.
            reasons = [one.explain(framework, agent, history.now) for one in (fast, fresh)]
            assert bool(reasons[0]) == bool(reasons[1]), reasons
    assert fresh.shares() == fast.shares()
    assert fresh.role_shares() == fast.role_shares()


def in_order(grants):
    return sorted(grants, key=lambda grant: (grant.framework, grant.role))
