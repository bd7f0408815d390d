"""An engine, with numbers for names, and a cluster in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from allocators.core import Core, Given, PlainCore

__all__ = ["AGENT", "ENGINES", "FOREVER", "MINIMUM", "Build", "Cluster", "Ints"]

AGENT = [24_000, 4_096_000, 4_096_000, 1_000_000]
"""24 cpus, 4 GiB (in MiB) of memory and of disk, and a thousand ports, all in thousandths."""
MINIMUM = [[(0, 10)], [(1, 32_000)]]
"""The smallest offer, Mesos's default: 0.01 cpus, or 32 MiB."""
ENGINES = ("numba", "plain") if find_spec("numba") is not None else ("plain",)
FOREVER = 1e12
"""When filters end."""

Ints = NDArray[np.int64]


class Cluster:
    """Agents and frameworks in one engine, "numba" or "plain"; `order` is that in which a pass serves the agents."""

    def __init__(self, engine: str) -> None:
        self.compiled = engine == "numba"
        self.core = self._core()
        self.order: Ints = np.empty(0, np.int64)
        self.clients: list[int] = []
        self.roles: list[int] = []
        for column in range(len(AGENT)):
            self.core.add_column(counted=column < 3)  # ports make no share
        self.core.set_minimum(MINIMUM)

    def _core(self) -> Core:
        if not self.compiled:
            return PlainCore()
        # Not above: it needs numba.
        from allocators.core.arrays import ArrayCore

        return ArrayCore()

    # Building

    def add_role(self, name: str, parent: int = 0) -> int:
        """Add a role; return its node."""
        self.roles.append(self.core.add_node(parent, name.rpartition("/")[2], name))
        return self.roles[-1]

    def add_frameworks(self, role: int, name: str, numbers: Sequence[int]) -> None:
        """Add frameworks to a role without any."""
        group = self.core.add_node(role, ".", name)
        for number in numbers:
            framework = f"f{number:05}"
            client = self.core.add_node(group, framework, name, framework)
            self._activate(client, active=True)
            self.clients.append(client)

    def add_agents(self, number: int, total: Sequence[int] = AGENT) -> None:
        """Add agents, that are served in a random order, always the same one."""
        agents = [self.core.add_agent(list(total)) for _ in range(number)]
        self.order = np.random.default_rng(0).permutation(np.array(agents, np.int64))

    def settle(self) -> None:
        """Have all done that is put off until a pass."""
        self.core.run(self.order[:0])

    # Using

    def run(self) -> Sequence[Given]:
        """One pass over all agents."""
        return self.core.run(self.order)

    def give_back(self, gifts: Sequence[Given], until: float = 0.0) -> None:
        """Return all that a pass gave, and refuse it until then if that is above 0."""
        if not self.compiled:
            for agent, client, parts in gifts:
                for part, row in parts:
                    self.core.give(agent, client, part, row)
                    if until > 0:
                        self.core.refuse(agent, client, row, until)
            return
        from allocators.core.arrays import ArrayCore, Gifts

        if not isinstance(self.core, ArrayCore) or not isinstance(gifts, Gifts):
            raise TypeError("not the compiled engine")
        self.core.give_all(gifts, until=until)

    def refuse_all(self, agents: Ints, clients: Sequence[int]) -> None:
        """Have these clients refuse these agents whole, for good: each is given them all first, before any quotas."""
        for client in self.clients:
            self._activate(client, active=False)
        for client in clients:
            self._activate(client, active=True)
            self.give_back(self.core.run(agents), FOREVER)
            self._activate(client, active=False)
        for client in self.clients:
            self._activate(client, active=True)

    def _activate(self, client: int, *, active: bool) -> None:
        self.core.set_client(client, active=active, minimum=None, revocable=False)


Build = Callable[[str], Cluster]
"""Builds a cluster in an engine."""
