"""The slow, obvious allocator: dicts, and everything summed and sorted anew for every question.

What there is, what is held and what is given are mappings of (part, name) to thousandths: the part is UNRESERVED,
REVOCABLE, or the role that it is reserved for.
"""

from __future__ import annotations

from math import inf

DEFAULT_MINIMUM = [{"cpus": 10}, {"mem": 32_000}]
UNRESERVED, REVOCABLE = "", "-"  # no role has such a name


class WrongError(Exception):
    """What an allocator must not accept; nothing has changed."""


class Reference:
    def __init__(self, minimum=DEFAULT_MINIMUM, excluded=("ports",)):
        self.minimum = minimum
        self.excluded = excluded
        self.agents = {}  # name -> {"total", "reservations", "revocable", "attributes", "active", "window"}
        self.held = {}  # (agent, framework, role) -> {(part, name): amount}, no zeros
        self.frameworks = {}  # name -> {"roles", "suppressed", "minimum", "active", "revocable", "constraints"}
        self.weights = {}
        self.guarantees = {}  # role -> amounts
        self.limits = {}
        self.counts = {}  # (kind, ...) -> allocations ever made
        self.filters = []  # (agent, framework, role, refused columns, until)
        self.left_out = set()  # (agent, framework, role)

    # Events

    def add_agent(self, agent, total, allocated, *, attributes=(), reservations=(), revocable=()):
        new = {"total": dict(total), "reservations": dict(reservations), "revocable": dict(revocable)}
        check_reservations(new)
        self.agents[agent] = {**new, "attributes": dict(attributes), "active": True, "window": ()}
        for (framework, role), amounts in allocated.items():
            if any(amounts.values()):
                self.charge(agent, framework, role, in_parts(amounts))
        self.forget()

    def update_agent(self, agent, *, unavailability=None, **changes):
        changes = {key: value for key, value in changes.items() if value is not None}
        old, new = self.agents[agent], {**self.agents[agent], **changes}
        check_reservations(new)
        if "reservations" in changes:
            held = self.held_on(agent)
            before, after = whole(old), whole(new)
            for part, name in {*before, *after, *held}:
                used = held.get((part, name), 0)
                left = after.get((part, name), 0) - used
                if part == UNRESERVED and left < min(0, before.get((part, name), 0) - used):
                    raise WrongError(f"{name} is not free")
                if part not in {UNRESERVED, REVOCABLE} and left < 0:
                    raise WrongError(f"{name} is held")
        if unavailability is not None:
            new["window"] = unavailability
        self.agents[agent] = new
        self.forget()

    def remove_agent(self, agent):
        del self.agents[agent]
        self.held = {key: parts for key, parts in self.held.items() if key[0] != agent}
        self.filters = [f for f in self.filters if f[0] != agent]
        self.left_out = {key for key in self.left_out if key[0] != agent}
        self.forget()

    def set_framework(
        self, framework, roles, *, suppressed, min_offer, active, revocable=False, constraints=None
    ):
        old = self.frameworks.get(framework, {"suppressed": set()})
        self.frameworks[framework] = {
            "roles": set(roles),
            "suppressed": set(suppressed),
            "minimum": list(min_offer) or self.minimum,
            "active": active,
            "revocable": revocable,
            "constraints": constraints,
        }
        kept = set(roles) - (old["suppressed"] - set(suppressed)) if active else set()
        for role in {f[2] for f in self.filters} | {key[2] for key in self.left_out}:
            if role not in kept:
                self.forget_refusals(framework, role)
        self.forget()

    def remove_framework(self, framework):
        self.frameworks.pop(framework, None)
        self.held = {key: parts for key, parts in self.held.items() if key[1] != framework}
        self.filters = [f for f in self.filters if f[1] != framework]
        self.left_out = {key for key in self.left_out if key[1] != framework}
        self.forget()

    def set_role(self, role, *, weight=None, guarantee=None, limit=None, force=False):
        kept = self.guarantees.get(role, {}) if guarantee is None else guarantee
        most = self.limits.get(role, {}) if limit is None else limit
        if any(amount > most.get(name, inf) for name, amount in kept.items()):
            raise WrongError(f"{role} is guaranteed more than its limit")
        all_kept = {**self.guarantees, role: kept}
        all_most = {**self.limits, role: most}
        for name in {*kept, *most}:
            for path in path_to(role):
                if promised(path, name, all_kept) > all_most.get(path, {}).get(name, inf):
                    raise WrongError(f"more {name} is guaranteed in {path} than its limit")
        for name in guarantee or {}:
            total = sum(agent["total"].get(name, 0) for agent in self.agents.values())
            if not force and promised("", name, all_kept) > total:
                raise WrongError(f"more {name} is guaranteed than there is")
        if weight is not None:
            self.weights[role] = weight
        self.guarantees[role] = {name: amount for name, amount in kept.items() if amount}
        self.limits[role] = dict(most)
        self.forget()

    def release(self, agent, framework, role, amounts, *, reserved=(), revocable=(), refuse=None, now=0.0):
        back = in_parts(amounts, reserved, revocable)
        held = self.held.get((agent, framework, role), {})
        if any(amount > held.get(key, 0) for key, amount in back.items()):
            raise WrongError("more than it holds")
        left = {key: amount - back.get(key, 0) for key, amount in held.items()}
        self.held[agent, framework, role] = {key: amount for key, amount in left.items() if amount}
        if not self.held[agent, framework, role]:
            del self.held[agent, framework, role]
        if refuse is not None and back and self.may(framework, role):
            if refuse > 0:
                self.filters.append((agent, framework, role, in_columns(back), now + refuse))
            else:
                self.left_out.add((agent, framework, role))
        self.forget()

    def claim(self, agent, framework, role, amounts, *, reserved=(), revocable=()):
        if any(not under(role, owner) for owner in dict(reserved)):
            raise WrongError("reserved for others")
        taken, free = in_parts(amounts, reserved, revocable), self.free(agent)
        for (part, name), amount in taken.items():
            if part != UNRESERVED and amount > free.get((part, name), 0):
                raise WrongError(f"{name} is not free")
        if taken:
            self.charge(agent, framework, role, taken)

    def suppress(self, framework, roles):
        self.frameworks[framework]["suppressed"] |= set(roles)

    def revive(self, framework, roles):
        self.frameworks[framework]["suppressed"] -= set(roles)
        for role in roles:
            self.forget_refusals(framework, role)

    # Decision

    def allocate(self, order, now):
        """Walk over the agents in this order; return what was granted, see `in_tuple`."""
        self.filters = [f for f in self.filters if f[4] > now]
        grants = []
        names = {name for amounts in self.guarantees.values() for name in amounts}
        if any(self.need("", name) > 0 for name in names):
            for agent in order:
                grants += self.pass_round(agent, now, only_unmet=True)
        for agent in order:
            grants += self.pass_round(agent, now, only_unmet=False)
        self.left_out = set()
        return grants

    def pass_round(self, agent, now, *, only_unmet):
        """Offer one agent to the clients in their order, which stays what it is at first."""
        grants = []
        if not self.is_active(agent, now) or not any(amount > 0 for amount in self.free(agent).values()):
            return grants
        for framework, role in self.clients_in_order(""):
            if only_unmet and not self.is_unmet(agent, role):
                continue
            given = self.would_give(agent, framework, role, now)
            if given is not None:
                self.charge(agent, framework, role, given)
                grants.append(in_tuple(agent, framework, role, given))
        return grants

    def is_unmet(self, agent, role):
        """Whether the agent has anything of which the role's guarantee, or one above it, lacks."""
        return any(
            part == UNRESERVED and amount > 0 and self.own_claim(path_to(role), name) > 0
            for (part, name), amount in self.free(agent).items()
        )

    def would_give(self, agent, framework, role, now):
        """What the agent would give to the client, were it its turn; None if nothing."""
        state = self.frameworks[framework]
        if (agent, framework, role) in self.left_out or self.is_excluded(agent, framework, now):
            return None
        given = self.offer(agent, framework, role, now)
        if not given:
            return None
        sums = {}
        for (_, name), amount in given.items():
            sums[name] = sums.get(name, 0) + amount
        minimum = state["minimum"]
        if minimum and not any(all(sums.get(n, 0) >= v for n, v in one.items()) for one in minimum):
            return None
        columns = in_columns(given)
        for where, who, what, refused, until in self.filters:
            inside = all(amount <= refused.get(column, 0) for column, amount in columns.items())
            if (where, who, what) == (agent, framework, role) and until > now and inside:
                return None
        return given

    def offer(self, agent, framework, role, now):
        """What there is on the agent for the client, within its reservations and all quotas."""
        given = {}
        free = {key: amount for key, amount in self.free(agent).items() if amount > 0}
        path = path_to(role)
        for name in {name for part, name in free if part != REVOCABLE}:
            rooms = {above: self.room(above, name) for above in path}
            for owner in reversed(path):
                if (owner, name) in free:
                    charged = [below for below in path if under(below, owner) and below != owner]
                    given[owner, name] = min([free[owner, name]] + [rooms[below] for below in charged])
                    for below in charged:
                        rooms[below] -= given[owner, name]
            if (UNRESERVED, name) in free:
                most = min(rooms.values())
                if any(name in amounts for amounts in self.guarantees.values()):
                    own = self.own_claim(path, name)
                    spare = self.spare(name, now) - self.need_of_others(path, name)
                    most = min(most, max(own, spare))
                given[UNRESERVED, name] = max(0, min(free[UNRESERVED, name], most))
        if self.frameworks[framework]["revocable"]:
            given |= {key: amount for key, amount in free.items() if key[0] == REVOCABLE}
        return {key: amount for key, amount in given.items() if amount}

    def is_excluded(self, agent, framework, now):
        """Whether the framework's constraints exclude the agent."""
        constraints = self.frameworks[framework]["constraints"]
        if constraints is None:
            return False
        if self.agents[agent]["window"]:
            start, duration = self.agents[agent]["window"]
            is_ahead = duration is None or now < start + duration
            if is_ahead and start - now < constraints.available_for:
                return True
        return constraints.why_not(agent, self.agents[agent]["attributes"]) is not None

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
                share = self.role_share(path)
                weight = self.weights.get(path, 1.0)
                siblings.append((share / weight, self.counts.get(("role", path), 0), name))
        clients = []
        for _, _, name in sorted(siblings):
            if name == ".":
                clients += sorted(
                    ((f, parent) for f in own),
                    key=lambda client: (
                        self.client_share(*client),
                        self.counts.get(("client", *client), 0),
                        client[0],
                    ),
                )
            else:
                clients += self.clients_in_order(prefix + name)
        return clients

    # Quotas

    def reserved_in(self, role, name):
        """What is reserved for the role and those below it, used or not."""
        return sum(
            amounts.get(name, 0)
            for agent in self.agents.values()
            for owner, amounts in agent["reservations"].items()
            if under(owner, role)
        )

    def held_in(self, role, name, sources):
        """What the role and those below it hold of these parts."""
        return sum(
            amount
            for (_, _, holder), parts in self.held.items()
            if under(holder, role)
            for (part, what), amount in parts.items()
            if what == name and part in sources
        )

    def room(self, role, name):
        """How much more the role's limit allows; what it holds of reservations for roles above counts, too."""
        limit = self.limits.get(role, {})
        if name not in limit:
            return inf
        sources = {UNRESERVED, *path_to(role)[:-1]}
        return max(0, limit[name] - self.reserved_in(role, name) - self.held_in(role, name, sources))

    def unmet(self, role, name):
        """How much the role's guarantee lacks; what it holds of reservations for roles above does not count."""
        guarantee = self.guarantees.get(role, {})
        if name not in guarantee:
            return 0
        used = self.reserved_in(role, name) + self.held_in(role, name, {UNRESERVED})
        return max(0, guarantee[name] - used)

    def need(self, role, name):
        """What must be kept for the role and those below it; of role "" for all."""
        below = sum(self.need(child, name) for child in children(role, self.guarantees))
        return max(self.unmet(role, name), below)

    def own_claim(self, path, name):
        """How much the roles of the path lack, but for what other roles below them need."""
        claims = [0]
        for depth, role in enumerate(path):
            others = sum(
                self.need(child, name)
                for parent in path[depth:]
                for child in children(parent, self.guarantees)
                if child not in path
            )
            claims.append(self.unmet(role, name) - others)
        return max(claims)

    def need_of_others(self, path, name):
        """What must be kept for all roles beside this path and below it."""
        return sum(
            self.need(child, name)
            for parent in ["", *path]
            for child in children(parent, self.guarantees)
            if child not in path
        )

    def spare(self, name, now):
        """What is neither reserved nor held on all active agents."""
        return sum(
            max(0, self.free(agent).get((UNRESERVED, name), 0))
            for agent in self.agents
            if self.is_active(agent, now)
        )

    # Facts

    def may(self, framework, role):
        state = self.frameworks.get(framework)
        return bool(state and state["active"] and role in state["roles"] - state["suppressed"])

    def is_active(self, agent, now):
        state = self.agents[agent]
        if state["window"]:
            start, duration = state["window"]
            if start <= now and (duration is None or now < start + duration):
                return False
        return state["active"]

    def role_share(self, path):
        return self.share(lambda framework, role: under(role, path))

    def client_share(self, *client):
        return self.share(lambda framework, role: (framework, role) == client)

    def share(self, wanted):
        best = 0.0
        for name in {name for agent in self.agents.values() for name in agent["total"]}:
            total = sum(agent["total"].get(name, 0) for agent in self.agents.values())
            if total > 0 and name not in self.excluded:
                used = sum(
                    amount
                    for (_, framework, role), parts in self.held.items()
                    if wanted(framework, role)
                    for (part, what), amount in parts.items()
                    if what == name and part != REVOCABLE
                )
                best = max(best, used / total)
        return best

    def free(self, agent):
        """What is not held, below zero where the agent is over-committed."""
        free, held = whole(self.agents[agent]), self.held_on(agent)
        return {key: free.get(key, 0) - held.get(key, 0) for key in {*free, *held}}

    def held_on(self, agent):
        """The sum of what all clients hold there."""
        sums = {}
        for key, parts in self.held.items():
            if key[0] == agent:
                for part, amount in parts.items():
                    sums[part] = sums.get(part, 0) + amount
        return sums

    def all_roles(self):
        """All roles that have clients, a weight, a quota or a reservation."""
        known = {role for state in self.frameworks.values() for role in state["roles"]}
        set_up = {role for role, weight in self.weights.items() if weight != 1.0}
        set_up |= {role for role, amounts in [*self.guarantees.items(), *self.limits.items()] if amounts}
        set_up |= {
            role for a in self.agents.values() for role, v in a["reservations"].items() if any(v.values())
        }
        return sorted(known | {role for _, _, role in self.held} | set_up)

    def charge(self, agent, framework, role, taken):
        before = self.held.get((agent, framework, role), {})
        keys = [*before, *taken]
        self.held[agent, framework, role] = {key: before.get(key, 0) + taken.get(key, 0) for key in keys}
        paths = [("role", path) for path in path_to(role)]
        for key in [("client", framework, role), ("group", role), *paths]:
            self.counts[key] = self.counts.get(key, 0) + 1

    def forget_refusals(self, framework, role):
        self.filters = [f for f in self.filters if f[1:3] != (framework, role)]
        self.left_out = {key for key in self.left_out if key[1:] != (framework, role)}

    def forget(self):
        """Drop the counts of clients and roles that are no more."""
        clients = {(f, r) for f, state in self.frameworks.items() for r in state["roles"]}
        clients |= {key[1:] for key in self.held}
        for key in list(self.counts):
            if key[0] == "client":
                stays = key[1:] in clients
            elif key[0] == "group":
                stays = any(role == key[1] for _, role in clients)
            else:
                stays = any(under(role, key[1]) for role in self.all_roles())
            if not stays:
                del self.counts[key]


