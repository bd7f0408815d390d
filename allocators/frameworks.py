"""What the allocator knows of one framework."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocators.minimum import Minimum
from allocators.tree import Node


@dataclass(slots=True)
class Framework:
    """Settings of a framework, and its clients in the role tree."""

    registered: bool = False  # False: known only because an agent reported what it holds
    active: bool = False
    roles: set[str] = field(default_factory=set)
    suppressed: set[str] = field(default_factory=set)
    minimum: Minimum | None = None  # None: the allocator's
    clients: dict[str, Node] = field(default_factory=dict)  # by role, where it is in or holds something

    def ready(self) -> set[str]:
        """Return the roles in which it may be offered something."""
        return self.roles - self.suppressed if self.active else set()
