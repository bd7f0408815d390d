"""Competitive equilibrium from equal incomes, which for these users is Nash's bargaining solution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allocators.errors import AllocatorError

from .pool import Pool, Tasks

__all__ = ["ceei"]

PRECISION = 1e-13
ROUNDS = 200


def ceei(pool: Pool) -> Tasks:
    """Each gets an equal income (its weight), a market sets the prices, everybody buys: the product is maximal.

    Section 5.2 of the DRF paper; the Eisenberg-Gale programme: maximise `sum(weight * log(tasks))` within the capacity.
    It is solved by its dual, which has one price a resource: Newton's method behind a barrier that is lowered step by
    step. Time is O(users * resources^2) a step, some tens of steps, at
    worst hundreds. For users without a limit: AllocatorError for others.

    >>> ceei(Pool.of([[1, 4], [3, 1]], [9, 18])).round(4).tolist()
    [4.0909, 1.6364]

    It can pay to lie: with demands of <4.1, 3.0> in place of <4, 1> the first user gets a third more.

    >>> ceei(Pool.of([[4, 1], [2, 3]], [20, 20])).round(4).tolist()
    [2.5, 5.0]
    """
    if np.isfinite(pool.limits).any():
        raise AllocatorError(
            f"user {int(np.isfinite(pool.limits).argmax())} has a limit, which CEEI knows nothing of"
        )
    income = pool.user_weights()
    fractions = pool.fractions()
    tasks = np.zeros(pool.users)
    able = np.isfinite(fractions).all(axis=1)
    wanted = fractions[able][:, fractions[able].any(axis=0)] if able.any() else np.zeros((0, 0))
    if wanted.size:
        tasks[able] = income[able] / (wanted @ _prices(wanted, income[able]))
    return tasks


def _prices(part: NDArray[np.float64], income: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimise `sum(p) - sum(income * log(part @ p))` over prices that are not negative; each resource is 1 in all."""
    total = float(income.sum())
    prices = np.full(part.shape[1], total / part.shape[1])
    barrier = total

    def value(at: NDArray[np.float64]) -> float:
        return float(at.sum() - income @ np.log(part @ at) - barrier * np.log(at).sum())

    while barrier > PRECISION * total:
        barrier *= 0.05
        for _ in range(ROUNDS):
            cost = part @ prices
            gradient = 1.0 - part.T @ (income / cost) - barrier / prices
            scaled = part * (np.sqrt(income) / cost)[:, None]
            hessian = scaled.T @ scaled + np.diag(barrier / prices**2)
            step = np.linalg.solve(hessian, -gradient)
            slope = float(gradient @ step)
            if -slope <= 1e-3 * barrier:
                break
            size = min(1.0, *(-0.99 * prices[step < 0] / step[step < 0])) if (step < 0).any() else 1.0
            now = value(prices)
            while value(prices + size * step) > now + 1e-4 * size * slope and size > PRECISION:
                size *= 0.5
            prices = prices + size * step
    return prices
