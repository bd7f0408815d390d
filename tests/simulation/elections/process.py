"""Processes on one simulated loop, each with its own clock, that can be stopped and killed as by signals.

What a process is made of is found by context variables: all that a callback schedules is of its process, too.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from actors.simulation import SimulatedLoop

__all__ = ["Process", "ProcessClock", "ProcessLoop"]

_PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class _Handle(asyncio.Handle):
    def _run(self) -> None:
        process = self._context.get(_PROCESS)  # type: ignore[attr-defined]
        if process is None or process.takes(self):
            super()._run()


class _TimerHandle(asyncio.TimerHandle):
    def _run(self) -> None:
        process = self._context.get(_PROCESS)  # type: ignore[attr-defined]
        if process is None or process.takes(self):
            super()._run()


class ProcessLoop(SimulatedLoop):
    """A simulated loop whose time, seen from a process, is that of the process's clock.

    `after_turn` is called after each turn of the loop, and so at each moment at which anything happens.
    """

    def __init__(self) -> None:
        super().__init__()
        self.after_turn: Callable[[], None] | None = None
        self.over = False
        """Set at the very end, when all that is left is cancelled: then the dead run, too."""
        # Tasks of the dead must not be collected, and so closed, at a time that no seed says.
        self.tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._make_task)

    @property
    def true_time(self) -> float:
        """Seconds since the beginning, whoever asks."""
        return self._now

    def time(self) -> float:
        """Seconds by the clock of the process that asks; true ones outside of all."""
        process = _PROCESS.get()
        return self._now if process is None else process.clock.monotonic()

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """A timer by the clock of the process that asks."""
        process = _PROCESS.get()
        return self.truly_at(when if process is None else process.clock.truly(when), callback, args, context)

    def truly_at(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Any
    ) -> asyncio.TimerHandle:
        """A timer by true time."""
        handle = _TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, handle)  # type: ignore[attr-defined]
        handle._scheduled = True  # type: ignore[attr-defined]
        return handle

    def _call_soon(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Any
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def _make_task(self, _loop: object, coroutine: Any, context: Any = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=self, context=context)
        self.tasks.append(task)
        return task

    def go_on(self, handle: asyncio.Handle) -> None:
        """Run a handle that was held back."""
        self._ready.append(handle)  # type: ignore[attr-defined]

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        if self.after_turn is not None:
            self.after_turn()


class ProcessClock:
    """`offset` seconds ahead, and `rate` times as fast as true time. It goes on while its process is stopped."""

    def __init__(self, process: Process, offset: float, rate: float) -> None:
        self._process = process
        self.offset = offset
        self.rate = rate

    def monotonic(self) -> float:
        """Seconds since some moment before the beginning."""
        return self.offset + self._process.loop.true_time * self.rate

    def time(self) -> float:
        """The same: nothing here knows of dates."""
        return self.monotonic()

    def truly(self, when: float) -> float:
        """The true time at which this clock shows so much."""
        return (when - self.offset) / self.rate

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """A timer of the process."""
        return self._process.loop.truly_at(self.truly(when), callback, args, self._process.context.copy())


class Process:
    """A process: runs, is stopped, or is dead.

    Stopped, none of its callbacks runs. What was due by the time it goes on runs at once: what was ready or came in,
    and the timers, each in their order, but these two mixed in any. Dead, nothing of it runs any more, not even what
    Python does at the end of a task.
    """

    def __init__(self, loop: ProcessLoop, name: str, rng: Random, offset: float, rate: float) -> None:
        self.loop = loop
        self.name = name
        self.clock = ProcessClock(self, offset, rate)
        self.alive = True
        self.stops = 0
        self.went_on = 0.0
        """The true time at which it was last told to go on."""
        self.ambush: tuple[int, Callable[[], None]] | None = None
        """What stops it, and before which of its next callbacks."""
        self.context = contextvars.Context()
        self.context.run(_PROCESS.set, self)
        self._rng = rng
        self._held: list[asyncio.Handle] = []

    @property
    def stopped(self) -> bool:
        """Whether it is."""
        return self.stops > 0

    def spawn(self, main: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Have it do something."""
        return self.loop.create_task(main, context=self.context.copy())

    def stop(self) -> None:
        """SIGSTOP. Each is to be followed by a `go_on`."""
        self.stops += 1

    def go_on(self) -> None:
        """SIGCONT, once for each stop."""
        self.stops -= 1
        self.went_on = self.loop.true_time
        if self.stops or not self.alive:
            return
        held, self._held = self._held, []
        ready = [handle for handle in held if not isinstance(handle, asyncio.TimerHandle)]
        timers = [handle for handle in held if isinstance(handle, asyncio.TimerHandle)]
        bias = self._rng.choice((0.0, 0.5, 1.0))
        while ready or timers:
            first = ready if ready and (not timers or self._rng.random() < bias) else timers
            self.loop.go_on(first.pop(0))

    def kill(self) -> None:
        """SIGKILL."""
        self.alive = False

    def takes(self, handle: asyncio.Handle) -> bool:
        """Whether that may run now."""
        if self.ambush is not None and self.alive:
            turns, spring = self.ambush
            self.ambush = (turns - 1, spring) if turns > 1 else None
            if self.ambush is None:
                spring()
        if (self.alive and not self.stops) or self.loop.over:
            return True
        if self.alive:
            self._held.append(handle)
        return False
