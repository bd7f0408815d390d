"""Status updates on their way: each is sent again until it is acknowledged, in order for each task."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from cluster.messages import StatusUpdate, TaskStatus

__all__ = ["StatusUpdates"]

RETRY_MIN = 10.0
RETRY_MAX = 600.0
MAX_PENDING = 100
"""Updates of one task that are kept, but for its changes of state."""
MAX_PENDING_DATA = 1 << 20
"""Bytes of data in them."""


@dataclass(slots=True)
class _Stream:
    """The updates of one task; only the first is under way."""

    pending: deque[TaskStatus] = field(default_factory=deque)
    retry: float = RETRY_MIN
    due: float = 0.0

    def outdates_last(self, status: TaskStatus) -> bool:
        """Whether there is too much already, and a status only has later news than the last, of the same state."""
        last = self.pending[-1]
        if len(self.pending) < 2 or last.state is not status.state or status.state.terminal:
            return False
        data = sum(len(each.data) for each in self.pending) + len(status.data)
        return len(self.pending) >= MAX_PENDING or data > MAX_PENDING_DATA


class StatusUpdates:
    """All updates of an agent that are not acknowledged yet. Retries after 10 s, doubling to 10 min.

    Of a task that tells more than is acknowledged only so much is kept; then the latest news take the place of those
    before, but no state is left out.
    """

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], _Stream] = {}

    def __len__(self) -> int:
        return sum(len(stream.pending) for stream in self._streams.values())

    def add(self, framework_id: str, status: TaskStatus, now: float) -> StatusUpdate | None:
        """Queue an update; return it if it is the first of its task and is to be sent now."""
        stream = self._streams.setdefault((framework_id, status.task_id), _Stream())
        if stream.pending and stream.outdates_last(status):
            stream.pending[-1] = status
            return None
        stream.pending.append(status)
        if len(stream.pending) > 1:
            return None
        return self._start(framework_id, stream, now)

    def acknowledge(self, framework_id: str, task_id: str, uuid: str, now: float) -> StatusUpdate | None:
        """Take note; return the task's next update, if any. Another uuid than the first's: no effect."""
        key = (framework_id, task_id)
        stream = self._streams.get(key)
        if stream is None or stream.pending[0].uuid != uuid:
            return None
        stream.pending.popleft()
        if not stream.pending:
            del self._streams[key]
            return None
        return self._start(framework_id, stream, now)

    def tasks(self) -> list[tuple[str, str]]:
        """The tasks that have some: framework id and task id."""
        return list(self._streams)

    def pending(self, framework_id: str, task_id: str) -> bool:
        """Whether the task has updates that are not acknowledged."""
        return (framework_id, task_id) in self._streams

    def seen(self, framework_id: str, task_id: str, uuid: str) -> bool:
        """Whether that update is among them."""
        stream = self._streams.get((framework_id, task_id))
        return stream is not None and any(status.uuid == uuid for status in stream.pending)

    def stream(self, framework_id: str, task_id: str) -> list[TaskStatus]:
        """The task's updates that are not acknowledged, in order."""
        stream = self._streams.get((framework_id, task_id))
        return list(stream.pending) if stream is not None else []

    def drop(self, framework_id: str, task_id: str) -> None:
        """Send a task's updates no more."""
        self._streams.pop((framework_id, task_id), None)

    def restore(self, framework_id: str, task_id: str, statuses: Iterable[TaskStatus]) -> None:
        """Take a task's updates from an earlier life; `resend` sends the first when there is a master."""
        self._streams[framework_id, task_id] = _Stream(deque(statuses))

    def resend(self, now: float) -> list[StatusUpdate]:
        """The first update of every task, to a master that is new."""
        return [self._start(key[0], stream, now) for key, stream in self._streams.items()]

    def due(self, now: float) -> list[StatusUpdate]:
        """What must be sent again now."""
        again = []
        for (framework_id, _), stream in self._streams.items():
            if stream.due <= now:
                stream.retry = min(stream.retry * 2, RETRY_MAX)
                stream.due = now + stream.retry
                again.append(StatusUpdate(framework_id, stream.pending[0]))
        return again

    def next_due(self) -> float | None:
        """When the next retry is due."""
        return min((stream.due for stream in self._streams.values()), default=None)

    @staticmethod
    def _start(framework_id: str, stream: _Stream, now: float) -> StatusUpdate:
        stream.retry = RETRY_MIN
        stream.due = now + stream.retry
        return StatusUpdate(framework_id, stream.pending[0])
