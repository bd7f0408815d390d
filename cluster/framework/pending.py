"""What the master must still be told when there is one again: plain rules, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from actors import Message
from cluster.messages import KillTask, Revive, ShutdownExecutor

__all__ = ["Pending"]


class Pending:
    """Calls that a lost connection, or a new master, may have swallowed.

    A kill is remembered until the task is known to have ended, a shutdown of an executor until that is known to have
    ended or is used again.
    """

    def __init__(self) -> None:
        self.kills: dict[str, float] = {}
        """Grace periods in seconds by task; below 0: the task's own."""
        self.shutdowns: dict[tuple[str, str], None] = {}
        """Agent and executor."""
        self.revived: set[str] = set()
        """Roles that were revived while there was no master."""
        self._known: set[str] = set()

    def launched(self, task_ids: Collection[str], executors: Collection[tuple[str, str]]) -> None:
        """The master has got these tasks: kills that follow over the same connection reach them."""
        self._known.update(task_ids)
        for key in executors:
            self.shutdowns.pop(key, None)

    def is_known(self, task_id: str) -> bool:
        """Whether the master of this subscription is sure to have the task."""
        return task_id in self._known

    def heard(self, task_id: str) -> bool:
        """The master has this task. Whether a kill of it, sent before it had it, must be sent once more."""
        if task_id in self._known:
            return False
        self._known.add(task_id)
        return task_id in self.kills

    def ended(self, task_id: str) -> None:
        """The task has ended."""
        self.kills.pop(task_id, None)
        self._known.discard(task_id)

    def lost(self) -> None:
        """There is no master any more."""
        self._known.clear()

    def again(self, framework_id: str, suppressed: Collection[str]) -> Iterator[Message]:
        """What to say to a master that has taken the framework."""
        revived, self.revived = self.revived.difference(suppressed), set()
        if revived:
            yield Revive(framework_id, tuple(sorted(revived)))
        for task_id, grace in self.kills.items():
            yield KillTask(framework_id, task_id, grace)
        for agent_id, executor_id in self.shutdowns:
            yield ShutdownExecutor(framework_id, agent_id, executor_id)
