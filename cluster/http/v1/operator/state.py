"""What there is: agents, frameworks, executors, tasks, roles, and all of it together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from cluster.happenings import MasterSeen
from cluster.master import MasterState
from cluster.master.sights import see_all
from cluster.v1.translate.agents import agent_to
from cluster.v1.translate.operator_agents import agent_seen_to
from cluster.v1.translate.operator_frameworks import framework_seen_to
from cluster.v1.translate.operator_resources import Tally
from cluster.v1.translate.operator_roles import role_to
from cluster.v1.translate.operator_tasks import executor_seen_to, task_seen_to
from cluster.v1.trees import Tree
from cluster.v1.types.agents import Role
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


class RolesSeen(Struct, frozen=True):
    """What there is, and what operators have set: weights, and which roles have anything set or reserved."""

    seen: MasterSeen
    weights: Mapping[str, float]
    names: Collection[str]


def _see_roles(state: MasterState) -> RolesSeen:
    registry = state.registry
    reserved = {role for each in registry.reservations.values() for role in each}
    return RolesSeen(see_all(state), dict(registry.weights), {*registry.weights, *registry.quotas, *reserved})


def _roles(roles: RolesSeen) -> Tree:
    return Tree(Response.GetRoles, large={"roles": _each_role(roles)})


def _each_role(roles: RolesSeen) -> Iterator[Role | None]:
    """Those that have frameworks, have something set or reserved, or hold something; step by step."""
    seen, members = roles.seen, dict[str, list[str]]()
    for framework in seen.frameworks:
        for role in framework.info.roles:
            members.setdefault(role, []).append(framework.info.id)
    tallies: dict[str, Tally] = {}
    for task in seen.tasks:
        tallies.setdefault(task.role, Tally()).add_task(task)
        yield None
    for executor in seen.executors:
        tallies.setdefault(executor.role, Tally()).add_executor(executor)
        yield None
    for framework in seen.frameworks:
        for offer in framework.offers:
            tallies.setdefault(offer.role, Tally()).add_offer(offer)
            yield None
    for name in sorted({*members, *roles.names, *tallies}):
        resources = tallies[name].written() if name in tallies else ()
        yield role_to(name, roles.weights.get(name, 1.0), members.get(name, ()), resources)


class View(NamedTuple):
    """An answer that may be large: what is seen of the master in one turn, quickly, and the message that says it."""

    look: Callable[[MasterState], Any]
    write: Callable[[Any], Tree]


def _view(
    type_: Response.Type,
    part: Callable[[Any], Tree],
    look: Callable[[MasterState], Any] = see_all,
) -> View:
    return View(look, lambda seen: Tree(Response, {"type": type_}, {type_.lower(): part(seen)}))


VIEWS: Mapping[Call.Type, View] = {
    Call.Type.GET_TASKS: _view(Type.GET_TASKS, _tasks),
    Call.Type.GET_EXECUTORS: _view(Type.GET_EXECUTORS, _executors),
    Call.Type.GET_FRAMEWORKS: _view(Type.GET_FRAMEWORKS, _frameworks),
    Call.Type.GET_AGENTS: _view(Type.GET_AGENTS, _agents),
    Call.Type.GET_STATE: _view(Type.GET_STATE, _state),
    Call.Type.GET_ROLES: _view(Type.GET_ROLES, _roles, _see_roles),
}
"""The calls whose answers may be large, and those."""


def subscribed(seen: MasterSeen, heartbeat: float) -> Tree:
    """The first event of a stream; a heartbeat comes at least every so many seconds."""
    part = Tree(Event.Subscribed, {"heartbeat_interval_seconds": heartbeat}, {"get_state": _state(seen)})
    return Tree(Event, {"type": Event.Type.SUBSCRIBED}, {"subscribed": part})
