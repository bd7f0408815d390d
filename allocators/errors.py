"""The one error of this package."""

from __future__ import annotations


class AllocatorError(ValueError):
    """A call that the allocator refuses: it names what is wrong and where.

    It is always raised before any state changed, so the caller may correct the call and repeat it.
    """
