"""What the agent's rules want done, for the actor around them to carry out."""

from __future__ import annotations

from dataclasses import dataclass

from actors import UPID, Message

from .records import ExecutorRun

__all__ = ["Destroy", "DestroyAfter", "Effect", "LaunchContainer", "Send", "ToMaster", "WatchRegistration"]


@dataclass(frozen=True, slots=True)
class LaunchContainer:
    """Start the run's command in a container, then call `launched` or `launch_failed`."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class WatchRegistration:
    """Call `registration_overdue` if the executor has not registered in time."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class DestroyAfter:
    """SIGTERM the container now if `terminate`; destroy it after these seconds if it is still there."""

    run: ExecutorRun
    seconds: float
    terminate: bool


@dataclass(frozen=True, slots=True)
class Destroy:
    """Destroy the container now."""

    run: ExecutorRun


@dataclass(frozen=True, slots=True)
class Send:
    """Send to an executor."""

    to: UPID
    message: Message


@dataclass(frozen=True, slots=True)
class ToMaster:
    """Send to the master; dropped while there is none (updates are kept and sent again)."""

    message: Message


Effect = LaunchContainer | WatchRegistration | DestroyAfter | Destroy | Send | ToMaster
