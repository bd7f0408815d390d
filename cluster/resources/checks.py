"""What a name, an amount, ranges and a set may be; everything from outside passes here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .errors import MAX_SCALAR, THOUSANDTHS, ResourceError, shown, too_large

Ranges = tuple[tuple[int, int], ...]
"""Inclusive ``(low, high)`` pairs, sorted, neither overlapping nor adjacent."""

MAX_BOUND = 2**63 - 1
"""Largest number a range may hold."""
MAX_RANGES = 10_000
"""Most separate ranges under one name."""
MAX_ITEMS = 10_000
"""Most items in one set."""
MAX_NAME = 128
"""Longest resource name and set item, in characters."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-/]*")
RESERVED = frozenset(" ,;{}[]")


def check_name(name: object, where: str) -> None:
    """Check a resource's or attribute's name.

    Args:
        name: What should be a name.
        where: The field or text it is in, for the error.

    Raises:
        ResourceError: If it is not a letter or underscore, then letters, digits and ``_.-/``, or
            is longer than `MAX_NAME`.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise ResourceError(
            f"{where}: {shown(name)} is not a name: a letter or _ first, then letters, digits and _.-/, "
            f"at most {MAX_NAME} characters"
        )


def checked_scalar(name: str, value: object) -> int:
    """Return an amount in thousandths; ResourceError if it is none."""
    if type(value) is not int:
        raise ResourceError(f"scalars: {name} is {shown(value)}, not a whole number of thousandths")
    if value < 0:
        raise ResourceError(f"scalars: {name} is negative, {shown(value)} thousandths")
    if value > MAX_SCALAR:
        raise too_large(name, value)
    return value


def checked_ranges(name: str, value: object) -> Ranges:
    """Return pairs as canonical ranges; ResourceError if they are none, naming what is wrong."""
    if not isinstance(value, tuple | list):
        raise ResourceError(f"ranges: {name} is {shown(value)}, not a sequence of pairs")
    if len(value) > MAX_RANGES:
        raise ResourceError(f"ranges: {name} has {len(value)} ranges, at most {MAX_RANGES} are allowed")
    for pair in value:
        if (
            not isinstance(pair, tuple | list)
            or len(pair) != 2
            or type(pair[0]) is not int
            or type(pair[1]) is not int
        ):
            raise ResourceError(f"ranges: {name} holds {shown(pair)}, not a pair of whole numbers")
        low, high = pair
        if low < 0:
            raise ResourceError(f"ranges: {name} holds the negative number {shown(low)}")
        if max(low, high) > MAX_BOUND:
            raise ResourceError(
                f"ranges: {name} holds {shown(max(low, high))}, at most {MAX_BOUND} is allowed"
            )
        if low > high:
            raise ResourceError(f"ranges: {name} holds {low}-{high}, whose low end is above its high end")
    joined: list[tuple[int, int]] = []
    for low, high in sorted(map(tuple, value)):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return limited(name, joined)


def checked_items(name: str, value: object) -> tuple[str, ...]:
    """Return items as a canonical set; ResourceError if they are none, naming what is wrong."""
    if not isinstance(value, tuple | list | set | frozenset):
        raise ResourceError(f"sets: {name} is {shown(value)}, not a sequence of items")
    if len(value) > MAX_ITEMS:
        raise ResourceError(f"sets: {name} has {len(value)} items, at most {MAX_ITEMS} are allowed")
    for item in value:
        if (
            not isinstance(item, str)
            or not 0 < len(item) <= MAX_NAME
            or not item.isprintable()
            or not RESERVED.isdisjoint(item)
        ):
            raise ResourceError(
                f"sets: {name} holds {shown(item)}, not an item: printable, without spaces or any of "
                f",;{{}}[], 1 to {MAX_NAME} characters"
            )
    return tuple(sorted(set(value)))


def check_kinds(
    scalars: Mapping[str, object], ranges: Mapping[str, object], sets: Mapping[str, object]
) -> None:
    """Check that no name is of two kinds."""
    if not (ranges or sets):
        return
    for name in (*ranges, *sets):
        if (name in scalars) + (name in ranges) + (name in sets) > 1:
            raise ResourceError(f"{name} is used in two kinds, it can be one of scalar, ranges and set")


def limited(name: str, pairs: list[tuple[int, int]]) -> Ranges:
    """Return ranges that are not too many and do not hold too much; ResourceError otherwise."""
    if len(pairs) > MAX_RANGES:
        raise ResourceError(f"ranges: {name} has {len(pairs)} ranges, at most {MAX_RANGES} are allowed")
    # The allocator counts ranges in 64-bit thousandths, next to the scalars.
    count = count_of(pairs)
    if count * THOUSANDTHS > MAX_SCALAR:
        raise ResourceError(
            f"ranges: {name} holds {count} numbers, at most {MAX_SCALAR // THOUSANDTHS} are allowed"
        )
    return tuple(pairs)


def count_of(pairs: Iterable[tuple[int, int]]) -> int:
    """Return how many numbers the ranges hold."""
    return sum(high - low + 1 for low, high in pairs)
