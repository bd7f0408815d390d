"""The little that a master must not forget: the interface, in memory, and in SQLite."""

from .interface import Registry, RegistryError
from .memory import MemoryRegistry
from .sqlite import SqliteRegistry
from .state import Change, Drain, Quota, RegistryState, UnreachableAgent, Window

__all__ = [
    "Change",
    "Drain",
    "MemoryRegistry",
    "Quota",
    "Registry",
    "RegistryError",
    "RegistryState",
    "SqliteRegistry",
    "UnreachableAgent",
    "Window",
]
