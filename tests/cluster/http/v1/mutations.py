"""Calls that are wrong in one place: each value in turn is replaced by others, or has something beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["OTHERS", "Place", "changed", "paths", "with_strangers", "without"]

Place = tuple[str | int, ...]
OTHERS: tuple[Any, ...] = (
    *(5, -1, 0.5, 2**70, True, "", "x", "\u0000", "\ud800", "NaN"),
    *([], ["x"], [None], {}, {"x": "y"}),
)


def paths(value: Any, here: Place = ()) -> Iterator[Place]:
    """Where there is something, in the order of the text."""
    items: Any = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for name, each in items:
        yield (*here, name)
        yield from paths(each, (*here, name))


def changed(value: Any, path: Place, other: Any) -> Any:
    """The value with something else at a path."""
    if not path:
        return other
    made = value.copy()
    made[path[0]] = changed(value[path[0]], path[1:], other)
    return made


def without(value: Any, path: Place) -> Any:
    """The value with nothing at a path."""
    made = value.copy()
    if len(path) == 1:
        del made[path[0]]
    else:
        made[path[0]] = without(value[path[0]], path[1:])
    return made


def with_strangers(value: Any) -> Any:
    """A copy with a field that nobody knows in each object."""
    if isinstance(value, dict):
        known = {name: with_strangers(each) for name, each in value.items()}
        return {"not_known": {"a": [1, None]}, **known, "nor_this": 5}
    return [with_strangers(each) for each in value] if isinstance(value, list) else value
