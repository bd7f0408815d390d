"""What an operator can set of a master."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.resources import Resources

__all__ = ["MasterOptions", "RoleOptions"]


@dataclass(frozen=True, slots=True)
class RoleOptions:
    """What an operator can set of a role besides its weight.

    Of the resources named, the role and all below it together are kept free `guarantee`, and get at most `limit`.
    `priority` is for allocators that heed it.
    """

    guarantee: Resources = Resources()  # noqa: RUF009 - immutable
    limit: Resources = Resources()  # noqa: RUF009
    priority: int = 0


@dataclass(frozen=True, slots=True)
class MasterOptions:
    """What an operator can set. Times in seconds; the defaults are Mesos's, but for the offer timeout.

    In Mesos offers live for ever unless told otherwise, and a framework that does not answer hoards the
    cluster.
    """

    allocation_interval: float = 1.0
    offer_timeout: float = 30.0
    ping_interval: float = 15.0
    max_missed_pings: int = 5
    completed_frameworks: int = 50
    completed_tasks: int = 1000
