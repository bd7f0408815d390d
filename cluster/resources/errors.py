"""The error of resources, and how values are shown in it."""

from __future__ import annotations

from collections.abc import Iterable

THOUSANDTHS = 1000
MAX_SCALAR = 10**15
"""Largest amount of one resource, in thousandths; ranges and sets count a thousand for each item."""
MOST_SHOWN = 5


class ResourceError(ValueError):
    """Resources that are malformed, not there, or counted twice."""


def too_large(name: str, amount: int | None) -> ResourceError:
    """Return the error for a scalar above the limit."""
    found = "" if amount is None else f", {shown(amount)} thousandths"
    return ResourceError(f"scalars: {name} is too large{found}; at most {MAX_SCALAR} thousandths are allowed")


def not_there(name: str, asked: int, there: int) -> ResourceError:
    """Return the error for thousandths that are asked and not there."""
    return ResourceError(f"not enough: {name}: {number_text(asked)} asked, {number_text(there)} there")


def number_text(thousandths: int) -> str:
    """Write thousandths as people do: `0.5`."""
    whole, part = divmod(abs(thousandths), THOUSANDTHS)
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{whole}.{part:03}".rstrip("0").rstrip(".") if part else f"{sign}{whole}"


def range_text(pair: tuple[int, int]) -> str:
    """Write a pair as `low-high`."""
    return f"{pair[0]}-{pair[1]}"


def some_of(texts: Iterable[str]) -> str:
    """Write the first few, and how many more there are."""
    listed = list(texts)
    more = f" and {len(listed) - MOST_SHOWN} more" if len(listed) > MOST_SHOWN else ""
    return ", ".join(listed[:MOST_SHOWN]) + more


def shown(value: object) -> str:
    """Write a value that may be anything, and of any size, in at most a hundred characters."""
    # Errors go to logs and back over sockets: a hostile value must not make them large.
    if isinstance(value, int) and value.bit_length() > 256:
        return "a very large number"
    text = repr(value[:100]) if isinstance(value, str | list | tuple) else repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
