"""How a task is asked whether it is well."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Check", "CheckStatusInfo", "HealthCheck"]


class HealthCheck(Struct, frozen=True, omit_defaults=True):
    """Ends a task that is not well."""

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        return None


class Check(Struct, frozen=True, omit_defaults=True):
    """Tells how a task is."""

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        return None


class CheckStatusInfo(Struct, frozen=True, omit_defaults=True):
    """What a check found last."""
