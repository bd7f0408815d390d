"""The engines: books and decisions with numbers for names. `DRFAllocator` is the same with names and checks."""

from .interface import NO_LIMIT, ROOT, UNRESERVED, Core, Given, Minimum, Part, Pass, Reason
from .plain import PlainCore

__all__ = [
    "NO_LIMIT",
    "ROOT",
    "UNRESERVED",
    "Core",
    "Given",
    "Minimum",
    "Part",
    "Pass",
    "PlainCore",
    "Reason",
]
