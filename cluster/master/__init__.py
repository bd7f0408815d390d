"""The master: its rules (`MasterState`), and the actor around them (`Master`)."""

from .actor import Master
from .invariants import violations
from .options import MasterOptions, RateLimit, RoleOptions
from .state import MasterState

__all__ = ["Master", "MasterOptions", "MasterState", "RateLimit", "RoleOptions", "violations"]
