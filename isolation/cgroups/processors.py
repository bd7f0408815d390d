"""Sets of processors as the kernel writes them: `0-2,5`."""

from __future__ import annotations

from collections.abc import Collection

from .part import refused

__all__ = ["check", "parse", "text"]


def parse(line: str) -> frozenset[int]:
    """Return the numbers in such a line. ValueError if it is none."""
    found: set[int] = set()
    for part in filter(None, line.strip().split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def text(processors: Collection[int]) -> str:
    """Return such a line, without ranges."""
    return ",".join(map(str, sorted(processors)))


def check(asked: Collection[int], here: Collection[int]) -> None:
    """ValueError if one that is asked for is not among those that may be used here."""
    if lacking := set(asked) - set(here):
        raise refused("cpuset", sorted(asked), f"of {text(here)}, {text(lacking)} is none")
