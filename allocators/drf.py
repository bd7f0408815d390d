"""The dominant share, and the arrays that come in.

Source: Ghodsi, Zaharia, Hindman, Konwinski, Shenker, Stoica, "Dominant Resource Fairness: Fair Allocation of
Multiple Resource Types", NSDI 2011.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocators.checks import MAX_AMOUNT
from allocators.errors import AllocatorError


def dominant_share(allocated: ArrayLike, capacity: ArrayLike) -> NDArray[np.float64]:
    """Return the largest fraction of any resource that each user holds.

    `allocated` has shape (..., resources), `capacity` (resources,), both in the same unit per resource; the
    result has the leading shape of `allocated`. Resources of zero capacity do not count. Raises
    `AllocatorError` for shapes that do not fit, and for values that are negative or not finite.

    >>> dominant_share([[3, 12], [6, 2]], [9, 18]).round(3).tolist()
    [0.667, 0.667]
    """
    held = numbers(allocated, "allocated")
    whole = numbers(capacity, "capacity")
    if whole.ndim != 1 or held.ndim < 1 or held.shape[-1] != whole.shape[0]:
        raise AllocatorError(
            f"allocated {held.shape} and capacity {whole.shape} must be (..., resources) and (resources,)"
        )
    counted = whole > 0
    fractions = held[..., counted] / whole[counted]
    return np.asarray(fractions.max(axis=-1, initial=0.0), dtype=np.float64)


def numbers(value: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return `value` as floats: finite, not negative; `what` names it in the error."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise AllocatorError(f"{what} is not an array of numbers: {error}") from None
    if array.dtype.kind not in "iuf" and array.size:
        raise AllocatorError(f"{what} must hold numbers, not {array.dtype}")
    floats = array.astype(np.float64)
    wrong = ~(np.isfinite(floats) & (floats >= 0))
    if wrong.any():
        raise AllocatorError(f"{what} must be finite and not negative{_first(floats, wrong)}")
    return floats


def integers(value: ArrayLike, what: str) -> NDArray[np.int64]:
    """Return `value` as integers, not negative, at most `MAX_AMOUNT`; `what` names it in the error."""
    floats = numbers(value, what)
    array = np.asarray(value)
    if array.dtype.kind not in "iu" and array.size:
        raise AllocatorError(f"{what} must hold integers (scale fractions first), not {array.dtype}")
    if floats.size and floats.max() > MAX_AMOUNT:
        raise AllocatorError(f"{what} must not be above {MAX_AMOUNT}{_first(floats, floats > MAX_AMOUNT)}")
    return array.astype(np.int64)


def _first(values: NDArray[np.float64], wrong: NDArray[np.bool_]) -> str:
    """The first wrong value and where it is, for an error."""
    where = tuple(np.argwhere(wrong)[0].tolist())
    return f", not {values[where]:g}" + (f" at {list(where)}" if where else "")
