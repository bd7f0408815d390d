"""Seeds that found something, and what: each is run with the tests, so that it is not found again."""

from __future__ import annotations

__all__ = ["FOUND"]

FOUND: dict[int, str] = {
    145: "a candidate resigned while the answer was on its way that it leads, and took the lead without a lease",
}
