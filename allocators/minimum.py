"""The smallest amounts worth an offer."""

from __future__ import annotations

Minimum = list[list[tuple[int, int]]]
"""Alternatives of (column, thousandths)."""


def reaches(row: list[int], minimum: Minimum) -> bool:
    """Tell whether `row` (thousandths by column) reaches all of one alternative, or there is none."""
    for alternative in minimum:
        for column, amount in alternative:
            if row[column] < amount:
                break
        else:
            return True
    return not minimum
