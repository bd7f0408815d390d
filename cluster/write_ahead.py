"""Nothing is told before what it rests on is on disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

__all__ = ["WriteAhead"]

C = TypeVar("C")
A = TypeVar("A")


class WriteAhead(Generic[C, A]):
    """Holds actions back until the changes that were put before them are durable; their order stays.

    `write` takes changes, all or none of which become durable; it returns None if they are, or what to await until
    they are, for which `start` makes a task. What is put while it waits is written in one go after it. `act` is then
    called with the actions. When a write fails nothing more is told: whoever runs the task learns of it.
    """

    def __init__(
        self,
        write: Callable[[Sequence[C]], Awaitable[None] | None],
        act: Callable[[Sequence[A]], object],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._write = write
        self._act = act
        self._start = start
        self._changes: list[C] = []
        self._actions: list[A] = []
        self._writing = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._writing

    def put(self, changes: Sequence[C], actions: Sequence[A]) -> None:
        """Write the changes, then do the actions, after all that was put before."""
        if self._writing:
            self._changes += changes
            self._actions += actions
            return
        if changes:
            waiting = self._write(changes)
            if waiting is not None:
                self._writing = True
                self._start(self._wait(waiting, actions))
                return
        if actions:
            self._act(actions)

    async def _wait(self, waiting: Awaitable[None], actions: Sequence[A]) -> None:
        """Wait for writes until nothing more has come meanwhile."""
        while True:
            await waiting
            self._act(actions)
            following: Awaitable[None] | None = None
            while following is None:
                if not self._changes and not self._actions:
                    self._writing = False
                    return
                changes, self._changes = self._changes, []
                actions, self._actions = self._actions, []
                following = self._write(changes) if changes else None
                if following is None:
                    self._act(actions)
            waiting = following
