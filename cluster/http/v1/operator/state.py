"""What there is: agents, frameworks, executors, tasks, and all of it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cluster.happenings import MasterSeen
from cluster.v1.translate.agents import agent_to
from cluster.v1.translate.operator_agents import agent_seen_to
from cluster.v1.translate.operator_frameworks import framework_seen_to
from cluster.v1.translate.operator_tasks import executor_seen_to, task_seen_to
from cluster.v1.trees import Tree
from cluster.v1.types.master import Call, Event, Response

__all__ = ["VIEWS", "subscribed"]

Type = Response.Type


def _tasks(seen: MasterSeen) -> Tree:
    return Tree(
        Response.GetTasks,
        large={
            "tasks": map(task_seen_to, seen.tasks),
            "unreachable_tasks": map(task_seen_to, seen.unreachable_tasks),
            "completed_tasks": map(task_seen_to, seen.completed_tasks),
        },
    )


def _executors(seen: MasterSeen) -> Tree:
    return Tree(Response.GetExecutors, large={"executors": map(executor_seen_to, seen.executors)})


def _frameworks(seen: MasterSeen) -> Tree:
    return Tree(
        Response.GetFrameworks,
        large={
            "frameworks": map(framework_seen_to, seen.frameworks),
            "completed_frameworks": map(framework_seen_to, seen.completed_frameworks),
        },
    )


def _agents(seen: MasterSeen) -> Tree:
    return Tree(
        Response.GetAgents,
        large={
            "agents": map(agent_seen_to, seen.agents),
            "recovered_agents": map(agent_to, seen.recovering),
        },
    )


def _state(seen: MasterSeen) -> Tree:
    return Tree(
        Response.GetState,
        large={
            "get_tasks": _tasks(seen),
            "get_executors": _executors(seen),
            "get_frameworks": _frameworks(seen),
            "get_agents": _agents(seen),
        },
    )


def _response(type_: Response.Type, part: Callable[[MasterSeen], Tree]) -> Callable[[MasterSeen], Tree]:
    return lambda seen: Tree(Response, {"type": type_}, {type_.lower(): part(seen)})


VIEWS: Mapping[Call.Type, Callable[[MasterSeen], Tree]] = {
    Call.Type.GET_TASKS: _response(Type.GET_TASKS, _tasks),
    Call.Type.GET_EXECUTORS: _response(Type.GET_EXECUTORS, _executors),
    Call.Type.GET_FRAMEWORKS: _response(Type.GET_FRAMEWORKS, _frameworks),
    Call.Type.GET_AGENTS: _response(Type.GET_AGENTS, _agents),
    Call.Type.GET_STATE: _response(Type.GET_STATE, _state),
}
"""The calls whose answers may be large, and those."""


def subscribed(seen: MasterSeen, heartbeat: float) -> Tree:
    """The first event of a stream; a heartbeat comes at least every so many seconds."""
    part = Tree(Event.Subscribed, {"heartbeat_interval_seconds": heartbeat}, {"get_state": _state(seen)})
    return Tree(Event, {"type": Event.Type.SUBSCRIBED}, {"subscribed": part})
