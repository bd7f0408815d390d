"""How everything here is compiled, and when it is compiled anew."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit

__all__ = ["compiled", "within"]

# Without counting references, for nothing is allocated here: counting those of the state's arrays at each call takes
# thirty times as long as the work. For the same reason what is called in every turn is made part of its caller.
OPTIONS: dict[str, Any] = {"cache": True, "_nrt": False}
SOURCES = sorted(Path(__file__).parent.glob("*.py"))
STAMP = sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called; later processes load it from a cache beside the source."""
    return _stamped(njit(**OPTIONS)(function))


def within(function: Callable[..., Any]) -> Any:
    """Compile a function into those that call it."""
    return _stamped(njit(forceinline=True, **OPTIONS)(function))


def _stamped(dispatcher: Any) -> Any:
    # Numba's cache looks at the file of the function alone; what it calls is in other files.
    dispatcher._cache._cache_file._source_stamp = STAMP
    return dispatcher
