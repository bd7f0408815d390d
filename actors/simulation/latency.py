"""How long a message is under way: distributions, drawn with the simulation's own random numbers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

__all__ = ["Latency", "constant", "exponential", "uniform"]

Latency = Callable[[Random], float]
"""Draws the seconds that one message takes in one direction."""


def constant(seconds: float) -> Latency:
    """Always the same."""
    return uniform(seconds, seconds)


def uniform(low: float, high: float) -> Latency:
    """Between two bounds, each value as likely as another."""
    if not 0 <= low <= high:
        raise ValueError(f"latency between {low} and {high}: not 0 <= low <= high")
    return lambda rng: low + (high - low) * rng.random()


def exponential(least: float, mean: float) -> Latency:
    """`least`, and a queue on top: exponential, so that `mean` is the mean of the sum."""
    if not 0 <= least < mean:
        raise ValueError(f"latency of at least {least} and {mean} on average: not 0 <= least < mean")
    return lambda rng: least + rng.expovariate(1 / (mean - least))
