"""What the engines give, in names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

from allocators.columns import Columns
from allocators.core import UNRESERVED, Given, Part
from allocators.interface import Client, Grant

__all__ = ["Grants", "grant_of"]


def grant_of(
    agent: str, client: Client, parts: Iterable[Part], columns: Columns, roles: Mapping[int, str]
) -> Grant:
    """Return a grant of these parts."""
    amounts: dict[str, int] = {}
    revocable: dict[str, int] = {}
    reserved: dict[str, dict[str, int]] = {}
    for part, row in parts:
        if part == UNRESERVED:
            amounts = columns.amounts(row)
            if columns.revocable:
                revocable = columns.revocable_amounts(row)
        else:
            reserved[roles[part]] = columns.amounts(row)
    return Grant(agent, client[0], client[1], amounts, reserved, revocable)


class Grants(Sequence[Grant]):
    """The grants of a large pass, each made when it is looked at; who got which agent is settled at once.

    `agents` and `clients` are of each grant, in the same order.
    """

    def __init__(
        self,
        given: Sequence[Given],
        agents: list[str],
        clients: list[Client],
        columns: Columns,
        roles: Mapping[int, str],
    ) -> None:
        self.agents = agents
        self.clients = clients
        self._given = given
        self._columns = columns
        self._roles = roles

    def __len__(self) -> int:
        return len(self.agents)

    @overload
    def __getitem__(self, index: int) -> Grant: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Grant]: ...

    def __getitem__(self, index: int | slice) -> Grant | Sequence[Grant]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        parts = self._given[index].parts
        return grant_of(self.agents[index], self.clients[index], parts, self._columns, self._roles)

    def __iter__(self) -> Iterator[Grant]:
        for agent, client, given in zip(self.agents, self.clients, self._given, strict=True):
            yield grant_of(agent, client, given.parts, self._columns, self._roles)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))
