"""What is fetched into a sandbox."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["URI"]


class URI(Struct, frozen=True, omit_defaults=True):
    """A file to fetch."""

    value: str
    executable: bool = False
    extract: bool = True
    cache: bool = False
    output_file: str = ""
    checksum: str = ""

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        return None
