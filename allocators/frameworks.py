"""What the allocator knows of one framework."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocators.constraints import OfferConstraints

__all__ = ["Framework"]


@dataclass(slots=True)
class Framework:
    """Settings of a framework, and its clients in the role tree."""

    registered: bool = False  # False: known only because an agent reported what it holds
    active: bool = False
    roles: set[str] = field(default_factory=set)
    suppressed: set[str] = field(default_factory=set)
    min_offer: list[dict[str, int]] = field(default_factory=list)  # empty: the allocator's
    revocable: bool = False
    constraints: OfferConstraints | None = None
    hold_after: float | None = None
    clients: dict[str, int] = field(default_factory=dict)  # by role, where it is in or holds something

    def ready(self) -> set[str]:
        """Return the roles in which it may be offered something."""
        return self.roles - self.suppressed if self.active else set()
