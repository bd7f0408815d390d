"""Who is next among siblings: the one line in which the policies of a master differ.

An order gives each role, and in a role each framework, a key; the smallest is next. Ties go to fewer allocations so
far, then to the name. A policy of your own is a class with these two members; see docs/allocators/writing.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

__all__ = ["Capacity", "DominantShare", "Fifo", "Lottery", "Order", "Priority", "Sibling"]


class Sibling(Protocol):
    """What an order sees of a role or a framework in a role; rows are thousandths by column."""

    @property
    def name(self) -> str:
        """The last part of the role's name; "." for the role's own frameworks; or the framework."""

    @property
    def role(self) -> str:
        """The whole name of the role."""

    @property
    def framework(self) -> str:
        """The framework; "" for a role."""

    @property
    def weight(self) -> float:
        """The role's weight; 1 for frameworks."""

    @property
    def priority(self) -> int:
        """The role's priority; 0 for frameworks."""

    @property
    def arrival(self) -> int:
        """Who came first has the smaller one."""

    @property
    def count(self) -> int:
        """How many allocations it ever got."""

    @property
    def allocated(self) -> Sequence[int]:
        """What its subtree holds."""

    @property
    def guarantee(self) -> Sequence[int]:
        """The role's guarantee; zeros where there is none."""


class Order(Protocol):
    """The key of siblings; the smallest is next."""

    @property
    def steady(self) -> bool:
        """Whether a key changes only when something changes for its own node; else all are asked each time."""

    def key(self, node: Sibling, share: float) -> Any:
        """The key; `share` is the dominant share of the node's subtree, from 0 to 1, without weight."""


class DominantShare:
    """Weighted dominant resource fairness, as Mesos has it (Ghodsi et al., NSDI 2011, at every level of the tree)."""

    steady = True

    def key(self, node: Sibling, share: float) -> float:
        """Dominant share over weight."""
        return share / node.weight


class Fifo:
    """First come, first served: roles, and frameworks in a role, in the order of their arrival."""

    steady = True

    def key(self, node: Sibling, share: float) -> int:
        """The arrival."""
        return node.arrival


class Priority:
    """Strict priority of roles, larger first; among equals dominant shares. The lower ones get what the upper leave."""

    steady = True

    def key(self, node: Sibling, share: float) -> tuple[int, float]:
        """Priority, then dominant share over weight."""
        return (-node.priority, share / node.weight)


class Capacity:
    """YARN's capacity scheduler: the role that has used least of its guarantee; who has none comes last.

    Set guarantees as capacities and limits as maximum capacities. Among those without, dominant shares.
    """

    steady = True

    def key(self, node: Sibling, share: float) -> tuple[float, float]:
        """The largest part of its guarantee that is used, then dominant share over weight."""
        parts = [used / own for used, own in zip(node.allocated, node.guarantee, strict=True) if own]
        return (max(parts, default=math.inf), share / node.weight)


class Lottery:
    """A random order for every agent, each next with a chance in proportion to its weight.

    Mesos's random sorter; lottery scheduling (Waldspurger and Weihl, OSDI 1994).
    """

    steady = False

    def __init__(self, rng: np.random.Generator | None = None) -> None:
        self._rng = np.random.default_rng(0) if rng is None else rng

    def key(self, node: Sibling, share: float) -> float:
        """An exponential time with the weight as its rate: the first to come is drawn by weight."""
        return float(self._rng.standard_exponential()) / node.weight
