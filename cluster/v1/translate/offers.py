"""Offers and inverse offers."""

from __future__ import annotations

from cluster.messages import Filters, InverseOffer, Offer
from cluster.v1 import types as v1

from .agents import attributes_to, url_to
from .common import unavailability_to
from .dialects import Dialect
from .resources import Quantities, write_resources

__all__ = ["filters_of", "inverse_offer_to", "offer_to"]


def offer_to(offer: Offer, dialect: Dialect) -> v1.Offer:
    """An offer in the dialect of who gets it."""
    plain = offer.resources
    for resources in offer.reserved.values():
        plain -= resources
    role = offer.role if dialect.multi_role else None
    return v1.Offer(
        id=v1.OfferID(value=offer.id),
        framework_id=v1.FrameworkID(value=offer.framework_id),
        agent_id=v1.AgentID(value=offer.agent_id),
        hostname=offer.hostname,
        url=url_to(offer.hostname, offer.address),
        resources=write_resources(
            Quantities(plain, offer.reserved, offer.revocable),
            refinement=dialect.refinement,
            allocated_to=role,
        ),
        attributes=attributes_to(offer.attributes),
        unavailability=None if offer.unavailability is None else unavailability_to(offer.unavailability),
        allocation_info=None if role is None else v1.Resource.AllocationInfo(role=role),
    )


def inverse_offer_to(offer: InverseOffer) -> v1.InverseOffer:
    """A wish to have an agent back."""
    return v1.InverseOffer(
        id=v1.OfferID(value=offer.id),
        framework_id=v1.FrameworkID(value=offer.framework_id),
        agent_id=v1.AgentID(value=offer.agent_id),
        unavailability=unavailability_to(offer.unavailability),
    )


def filters_of(filters: v1.Filters | None) -> Filters:
    """How long it is not offered again. What is negative, no number, or too long is seen to when it is in force."""
    if filters is None or filters.refuse_seconds is None:
        return Filters()
    return Filters(filters.refuse_seconds)
