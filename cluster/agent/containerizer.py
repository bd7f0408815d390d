"""How an agent runs things: the interface, and the two that exist: real processes, and timers."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from actors import Clock
from isolation import ContainerSpec, Exit, Isolator, Launcher, Limits, Usage

__all__ = ["Container", "Containerizer", "ProcessContainerizer", "TimerContainerizer"]


class Container(Protocol):
    """Something that runs. `isolation.Container` is one."""

    @property
    def id(self) -> str:
        """The spec's id."""

    @property
    def pid(self) -> int:
        """The main process's id; 0 if there is none."""

    async def wait(self) -> Exit:
        """How it ended."""

    def signal(self, number: int) -> None:
        """Signal its processes; no effect when it has ended."""

    async def destroy(self) -> Exit:
        """End it now; nothing of it is left when this returns."""

    def forget(self) -> None:
        """Its end is written down: it need not be found again."""

    def usage(self) -> Usage:
        """What its processes use now, or used in all. May look at each of them."""

    def update(self, limits: Limits) -> None:
        """Hold it to other limits. ValueError, OSError; then the old ones are in force."""


class Containerizer(Protocol):
    """Starts containers. `runs_executors` is False where what runs is not a process that could register."""

    runs_executors: bool

    async def start(self) -> None:
        """Make ready. Whatever is not available here is an error now, not at the first task."""

    def held(self) -> frozenset[str]:
        """The fields of `isolation.Limits` that containers can be held to here."""

    async def launch(self, spec: ContainerSpec) -> Container:
        """Run it; isolation.LaunchError if it cannot be run."""

    async def recover(self, specs: Mapping[str, ContainerSpec]) -> Sequence[Container]:
        """What an earlier life of the agent has launched and not forgotten, running or ended.

        `specs` are what they were launched by, by their ids.
        """

    async def detach(self) -> None:
        """Let go; what runs lives on, if it can be found again."""

    async def close(self) -> None:
        """Destroy all that runs."""


class ProcessContainerizer:
    """Real processes, by `isolation`.

    With a `state_dir` they outlive the agent's process, for `recovery_timeout` seconds without one.
    """

    runs_executors = True

    def __init__(
        self,
        launcher: Launcher | None = None,
        *,
        isolators: Sequence[Isolator] | None = None,
        state_dir: Path | None = None,
        recovery_timeout: float = 900.0,
    ) -> None:
        self._lasting = state_dir is not None
        self._launcher = launcher or Launcher(
            isolators, state_dir=state_dir, recovery_timeout=recovery_timeout
        )

    async def start(self) -> None:
        """Start the launcher's own process."""
        await self._launcher.start()

    def held(self) -> frozenset[str]:
        """What the isolators can do here."""
        return frozenset(name for (_, name), reason in self._launcher.support().items() if reason is None)

    async def launch(self, spec: ContainerSpec) -> Container:
        """Start the process."""
        return await self._launcher.launch(spec)

    async def recover(self, specs: Mapping[str, ContainerSpec]) -> Sequence[Container]:
        """What is on record in the state directory."""
        return await self._launcher.recover(specs) if self._lasting else ()

    async def detach(self) -> None:
        """Let the processes run on; without a state directory nothing is left."""
        if self._lasting:
            await self._launcher.detach()
        else:
            await self._launcher.close()

    async def close(self) -> None:
        """Nothing is left."""
        await self._launcher.close()


class TimerContainerizer:
    """Tasks that are timers: they run for a while and end well, and use nothing. For simulations.

    `duration` gives the seconds a container runs, from its spec; by default one second, or what a command
    `sleep N` says.
    """

    runs_executors = False

    def __init__(self, clock: Clock, duration: Callable[[ContainerSpec], float] | None = None) -> None:
        self._clock = clock
        self._duration = duration or _sleep_seconds
        self._running: set[_TimerContainer] = set()

    async def start(self) -> None:
        """Nothing to make ready."""

    async def launch(self, spec: ContainerSpec) -> Container:
        """Start the timer."""
        container = _TimerContainer(spec.id, self._clock, self._duration(spec))
        self._running.add(container)
        container.exit.add_done_callback(lambda _: self._running.discard(container))
        return container

    def held(self) -> frozenset[str]:
        """Timers use nothing."""
        return frozenset()

    async def recover(self, specs: Mapping[str, ContainerSpec]) -> Sequence[Container]:
        """Timers end with their agent."""
        return ()

    async def detach(self) -> None:
        """Timers end with their agent."""
        await self.close()

    async def close(self) -> None:
        """Stop all timers."""
        for container in list(self._running):
            await container.destroy()


class _TimerContainer:
    pid = 0

    def __init__(self, id_: str, clock: Clock, seconds: float) -> None:
        self.id = id_
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._timer = clock.call_at(clock.monotonic() + seconds, self._end, Exit(code=0))

    def _end(self, exit_: Exit) -> None:
        self._timer.cancel()
        if not self.exit.done():
            self.exit.set_result(exit_)

    async def wait(self) -> Exit:
        return await asyncio.shield(self.exit)

    def signal(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            self._end(Exit(code=None, signal=number))

    async def destroy(self) -> Exit:
        self._end(Exit(code=None, signal=int(signal.SIGKILL), destroyed=True))
        return await self.wait()

    def forget(self) -> None:
        """Nothing is kept."""

    def usage(self) -> Usage:
        """Nothing is used."""
        return Usage()

    def update(self, limits: Limits) -> None:
        """There is nothing to be held to."""


def _sleep_seconds(spec: ContainerSpec) -> float:
    words = spec.argv[-1].split() if spec.argv[:2] == ("/bin/sh", "-c") else list(spec.argv)
    if len(words) == 2 and words[0] == "sleep":
        try:
            return max(0.0, float(words[1]))
        except ValueError:
            pass
    return 1.0
