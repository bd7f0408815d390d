"""Policies over one pool of resources, from arrays: what researchers compare.

>>> from allocators.policies import Pool, asset_fairness, ceei, drf
>>> pool = Pool.of([[1, 4], [3, 1]], [9, 18])
>>> for policy in (drf, asset_fairness, ceei):
...     print(policy(pool).round(2).tolist())
[3.0, 2.0]
[2.52, 2.16]
[4.09, 1.64]

With whole tasks, step by step (here the second user is first where both are equal):

>>> from allocators.policies import steps
>>> [step.user for step in steps(pool, order=[1, 0])]
[1, 0, 0, 1, 0]
"""

from .bands import Band, BandTask, Verdict, preempt_by_priority, strict_priority
from .capacity import Preemption, Queue, capacity_scheduler, preempt_for_capacity, queue_for_each
from .catalogue import POLICIES
from .discrete import (
    Step,
    discrete_asset_fairness,
    discrete_drf,
    discrete_single_resource,
    steps,
    weighted_drf,
)
from .fair import asset_fairness, drf, equal_split, single_resource, slot_fair
from .filling import fill, max_min
from .heterogeneous import Fit, Placement, drfh
from .hierarchical import HierarchicalDRF, Rule, hdrf
from .hierarchy import TreeNode
from .nash import ceei
from .policy import PoolPolicy
from .pool import Pool, Tasks, WholeTasks
from .properties import Property, measure, random_pool
from .queueing import fifo, lottery, random_picks
from .whole import measure_whole, random_wide_pool

__all__ = [
    "POLICIES",
    "Band",
    "BandTask",
    "Fit",
    "HierarchicalDRF",
    "Placement",
    "Pool",
    "PoolPolicy",
    "Preemption",
    "Property",
    "Queue",
    "Rule",
    "Step",
    "Tasks",
    "TreeNode",
    "Verdict",
    "WholeTasks",
    "asset_fairness",
    "capacity_scheduler",
    "ceei",
    "discrete_asset_fairness",
    "discrete_drf",
    "discrete_single_resource",
    "drf",
    "drfh",
    "equal_split",
    "fifo",
    "fill",
    "hdrf",
    "lottery",
    "max_min",
    "measure",
    "measure_whole",
    "preempt_by_priority",
    "preempt_for_capacity",
    "queue_for_each",
    "random_picks",
    "random_pool",
    "random_wide_pool",
    "single_resource",
    "slot_fair",
    "steps",
    "strict_priority",
    "weighted_drf",
]
