"""Fair-share policies over one pool of divisible resources, from arrays: what researchers compare.

>>> from allocators.policies import Pool, asset_fairness, ceei, drf
>>> pool = Pool.of([[1, 4], [3, 1]], [9, 18])
>>> for policy in (drf, asset_fairness, ceei):
...     print(policy(pool).round(2).tolist())
[3.0, 2.0]
[2.52, 2.16]
[4.09, 1.64]
"""

from .catalogue import POLICIES, PoolPolicy
from .fair import asset_fairness, drf, equal_split, single_resource, slot_fair
from .filling import fill, max_min
from .nash import ceei
from .pool import Pool, Tasks
from .properties import Property, measure, random_pool

__all__ = [
    "POLICIES",
    "Pool",
    "PoolPolicy",
    "Property",
    "Tasks",
    "asset_fairness",
    "ceei",
    "drf",
    "equal_split",
    "fill",
    "max_min",
    "measure",
    "random_pool",
    "single_resource",
    "slot_fair",
]
