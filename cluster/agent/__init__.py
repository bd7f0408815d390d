"""The agent: its rules (`AgentState`), the actor around them (`Agent`), and how it runs things."""

from .actor import Agent
from .containerizer import Container, Containerizer, ProcessContainerizer, TimerContainerizer
from .options import AgentOptions
from .sandbox import Sandboxes
from .state import AgentState

__all__ = [
    "Agent",
    "AgentOptions",
    "AgentState",
    "Container",
    "Containerizer",
    "ProcessContainerizer",
    "Sandboxes",
    "TimerContainerizer",
]
