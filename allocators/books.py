"""The allocator's books by name: who is there, and what holds of them. Facts and decisions are in `allocator`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from allocators.checks import MAX_AMOUNT, check_amounts, check_minimum, check_name, check_role, check_roles
from allocators.columns import Columns
from allocators.core import UNRESERVED, Core, Given, Part, Pass
from allocators.errors import AllocatorError
from allocators.frameworks import Framework
from allocators.grants import Grants, grant_of
from allocators.interface import NOTHING, Amounts, Client, Grant
from allocators.roles import Roles, above

__all__ = ["Books"]


class Books:
    """Names over a core, and questions; every method here leaves things as they are."""

    def __init__(self, core: Core, exclude_from_share: Collection[str], minimum: Sequence[Amounts]) -> None:
        if isinstance(exclude_from_share, str) or not isinstance(exclude_from_share, Collection):
            raise AllocatorError(f"exclude_from_share must be a collection, not {exclude_from_share!r}")
        self.min_allocatable = check_minimum(minimum, "min_allocatable")
        excluded = frozenset(check_name(name, "exclude_from_share") for name in exclude_from_share)
        self.core = core
        self.columns = Columns(core, excluded)
        self.roles = Roles(core)
        self.agents: dict[str, int] = {}
        self.agent_names: dict[int, str] = {}
        self.attributes: dict[int, dict[str, str | float]] = {}
        self.frameworks: dict[str, Framework] = {}
        core.set_minimum(self.columns.minimum(self.min_allocatable))

    # Questions

    def shares(self) -> dict[Client, float]:
        """See `OfferAllocator.shares`."""
        return dict(sorted((names, self.core.share(node)) for node, names in self.roles.clients.items()))

    def role_shares(self) -> dict[str, float]:
        """See `OfferAllocator.role_shares`."""
        return {role: self.core.share(node) for role, node in sorted(self.roles.nodes.items())}

    def free(self, agent: str) -> dict[str, int]:
        """See `OfferAllocator.free`."""
        number = self.agent(agent)
        amounts = self.columns.amounts(self.core.free(number))
        for _, free in self.core.reserved(number).values():
            for name, amount in self.columns.amounts(free).items():
                amounts[name] = amounts.get(name, 0) + amount
        return amounts

    def total(self, agent: str) -> dict[str, int]:
        """See `OfferAllocator.total`."""
        return self.columns.amounts(self.core.total(self.agent(agent)))

    def allocated(self, agent: str) -> dict[Client, dict[str, int]]:
        """See `OfferAllocator.allocated`."""
        found: dict[Client, dict[str, int]] = {}
        for (client, _), row in self.known(self.agent(agent)).items():
            sums = found.setdefault(self.roles.clients[client], {})
            for name, amount in self.columns.amounts(row).items():
                sums[name] = sums.get(name, 0) + amount
        return found

    def holdings(self, agent: str) -> list[Grant]:
        """See `OfferAllocator.holdings`."""
        parts: dict[int, list[Part]] = {}
        for (client, part), row in self.known(self.agent(agent)).items():
            parts.setdefault(client, []).append((part, row))
        return sorted(
            (self.grant(agent, client, mine) for client, mine in parts.items()),
            key=lambda grant: (grant.framework, grant.role),
        )

    def known(self, number: int) -> dict[tuple[int, int], list[int]]:
        """Return what is held on an agent by (client, part), so far as the frameworks know of it."""
        return self.core.held(number)

    def grant(self, agent: str, client: int, parts: Sequence[Part]) -> Grant:
        """Return parts of an agent as a grant."""
        return grant_of(agent, self.roles.clients[client], parts, self.columns, self.roles.names)

    def grants(self, given: list[Given] | Pass) -> Sequence[Grant]:
        """Return what an engine gave, in names."""
        if isinstance(given, list):
            return [self.grant(self.agent_names[number], client, parts) for number, client, parts in given]
        names, clients = self.agent_names, self.roles.clients
        who = list(given.pairs())
        return Grants(
            given,
            [names[agent] for agent, _ in who],
            [clients[client] for _, client in who],
            self.columns,
            {node: self.roles.names[node] for node in given.reserved_for()},
        )

    def cluster(self) -> dict[str, int]:
        """Return the sum of all agents' totals, without zero amounts."""
        return self.columns.amounts(self.core.cluster())

    # Checks

    def agent(self, agent: str) -> int:
        """Return the agent's number."""
        number = self.agents.get(check_name(agent, "agent"))
        if number is None:
            raise AllocatorError(f"agent {agent!r} is unknown, or was removed")
        return number

    def framework(self, framework: str) -> Framework:
        """Return the framework's settings."""
        state = self.frameworks.get(check_name(framework, "framework"))
        if state is None:
            raise AllocatorError(f"framework {framework!r} is unknown, or was removed")
        return state

    def chosen(self, framework: str, roles: Collection[str] | None) -> tuple[Framework, set[str]]:
        """Return the framework and those of its roles, or all."""
        state = self.framework(framework)
        if roles is None:
            return state, set(state.roles)
        chosen = set(check_roles(roles, f"framework {framework!r}: roles"))
        if not chosen <= state.roles:
            raise AllocatorError(f"framework {framework!r} is not in roles {sorted(chosen - state.roles)}")
        return state, chosen

    def check_cluster(self, agent: str, whole: Amounts, before: Amounts, *, revocable: bool = False) -> None:
        """Raise if the cluster would be too large to count."""
        row = self.core.cluster()
        cluster = self.columns.revocable_amounts(row) if revocable else self.columns.amounts(row)
        for name, amount in whole.items():
            if cluster.get(name, 0) - before.get(name, 0) + amount > MAX_AMOUNT:
                raise AllocatorError(f"agent {agent!r}: {name} of the cluster would be above {MAX_AMOUNT}")

    def check_charge(self, where: str, number: int | None, whole: Amounts, more: Amounts) -> None:
        """Raise if what is held in all would be too large to count, `more` being held where there is `whole`.

        Offers are within what there is; only what is more than that must be summed over the cluster.
        """
        there = {} if number is None else self.columns.amounts(_sum(self.core.held(number).values()))
        for name, amount in more.items():
            if there.get(name, 0) + amount > whole.get(name, 0):
                column = self.columns.of.get(name)
                tops = [node for role, node in self.roles.nodes.items() if "/" not in role]
                held = 0 if column is None else sum(self.core.allocated(node)[column] for node in tops)
                if held + amount > MAX_AMOUNT:
                    raise AllocatorError(f"{where}: {name} held in the cluster would be above {MAX_AMOUNT}")

    def check_parts(
        self,
        where: str,
        role: str,
        amounts: Amounts,
        reserved: Mapping[str, Amounts],
        revocable: Amounts,
    ) -> tuple[dict[str, int], dict[str, dict[str, int]], dict[str, int]]:
        """Return clean amounts of what a client of that role holds or is to hold."""
        given = check_amounts(amounts, where)
        if reserved is NOTHING and revocable is NOTHING:
            return given, {}, {}
        check_role(role)
        if not isinstance(reserved, Mapping):
            raise AllocatorError(f"{where}: reserved must be a mapping of roles, not {reserved!r}")
        clean = {}
        for owner, mine in reserved.items():
            if check_role(owner) not in above(role):
                raise AllocatorError(f"{where}: what is reserved for {owner!r} is not for that role")
            clean[owner] = check_amounts(mine, f"{where}: reserved for {owner!r}")
        return given, clean, check_amounts(revocable, f"{where}: revocable")

    def parts(
        self,
        amounts: Amounts,
        reserved: Mapping[str, Amounts],
        revocable: Amounts,
    ) -> dict[int, list[int]]:
        """Return rows by part, without those that are all zeros."""
        if not reserved and not revocable:
            row = self.columns.row(amounts)
            return {UNRESERVED: row} if any(row) else {}
        rows = {UNRESERVED: self.columns.row(amounts, revocable)}
        for role, mine in reserved.items():
            if any(mine.values()):
                rows[self.roles.node(role)] = self.columns.row(mine)
        width = len(self.columns.names)
        return {part: row + [0] * (width - len(row)) for part, row in rows.items() if any(row)}


def _sum(rows: Iterable[list[int]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]
