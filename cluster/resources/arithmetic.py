"""Arithmetic of ranges and sets in canonical form."""

from __future__ import annotations

import itertools

from .checks import MAX_ITEMS, Ranges, limited
from .errors import THOUSANDTHS, ResourceError, not_there, number_text, range_text, some_of


def disjoint_union(name: str, pairs: list[tuple[int, int]]) -> Ranges:
    """Join ranges of several owners. ResourceError for a number that two of them have."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if joined and low <= joined[-1][1]:
            twice = range_text((low, min(high, joined[-1][1])))
            raise ResourceError(f"{name}: {twice} would be counted twice")
        if joined and low == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return limited(name, joined)


def disjoint_items(name: str, items: list[str]) -> tuple[str, ...]:
    """Join items of several owners, sorted. ResourceError for one that two of them have."""
    ordered = sorted(items)
    twice = sorted({item for item, after in itertools.pairwise(ordered) if item == after})
    if twice:
        raise ResourceError(f"{name}: {some_of(twice)} would be counted twice")
    if len(ordered) > MAX_ITEMS:
        raise ResourceError(f"sets: {name} has {len(ordered)} items, at most {MAX_ITEMS} are allowed")
    return tuple(ordered)


def range_difference(have: Ranges, taken: Ranges) -> Ranges:
    """Return what is in `have` and not in `taken`."""
    rest: list[tuple[int, int]] = []
    place = 0
    for low, high in have:
        while place < len(taken) and taken[place][1] < low:
            place += 1
        start = low
        # `place` itself stays: the last taken range may reach into the next one of `have`.
        ahead = place
        while ahead < len(taken) and taken[ahead][0] <= high:
            if taken[ahead][0] > start:
                rest.append((start, taken[ahead][0] - 1))
            start = taken[ahead][1] + 1
            ahead += 1
        if start <= high:
            rest.append((start, high))
        place = max(place, ahead - 1)
    return tuple(rest)


def range_intersection(one: Ranges, two: Ranges) -> Ranges:
    """Return what is in both."""
    common: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(two):
        low, high = max(one[i][0], two[j][0]), min(one[i][1], two[j][1])
        if low <= high:
            common.append((low, high))
        if one[i][1] < two[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def without(items: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, ...]:
    """Return the items that are not in `gone`."""
    excluded = set(gone)
    return tuple(item for item in items if item not in excluded)


def first_of(pairs: Ranges, count: int) -> Ranges:
    """Return the first `count` numbers of the ranges."""
    taken: list[tuple[int, int]] = []
    for low, high in pairs:
        if count <= 0:
            break
        taken.append((low, min(high, low + count - 1)))
        count -= high - low + 1
    return tuple(taken)


def whole_items(name: str, amount: int, there: int) -> int:
    """Return how many items an amount in thousandths is. ResourceError for a part of one, or more than are there."""
    count, part = divmod(amount, THOUSANDTHS)
    if part:
        raise ResourceError(f"{name}: {number_text(amount)} asked, but it is counted in whole items")
    if count > there:
        raise not_there(name, amount, there * THOUSANDTHS)
    return count
