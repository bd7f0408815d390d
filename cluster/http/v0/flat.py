"""Resources and attributes as the older pages show them: one object, a member for each name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster.attributes import Attributes, AttributeValue
from cluster.resources import THOUSANDTHS, Resources

__all__ = ["ALWAYS", "Flat", "attributes", "flat", "quantities"]

Json = dict[str, Any]
ALWAYS = {"cpus": 0, "gpus": 0, "mem": 0, "disk": 0}
"""What is shown also where there is none of it."""


class Flat:
    """Sums, also of several agents, where the same ports are on each: then they are shown once."""

    def __init__(self) -> None:
        self._scalars = dict(ALWAYS)
        self._ranges: dict[str, list[tuple[int, int]]] = {}
        self._sets: dict[str, set[str]] = {}

    def add(self, resources: Resources, *, revocable: bool = False) -> None:
        """Add some."""
        suffix = "_revocable" if revocable else ""
        for name, amount in resources.scalars.items():
            key = name + suffix
            self._scalars[key] = self._scalars.get(key, 0) + amount
        for name, pairs in resources.ranges.items():
            self._ranges.setdefault(name + suffix, []).extend(pairs)
        for name, items in resources.sets.items():
            self._sets.setdefault(name + suffix, set()).update(items)

    def shown(self) -> Json:
        """Scalars are numbers, ranges and sets text as Mesos writes them: `[1-5, 8-9]`, `{a, b}`."""
        found: Json = {name: amount / THOUSANDTHS for name, amount in self._scalars.items()}
        for name, pairs in self._ranges.items():
            found[name] = _ranges(pairs)
        for name, items in self._sets.items():
            found[name] = _set(items)
        return found


def flat(resources: Resources, revocable: Resources | None = None) -> Json:
    """What is not revocable, and what is."""
    sums = Flat()
    sums.add(resources)
    if revocable:
        sums.add(revocable, revocable=True)
    return sums.shown()


def quantities(amounts: Mapping[str, int]) -> dict[str, float]:
    """Scalars from thousandths; only those that there are."""
    return {name: amount / THOUSANDTHS for name, amount in amounts.items() if amount}


def attributes(given: Attributes) -> Json:
    """Each of the kind that it reads as: numbers, and text for all others."""
    return {name: _attribute(given.get(name)) for name in given}


def _attribute(value: AttributeValue | None) -> float | str:
    if isinstance(value, tuple):
        return _ranges(value)
    if isinstance(value, frozenset):
        return _set(value)
    return value if value is not None else ""


def _ranges(pairs: Iterable[tuple[int, int]]) -> str:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], high)
        else:
            joined.append((low, high))
    return f"[{', '.join(f'{low}-{high}' for low, high in joined)}]"


def _set(items: Iterable[str]) -> str:
    return f"{{{', '.join(sorted(items))}}}"
