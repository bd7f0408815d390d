"""Rounds by turns, and rows whose target is of the value though there is a reference."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import TypeVar

from benchmarks.report import Row

__all__ = ["by_turns", "figure", "timed", "uncollected"]

Result = TypeVar("Result")


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """The milliseconds that a call takes, and what it returns."""
    began = time.perf_counter()
    result = call()
    return 1e3 * (time.perf_counter() - began), result


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector away: from either engine alike."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def by_turns(rounds: Mapping[str, Callable[[], float]], times: int) -> dict[str, float]:
    """Run each of these rounds so many times, by turns; return the medians of what they return, by name."""
    values: dict[str, list[float]] = {name: [] for name in rounds}
    with uncollected():
        for _ in range(times):
            for name, run in rounds.items():
                values[name].append(run())
    return {name: median(each) for name, each in values.items()}


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    reference: str | None = None,
    reference_value: float | None = None,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    """Make a row; a target is of the value, and the ratio is only told."""
    ratio = None if reference_value is None else float(f"{value / reference_value:.3g}")
    if reference_value is None:
        reference = None
    value = float(f"{value:.4g}")
    if at_most is not None:
        return Row(name, value, unit, reference, ratio, f"<= {at_most:g} {unit}", value <= at_most)
    if at_least is not None:
        return Row(name, value, unit, reference, ratio, f">= {at_least:,g} {unit}", value >= at_least)
    return Row(name, value, unit, reference, ratio)
