"""The agent: its rules (`AgentState`), the actor around them (`Agent`), and how it runs things."""

from .actor import Agent
from .checkpoint import CheckpointError
from .containerizer import Container, Containerizer, ProcessContainerizer, TimerContainerizer
from .gc import Disk, RealDisk
from .options import AgentOptions
from .reconfiguration import ReconfigurationError, ReconfigurationPolicy
from .sandbox import Sandboxes
from .state import AgentState
from .store import AgentStore, MemoryStore, SqliteStore
from .tokens import ExecutorTokens, load_key

__all__ = [
    "Agent",
    "AgentOptions",
    "AgentState",
    "AgentStore",
    "CheckpointError",
    "Container",
    "Containerizer",
    "Disk",
    "ExecutorTokens",
    "MemoryStore",
    "ProcessContainerizer",
    "RealDisk",
    "ReconfigurationError",
    "ReconfigurationPolicy",
    "Sandboxes",
    "SqliteStore",
    "TimerContainerizer",
    "load_key",
]
