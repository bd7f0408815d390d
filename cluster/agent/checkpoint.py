"""How an agent's books are written down: a record for the agent, each framework, run, task, and a task's updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from actors import UPID
from cluster.messages import (
    AgentInfo,
    CommandInfo,
    ExecutorInfo,
    FrameworkInfo,
    Reason,
    Reserved,
    TaskInfo,
    TaskState,
    TaskStatus,
)

from .books import Books
from .records import AgentTask, ExecutorRun, Phase

__all__ = ["CheckpointError", "RecordKey", "StoredAgent", "changes", "restore"]

RecordKey = tuple[str, str, str]
"""Kind, framework id, and the id of an executor or a task."""


class CheckpointError(Exception):
    """What is written down cannot be read, or does not fit this agent."""


class StoredAgent(Struct, frozen=True):
    """The agent itself, and which life of its own and of its machine it was in.

    `forgetful`: of what was lost with the life of the machine before, no master has heard yet.
    """

    info: AgentInfo
    boot_id: str = ""
    life: int = 1
    forgetful: bool = False


class StoredRun(Struct, frozen=True, omit_defaults=True):
    """A run of an executor."""

    role: str
    container_id: str
    phase: Phase
    framework: FrameworkInfo
    command: CommandInfo | None = None
    info: ExecutorInfo | None = None
    reserved: Reserved = {}
    group: str = ""
    upid: str = ""
    queued: list[str] = []
    sandbox: str = ""
    registered: bool = False
    by_itself: bool = False


class StoredTask(Struct, frozen=True, omit_defaults=True):
    """A task. `executor_id` is its run's; empty when that is over."""

    executor_id: str
    info: TaskInfo
    status: TaskStatus
    role: str
    reserved: Reserved = {}
    started: float = 0.0
    killed: bool = False
    end_state: TaskState = TaskState.KILLED
    end_reason: Reason = Reason.NONE
    end_text: str = ""
    grace: float = 0.0
    heard: str = ""
    group: str = ""


TYPES: dict[str, Any] = {
    "agent": StoredAgent,
    "framework": FrameworkInfo,
    "run": StoredRun,
    "task": StoredTask,
    "updates": list[TaskStatus],
}


def changes(books: Books) -> dict[RecordKey, bytes | None]:
    """Take out what has changed, each record in its latest form; None for what is to be deleted."""
    dirty, books.dirty = books.dirty, {}
    found: dict[RecordKey, bytes | None] = {}
    for key in dirty:
        record = _record(books, *key)
        found[key] = None if record is None else msgspec.msgpack.encode(record)
    return found


def _record(books: Books, kind: str, framework_id: str, id_: str) -> object | None:
    key = (framework_id, id_)
    if kind == "agent":
        if books.taken is None:
            return None
        return StoredAgent(books.taken, books.boot_id, books.life, books.forgetful)
    if kind == "framework":
        return books.frameworks.get(framework_id)
    if kind == "run":
        run = books.runs.get(key)
        return None if run is None else _stored_run(run)
    if kind == "updates":
        return books.updates.stream(*key) or None
    holder = books.find(framework_id, id_)
    task = holder.tasks[id_] if holder is not None else books.finished.get(key)
    if task is None:
        return None
    return StoredTask(
        "" if holder is None else holder.executor_id,
        task.info,
        task.status,
        task.role,
        task.reserved,
        task.started,
        task.killed,
        task.end_state,
        task.end_reason,
        task.end_text,
        task.grace,
        task.heard,
        task.group,
    )


def _stored_run(run: ExecutorRun) -> StoredRun:
    return StoredRun(
        run.role,
        run.container_id,
        run.phase,
        run.framework,
        run.command,
        run.info,
        run.reserved,
        run.group,
        "" if run.upid is None else str(run.upid),
        run.queued,
        run.sandbox,
        run.registered,
        run.by_itself,
    )


def restore(books: Books, stored: Mapping[RecordKey, bytes]) -> AgentInfo | None:
    """Fill empty books; return how the agent introduced itself then, None if it never did.

    CheckpointError if a record cannot be read.
    """
    info: AgentInfo | None = None
    tasks: dict[tuple[str, str], StoredTask] = {}
    for key, data in stored.items():
        kind, framework_id, id_ = key
        try:
            record = msgspec.msgpack.decode(data, type=TYPES[kind])
        except (KeyError, msgspec.MsgspecError) as error:
            raise CheckpointError(f"record {'/'.join(key)}: {error}") from error
        if isinstance(record, StoredAgent):
            info = books.taken = record.info
            books.forgetful = record.forgetful or record.boot_id != books.boot_id
            books.life = record.life + 1
        elif isinstance(record, FrameworkInfo):
            books.frameworks[framework_id] = record
        elif isinstance(record, StoredRun):
            books.add_run(_run(id_, record))
        elif isinstance(record, StoredTask):
            tasks[framework_id, id_] = record
        else:
            books.updates.restore(framework_id, id_, record)
    for (framework_id, task_id), stored_task in tasks.items():
        run = books.runs.get((framework_id, stored_task.executor_id))
        if run is not None:
            books.add_task(run, _task(stored_task))
        else:
            books.finished[framework_id, task_id] = _task(stored_task)
    return info


def _run(executor_id: str, stored: StoredRun) -> ExecutorRun:
    return ExecutorRun(
        stored.framework,
        executor_id,
        stored.role,
        stored.container_id,
        stored.command,
        stored.info,
        stored.phase,
        dict(stored.reserved),
        stored.group,
        UPID.parse(stored.upid) if stored.upid else None,
        registered=stored.registered,
        by_itself=stored.by_itself,
        queued=list(stored.queued),
        sandbox=stored.sandbox,
    )


def _task(stored: StoredTask) -> AgentTask:
    return AgentTask(
        stored.info,
        stored.status,
        stored.role,
        dict(stored.reserved),
        stored.started,
        stored.killed,
        stored.end_state,
        stored.end_reason,
        stored.end_text,
        stored.grace,
        stored.heard,
        stored.group,
    )
