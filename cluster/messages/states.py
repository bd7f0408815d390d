"""The states of a task, and the one table of what may follow what."""

from __future__ import annotations

import enum

__all__ = ["TERMINAL", "TRANSITIONS", "Reason", "Refusal", "Source", "TaskState", "may_follow"]


class TaskState(enum.StrEnum):
    """Mesos's task states, by their wire names."""

    STAGING = "TASK_STAGING"
    """Accepted by the master, on its way to the agent."""
    STARTING = "TASK_STARTING"
    """The executor has it."""
    RUNNING = "TASK_RUNNING"
    KILLING = "TASK_KILLING"
    """Asked to end, still running."""
    FINISHED = "TASK_FINISHED"
    FAILED = "TASK_FAILED"
    KILLED = "TASK_KILLED"
    ERROR = "TASK_ERROR"
    """Refused: what was asked for is not possible. Sending it again will not help."""
    LOST = "TASK_LOST"
    """Its agent is gone."""
    DROPPED = "TASK_DROPPED"
    """Never launched: the offer was no longer valid, or the agent could not be reached. Try again."""
    UNREACHABLE = "TASK_UNREACHABLE"
    """Its agent cannot be reached; it may come back."""
    GONE = "TASK_GONE"
    """Its agent says that it does not run there."""
    GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR"
    UNKNOWN = "TASK_UNKNOWN"
    """Nobody knows it."""

    @property
    def terminal(self) -> bool:
        """Whether nothing follows."""
        return self in TERMINAL

    @property
    def short(self) -> str:
        """The name without `TASK_`, for people."""
        return self.value.removeprefix("TASK_")


class Source(enum.StrEnum):
    """Who made a status."""

    MASTER = "SOURCE_MASTER"
    AGENT = "SOURCE_AGENT"
    EXECUTOR = "SOURCE_EXECUTOR"


class Refusal(enum.StrEnum):
    """Why a framework is refused, where programs want to know."""

    NONE = ""
    FAILED_OVER = "FAILED_OVER"
    """Another scheduler is this framework now."""
    ENDED = "ENDED"
    """It is over: it was torn down, or its scheduler did not return in time."""


class Reason(enum.StrEnum):
    """Why a status is what it is, where that is not plain. Mesos's names, with AGENT for SLAVE."""

    NONE = ""
    COMMAND_EXECUTOR_FAILED = "REASON_COMMAND_EXECUTOR_FAILED"
    CONTAINER_LAUNCH_FAILED = "REASON_CONTAINER_LAUNCH_FAILED"
    CONTAINER_LIMITATION = "REASON_CONTAINER_LIMITATION"
    CONTAINER_LIMITATION_DISK = "REASON_CONTAINER_LIMITATION_DISK"
    CONTAINER_LIMITATION_MEMORY = "REASON_CONTAINER_LIMITATION_MEMORY"
    CONTAINER_PREEMPTED = "REASON_CONTAINER_PREEMPTED"
    EXECUTOR_REGISTRATION_TIMEOUT = "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
    EXECUTOR_REREGISTRATION_TIMEOUT = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
    EXECUTOR_TERMINATED = "REASON_EXECUTOR_TERMINATED"
    FRAMEWORK_REMOVED = "REASON_FRAMEWORK_REMOVED"
    INVALID_OFFERS = "REASON_INVALID_OFFERS"
    MASTER_DISCONNECTED = "REASON_MASTER_DISCONNECTED"
    MAX_COMPLETION_TIME_REACHED = "REASON_MAX_COMPLETION_TIME_REACHED"
    RECONCILIATION = "REASON_RECONCILIATION"
    AGENT_DISCONNECTED = "REASON_AGENT_DISCONNECTED"
    AGENT_DRAINING = "REASON_AGENT_DRAINING"
    AGENT_REMOVED = "REASON_AGENT_REMOVED"
    AGENT_REMOVED_BY_OPERATOR = "REASON_AGENT_REMOVED_BY_OPERATOR"
    AGENT_REREGISTERED = "REASON_AGENT_REREGISTERED"
    AGENT_RESTARTED = "REASON_AGENT_RESTARTED"
    AGENT_UNKNOWN = "REASON_AGENT_UNKNOWN"
    TASK_CHECK_STATUS_UPDATED = "REASON_TASK_CHECK_STATUS_UPDATED"
    TASK_GROUP_INVALID = "REASON_TASK_GROUP_INVALID"
    TASK_HEALTH_CHECK_STATUS_UPDATED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
    TASK_INVALID = "REASON_TASK_INVALID"
    TASK_KILLED_DURING_LAUNCH = "REASON_TASK_KILLED_DURING_LAUNCH"
    TASK_UNKNOWN = "REASON_TASK_UNKNOWN"


TERMINAL = frozenset(
    {
        TaskState.FINISHED,
        TaskState.FAILED,
        TaskState.KILLED,
        TaskState.ERROR,
        TaskState.LOST,
        TaskState.DROPPED,
        TaskState.GONE,
        TaskState.GONE_BY_OPERATOR,
    }
)

_ENDS = TERMINAL | {TaskState.UNREACHABLE}

TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.STAGING: frozenset({TaskState.STARTING, TaskState.RUNNING, TaskState.KILLING}) | _ENDS,
    TaskState.STARTING: frozenset({TaskState.RUNNING, TaskState.KILLING}) | _ENDS,
    # RUNNING follows RUNNING: a running task may send news of itself (health, progress in `data`).
    TaskState.RUNNING: frozenset({TaskState.RUNNING, TaskState.KILLING}) | _ENDS,
    TaskState.KILLING: frozenset({TaskState.KILLING}) | _ENDS,
    # An agent that comes back brings its tasks as they are now.
    TaskState.UNREACHABLE: frozenset({TaskState.STARTING, TaskState.RUNNING, TaskState.KILLING}) | TERMINAL,
    TaskState.UNKNOWN: frozenset(TaskState),
    **{state: frozenset() for state in TERMINAL},
}
"""What may follow each state. A terminal state is the last; no state goes back."""


def may_follow(before: TaskState, after: TaskState) -> bool:
    """Whether a task in state `before` may become `after`."""
    return after in TRANSITIONS[before]
