"""What is kept of a policy: who gets how many tasks, where it is from, what holds and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from numpy.random import Generator

from .pool import Policy
from .properties import Property, measure
from .whole import measure_whole

__all__ = ["PoolPolicy"]


@dataclass(frozen=True)
class PoolPolicy:
    """A policy: who gets how many tasks of a `Pool`, where it is from, and what can be relied on.

    `exceptions` has a kept case for each property that does not hold: called, it gives the measure of it. All others
    hold, for users who demand some of every resource, to within `tolerance`; if the policy gives `whole` tasks only, up
    to one task, as `allocators.policies.whole` has it.
    """

    name: str
    allocate: Policy
    source: str
    complexity: str
    exceptions: Mapping[Property, Callable[[], float]]
    tolerance: float = 1e-9
    whole: bool = False

    def holds(self, what: Property) -> bool:
        """Whether the property holds."""
        return what not in self.exceptions

    def measure(self, what: Property, rng: Generator) -> float:
        """The measure of one property for a random pool: above `tolerance`, it is violated."""
        return (measure_whole if self.whole else measure)(what, self.allocate, rng)
