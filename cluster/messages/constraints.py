"""Which agents a framework can use: Mesos's offer constraints (1.11)."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["HOSTNAME", "REGION", "ZONE", "AttributeConstraint"]

HOSTNAME = "@hostname"
"""What constraints call an agent's hostname. No attribute is named so."""
REGION = "@region"
ZONE = "@zone"
"""What constraints call the region and the zone that an agent is in: none is in any here, so these are never there."""


class AttributeConstraint(Struct, frozen=True, omit_defaults=True):
    """One predicate over an agent's attribute, or its `HOSTNAME`, `REGION` or `ZONE`.

    `predicate` is "exists" or "not_exists"; "equals", "not_equals", "matches", "not_matches" (a regular expression, of
    the whole), with a text; "at_least" or "at_most", with a number.
    """

    attribute: str
    predicate: str
    value: str | float | None = None
