"""Movements: what is held by other ways than an offer, and what comes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import add

from allocators.checks import check_name, check_role, check_time
from allocators.core import UNRESERVED
from allocators.errors import AllocatorError
from allocators.facts import Facts
from allocators.interface import NOTHING, Amounts

__all__ = ["Movements"]


class Movements(Facts):
    """What moves between decisions."""

    def release(
        self,
        agent: str,
        framework: str,
        role: str,
        amounts: Amounts,
        *,
        reserved: Mapping[str, Amounts] = NOTHING,
        revocable: Amounts = NOTHING,
        refuse: float | None = None,
        now: float = 0.0,
    ) -> None:
        """See `OfferAllocator.release`. Raises `AllocatorError` for more than the client holds there, too."""
        number = self.agent(agent)
        where = f"release on agent {agent!r} by framework {framework!r} in role {role!r}"
        client = self.framework(framework).clients.get(check_name(role, "role"))
        given, mine, spare = self.check_parts(where, role, amounts, reserved, revocable)
        check_time(now, f"{where}: now")
        if refuse is not None:
            check_time(refuse, f"{where}: refuse", least=0.0)
            check_time(now + refuse, f"{where}: now + refuse")
        held = self.known(number)
        if client is None or not any(holder == client for holder, _ in held):
            check_role(role)
            raise AllocatorError(f"{where}: it holds nothing there")
        self._check_holds(where, client, held, UNRESERVED, self.columns.of, given)
        if spare:
            self._check_holds(f"{where}: revocable", client, held, UNRESERVED, self.columns.revocable, spare)
        for owner, some in mine.items():
            part = self.roles.nodes.get(owner, UNRESERVED)
            self._check_holds(f"{where}: reserved for {owner!r}", client, held, part, self.columns.of, some)

        parts = self.parts(_some(given), mine, _some(spare))
        if not parts:
            return
        for part, row in parts.items():
            self.core.give(number, client, part, row)
        self.dirty.add(number)
        state = self.frameworks[framework]
        if refuse is not None and role in state.ready():
            if refuse > 0:
                whole = [0] * len(self.columns.names)
                for row in parts.values():
                    whole = list(map(add, whole, row))
                self.core.refuse(number, client, whole, now + refuse)
            else:
                self.core.leave_out(number, client)
                self.left_out.add((number, client))
        self.tidy(client)

    def claim(
        self,
        agent: str,
        framework: str,
        role: str,
        amounts: Amounts,
        *,
        reserved: Mapping[str, Amounts] = NOTHING,
        revocable: Amounts = NOTHING,
    ) -> None:
        """See `OfferAllocator.claim`. Raises `AllocatorError` for what is not reserved, or not free, too."""
        number = self.agent(agent)
        check_name(framework, "framework")
        where = f"claim on agent {agent!r} by framework {framework!r} in role {role!r}"
        check_role(role)
        given, mine, spare = self.check_parts(where, role, amounts, reserved, revocable)
        there = {
            self.roles.names[node]: self.holds.gathered(number, node, free)
            for node, (_, free) in self.core.reserved(number).items()
        }
        for owner, some in mine.items():
            free = self.columns.amounts(there[owner]) if owner in there else {}
            for name, amount in some.items():
                if amount > free.get(name, 0):
                    raise AllocatorError(
                        f"{where}: {amount} thousandths of {name} reserved for {owner!r}, "
                        f"but {free.get(name, 0)} are free"
                    )
        left = self.columns.revocable_amounts(self.holds.gathered(number, UNRESERVED, self.core.free(number)))
        for name, amount in spare.items():
            if amount > left.get(name, 0):
                raise AllocatorError(
                    f"{where}: {amount} thousandths of revocable {name}, but {left.get(name, 0)} are free"
                )

        self.check_charge(where, number, self.total(agent), given)

        parts = self.parts(given, mine, spare)
        if not parts:
            return
        self.holds.end_on(number)
        client = self.client_of(framework, role)
        counts = True
        for part, row in parts.items():
            self.core.take(number, client, part, row, counts=counts)
            counts = False
        self.dirty.add(number)

    def suppress(self, framework: str, roles: Collection[str] | None = None) -> None:
        """See `OfferAllocator.suppress`. A role that the framework is not in is an error."""
        state, chosen = self.chosen(framework, roles)
        state.suppressed |= chosen
        self.activate(state)

    def revive(self, framework: str, roles: Collection[str] | None = None) -> None:
        """See `OfferAllocator.revive`. A role that the framework is not in is an error."""
        state, chosen = self.chosen(framework, roles)
        state.suppressed -= chosen
        for role in chosen:
            self.forgive(state.clients[role])
        self.activate(state)
        if state.active and chosen:
            self.all_dirty = True

    def _check_holds(
        self,
        where: str,
        client: int,
        held: Mapping[tuple[int, int], list[int]],
        part: int,
        columns: Mapping[str, int],
        given: Mapping[str, int],
    ) -> None:
        row = held.get((client, part))
        for name, amount in given.items():
            column = columns.get(name)
            most = 0 if column is None or row is None else row[column]
            if amount > most:
                raise AllocatorError(f"{where}: {amount} thousandths of {name}, but it holds {most}")


def _some(amounts: dict[str, int]) -> dict[str, int]:
    return {name: amount for name, amount in amounts.items() if amount}
