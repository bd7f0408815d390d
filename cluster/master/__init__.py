"""The master: its rules (`MasterState`), and the actor around them (`Master`)."""

from .actor import Master
from .invariants import violations
from .state import MasterOptions, MasterState

__all__ = ["Master", "MasterOptions", "MasterState", "violations"]
