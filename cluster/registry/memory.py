"""A registry that forgets."""

from __future__ import annotations

from collections.abc import Sequence

from .state import Change, RegistryState

__all__ = ["MemoryRegistry"]


class MemoryRegistry:
    """Forgets at the end of the process: for tests and clusters inside one process."""

    def __init__(self) -> None:
        self.state = RegistryState()

    async def load(self) -> RegistryState:
        """Everything since it was made."""
        return self.state.copy()

    async def write(self, changes: Sequence[Change]) -> None:
        """Remember."""
        for change in changes:
            self.state.apply(change)

    async def close(self) -> None:
        """Nothing is held."""