def under(role, path):
    return role == path or role.startswith(path + "/")


def path_to(role):
    """The roles from the top level to this one."""
    names = role.split("/")
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]


def children(parent, roles):
    """The roles right below a role, "" for the top level, on the way to these roles."""
    return {path for role in roles for path in path_to(role) if path.rpartition("/")[0] == parent}


def promised(role, name, guarantees):
    """What a role and those below it are guaranteed together."""
    below = sum(promised(child, name, guarantees) for child in children(role, guarantees))
    return max(guarantees.get(role, {}).get(name, 0), below)


def whole(agent):
    """What there is on an agent, by part; the unreserved one may be below zero."""
    parts = {(UNRESERVED, name): amount for name, amount in agent["total"].items()}
    for role, amounts in agent["reservations"].items():
        for name, amount in amounts.items():
            parts[role, name] = amount
            parts[UNRESERVED, name] = parts.get((UNRESERVED, name), 0) - amount
    return parts | {(REVOCABLE, name): amount for name, amount in agent["revocable"].items()}


def check_reservations(agent):
    if "*" in agent["reservations"]:
        raise WrongError("role * has no reservations")
    if any(amount < 0 for amount in whole(agent).values()):
        raise WrongError("more is reserved than there is")


def in_parts(amounts, reserved=(), revocable=()):
    parts = {(UNRESERVED, name): amount for name, amount in amounts.items()}
    parts |= {(role, name): v for role, names in dict(reserved).items() for name, v in names.items()}
    parts |= {(REVOCABLE, name): amount for name, amount in dict(revocable).items()}
    return {key: amount for key, amount in parts.items() if amount}


def in_columns(parts):
    """What filters compare: reserved or not is all the same."""
    columns = {}
    for (part, name), amount in parts.items():
        column = (part == REVOCABLE, name)
        columns[column] = columns.get(column, 0) + amount
    return columns


def in_tuple(agent, framework, role, parts):
    """(agent, framework, role, amounts, reserved, revocable), as in `Grant`."""
    reserved = {}
    for (part, name), amount in parts.items():
        if part not in {UNRESERVED, REVOCABLE}:
            reserved.setdefault(part, {})[name] = amount
    amounts, revocable = (
        {name: amount for (part, name), amount in parts.items() if part == wanted}
        for wanted in (UNRESERVED, REVOCABLE)
    )
    return agent, framework, role, amounts, reserved, revocable
