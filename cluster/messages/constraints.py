"""Which agents a framework can use: Mesos's offer constraints (1.11)."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["AttributeConstraint"]


class AttributeConstraint(Struct, frozen=True, omit_defaults=True):
    """One predicate over an agent's attribute.

    `predicate` is "exists" or "not_exists"; "equals", "not_equals", "matches", "not_matches" (a regular expression, of
    the whole), with a text; "at_least" or "at_most", with a number.
    """

    attribute: str
    predicate: str
    value: str | float | None = None
