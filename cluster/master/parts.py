"""Resources in their parts: what is reserved for no role, what is reserved for which, what may be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from allocators.interface import NOTHING, Amounts
from cluster.messages import Offer, Reserved
from cluster.resources import Resources, sum_resources

__all__ = ["EMPTY", "Parts", "offer_parts", "split", "total"]


class Parts(Struct, frozen=True):
    """A quantity of resources in its parts; values are never changed in place.

    `plain` is reserved for nobody, `reserved` by the role that it is for (nothing empty in it), `revocable` comes on
    top of both.
    """

    plain: Resources = Resources()
    reserved: Reserved = {}
    revocable: Resources = Resources()

    @classmethod
    def of_agent(cls, resources: Resources, reservations: Reserved, revocable: Resources) -> Parts:
        """All that an agent has. ResourceError if more is reserved than there is."""
        return cls(resources - _sum(reservations), _clean(reservations), revocable)

    @property
    def whole(self) -> Resources:
        """All of it but what is revocable."""
        return self.plain + _sum(self.reserved) if self.reserved else self.plain

    def __bool__(self) -> bool:
        return bool(self.plain or self.reserved or self.revocable)

    def __add__(self, other: Parts) -> Parts:
        reserved = self.reserved
        if other.reserved:
            reserved = dict(reserved)
            for role, resources in other.reserved.items():
                reserved[role] = reserved.get(role, Resources()) + resources
        revocable = self.revocable + other.revocable if other.revocable else self.revocable
        return Parts(self.plain + other.plain, reserved, revocable)

    def __sub__(self, other: Parts) -> Parts:
        """What is left. ResourceError if there is less than that."""
        reserved = self.reserved
        if other.reserved:
            reserved = dict(reserved)
            for role, resources in other.reserved.items():
                reserved[role] = reserved.get(role, Resources()) - resources
            reserved = _clean(reserved)
        revocable = self.revocable - other.revocable if other.revocable else self.revocable
        return Parts(self.plain - other.plain, reserved, revocable)

    def take(self, resources: Resources, *, revocable: bool = False) -> Parts:
        """Choose the parts of it that make up those resources: what is reserved for the deepest role first.

        With `revocable`, of what is revocable only. They may be more than there is, which subtracting them tells.
        """
        if revocable:
            return Parts(revocable=resources)
        if not self.reserved:
            return Parts(resources)
        rest, chosen = resources, {}
        for role in sorted(self.reserved, key=lambda name: (-name.count("/"), name)):
            mine = rest & self.reserved[role]
            if mine:
                chosen[role] = mine
                rest -= mine
        return Parts(rest, chosen)

    @property
    def reserved_amounts(self) -> Mapping[str, Amounts]:
        """What is reserved, as the allocator counts."""
        if not self.reserved:
            return NOTHING
        return {role: resources.amounts() for role, resources in self.reserved.items()}

    @property
    def revocable_amounts(self) -> Amounts:
        """What is revocable, as the allocator counts."""
        return self.revocable.amounts() if self.revocable else NOTHING


EMPTY = Parts()


def split(resources: Resources, reserved: Reserved) -> Parts:
    """The parts of resources of which so much is reserved. ResourceError if that is more than all."""
    return Parts(resources - _sum(reserved), _clean(reserved)) if reserved else Parts(resources)


def offer_parts(offer: Offer) -> Parts:
    """What an offer holds."""
    parts = split(offer.resources, offer.reserved)
    return Parts(parts.plain, parts.reserved, offer.revocable) if offer.revocable else parts


def _sum(reserved: Reserved) -> Resources:
    return sum_resources(reserved.values()) if reserved else Resources()


def _clean(reserved: Reserved) -> Reserved:
    return {role: resources for role, resources in reserved.items() if resources}


def total(parts: Iterable[Parts], first: Parts = EMPTY) -> Parts:
    """All of them together."""
    result = first
    for each in parts:
        result += each
    return result
