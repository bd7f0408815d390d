"""Logging levels as Mesos counts them: 0 is what is logged anyway, 1 and above is ever more."""

from __future__ import annotations

import logging

from actors.http import HttpRoutes

__all__ = ["set_verbosity", "verbosity"]


def verbosity(http: HttpRoutes) -> int:
    """How much is logged now: 0 at INFO and above, 1 at DEBUG, one more for each level below."""
    level = http.log_level
    return 0 if level >= logging.INFO else max(1, logging.DEBUG + 1 - level)


def set_verbosity(http: HttpRoutes, level: int, seconds: float) -> None:
    """Log that much for that time. What is above 10 is 10: there are no more levels."""
    number = logging.INFO if level == 0 else max(1, logging.DEBUG + 1 - level)
    http.set_log_level(number, seconds)
