"""Which agents a framework can use: Mesos's offer constraints (1.11), and a list of agents.

>>> from allocators.constraints import AttributeConstraint, OfferConstraints
>>> fast = AttributeConstraint("disk", "equals", "ssd")
>>> new = AttributeConstraint("year", "at_least", 2024)
>>> OfferConstraints(any_of=[[fast, new]]).why_not("a1", {"disk": "ssd", "year": 2022})
'attribute year is 2022, not at least 2024'
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from allocators.checks import check_name, check_number
from allocators.errors import AllocatorError

__all__ = ["AttributeConstraint", "OfferConstraints"]

Attributes = Mapping[str, str | float]

TEXT = {"equals": "", "not_equals": "not ", "matches": "like ", "not_matches": "unlike "}
NUMBER = {"at_least": "at least ", "at_most": "at most "}
PRESENCE = {"exists": "there", "not_exists": "absent"}


@dataclass(frozen=True)
class AttributeConstraint:
    """One predicate over an agent's attribute.

    `predicate` is "exists", "not_exists", "equals", "not_equals", "matches", "not_matches" (with a text; a regular
    expression matches the whole), "at_least" or "at_most" (with a number). As in Mesos, what is not there equals
    and matches nothing, so "not_equals" and "not_matches" hold; a number is at least nothing that is not there.
    Raises `AllocatorError` for anything else.
    """

    attribute: str
    predicate: str
    value: str | float | None = None

    def __post_init__(self) -> None:
        where = f"constraint on attribute {check_name(self.attribute, 'attribute')!r}"
        check_name(self.predicate, f"{where}: predicate")
        if self.predicate in TEXT:
            if not isinstance(self.value, str):
                raise AllocatorError(f"{where}: {self.predicate} takes a text, not {self.value!r}")
            if self.predicate.endswith("matches"):
                try:
                    re.compile(self.value)
                except (re.error, OverflowError, RecursionError) as error:
                    raise AllocatorError(
                        f"{where}: {self.value!r} is no regular expression: {error}"
                    ) from None
        elif self.predicate in NUMBER:
            if self.value is None or isinstance(self.value, str):
                raise AllocatorError(f"{where}: {self.predicate} takes a number, not {self.value!r}")
            check_number(self.value, where)
        elif self.predicate not in PRESENCE:
            known = ", ".join([*PRESENCE, *TEXT, *NUMBER])
            raise AllocatorError(f"{where}: predicate is {self.predicate!r}, not one of {known}")
        elif self.value is not None:
            raise AllocatorError(f"{where}: {self.predicate} takes no value, but has {self.value!r}")

    def holds(self, attributes: Attributes) -> bool:
        """Whether the predicate holds for these attributes."""
        there = attributes.get(self.attribute)
        if self.predicate in PRESENCE:
            return (there is not None) == (self.predicate == "exists")
        if self.predicate in NUMBER:
            if not isinstance(there, int | float) or not isinstance(self.value, int | float):
                return False
            return there >= self.value if self.predicate == "at_least" else there <= self.value
        if self.predicate.endswith("matches"):
            same = isinstance(there, str) and re.fullmatch(str(self.value), there) is not None
        else:
            same = there == self.value
        return same != self.predicate.startswith("not_")

    def said(self) -> str:
        """The predicate in words."""
        if self.predicate in PRESENCE:
            return PRESENCE[self.predicate]
        return f"{({**TEXT, **NUMBER})[self.predicate]}{self.value}"


@dataclass(frozen=True)
class OfferConstraints:
    """Which agents are offered to a framework at all; every part that is given must hold.

    `agents` names the only ones, `any_of` are groups of which one must hold with all its predicates,
    `available_for` is how many seconds must be left until a planned maintenance. Raises `AllocatorError` for what
    is not that.
    """

    agents: Collection[str] | None = None
    any_of: Sequence[Sequence[AttributeConstraint]] = ()
    available_for: float = 0.0

    def __post_init__(self) -> None:
        if self.agents is not None:
            if isinstance(self.agents, str) or not isinstance(self.agents, Collection):
                raise AllocatorError(f"constraints: agents must be a collection, not {self.agents!r}")
            object.__setattr__(
                self, "agents", frozenset(check_name(each, "constraints: agent") for each in self.agents)
            )
        if isinstance(self.any_of, str) or not isinstance(self.any_of, Sequence):
            raise AllocatorError(f"constraints: any_of must be a sequence of groups, not {self.any_of!r}")
        for group in self.any_of:
            if not isinstance(group, Sequence) or not all(
                isinstance(one, AttributeConstraint) for one in group
            ):
                raise AllocatorError(f"constraints: a group holds AttributeConstraints, not {group!r}")
        if check_number(self.available_for, "constraints: available_for") < 0:
            raise AllocatorError(
                f"constraints: available_for must not be below 0, not {self.available_for!r}"
            )

    def why_not(self, agent: str, attributes: Attributes) -> str | None:
        """Why the agent cannot be used, whenever; None if it can."""
        if self.agents is not None and agent not in self.agents:
            return "not one of the agents that it names"
        failed = [next((one for one in group if not one.holds(attributes)), None) for group in self.any_of]
        if not failed or None in failed:
            return None
        said = [
            f"attribute {one.attribute} is {attributes.get(one.attribute, 'absent')}, not {one.said()}"
            for one in failed
            if one is not None
        ]
        return "; ".join(said)
