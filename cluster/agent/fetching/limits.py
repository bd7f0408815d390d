"""How much may be fetched and extracted."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import CauseError

__all__ = ["Budget", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of one file as it is fetched; bytes and members of all archives of one task together."""

    max_size: int = 10 << 30
    max_extracted: int = 20 << 30
    max_members: int = 200_000

    def __post_init__(self) -> None:
        for name in ("max_size", "max_extracted", "max_members"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, it must be positive")

    def check_size(self, size: int) -> None:
        """CauseError if a file of this size is too large."""
        if size > self.max_size:
            raise CauseError(f"larger than the limit of {self.max_size} bytes")


class Budget:
    """What is left of the limits while archives are extracted. Of one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._bytes = limits.max_extracted
        self._members = limits.max_members

    def spend(self, size: int) -> None:
        """CauseError if that many bytes more are too many."""
        self._bytes -= size
        if self._bytes < 0:
            raise CauseError(f"extracts to more than the limit of {self.limits.max_extracted} bytes")

    def member(self) -> None:
        """CauseError if one member more is too many."""
        self._members -= 1
        if self._members < 0:
            raise CauseError(f"has more than the limit of {self.limits.max_members} members")
