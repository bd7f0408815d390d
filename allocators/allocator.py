"""The default allocator: Mesos's hierarchical weighted DRF, on events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from allocators.agents import AgentTable
from allocators.checks import (
    MAX_AMOUNT,
    check_amounts,
    check_flag,
    check_holdings,
    check_minimum,
    check_name,
    check_role,
    check_roles,
    check_time,
    check_weight,
)
from allocators.errors import AllocatorError
from allocators.filters import FilterTable
from allocators.frameworks import Framework
from allocators.interface import NOTHING_ALLOCATED, Amounts, Client, Decision, Grant
from allocators.minimum import Minimum, reaches
from allocators.tree import Node, RoleTree

MIN_ALLOCATABLE: tuple[Amounts, ...] = ({"cpus": 10}, {"mem": 32_000})
"""Mesos's default smallest offer: 0.01 cpus, or 32 MiB of memory."""

EXCLUDE_FROM_SHARE = frozenset({"ports"})
"""Resources that are offered and charged, but do not make a share."""


class DRFAllocator:
    """Coarse-grained offers by hierarchical weighted dominant shares; implements `OfferAllocator`.

    What is offered counts as allocated at once. Each agent in turn, in random order, goes whole to the first
    client that may have it: roles by share/weight at every level, then the frameworks of the role by share;
    ties go to fewer allocations so far, then to the name. After each grant the shares are new (progressive
    filling). Totals are of all agents, active or not.

    `allocate` looks only at agents where something changed since the last call: a release, a filter that
    ended, a changed agent; and at all agents with anything free after a framework or role was added, revived
    or got another minimum. Weights and shares alone change nothing, for an agent left free had no client that
    might have it. A client left out once (`release` with `refuse` 0) is considered again in the call after
    next: a master that calls `allocate` on events only should also call it now and then.

    Fairness is Mesos's: nobody who may have an agent is passed over for a sibling of larger share/weight, and
    shares are level as far as whole agents allow. Inner nodes sum their subtrees, as in Mesos; this is not
    H-DRF. The order is that of DRF (Ghodsi et al., NSDI 2011), applied at every level of the tree.

    Arguments: `rng` orders the agents (default: seed 0); `min_allocatable` is the smallest offer, as
    alternatives of name to thousandths of which one must be reached (empty: any amount above zero);
    `exclude_from_share` are resources that do not count in shares. Raises `AllocatorError` if these are
    malformed.

    Cost: an event O(clients that refuse before one takes it + depth * log(siblings)); agents that come and go
    change all totals, so the next `allocate` sorts the levels that it looks at anew.
    """

    def __init__(
        self,
        rng: np.random.Generator | None = None,
        *,
        min_allocatable: Sequence[Amounts] = MIN_ALLOCATABLE,
        exclude_from_share: Collection[str] = EXCLUDE_FROM_SHARE,
    ) -> None:
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise AllocatorError(f"rng must be a numpy.random.Generator, not {rng!r}")
        if isinstance(exclude_from_share, str):
            raise AllocatorError(f"exclude_from_share must be a collection, not {exclude_from_share!r}")
        minimum = check_minimum(min_allocatable, "min_allocatable")
        self._excluded = frozenset(check_name(name, "exclude_from_share") for name in exclude_from_share)
        self._rng = np.random.default_rng(0) if rng is None else rng
        self._names: list[str] = []
        self._columns: dict[str, int] = {}
        self._agents = AgentTable()
        self._tree = RoleTree()
        self._filters = FilterTable()
        self._frameworks: dict[str, Framework] = {}
        self._own_minimum: set[str] = set()
        self._minimum = self._to_minimum(minimum)
        self._dirty: set[int] = set()
        self._all_dirty = False
        self._left_out: dict[int, set[Node]] = {}

    # Facts

    def add_agent(
        self, agent: str, total: Amounts, allocated: Mapping[Client, Amounts] = NOTHING_ALLOCATED
    ) -> None:
        """See `OfferAllocator.add_agent`. Raises `AllocatorError` for an agent that is there already, too."""
        check_name(agent, "agent")
        if agent in self._agents.rows:
            raise AllocatorError(f"agent {agent!r} is already there")
        whole = check_amounts(total, f"agent {agent!r}")
        self._check_cluster(agent, whole, [])
        holdings = check_holdings(agent, allocated)

        row = self._to_row(whole)
        rows = {client: self._to_row(amounts) for client, amounts in holdings.items()}
        row += [0] * (len(self._names) - len(row))
        number = self._agents.add(agent)
        self._agents.set_total(number, row)
        self._totals_changed()
        for (framework, role), used in rows.items():
            used += [0] * (len(self._names) - len(used))
            if any(used):
                client = self._client(framework, role)
                self._agents.hold(number, client, used)
                self._agents.give(number, used, -1)
                self._tree.charge(client, used)
        self._dirty.add(number)

    def update_agent(self, agent: str, *, total: Amounts | None = None, active: bool | None = None) -> None:
        """See `OfferAllocator.update_agent`."""
        number = self._agent(agent)
        if active is not None:
            check_flag(active, f"agent {agent!r}: active")
        if total is not None:
            whole = check_amounts(total, f"agent {agent!r}")
            self._check_cluster(agent, whole, self._agents.total(number))
            row = self._to_row(whole)
            self._agents.set_total(number, row)
            self._totals_changed()
        if active is not None:
            self._agents.set_active(number, active=active)
        self._dirty.add(number)

    def remove_agent(self, agent: str) -> None:
        """See `OfferAllocator.remove_agent`."""
        number = self._agent(agent)
        for client, row in self._agents.held[number].items():
            self._tree.refund(client, row)
        clients = list(self._agents.held[number])
        self._filters.clear_agent(number)
        self._left_out.pop(number, None)
        self._dirty.discard(number)
        self._agents.remove(number)
        self._totals_changed()
        for client in clients:
            self._tidy(client)

    def set_framework(
        self,
        framework: str,
        roles: Sequence[str],
        *,
        suppressed: Collection[str] = (),
        min_offer: Sequence[Amounts] = (),
        active: bool = True,
    ) -> None:
        """See `OfferAllocator.set_framework`. A suppressed role not in `roles` is an error."""
        check_name(framework, "framework")
        where = f"framework {framework!r}"
        wanted = set(check_roles(roles, f"{where}: roles"))
        quiet = set(check_roles(suppressed, f"{where}: suppressed roles"))
        if not quiet <= wanted:
            raise AllocatorError(f"{where}: suppressed roles it is not in: {sorted(quiet - wanted)}")
        alternatives = check_minimum(min_offer, where)
        check_flag(active, f"{where}: active")

        state = self._frameworks.setdefault(framework, Framework())
        minimum = self._to_minimum(alternatives) if alternatives else None
        ready = state.ready()
        if minimum != state.minimum:
            ready = set()  # what was too small may now do: as good as new
        revived = state.suppressed - quiet
        state.registered, state.active, state.roles, state.suppressed = True, active, wanted, quiet
        state.minimum = minimum
        if minimum is None:
            self._own_minimum.discard(framework)
        else:
            self._own_minimum.add(framework)
        for role in sorted(wanted):
            self._client(framework, role)
        for role, client in list(state.clients.items()):
            client.minimum = minimum
            if not active or role not in wanted or role in revived:
                self._forget_refusals(client)
        if state.ready() - ready or revived:
            self._all_dirty = True
        self._activate(state)
        for client in list(state.clients.values()):
            self._tidy(client)

    def remove_framework(self, framework: str) -> None:
        """See `OfferAllocator.remove_framework`."""
        state = self._framework(framework)
        clients = set(state.clients.values())
        if any(any(client.allocated) for client in clients):
            for number in self._agents.rows.values():
                for client in [client for client in self._agents.held[number] if client in clients]:
                    self._return(number, client, self._agents.held[number][client])
        for client in clients:
            self._forget_refusals(client)
            self._tree.remove_client(client)
        self._own_minimum.discard(framework)
        del self._frameworks[framework]

    def set_role(self, role: str, *, weight: float = 1.0) -> None:
        """See `OfferAllocator.set_role`."""
        check_role(role)
        self._tree.set_weight(role, check_weight(weight, f"role {role!r}"))

    # Movements

    def release(
        self,
        agent: str,
        framework: str,
        role: str,
        amounts: Amounts,
        *,
        refuse: float | None = None,
        now: float = 0.0,
    ) -> None:
        """See `OfferAllocator.release`. Raises `AllocatorError` for more than the client holds there, too."""
        number = self._agent(agent)
        where = f"release on agent {agent!r} by framework {framework!r} in role {role!r}"
        client = self._framework(framework).clients.get(check_name(role, "role"))
        held = None if client is None else self._agents.held[number].get(client)
        given = check_amounts(amounts, where)
        check_time(now, f"{where}: now")
        if refuse is not None:
            check_time(refuse, f"{where}: refuse", least=0.0)
            check_time(now + refuse, f"{where}: now + refuse")
        if client is None or held is None:
            check_role(role)
            raise AllocatorError(f"{where}: it holds nothing there")
        for name, amount in given.items():
            column = self._columns.get(name)
            most = 0 if column is None else held[column]
            if amount > most:
                raise AllocatorError(f"{where}: {amount} thousandths of {name}, but it holds {most}")

        row = self._to_row({name: amount for name, amount in given.items() if amount})
        if not any(row):
            return
        self._return(number, client, row)
        if refuse is not None and client.active:
            if refuse > 0:
                self._filters.add(number, client, row, now + refuse)
            else:
                self._left_out.setdefault(number, set()).add(client)
        self._tidy(client)

    def suppress(self, framework: str, roles: Collection[str] | None = None) -> None:
        """See `OfferAllocator.suppress`. A role that the framework is not in is an error."""
        state, chosen = self._chosen(framework, roles)
        state.suppressed |= chosen
        self._activate(state)

    def revive(self, framework: str, roles: Collection[str] | None = None) -> None:
        """See `OfferAllocator.revive`. A role that the framework is not in is an error."""
        state, chosen = self._chosen(framework, roles)
        state.suppressed -= chosen
        for role in chosen:
            self._forget_refusals(state.clients[role])
        self._activate(state)
        if state.active and chosen:
            self._all_dirty = True

    # Decision

    def allocate(self, now: float, *, full: bool = False) -> Decision:
        """See `OfferAllocator.allocate`; `now` must not run backwards for filters to end in order."""
        check_time(now, "now")
        check_flag(full, "full")
        agents, tree = self._agents, self._tree
        self._dirty |= self._filters.expire(now)
        candidates = agents.offerable(None if full or self._all_dirty else self._dirty)
        if len(candidates) > 1:
            candidates = self._rng.permutation(candidates)
        grants: list[Grant] = []
        taken: list[int] = []
        for number, row in zip(candidates.tolist(), agents.free_rows(candidates), strict=True):
            client = self._pick(number, row, now)
            if client is None:
                continue
            agents.hold(number, client, row)
            tree.charge(client, row)
            taken.append(number)
            grants.append(Grant(agents.names[number], client.framework, client.role, self._to_amounts(row)))
        if taken:
            agents.take_all(taken)
        self._dirty = set(self._left_out).difference(taken)
        self._left_out.clear()
        self._all_dirty = False
        return Decision(grants, self._filters.next_expiry())

    def explain(self, framework: str, agent: str, now: float) -> list[str]:
        """See `OfferAllocator.explain`: one reason a line, those of a role begin with its name."""
        state = self._framework(framework)
        number = self._agent(agent)
        check_time(now, "now")
        free = self._agents.free(number)
        reasons = []
        if not state.registered:
            reasons.append("the framework is not registered")
        elif not state.active:
            reasons.append("the framework is inactive")
        elif not state.roles:
            reasons.append("the framework is in no role")
        if not self._agents.is_active(number):
            reasons.append("the agent is inactive")
        if not any(free):
            reasons.append("nothing is free on the agent")
        elif not reaches(free, self._minimum if state.minimum is None else state.minimum):
            reasons.append(f"too small for the minimum offer: {self._to_amounts(free)}")
        by_role = {role: self._why_not(state, role, number, free, now) for role in sorted(state.roles)}
        if by_role and all(by_role.values()):
            reasons += [f"role {role}: {reason}" for role, found in by_role.items() for reason in found]
        return reasons

    # What is

    def shares(self) -> dict[Client, float]:
        """See `OfferAllocator.shares`."""
        return dict(sorted(((c.framework, c.role), self._tree.share(c)) for c in self._tree.clients()))

    def role_shares(self) -> dict[str, float]:
        """See `OfferAllocator.role_shares`."""
        return {role: self._tree.share(node) for role, node in self._tree.roles().items()}

    def next_expiry(self) -> float | None:
        """See `OfferAllocator.next_expiry`."""
        return self._filters.next_expiry()

    def free(self, agent: str) -> dict[str, int]:
        """See `OfferAllocator.free`."""
        return self._to_amounts(self._agents.free(self._agent(agent)))

    def total(self, agent: str) -> dict[str, int]:
        """See `OfferAllocator.total`."""
        return self._to_amounts(self._agents.total(self._agent(agent)))

    def allocated(self, agent: str) -> dict[Client, dict[str, int]]:
        """See `OfferAllocator.allocated`."""
        held = self._agents.held[self._agent(agent)]
        return {(client.framework, client.role): self._to_amounts(row) for client, row in held.items()}

    # Inside

    def _pick(self, number: int, row: list[int], now: float) -> Node | None:
        enough = reaches(row, self._minimum)
        if not enough and not self._own_minimum:
            return None
        filters = self._filters.on(number) or {}
        left_out = self._left_out.get(number, ())
        for group in self._tree.groups():
            for _, _, _, client in group:
                if not enough if client.minimum is None else not reaches(row, client.minimum):
                    continue
                if client in left_out:
                    continue
                for item in filters.get(client, ()):
                    if item.hides(row, now):
                        break
                else:
                    return client
        return None

    def _why_not(self, state: Framework, role: str, number: int, row: list[int], now: float) -> list[str]:
        reasons = []
        client = state.clients[role]
        if role in state.suppressed:
            reasons.append("suppressed")
        if client in self._left_out.get(number, ()):
            reasons.append("declined just now")
        until = self._filters.hidden_until(number, client, row, now)
        if until is not None and any(row):
            reasons.append(f"refused until {until:g}")
        return reasons

    def _return(self, number: int, client: Node, row: list[int]) -> None:
        self._agents.unhold(number, client, row)
        self._agents.give(number, row, 1)
        self._tree.refund(client, row)
        self._dirty.add(number)

    def _forget_refusals(self, client: Node) -> None:
        self._filters.clear_client(client)
        for clients in self._left_out.values():
            clients.discard(client)

    def _activate(self, state: Framework) -> None:
        ready = state.ready()
        for role, client in state.clients.items():
            self._tree.set_active(client, active=role in ready)

    def _client(self, framework: str, role: str) -> Node:
        state = self._frameworks.setdefault(framework, Framework())
        client = state.clients.get(role)
        if client is None:
            client = state.clients[role] = self._tree.client(framework, role)
        return client

    def _tidy(self, client: Node) -> None:
        """Forget a client that neither holds nor may get anything, and a framework that was only reported."""
        state = self._frameworks[client.framework]
        if client.role not in state.roles and not any(client.allocated):
            self._tree.remove_client(client)
            del state.clients[client.role]
            if not state.registered and not state.clients:
                del self._frameworks[client.framework]

    def _agent(self, agent: str) -> int:
        number = self._agents.rows.get(check_name(agent, "agent"))
        if number is None:
            raise AllocatorError(f"agent {agent!r} is unknown, or was removed")
        return number

    def _framework(self, framework: str) -> Framework:
        state = self._frameworks.get(check_name(framework, "framework"))
        if state is None:
            raise AllocatorError(f"framework {framework!r} is unknown, or was removed")
        return state

    def _chosen(self, framework: str, roles: Collection[str] | None) -> tuple[Framework, set[str]]:
        state = self._framework(framework)
        if roles is None:
            return state, set(state.roles)
        chosen = set(check_roles(roles, f"framework {framework!r}: roles"))
        if not chosen <= state.roles:
            raise AllocatorError(f"framework {framework!r} is not in roles {sorted(chosen - state.roles)}")
        return state, chosen

    def _check_cluster(self, agent: str, whole: dict[str, int], before: list[int]) -> None:
        for name, amount in whole.items():
            column = self._columns.get(name)
            if column is not None:
                amount += self._agents.cluster[column] - (before[column] if before else 0)
            if amount > MAX_AMOUNT:
                raise AllocatorError(f"agent {agent!r}: {name} of the cluster would be above {MAX_AMOUNT}")

    def _totals_changed(self) -> None:
        self._tree.set_totals(
            [
                (column, whole)
                for column, whole in enumerate(self._agents.cluster)
                if whole > 0 and self._names[column] not in self._excluded
            ]
        )

    def _column(self, name: str) -> int:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = len(self._names)
            self._names.append(name)
            self._agents.add_column()
            self._tree.add_column()
            self._filters.add_column()
        return column

    def _to_row(self, amounts: dict[str, int]) -> list[int]:
        columns = [self._column(name) for name in amounts]
        row = [0] * len(self._names)
        for column, amount in zip(columns, amounts.values(), strict=True):
            row[column] = amount
        return row

    def _to_amounts(self, row: list[int]) -> dict[str, int]:
        return {name: amount for name, amount in zip(self._names, row, strict=True) if amount}

    def _to_minimum(self, alternatives: Iterable[dict[str, int]]) -> Minimum:
        return [
            [(self._column(name), amount) for name, amount in alternative.items()]
            for alternative in alternatives
        ]
