"""Frameworks as operators are shown them."""

from __future__ import annotations

from cluster.happenings import FrameworkSeen
from cluster.v1.trees import Tree
from cluster.v1.types.master import Response

from .common import time_to
from .dialects import Dialect
from .frameworks import constraints_of_framework, framework_to
from .offers import inverse_offer_to, offer_to
from .operator_resources import offered_slowly, used_slowly

__all__ = ["framework_seen_to"]


def framework_seen_to(framework: FrameworkSeen) -> Tree:
    """A framework: what it is, what it uses and what it is offered. A `Response.GetFrameworks.Framework`."""
    dialect = Dialect(multi_role=True)
    return Tree(
        Response.GetFrameworks.Framework,
        {
            "framework_info": framework_to(framework.info),
            "active": framework.connected,
            "connected": framework.connected,
            "recovered": framework.recovered,
            "registered_time": time_to(framework.registered_at) if framework.registered_at else None,
            "reregistered_time": time_to(framework.subscribed_at) if framework.subscribed_at else None,
            "unregistered_time": time_to(framework.ended_at) if framework.ended_at else None,
            "offer_constraints": constraints_of_framework(framework.info),
        },
        {
            "offers": (offer_to(offer, dialect) for offer in framework.offers),
            "inverse_offers": map(inverse_offer_to, framework.inverse_offers),
            "allocated_resources": used_slowly(framework.tasks, framework.executors),
            "offered_resources": offered_slowly(framework.offers),
        },
    )
