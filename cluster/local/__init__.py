"""A whole cluster on one machine."""

from .agent_node import AgentFailedError, AgentNode, group_name
from .cluster import DEFAULT_RESOURCES, LocalCluster
from .elected import Elected, elected
from .lifeline import Lifeline
from .master_node import MasterNode
from .processes import NodeFailedError, NodeProcess

__all__ = [
    "DEFAULT_RESOURCES",
    "AgentFailedError",
    "AgentNode",
    "Elected",
    "Lifeline",
    "LocalCluster",
    "MasterNode",
    "NodeFailedError",
    "NodeProcess",
    "elected",
    "group_name",
]
