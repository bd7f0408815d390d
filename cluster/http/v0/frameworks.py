"""Frameworks as the older pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from cluster.happenings import FrameworkSeen, MasterSeen, TaskSeen
from cluster.v1.translate.frameworks import constraints_of_framework, framework_to

from . import tasks as shown_tasks
from .flat import Flat

__all__ = ["Ended", "ended", "framework", "framework_task", "summary"]

Json = dict[str, Any]
By = Mapping[str, Sequence[TaskSeen]]


class Ended(Struct, frozen=True):
    """The tasks that run no more, or may come back, by framework id."""

    unreachable: By
    completed: By


def ended(seen: MasterSeen) -> Ended:
    """Sort them."""
    return Ended(_by_framework(seen.unreachable_tasks), _by_framework(seen.completed_tasks))


def _by_framework(tasks: Sequence[TaskSeen]) -> By:
    found: dict[str, list[TaskSeen]] = {}
    for each in tasks:
        found.setdefault(each.framework_id, []).append(each)
    return found


def summary(seen: FrameworkSeen, pid: str | None) -> Json:
    """A framework, in short; `pid` where it does not speak HTTP."""
    return _summary(seen, pid, _used(seen).shown(), shown_tasks.offered(seen.offers).shown())


def _used(seen: FrameworkSeen) -> Flat:
    return shown_tasks.used(seen.tasks, seen.executors)


def _summary(seen: FrameworkSeen, pid: str | None, used: Json, offered: Json) -> Json:
    info = seen.info
    return {
        "id": info.id,
        "name": info.name,
        **({} if pid is None else {"pid": pid}),
        "used_resources": used,
        "offered_resources": offered,
        "capabilities": [
            each.type.value for each in framework_to(info).capabilities if each.type is not None
        ],
        "hostname": info.hostname,
        "webui_url": info.webui_url,
        "active": seen.connected,
        "connected": seen.connected,
        "recovered": seen.recovered,
    }


def framework(seen: FrameworkSeen, pid: str | None, others: Ended) -> Json:
    """A framework with all that it has; what may be many is an iterator, to be written bit by bit."""
    info, used = seen.info, _used(seen)
    shown = _summary(seen, pid, used.shown(), shown_tasks.offered(seen.offers).shown())
    shown |= {
        "user": info.user,
        "failover_timeout": info.failover_timeout,
        "checkpoint": True,
        "registered_time": seen.registered_at,
        "unregistered_time": seen.ended_at,
    }
    if info.principal:
        shown["principal"] = info.principal
    shown["resources"] = shown_tasks.offered(seen.offers, used).shown()
    if seen.subscribed_at != seen.registered_at:
        shown["reregistered_time"] = seen.subscribed_at
    shown |= {
        "roles": list(info.roles),
        "tasks": map(framework_task, seen.tasks),
        "unreachable_tasks": map(framework_task, others.unreachable.get(info.id, ())),
        "completed_tasks": map(framework_task, others.completed.get(info.id, ())),
        "offers": map(shown_tasks.offer, seen.offers),
        "executors": map(shown_tasks.executor, seen.executors),
    }
    if info.labels:
        shown["labels"] = shown_tasks.labels(info.labels)
    shown["offer_constraints"] = constraints_of_framework(info) or {}
    return shown


def framework_task(seen: TaskSeen) -> Json:
    """A task of a framework."""
    return shown_tasks.task(seen.framework_id, seen.agent_id, seen.role, seen.info, seen.status, seen.former)
