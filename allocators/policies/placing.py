"""Whose task is placed next, and where: the plain way, which numba's kernel repeats."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BestFit", "Chooser", "FirstFit", "Instance", "Runs", "place"]

Runs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Users, servers, and how many tasks: one pair may be there more than once."""


@dataclass(frozen=True)
class Instance:
    """Users of a number of kinds, and servers; checked, in units in which a share is a division of two integers.

    `kinds` (users,) says which row of `demands` (kinds, resources) a user's tasks take; `servers` (servers, resources);
    `denominators` (users, resources) are what all servers have times the user's weight, above zero;
    `limits` (users,).
    """

    kinds: NDArray[np.int64]
    demands: NDArray[np.int64]
    servers: NDArray[np.int64]
    denominators: NDArray[np.int64]
    limits: NDArray[np.int64]


class Chooser(Protocol):
    """Picks servers. Only it knows what is free."""

    def take(self, kind: int) -> int:
        """Take the resources of one task from a server and return its index; -1 if it fits on none."""


class FirstFit:
    """The first server on which a task fits: with a place for each kind, before which none ever will again."""

    def __init__(self, instance: Instance) -> None:
        self._demands: list[list[int]] = instance.demands.tolist()
        self._free: list[list[int]] = instance.servers.tolist()
        self._from = [0] * len(self._demands)

    def take(self, kind: int) -> int:
        """See `Chooser`."""
        demand = self._demands[kind]
        for server in range(self._from[kind], len(self._free)):
            free = self._free[server]
            for amount, left in zip(demand, free, strict=True):
                if amount > left:
                    break
            else:
                self._free[server] = [left - amount for amount, left in zip(demand, free, strict=True)]
                self._from[kind] = server
                return server
        self._from[kind] = len(self._free)
        return -1


class BestFit:
    """The server whose free resources are most like the task in shape (`Fit.BEST`): all are looked at each time."""

    def __init__(self, instance: Instance, scales: NDArray[np.int64]) -> None:
        self._demands = instance.demands
        self._free = instance.servers.copy()
        self._scales = scales
        self._first: list[int] = (instance.demands > 0).argmax(axis=1).tolist()

    def take(self, kind: int) -> int:
        """See `Chooser`."""
        demand, first = self._demands[kind], self._first[kind]
        able = np.flatnonzero((self._free >= demand).all(axis=1))
        if not able.size:
            return -1
        free = self._free[able]
        main = free[:, first]
        differences = np.abs(demand * main[:, None] - free * demand[first]) * self._scales
        server = int(able[np.argmin(differences.sum(axis=1) / main)])
        self._free[server] -= demand
        return server


def place(instance: Instance, chooser: Chooser) -> Runs:
    """Progressive filling: the next task is of who has the least share / weight, then fewest tasks, then is first."""
    kinds: list[int] = instance.kinds.tolist()
    demands: list[list[int]] = instance.demands.tolist()
    denominators: list[list[int]] = instance.denominators.tolist()
    limits: list[int] = instance.limits.tolist()
    run = [-1] * len(kinds)
    users: list[int] = []
    servers: list[int] = []
    tasks: list[int] = []
    queue = [(0.0, 0, user) for user, limit in enumerate(limits) if limit > 0]
    while queue:
        _, count, user = queue[0]
        server = chooser.take(kinds[user])
        if server < 0:
            heapq.heappop(queue)
            continue
        count += 1
        if run[user] >= 0 and servers[run[user]] == server:
            tasks[run[user]] += 1
        else:
            run[user] = len(users)
            users.append(user)
            servers.append(server)
            tasks.append(1)
        if count == limits[user]:
            heapq.heappop(queue)
            continue
        demand = demands[kinds[user]]
        share = max(count * amount / whole for amount, whole in zip(demand, denominators[user], strict=True))
        heapq.heapreplace(queue, (share, count, user))
    return (
        np.array(users, dtype=np.int64),
        np.array(servers, dtype=np.int64),
        np.array(tasks, dtype=np.int64),
    )
