"""One pool of divisible resources, and the users who want tasks from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.drf import integers, numbers
from allocators.errors import AllocatorError

__all__ = ["Policy", "Pool", "Tasks", "WholeTasks"]

Tasks = NDArray[np.float64]
"""How many tasks each user gets, shape (users,): fractions of tasks count."""

WholeTasks = NDArray[np.int64]
"""The same of a policy that gives whole tasks only."""


EXTREME = 1e12
"""The largest weight, and one over the smallest: beyond, sums of them are no longer theirs."""


@dataclass(frozen=True)
class Pool:
    """What there is, and what one task of each user takes of it.

    `demands` (users, resources) and `capacity` (resources,) are integers in the same unit for each resource; `weights`
    (users,) are above zero, or (users, resources): a weight for each resource, as in section 4.3 of the DRF paper;
    `limits` (users,) is how many tasks each wants at most, infinite unless given.

    AllocatorError for shapes that do not fit, for values that are negative or no numbers, and for a user who demands
    nothing, who would get infinitely many tasks. Who demands a resource that there is nothing of gets no task.
    """

    demands: NDArray[np.int64]
    capacity: NDArray[np.int64]
    weights: NDArray[np.float64]
    limits: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        demands: ArrayLike,
        capacity: ArrayLike,
        weights: ArrayLike | None = None,
        limits: ArrayLike | None = None,
    ) -> Pool:
        """Check, and fill in what is not given."""
        need, whole = integers(demands, "demands"), integers(capacity, "capacity")
        if need.ndim != 2 or whole.ndim != 1 or need.shape[1] != whole.shape[0]:
            raise AllocatorError(
                f"demands {need.shape} and capacity {whole.shape} must be (users, resources) and (resources,)"
            )
        users, resources = need.shape
        idle = np.flatnonzero(~need.any(axis=1))
        if idle.size:
            raise AllocatorError(f"user {idle[0]} demands nothing")
        ratio = np.ones(users) if weights is None else numbers(weights, "weights")
        if ratio.shape not in ((users,), (users, resources)):
            raise AllocatorError(
                f"weights {ratio.shape} must have shape ({users},), or ({users}, {resources}): one for each resource"
            )
        if not (ratio > 0).all():
            user = np.argwhere(~(ratio > 0))[0][0]
            raise AllocatorError(f"weights must be above zero, user {user} has {ratio[user]}")
        if ((ratio < 1 / EXTREME) | (ratio > EXTREME)).any():
            user = np.argwhere((ratio < 1 / EXTREME) | (ratio > EXTREME))[0][0]
            raise AllocatorError(
                f"weights must be from {1 / EXTREME:g} to {EXTREME:g}, user {user} has {ratio[user]}"
            )
        most = np.full(users, np.inf)
        if limits is not None:
            try:
                most = np.array(limits, dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise AllocatorError(f"limits is not an array of numbers: {error}") from None
            if most.shape != (users,):
                raise AllocatorError(f"limits {most.shape} must have shape ({users},), one for each user")
            if np.isnan(most).any() or (most < 0).any():
                user = int(np.flatnonzero(np.isnan(most) | (most < 0))[0])
                raise AllocatorError(f"limits must be numbers of tasks, user {user} has {most[user]}")
        return cls(need, whole, ratio, most)

    @property
    def users(self) -> int:
        """How many users."""
        return int(self.demands.shape[0])

    def fractions(self) -> NDArray[np.float64]:
        """What one task takes of each resource, as a fraction of all there is; infinite of what there is not."""
        with np.errstate(divide="ignore", invalid="ignore"):
            part = self.demands / self.capacity
        return np.nan_to_num(part, nan=0.0, posinf=np.inf)

    def weighted(self) -> NDArray[np.float64]:
        """`fractions`, divided by the weights."""
        ratio = self.weights if self.weights.ndim == 2 else self.weights[:, None]
        return np.asarray(self.fractions() / ratio)

    def user_weights(self) -> NDArray[np.float64]:
        """One weight a user. AllocatorError if there is one for each resource: only DRF has a meaning for that."""
        if self.weights.ndim == 2:
            raise AllocatorError(
                "a weight for each resource is for DRF alone; this policy takes one for each user"
            )
        return self.weights

    def without(self, user: int) -> Pool:
        """The pool when that user has left."""
        return Pool(
            np.delete(self.demands, user, axis=0),
            self.capacity,
            np.delete(self.weights, user, axis=0),
            np.delete(self.limits, user),
        )


Policy = Callable[[Pool], Tasks] | Callable[[Pool], WholeTasks]
"""Says how many tasks each user gets."""
