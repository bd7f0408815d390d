"""The slow, obvious allocator: dicts, and everything sorted anew for every agent."""

from __future__ import annotations

DEFAULT_MINIMUM = [{"cpus": 10}, {"mem": 32_000}]


class Reference:
    def __init__(self, minimum=DEFAULT_MINIMUM, excluded=("ports",)):
        self.minimum = minimum
        self.excluded = excluded
        self.agents = {}  # name -> {"total": amounts, "active": bool}
        self.held = {}  # (agent, framework, role) -> amounts
        self.frameworks = {}  # name -> {"roles", "suppressed", "minimum", "active"}
        self.weights = {}
        self.counts = {}  # (kind, ...) -> allocations ever made
        self.filters = []  # (agent, framework, role, refused, until)
        self.left_out = set()  # (agent, framework, role)

    # Events

    def add_agent(self, agent, total, allocated):
        self.agents[agent] = {"total": dict(total), "active": True}
        for (framework, role), amounts in allocated.items():
            if any(amounts.values()):
                self.charge(agent, framework, role, amounts)
        self.forget()

    def update_agent(self, agent, total=None, active=None):
        if total is not None:
            self.agents[agent]["total"] = dict(total)
        if active is not None:
            self.agents[agent]["active"] = active

    def remove_agent(self, agent):
        del self.agents[agent]
        self.held = {key: amounts for key, amounts in self.held.items() if key[0] != agent}
        self.filters = [f for f in self.filters if f[0] != agent]
        self.left_out = {key for key in self.left_out if key[0] != agent}
        self.forget()

    def set_framework(self, framework, roles, suppressed, min_offer, active):
        old = self.frameworks.get(framework, {"suppressed": set()})
        self.frameworks[framework] = {
            "roles": set(roles),
            "suppressed": set(suppressed),
            "minimum": list(min_offer) or self.minimum,
            "active": active,
        }
        kept = set(roles) - (old["suppressed"] - set(suppressed)) if active else set()
        for role in {f[2] for f in self.filters} | {key[2] for key in self.left_out}:
            if role not in kept:
                self.forget_refusals(framework, role)
        self.forget()

    def remove_framework(self, framework):
        self.frameworks.pop(framework, None)
        self.held = {key: amounts for key, amounts in self.held.items() if key[1] != framework}
        self.filters = [f for f in self.filters if f[1] != framework]
        self.left_out = {key for key in self.left_out if key[1] != framework}
        self.forget()

    def set_role(self, role, weight):
        self.weights[role] = weight
        self.forget()

    def release(self, agent, framework, role, amounts, refuse, now):
        held = self.held[agent, framework, role]
        self.held[agent, framework, role] = {n: v - amounts.get(n, 0) for n, v in held.items()}
        if not any(self.held[agent, framework, role].values()):
            del self.held[agent, framework, role]
        if refuse is not None and any(amounts.values()) and self.may(framework, role):
            if refuse > 0:
                self.filters.append((agent, framework, role, dict(amounts), now + refuse))
            else:
                self.left_out.add((agent, framework, role))
        self.forget()

    def suppress(self, framework, roles):
        self.frameworks[framework]["suppressed"] |= set(roles)

    def revive(self, framework, roles):
        self.frameworks[framework]["suppressed"] -= set(roles)
        for role in roles:
            self.forget_refusals(framework, role)

    # Decision

    def allocate(self, order, now):
        """Walk over the agents in this order; return (agent, framework, role, amounts) tuples."""
        self.filters = [f for f in self.filters if f[4] > now]
        grants = []
        for agent in order:
            free = {name: amount for name, amount in self.free(agent).items() if amount > 0}
            if not self.agents[agent]["active"] or not free:
                continue
            for framework, role in self.clients_in_order(""):
                if self.eligible(agent, framework, role, free):
                    self.charge(agent, framework, role, free)
                    grants.append((agent, framework, role, free))
                    break
        self.left_out = set()
        return grants

    def eligible(self, agent, framework, role, free):
        minimum = self.frameworks[framework]["minimum"]
        if minimum and not any(all(free.get(n, 0) >= v for n, v in one.items()) for one in minimum):
            return False
        if (agent, framework, role) in self.left_out:
            return False
        for where, who, what, refused, _ in self.filters:
            inside = all(amount <= refused.get(name, 0) for name, amount in free.items())
            if (where, who, what) == (agent, framework, role) and inside:
                return False
        return True

    def clients_in_order(self, parent):
        siblings = []
        own = [f for f in sorted(self.frameworks) if self.may(f, parent)]
        if own:
            share = self.share(lambda framework, role: role == parent)
            siblings.append((share, self.counts.get(("group", parent), 0), "."))
        prefix = parent + "/" if parent else ""
        names = {role[len(prefix) :].split("/")[0] for role in self.all_roles() if role.startswith(prefix)}
        for name in names:
            path = prefix + name
            below = [
                (f, r) for f in self.frameworks for r in self.all_roles() if self.may(f, r) and under(r, path)
            ]
            if below:
                share = self.share(lambda framework, role, path=path: under(role, path))
                weight = self.weights.get(path, 1.0)
                siblings.append((share / weight, self.counts.get(("role", path), 0), name))
        clients = []
        for _, _, name in sorted(siblings):
            if name == ".":
                clients += sorted(
                    ((f, parent) for f in own),
                    key=lambda client: (
                        self.share(lambda framework, role: (framework, role) == client),
                        self.counts.get(("client", *client), 0),
                        client[0],
                    ),
                )
            else:
                clients += self.clients_in_order(prefix + name)
        return clients

    # Facts

    def may(self, framework, role):
        state = self.frameworks.get(framework)
        return bool(state and state["active"] and role in state["roles"] - state["suppressed"])

    def share(self, wanted):
        best = 0.0
        for name in {name for agent in self.agents.values() for name in agent["total"]}:
            whole = sum(agent["total"].get(name, 0) for agent in self.agents.values())
            used = sum(a.get(name, 0) for (_, f, r), a in self.held.items() if wanted(f, r))
            if whole > 0 and name not in self.excluded:
                best = max(best, used / whole)
        return best

    def free(self, agent):
        free = dict(self.agents[agent]["total"])
        for key, amounts in self.held.items():
            for name, amount in amounts.items():
                if key[0] == agent:
                    free[name] = free.get(name, 0) - amount
        return free

    def all_roles(self):
        known = {role for state in self.frameworks.values() for role in state["roles"]}
        return sorted(known | {role for _, _, role in self.held} | set(self.weights))

    def charge(self, agent, framework, role, amounts):
        before = self.held.get((agent, framework, role), {})
        names = {*before, *amounts}
        self.held[agent, framework, role] = {n: before.get(n, 0) + amounts.get(n, 0) for n in names}
        parts = role.split("/")
        paths = [("role", "/".join(parts[:depth])) for depth in range(1, len(parts) + 1)]
        for key in [("client", framework, role), ("group", role), *paths]:
            self.counts[key] = self.counts.get(key, 0) + 1

    def forget_refusals(self, framework, role):
        self.filters = [f for f in self.filters if f[1:3] != (framework, role)]
        self.left_out = {key for key in self.left_out if key[1:] != (framework, role)}

    def forget(self):
        """Drop the counts of clients and roles that are no more."""
        clients = {(f, r) for f, state in self.frameworks.items() for r in state["roles"]}
        clients |= {key[1:] for key in self.held}
        roles = {role for _, role in clients}
        weighted = {role for role, weight in self.weights.items() if weight != 1.0}
        for key in list(self.counts):
            if key[0] == "client":
                stays = key[1:] in clients
            elif key[0] == "group":
                stays = key[1] in roles
            else:
                stays = any(under(role, key[1]) for role in roles | weighted)
            if not stays:
                del self.counts[key]


def under(role, path):
    return role == path or role.startswith(path + "/")
