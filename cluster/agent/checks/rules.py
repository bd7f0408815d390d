"""When a task is looked at next, and what follows from what was seen. No I/O; seconds of any one clock."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.messages.checks import Check, CheckStatusInfo, HealthCheck

__all__ = ["CheckState", "HealthState", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be told of a task's health. With `kill`, the task is to be killed, and it is the last.

    `failures` is how many there were in a row, `text` says it for people.
    """

    healthy: bool
    kill: bool
    failures: int
    text: str


class _Schedule:
    """`next_at` is when the next probe begins."""

    def __init__(self, check: Check | HealthCheck, started_at: float) -> None:
        self._interval = check.interval_seconds
        self.next_at = started_at + check.delay_seconds

    def skip(self, now: float) -> None:
        """A probe has ended that says nothing about the task."""
        self.next_at = now + self._interval


class HealthState(_Schedule):
    """The health of one task, that runs since `started_at`.

    `healthy` is what was told last, by an agent before this one; None: nothing. The count of failures is not kept
    over such a change.
    """

    def __init__(self, check: HealthCheck, started_at: float, healthy: bool | None = None) -> None:
        super().__init__(check, started_at)
        self.healthy = healthy
        """What was told last, None before anything was."""
        self.failures = 0
        """Failures in a row, not counting those in the grace period."""
        self._limit = check.consecutive_failures
        self._grace_ends = started_at + check.grace_period_seconds
        # A failure that was told ended the grace period: it had passed, or there was a success before.
        self._graceful = check.grace_period_seconds > 0 and healthy is None

    def result(self, ok: bool, text: str, now: float) -> Verdict | None:
        """Take note of a probe that has ended; return what is to be told, None for nothing new.

        As in Mesos each failure is told, and a success when it is the first or follows a failure.
        """
        self.next_at = now + self._interval
        if ok:
            return self._succeeded(text)
        if self._graceful and now <= self._grace_ends:
            return None
        self.healthy = False
        self.failures += 1
        return Verdict(
            healthy=False,
            kill=self.failures >= self._limit,
            failures=self.failures,
            text=f"health check failed, {self.failures} of {self._limit} in a row: {text}",
        )

    def _succeeded(self, text: str) -> Verdict | None:
        news = self.healthy is not True
        self.healthy = True
        self.failures = 0
        self._graceful = False
        return Verdict(healthy=True, kill=False, failures=0, text=f"healthy: {text}") if news else None


class CheckState(_Schedule):
    """What a check has seen of one task, that runs since `started_at`.

    `status` is what was told last, by an agent before this one; None: nothing.
    """

    def __init__(self, check: Check, started_at: float, status: CheckStatusInfo | None = None) -> None:
        super().__init__(check, started_at)
        self.status = status or check.unknown()
        """What was told last. A task begins with nothing known, which is not told."""

    def result(self, status: CheckStatusInfo, now: float) -> CheckStatusInfo | None:
        """Take note of a probe that has ended; return what is to be told, None for nothing new."""
        self.next_at = now + self._interval
        if status == self.status:
            return None
        self.status = status
        return status
