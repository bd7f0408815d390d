"""From text and from Python's numbers to amounts, ranges and sets."""

from __future__ import annotations

import re
from decimal import Decimal

from .checks import MAX_BOUND, Ranges, checked_items, checked_ranges, checked_scalar
from .errors import MAX_SCALAR, THOUSANDTHS, ResourceError, shown, too_large

NUMBER = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
RANGE = re.compile(r"\s*([0-9]+)\s*-\s*([0-9]+)\s*")


def parse_ranges(text: str, name: str) -> Ranges:
    """Read ``[1-5,8-9]`` into canonical ranges.

    Raises:
        ResourceError: Naming the resource and the range that does not parse.
    """
    pairs: list[tuple[int, int]] = []
    for piece in between(text, "[", "]", name):
        match = RANGE.fullmatch(piece)
        if match is None:
            raise ResourceError(f"{name}: {shown(piece.strip())} in {shown(text)} is not a range low-high")
        pairs.append((bound(name, match[1]), bound(name, match[2])))
    return checked_ranges(name, pairs)


def parse_set(text: str, name: str) -> tuple[str, ...]:
    """Read ``{a,b}`` into a sorted set.

    Raises:
        ResourceError: Naming the resource and the item that is none.
    """
    return checked_items(name, [piece.strip() for piece in between(text, "{", "}", name)])


def between(text: str, opening: str, closing: str, name: str) -> list[str]:
    """Return the pieces between brackets."""
    if not (text.startswith(opening) and text.endswith(closing)):
        raise ResourceError(f"{name}: {shown(text)} does not end with {closing}")
    inner = text[1:-1]
    return inner.split(",") if inner.strip() else []


def bound(name: str, digits: str) -> int:
    """Return an end of a range."""
    # int() refuses thousands of digits with an error of its own, and is slow just below that.
    if len(digits) > len(str(MAX_BOUND)):
        raise ResourceError(f"{name}: {shown(digits)} is too large, at most {MAX_BOUND} is allowed")
    return int(digits)


def parse_scalar(name: str, text: str) -> int:
    """Read `0.5` into thousandths. ResourceError if it is no number, or has more than three decimals."""
    match = NUMBER.fullmatch(text)
    if match is None:
        raise ResourceError(
            f"{name}: {shown(text)} is neither a number, a range [low-high] nor a set {{item}}"
        )
    whole, decimals = match[1], match[2] or ""
    if len(decimals) > 3:
        raise ResourceError(f"{name}: {shown(text)} has more than three decimals")
    if len(whole) > len(str(MAX_SCALAR)):
        raise too_large(name, None)
    amount = int(whole) * THOUSANDTHS + int(decimals.ljust(3, "0"))
    checked_scalar(name, amount)
    return amount


def from_decimal(name: str, value: Decimal) -> int:
    """Return a Decimal in thousandths, exactly. ResourceError if that cannot be."""
    if not value.is_finite() or value < 0:
        raise ResourceError(f"{name}: {value} is not a quantity")
    if value > MAX_SCALAR // THOUSANDTHS:
        raise too_large(name, None)
    if not value:
        return 0
    # By its digits: Decimal's own arithmetic rounds to the precision of whatever context is current.
    _, digits, exponent = value.as_tuple()
    shift = int(exponent) + 3
    tail = digits[shift:] if shift < 0 else ()
    if any(tail):
        raise ResourceError(f"{name}: {shown(str(value))} has more than three decimals")
    head = digits[: len(digits) - len(tail)]
    number = int("".join(map(str, head)) or "0")
    return number * 10**shift if shift > 0 else number
