"""What those who watch a master are told."""

from __future__ import annotations

from cluster.happenings import (
    AgentAdded,
    AgentRemoved,
    FrameworkAdded,
    FrameworkRemoved,
    FrameworkUpdated,
    Happening,
    TaskAdded,
    TaskUpdated,
)
from cluster.v1 import types as v1
from cluster.v1.schema import Proto
from cluster.v1.trees import Tree
from cluster.v1.types.master import Event

from .frameworks import framework_to
from .operator_agents import agent_seen_to
from .operator_frameworks import framework_seen_to
from .operator_tasks import task_seen_to
from .statuses import status_to

__all__ = ["happening_event"]

Type = Event.Type


def happening_event(happening: Happening) -> Tree:
    """The event that tells it."""
    match happening:
        case TaskAdded(task):
            return _event(Type.TASK_ADDED, Event.TaskAdded(task=task_seen_to(task)))
        case TaskUpdated(framework_id, status):
            told = status_to(status)
            of = v1.FrameworkID(value=framework_id)
            return _event(
                Type.TASK_UPDATED, Event.TaskUpdated(framework_id=of, status=told, state=told.state)
            )
        case AgentAdded(agent):
            return _event(Type.AGENT_ADDED, Tree(Event.AgentAdded, large={"agent": agent_seen_to(agent)}))
        case AgentRemoved(agent_id):
            return _event(Type.AGENT_REMOVED, Event.AgentRemoved(agent_id=v1.AgentID(value=agent_id)))
        case FrameworkAdded(framework):
            added = Tree(Event.FrameworkAdded, large={"framework": framework_seen_to(framework)})
            return _event(Type.FRAMEWORK_ADDED, added)
        case FrameworkUpdated(framework):
            changed = Tree(Event.FrameworkUpdated, large={"framework": framework_seen_to(framework)})
            return _event(Type.FRAMEWORK_UPDATED, changed)
        case FrameworkRemoved(info):
            return _event(Type.FRAMEWORK_REMOVED, Event.FrameworkRemoved(framework_info=framework_to(info)))


def _event(type_: Event.Type, part: Proto | Tree) -> Tree:
    name = type_.lower()
    if isinstance(part, Tree):
        return Tree(Event, {"type": type_}, {name: part})
    return Tree(Event, {"type": type_, name: part})
