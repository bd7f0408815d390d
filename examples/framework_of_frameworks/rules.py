"""What becomes of a request: plain functions from what is known of it to what is known next. No I/O, no clock.

WAITING, RUNNING, then FINISHED or FAILED; from RUNNING back to WAITING while attempts are left. To cancel leads
to CANCELLED, by way of CANCELLING if an engine runs.
"""

import enum
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from cluster import Reason, TaskState, TaskStatus

__all__ = ["Entry", "Request", "State", "cancelled", "launchable", "launched", "told"]


class State(enum.StrEnum):
    """Where a request stands."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def running(self) -> bool:
        """Whether an engine is at work on it."""
        return self in (State.RUNNING, State.CANCELLING)


class Request(Struct, frozen=True):
    """A shell line to be run as `parts` tasks side by side, each with its number from 0 in `$PART`.

    The id is its sender's: sent twice, it is one request. The engine's framework is in role `role`.
    """

    id: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,100}\Z")]
    command: Annotated[str, Meta(min_length=1)]
    parts: Annotated[int, Meta(ge=1, le=100)] = 1
    attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    role: str = "*"


class Entry(Struct, frozen=True):
    """A request and all that the dispatcher must not forget of it.

    `engine` is the framework of its latest engine, until that is known to be gone: nothing is launched before.
    """

    request: Request
    state: State = State.WAITING
    launches: int = 0
    failures: int = 0
    agent_id: str = ""
    engine: str = ""
    result: str = ""
    error: str = ""

    @property
    def task_id(self) -> str:
        """The task of its latest engine: no two engines have the same."""
        return f"{self.request.id}.{self.launches}"


def launchable(entries: Sequence[Entry], at_once: int) -> list[Entry]:
    """What is to be launched next, oldest first, so that no more than `at_once` engines run."""
    free = at_once - sum(entry.state.running for entry in entries)
    ready = [entry for entry in entries if entry.state is State.WAITING and not entry.engine]
    return ready[: max(0, free)]


def launched(entry: Entry, dispatcher_id: str, agent_id: str) -> Entry:
    """It gets an engine. The dispatcher names the engine's framework, and so knows it before it lives."""
    launches = entry.launches + 1
    engine = f"{dispatcher_id}-{entry.request.id}.{launches}"
    return replace(entry, state=State.RUNNING, launches=launches, agent_id=agent_id, engine=engine)


def told(entry: Entry, status: TaskStatus) -> Entry:
    """What follows from a status of its engine's task. Only a failure of the engine itself costs an attempt."""
    # What nobody knows is given up, and ended if it returns.
    if not status.state.terminal and status.state is not TaskState.UNKNOWN:
        return entry
    if status.state is TaskState.FINISHED:
        # It has ended its framework before it said so.
        return replace(entry, state=State.FINISHED, engine="", result=status.data.decode(errors="replace"))
    error = f"{status.state.short}: {status.message}"
    if entry.state is State.CANCELLING:
        return replace(entry, state=State.CANCELLED, error=error)
    unknown = status.reason is Reason.RECONCILIATION and status.state in (TaskState.LOST, TaskState.UNKNOWN)
    if status.state is TaskState.DROPPED or unknown:
        return replace(entry, state=State.WAITING, error=error)
    failures = entry.failures + 1
    again = failures < entry.request.attempts and status.state is not TaskState.ERROR
    return replace(entry, state=State.WAITING if again else State.FAILED, failures=failures, error=error)


def cancelled(entry: Entry) -> Entry:
    """It is not wanted any more; what has ended stays as it is."""
    if entry.state is State.WAITING:
        return replace(entry, state=State.CANCELLED)
    return replace(entry, state=State.CANCELLING) if entry.state is State.RUNNING else entry
