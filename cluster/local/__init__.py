"""A whole cluster on one machine."""

from .cluster import DEFAULT_RESOURCES, LocalCluster
from .lifeline import Lifeline
from .nodes import AgentFailedError, AgentNode, MasterNode
from .processes import NodeFailedError, NodeProcess

__all__ = [
    "DEFAULT_RESOURCES",
    "AgentFailedError",
    "AgentNode",
    "Lifeline",
    "LocalCluster",
    "MasterNode",
    "NodeFailedError",
    "NodeProcess",
]
