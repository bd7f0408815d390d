"""What all facts have in common: clients that come and go, and which agents they cannot use."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from allocators.books import Books
from allocators.checks import check_time
from allocators.core import Core
from allocators.frameworks import Framework
from allocators.holds import Holds
from allocators.interface import Amounts
from allocators.windows import Windows

__all__ = ["Keeping"]


class Keeping(Books):
    """Books that change, and what the next decision has to look at; for the classes above it.

    `dirty` are the agents where something changed, `left_out` the clients that are passed over once on an agent,
    `inactive` the agents that the master does not want offered.
    """

    def __init__(
        self,
        core: Core,
        exclude_from_share: Collection[str],
        minimum: Sequence[Amounts],
        hold_time: float,
        max_held: float,
    ) -> None:
        super().__init__(core, exclude_from_share, minimum)
        self.dirty: set[int] = set()
        self.all_dirty = False
        self.left_out: set[tuple[int, int]] = set()
        self.inactive: set[int] = set()
        self.windows = Windows()
        self.holds = Holds(
            self,
            self.mark,
            check_time(hold_time, "hold_time", least=0.0),
            check_time(max_held, "max_held", least=0.0),
        )

    def known(self, number: int) -> dict[tuple[int, int], list[int]]:
        """See `Books.known`: not what is only kept for a framework that waits."""
        held = self.core.held(number)
        return self.holds.told(number, held) if self.holds else held

    def mark(self, number: int) -> None:
        """Look at the agent in the next decision."""
        self.dirty.add(number)

    def columns_of(self, all_amounts: Sequence[Amounts]) -> None:
        """Make the columns first, so that all rows have one width."""
        for amounts in all_amounts:
            for name in amounts:
                self.columns.column(name)

    def constrain(
        self, framework: str, state: Framework, agents: Collection[int], *, lifted: bool = False
    ) -> None:
        """Say which of these agents the framework cannot use; `lifted`: that it can use all."""
        constraints = state.constraints
        if constraints is None or not state.clients:
            return
        for number in agents:
            no = not lifted and (
                constraints.why_not(self.agent_names[number], self.attributes[number]) is not None
                or self.windows.too_soon(number, constraints.available_for)
            )
            for client in state.clients.values():
                self.core.exclude(number, client, excluded=no)

    def forgive(self, client: int) -> None:
        """Forget what the client refused."""
        self.core.forgive(client)
        self.left_out = {pair for pair in self.left_out if pair[1] != client}

    def activate(self, state: Framework) -> None:
        """Have the order know what the framework wants."""
        ready = state.ready()
        minimum = self.columns.minimum(state.min_offer) if state.min_offer else None
        for role, client in state.clients.items():
            self.core.set_client(client, active=role in ready, minimum=minimum, revocable=state.revocable)
            if role not in ready:
                self.holds.end_for(client)

    def client_of(self, framework: str, role: str) -> int:
        """Return the leaf of a framework in a role, which is made if need be."""
        state = self.frameworks.setdefault(framework, Framework())
        client = state.clients.get(role)
        if client is None:
            client = state.clients[role] = self.roles.add_client(framework, role)
            if state.constraints is not None:
                self.constrain(framework, state, self.agent_names)
        return client

    def tidy(self, client: int) -> None:
        """Forget a client that neither holds nor may get anything, and a framework that was only reported."""
        framework, role = self.roles.clients[client]
        state = self.frameworks[framework]
        if role not in state.roles and not any(self.core.allocated(client)):
            if state.constraints is not None:
                for number in self.agent_names:
                    self.core.exclude(number, client, excluded=False)
            self.roles.remove_client(client)
            del state.clients[role]
            if not state.registered and not state.clients:
                del self.frameworks[framework]
