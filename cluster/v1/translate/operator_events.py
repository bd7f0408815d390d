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
from cluster.v1.types.master import Event

from .frameworks import framework_to
from .operator_agents import agent_seen_to
from .operator_frameworks import framework_seen_to
from .operator_tasks import task_seen_to
from .statuses import status_to

__all__ = ["happening_event"]

Type = Event.Type


def happening_event(happening: Happening) -> Event:
    """The event that tells it."""
    match happening:
        case TaskAdded(task):
            return Event(type=Type.TASK_ADDED, task_added=Event.TaskAdded(task=task_seen_to(task)))
        case TaskUpdated(framework_id, status):
            told = status_to(status)
            updated = Event.TaskUpdated(
                framework_id=v1.FrameworkID(value=framework_id), status=told, state=told.state
            )
            return Event(type=Type.TASK_UPDATED, task_updated=updated)
        case AgentAdded(agent):
            return Event(type=Type.AGENT_ADDED, agent_added=Event.AgentAdded(agent=agent_seen_to(agent)))
        case AgentRemoved(agent_id):
            removed = Event.AgentRemoved(agent_id=v1.AgentID(value=agent_id))
            return Event(type=Type.AGENT_REMOVED, agent_removed=removed)
        case FrameworkAdded(framework):
            added = Event.FrameworkAdded(framework=framework_seen_to(framework))
            return Event(type=Type.FRAMEWORK_ADDED, framework_added=added)
        case FrameworkUpdated(framework):
            changed = Event.FrameworkUpdated(framework=framework_seen_to(framework))
            return Event(type=Type.FRAMEWORK_UPDATED, framework_updated=changed)
        case FrameworkRemoved(info):
            ended = Event.FrameworkRemoved(framework_info=framework_to(info))
            return Event(type=Type.FRAMEWORK_REMOVED, framework_removed=ended)
