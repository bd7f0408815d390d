"""What the agent's rules want done, for the actor around them to carry out."""

from __future__ import annotations

from dataclasses import dataclass

from actors import UPID, Message

from .records import AgentTask, ExecutorRun

__all__ = [
    "CancelLaunch",
    "Deadline",
    "Destroy",
    "DestroyAfter",
    "Effect",
    "Forget",
    "LaunchContainer",
    "Link",
    "Send",
    "StartChecks",
    "StopChecks",
    "ToMaster",
    "UpdateLimits",
    "WatchRegistration",
]


@dataclass(frozen=True, slots=True)
class LaunchContainer:
    """Start the run's command in a container, then call `launched` or `launch_failed`."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class CancelLaunch:
    """Launch it no more, if that has not begun yet; else it is told that it runs, as ever."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class WatchRegistration:
    """Call `registration_overdue` with this number if the executor has not registered after these seconds."""

    run: ExecutorRun
    seconds: float
    number: int


@dataclass(frozen=True, slots=True)
class DestroyAfter:
    """SIGTERM the container now if `terminate`; destroy it after these seconds if it is still there."""

    run: ExecutorRun
    seconds: float
    terminate: bool


@dataclass(frozen=True, slots=True)
class Destroy:
    """Destroy the container now; what is fetched for it is not any more."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class UpdateLimits:
    """Hold its container to the resources of the tasks that it has now."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class Forget:
    """The container's end is written down: nobody will ask for it again."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class StartChecks:
    """Begin to check a task that runs; `again`: it has run before this process of the agent's."""

    run: ExecutorRun
    task: AgentTask
    again: bool = False


@dataclass(frozen=True, slots=True)
class StopChecks:
    """Check it no more: one of its tasks, or all."""

    run: ExecutorRun
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """Call `deadline_reached` after these seconds if the task is still there."""

    run: ExecutorRun
    task: AgentTask
    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send to an executor."""

    to: UPID
    message: Message


@dataclass(frozen=True, slots=True)
class Link:
    """Watch an executor."""

    to: UPID


@dataclass(frozen=True, slots=True)
class ToMaster:
    """Send to the master; dropped while there is none (updates are kept and sent again)."""

    message: Message


Effect = (
    LaunchContainer
    | CancelLaunch
    | WatchRegistration
    | DestroyAfter
    | Destroy
    | Forget
    | StartChecks
    | StopChecks
    | Deadline
    | Send
    | Link
    | ToMaster
    | UpdateLimits
)
