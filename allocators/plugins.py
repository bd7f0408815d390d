"""Allocators by name: those here, those of installed packages (entry points), those of any module.

A package offers one in its pyproject.toml:

    [project.entry-points."ostrom.allocators"]
    newest-first = "my_package.policies:NewestFirst"

What is named is an `Order` (an instance, or its class, which may take an `rng`), which says who is next among
siblings, or a function that is called with a `numpy.random.Generator` and returns an `OfferAllocator`.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from typing import Any

import numpy as np

from allocators.allocator import DRFAllocator
from allocators.checks import check_name
from allocators.errors import AllocatorError
from allocators.interface import OfferAllocator
from allocators.orders import Capacity, Fifo, Lottery, Priority

__all__ = ["ENTRY_POINTS", "allocator_names", "make_allocator"]

ENTRY_POINTS = "ostrom.allocators"
"""The group of entry points."""


def _compiled(rng: np.random.Generator) -> OfferAllocator:
    return DRFAllocator(rng, engine="numba")


OWN: dict[str, Any] = {
    "drf": DRFAllocator,
    "drf-numba": _compiled,
    "capacity": Capacity,
    "fifo": Fifo,
    "lottery": Lottery,
    "priority": Priority,
}
"""Ours; an installed package cannot take their names."""


def allocator_names() -> list[str]:
    """Return the names of all that are installed, ours first.

    >>> allocator_names()[:6]
    ['drf', 'drf-numba', 'capacity', 'fifo', 'lottery', 'priority']
    """
    found = {point.name for point in entry_points(group=ENTRY_POINTS)}
    return [*OWN, *sorted(found - OWN.keys())]


def make_allocator(name: str, rng: np.random.Generator | None = None) -> OfferAllocator:
    """Return a new allocator: `name` is one of `allocator_names()`, or MODULE:NAME of anything that can be imported.

    `rng` orders agents, and draws where the policy does (default: seed 0). Raises `AllocatorError` if there is no such
    name, its package cannot be imported, or what it names is neither an order nor makes an allocator.
    """
    check_name(name, "allocator")
    rng = np.random.default_rng(0) if rng is None else rng
    found = OWN.get(name)
    if found is None:
        found = _load(name)
    if isinstance(found, type) and _is_order(found):
        try:
            found = found(rng) if "rng" in signature(found).parameters else found()
        except TypeError as error:
            raise AllocatorError(f"allocator {name!r} cannot be made: {error}") from error
    if _is_order(found):
        return DRFAllocator(rng, order=found)
    if not callable(found):
        raise AllocatorError(
            f"allocator {name!r} is {found!r}: neither an order nor a function that makes one"
        )
    try:
        made = found(rng)
    except TypeError as error:
        raise AllocatorError(f"allocator {name!r} cannot be called with a generator: {error}") from error
    missing = [
        each for each in ("allocate", "add_agent", "set_framework", "release") if not hasattr(made, each)
    ]
    if missing:
        raise AllocatorError(f"allocator {name!r} makes {made!r}, which has no {', '.join(missing)}")
    allocator: OfferAllocator = made
    return allocator


def _is_order(thing: Any) -> bool:
    return hasattr(thing, "key") and hasattr(thing, "steady")


def _load(name: str) -> Any:
    for point in entry_points(group=ENTRY_POINTS, name=name):
        return _import(point, name)
    if ":" not in name:
        known = ", ".join(allocator_names())
        raise AllocatorError(f"there is no allocator {name!r}: it is one of {known}, or MODULE:NAME")
    return _import(EntryPoint(name, name, ENTRY_POINTS), name)


def _import(point: EntryPoint, name: str) -> Any:
    try:
        return point.load()
    except (ImportError, SyntaxError, NameError, AttributeError, TypeError, ValueError) as error:
        raise AllocatorError(f"allocator {name!r} cannot be imported: {error}") from error
