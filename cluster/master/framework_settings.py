"""What a framework says of the offers that it wants, as the allocator takes it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from allocators.constraints import AttributeConstraint, OfferConstraints
from allocators.errors import AllocatorError
from cluster.messages import Capability, FrameworkInfo

__all__ = ["offer_problem", "offer_settings"]


def offer_settings(info: FrameworkInfo, suppressed: Collection[str], *, active: bool) -> dict[str, Any]:
    """Return the keyword arguments of the allocator's `set_framework`. AllocatorError for bad constraints."""
    return {
        "suppressed": sorted(suppressed),
        "min_offer": [resources.amounts() for resources in info.min_offer],
        "active": active,
        "revocable": info.can(Capability.REVOCABLE_RESOURCES),
        "constraints": _constraints(info),
        "hold_after": info.hold_after,
    }


def _constraints(info: FrameworkInfo) -> OfferConstraints | None:
    if not info.constraints:
        return None
    return OfferConstraints(
        any_of=[
            [AttributeConstraint(each.attribute, each.predicate, each.value) for each in group]
            for group in info.constraints
        ]
    )


def offer_problem(info: FrameworkInfo) -> str | None:
    """What is wrong with the offers that a framework says it wants, or None."""
    if not all(info.min_offer):
        return "framework.min_offer holds an alternative that is empty"
    if info.hold_after is not None and not info.min_offer:
        return "framework.hold_after needs a min_offer to wait for"
    if info.hold_after is not None and info.hold_after == float("inf"):
        return f"framework.hold_after is {info.hold_after}, not a number of seconds"
    try:
        _constraints(info)
    except AllocatorError as error:
        return f"framework.constraints: {error}"
    return None
