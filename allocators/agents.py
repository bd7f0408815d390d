"""Facts of agents."""

from __future__ import annotations

from collections.abc import Mapping

from allocators.checks import (
    check_amounts,
    check_attributes,
    check_flag,
    check_holdings,
    check_name,
    check_reservations,
    check_window,
)
from allocators.core import UNRESERVED
from allocators.errors import AllocatorError
from allocators.interface import NOTHING, Amounts, Client
from allocators.keeping import Keeping

__all__ = ["AgentFacts"]


class AgentFacts(Keeping):
    """Agents come, change and go."""

    def add_agent(
        self,
        agent: str,
        total: Amounts,
        allocated: Mapping[Client, Amounts] = NOTHING,
        *,
        attributes: Mapping[str, str | float] = NOTHING,
        reservations: Mapping[str, Amounts] = NOTHING,
        revocable: Amounts = NOTHING,
    ) -> None:
        """See `OfferAllocator.add_agent`. Raises `AllocatorError` for an agent that is there already, too."""
        check_name(agent, "agent")
        if agent in self.agents:
            raise AllocatorError(f"agent {agent!r} is already there")
        where = f"agent {agent!r}"
        whole = check_amounts(total, where)
        self.check_cluster(agent, whole, {})
        spare = check_amounts(revocable, f"{where}: revocable")
        self.check_cluster(agent, spare, {}, revocable=True)
        holdings = check_holdings(agent, allocated)
        used: dict[str, int] = {}
        for amounts in holdings.values():
            for name, amount in amounts.items():
                used[name] = used.get(name, 0) + amount
        self.check_charge(where, None, whole, used)
        mine = check_reservations(reservations, whole, where)
        known = check_attributes(attributes, where)

        self.columns_of([whole, *holdings.values()])
        number = self.core.add_agent(self.columns.row(whole, spare))
        self.agents[agent] = number
        self.agent_names[number] = agent
        self.attributes[number] = known
        for role, amounts in mine.items():
            if any(amounts.values()):
                self.roles.reserve(role, 1)
                self.core.set_reserved(number, self.roles.node(role), self.columns.row(amounts))
        for (framework, role), used in holdings.items():
            if any(used.values()):
                client = self.client_of(framework, role)
                self.core.take(number, client, UNRESERVED, self.columns.row(used), counts=True)
        for name, state in self.frameworks.items():
            if state.constraints is not None:
                self.constrain(name, state, [number])
        self.dirty.add(number)

    def update_agent(
        self,
        agent: str,
        *,
        total: Amounts | None = None,
        active: bool | None = None,
        attributes: Mapping[str, str | float] | None = None,
        reservations: Mapping[str, Amounts] | None = None,
        revocable: Amounts | None = None,
        unavailability: tuple[float, float | None] | tuple[()] | None = None,
    ) -> None:
        """See `OfferAllocator.update_agent`."""
        number = self.agent(agent)
        where = f"agent {agent!r}"
        if active is not None:
            check_flag(active, f"{where}: active")
        whole = self.total(agent) if total is None else check_amounts(total, where)
        spare = None if revocable is None else check_amounts(revocable, f"{where}: revocable")
        self.check_cluster(agent, whole, self.total(agent))
        if spare is not None:
            was = self.columns.revocable_amounts(self.core.total(number))
            self.check_cluster(agent, spare, was, revocable=True)
        rows = self._check_reserved(number, reservations, whole, where)
        known = None if attributes is None else check_attributes(attributes, where)
        window = None if unavailability is None else check_window(unavailability, where)

        if total is not None or rows is not None:
            self.holds.end_on(number)
        if total is not None or spare is not None:
            old = self.columns.revocable_amounts(self.core.total(number))
            self.core.set_total(number, self.columns.row(whole, old if spare is None else spare))
        if rows is not None:
            self._reserve(number, rows)
        if known is not None:
            self.attributes[number] = known
            for name, state in self.frameworks.items():
                if state.constraints is not None:
                    self.constrain(name, state, [number])
        if window is not None:
            self.windows.set(number, window)
        if active is not None:
            (self.inactive.discard if active else self.inactive.add)(number)
            self.core.set_active(number, active=active and not self.windows.within(number))
            if not active:
                self.holds.end_on(number)
        self.dirty.add(number)

    def remove_agent(self, agent: str) -> None:
        """See `OfferAllocator.remove_agent`."""
        number = self.agent(agent)
        self.holds.end_on(number)
        clients = {client for client, _ in self.core.held(number)}
        owners = [self.roles.names[node] for node in self.core.reserved(number)]
        for name, state in self.frameworks.items():
            if state.constraints is not None:
                self.constrain(name, state, [number], lifted=True)
        self.core.remove_agent(number)
        self.dirty.discard(number)
        self.inactive.discard(number)
        self.left_out = {pair for pair in self.left_out if pair[0] != number}
        self.windows.forget(number)
        del self.agents[agent], self.agent_names[number], self.attributes[number]
        for client in clients:
            self.tidy(client)
        for owner in owners:
            self.roles.reserve(owner, -1)

    def _check_reserved(
        self,
        number: int,
        reservations: Mapping[str, Amounts] | None,
        whole: dict[str, int],
        where: str,
    ) -> dict[str, dict[str, int]] | None:
        """Return clean reservations, if any are given, that the agent's books allow."""
        before = {
            self.roles.names[node]: (self.columns.amounts(all_), self.columns.amounts(free))
            for node, (all_, free) in self.core.reserved(number).items()
        }
        if reservations is None:
            check_reservations({role: all_ for role, (all_, _) in before.items()}, whole, where)
            return None
        after = check_reservations(reservations, whole, where)
        row = self.holds.gathered(number, UNRESERVED, self.core.free(number))
        free = {name: row[column] for name, column in self.columns.of.items()}
        was_total = self.columns.amounts(self.core.total(number))
        for name in {name for amounts in after.values() for name in amounts}:
            grown = sum(amounts.get(name, 0) for amounts in after.values())
            grown -= sum(all_.get(name, 0) for all_, _ in before.values())
            left = free.get(name, 0) + whole.get(name, 0) - was_total.get(name, 0)
            if grown > 0 and grown > max(0, left):
                raise AllocatorError(
                    f"{where}: {grown} thousandths of {name} more are to be reserved, but {max(0, left)} are free"
                )
        for role, (all_, unused) in before.items():
            for name, amount in all_.items():
                used = amount - unused.get(name, 0)
                if after.get(role, {}).get(name, 0) < used:
                    raise AllocatorError(
                        f"{where}: {used} thousandths of {name} reserved for {role!r} are held, "
                        f"{after.get(role, {}).get(name, 0)} would remain reserved"
                    )
        return after

    def _reserve(self, number: int, rows: dict[str, dict[str, int]]) -> None:
        before = {self.roles.names[node] for node in self.core.reserved(number)}
        after = {role for role, amounts in rows.items() if any(amounts.values())}
        self.columns_of(list(rows.values()))
        for role in sorted(after - before):
            self.roles.node(role)
            self.roles.reserve(role, 1)
        zeros = [0] * len(self.columns.names)
        # First what is let go: what is newly reserved may come from it.
        for role in sorted(before - after):
            self.core.set_reserved(number, self.roles.node(role), zeros)
        for role in sorted(after):
            self.core.set_reserved(number, self.roles.node(role), self.columns.row(rows[role]))
        for role in sorted(before - after):
            self.roles.reserve(role, -1)
