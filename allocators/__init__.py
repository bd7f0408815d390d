"""Who is offered what next: arrays in, decisions out; no I/O, no clock, no threads.

An allocator is told facts (agents, frameworks, roles) and movements (releases), and decides when asked.
Amounts are integers in thousandths, times are seconds that the caller passes in:

>>> from allocators import DRFAllocator
>>> allocator = DRFAllocator()
>>> allocator.add_agent("a1", {"cpus": 4000, "mem": 8_000_000})
>>> allocator.set_framework("spark", ["eng"])
>>> allocator.set_framework("jenkins", ["ops"])
>>> [grant] = allocator.allocate(now=0.0).grants
>>> grant
Grant(agent='a1', framework='spark', role='eng', amounts={'cpus': 4000, 'mem': 8000000}, reserved={}, \
revocable={})

What is offered counts as allocated. Declined for five seconds, it goes to the next at once:

>>> allocator.release("a1", "spark", "eng", grant.amounts, refuse=5.0, now=1.0)
>>> decision = allocator.allocate(now=1.0)
>>> [grant.framework for grant in decision.grants], decision.next_expiry
(['jenkins'], 6.0)
>>> allocator.explain("spark", "a1", now=1.0)
['nothing is free on the agent']

`weighted_drf` and `dominant_share` are the same fairness over a plain pool of resources.
"""

from __future__ import annotations

from allocators.allocator import EXCLUDE_FROM_SHARE, MIN_ALLOCATABLE, DRFAllocator
from allocators.checks import MAX_AMOUNT
from allocators.constraints import AttributeConstraint, OfferConstraints
from allocators.drf import dominant_share
from allocators.errors import AllocatorError
from allocators.interface import Amounts, Client, Decision, Grant, OfferAllocator, Revocation
from allocators.orders import Capacity, DominantShare, Fifo, Lottery, Order, Priority, Sibling
from allocators.policies.discrete import weighted_drf

__all__ = [
    "EXCLUDE_FROM_SHARE",
    "MAX_AMOUNT",
    "MIN_ALLOCATABLE",
    "AllocatorError",
    "Amounts",
    "AttributeConstraint",
    "Capacity",
    "Client",
    "DRFAllocator",
    "Decision",
    "DominantShare",
    "Fifo",
    "Grant",
    "Lottery",
    "OfferAllocator",
    "OfferConstraints",
    "Order",
    "Priority",
    "Revocation",
    "Sibling",
    "dominant_share",
    "weighted_drf",
]
