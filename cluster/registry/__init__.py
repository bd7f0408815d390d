"""The little that a master must not forget: the interface, in memory, in SQLite, and in etcd."""

from .etcd import DeposedError, EtcdRegistry
from .interface import Registry, RegistryError
from .memory import MemoryRegistry
from .sqlite import SqliteRegistry
from .state import MAX_OBJECT, Change, Drain, Quota, RegistryState, UnreachableAgent, Window

__all__ = [
    "MAX_OBJECT",
    "Change",
    "DeposedError",
    "Drain",
    "EtcdRegistry",
    "MemoryRegistry",
    "Quota",
    "Registry",
    "RegistryError",
    "RegistryState",
    "SqliteRegistry",
    "UnreachableAgent",
    "Window",
]
