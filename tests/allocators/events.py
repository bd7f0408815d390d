"""Random histories, played to an allocator and to the reference at once."""

from __future__ import annotations

from random import Random

import numpy as np

from allocators import DRFAllocator
from tests.allocators.reference import Reference

ROLES = ["*", "a", "a/x", "a/y", "a/x/p", "b", "b/x"]
AGENTS = ["n1", "n2", "n3", "n4", "n5", "n6"]
FRAMEWORKS = ["f1", "f2", "f3", "f4", "f5"]
MINIMUMS = [[], [], [{"cpus": 3000}], [{"cpus": 2000, "mem": 100_000}, {"gpus": 1000}], [{}]]


def seeded(seed):
    return Random(seed)


class History:
    def __init__(self, random):
        self.random = random
        self.now = 0.0
        self.fast = DRFAllocator(np.random.default_rng(random.randrange(1000)))
        self.slow = Reference()

    def step(self):
        """Play one random event to both."""
        r = self.random
        known, missing = sorted(self.slow.agents), [a for a in AGENTS if a not in self.slow.agents]
        joined = sorted(self.slow.frameworks)
        events = [self.set_framework, self.set_role]
        events += [self.add_agent] * 2 if missing else []
        events += [self.update_agent, self.update_agent] if known else []
        events += [self.remove_agent] if known else []
        events += [self.suppress, self.revive] if joined else []
        events += [self.remove_framework] if joined and r.random() < 0.3 else []
        events += [self.release] * 12 if self.slow.held else []
        r.choice(events)()

    def allocate(self, *, full=False):
        """Let both decide over the agents in the same order; return both answers as lists of tuples."""
        decision = self.fast.allocate(self.now, full=full)
        fast = [(g.agent, g.framework, g.role, g.amounts) for g in decision.grants]
        # Agents that get nothing change nothing, and who can get nothing early in a pass cannot later:
        # the order among them is free, and it is right to ask about those last.
        first = [grant[0] for grant in fast]
        order = first + [agent for agent in sorted(self.slow.agents) if agent not in first]
        return fast, self.slow.allocate(order, self.now)

    def wait(self):
        self.now += self.random.choice([0.0, 0.5, 1.0, 3.0])

    # Events

    def amounts(self):
        r = self.random
        amounts = {"cpus": r.randrange(0, 9) * 1000, "mem": r.randrange(0, 9) * 40_000}
        if r.random() < 0.3:
            amounts["gpus"] = r.randrange(0, 4) * 1000
        if r.random() < 0.3:
            amounts["ports"] = r.randrange(0, 50) * 1000
        return amounts

    def add_agent(self):
        r = self.random
        agent = r.choice([a for a in AGENTS if a not in self.slow.agents])
        total = self.amounts()
        allocated = {}
        if r.random() < 0.3:
            client = (r.choice(FRAMEWORKS), r.choice(ROLES))
            allocated[client] = {n: r.randrange(0, v + 1) for n, v in total.items()}
            if r.random() < 0.3:
                allocated[client]["cpus"] = total["cpus"] + 500
        self.fast.add_agent(agent, total, allocated)
        self.slow.add_agent(agent, total, allocated)

    def update_agent(self):
        r = self.random
        agent = r.choice(sorted(self.slow.agents))
        total = self.amounts() if r.random() < 0.5 else None
        active = r.choice([None, True, True, False])
        self.fast.update_agent(agent, total=total, active=active)
        self.slow.update_agent(agent, total, active)

    def remove_agent(self):
        agent = self.random.choice(sorted(self.slow.agents))
        self.fast.remove_agent(agent)
        self.slow.remove_agent(agent)

    def set_framework(self):
        r = self.random
        framework = r.choice(FRAMEWORKS)
        roles = r.sample(ROLES, r.randrange(0, 4))
        suppressed = [role for role in roles if r.random() < 0.2]
        minimum, active = r.choice(MINIMUMS), r.random() < 0.85
        self.fast.set_framework(framework, roles, suppressed=suppressed, min_offer=minimum, active=active)
        self.slow.set_framework(framework, roles, suppressed, minimum, active)

    def remove_framework(self):
        framework = self.random.choice(sorted(self.slow.frameworks))
        self.fast.remove_framework(framework)
        self.slow.remove_framework(framework)

    def set_role(self):
        role, weight = self.random.choice(ROLES), self.random.choice([0.5, 1.0, 1.0, 2.0, 3.0])
        self.fast.set_role(role, weight=weight)
        self.slow.set_role(role, weight)

    def release(self):
        r = self.random
        agent, framework, role = r.choice(sorted(self.slow.held))
        amounts = dict(sorted(self.slow.held[agent, framework, role].items()))
        if r.random() < 0.4:
            amounts = {n: r.randrange(0, v + 1) for n, v in amounts.items()}
        refuse = r.choice([None, 0.0, 1.0, 1.0, 5.0])
        self.fast.release(agent, framework, role, amounts, refuse=refuse, now=self.now)
        self.slow.release(agent, framework, role, amounts, refuse, self.now)

    def suppress(self):
        framework, roles = self.some_roles()
        self.fast.suppress(framework, roles)
        self.slow.suppress(framework, roles)

    def revive(self):
        framework, roles = self.some_roles()
        self.fast.revive(framework, roles)
        self.slow.revive(framework, roles)

    def some_roles(self):
        framework = self.random.choice(sorted(self.slow.frameworks))
        return framework, [
            role for role in sorted(self.slow.frameworks[framework]["roles"]) if self.random.random() < 0.6
        ]
