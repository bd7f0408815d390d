"""What a master asks of a registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .state import Change, RegistryState

__all__ = ["Registry", "RegistryError"]


class RegistryError(Exception):
    """The registry cannot be read or written."""


class Registry(Protocol):
    """Durable before it returns; RegistryError if it cannot be."""

    async def load(self) -> RegistryState:
        """Everything that is stored."""

    async def write(self, changes: Sequence[Change]) -> None:
        """Make these changes, all or none, after those of earlier calls.

        If they are more than can be written at once, and it fails midway, those of the first ids are made and those of
        the others are not. An id is never in between: it is as it was before, or as it is after all.
        """

    async def close(self) -> None:
        """Release what is held."""
