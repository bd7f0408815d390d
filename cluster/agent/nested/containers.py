"""The nested containers of an agent: launched beside what it runs, in its sandboxes, and ended with it."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from cluster.agent.containerizer import Container, Containerizer
from cluster.agent.fetching import Fetcher, FetchError
from cluster.messages import CommandInfo
from isolation import ContainerSpec, LauncherClosedError, LaunchError

from . import places
from .errors import ContainerBusyError, ContainerExistsError, NestedError, NoContainerError
from .ids import ContainerPath, lasting_id, passing_id, path_of, path_problem
from .records import Nested, Surroundings
from .switchboard import Switchboard, WindowSize

__all__ = ["NestedContainers"]

MOST_ENDED = 1000
"""Containers whose end is kept for those who ask; whoever starts more should remove them."""


class Turns(Protocol):
    """What is needed of the actor."""

    def watch(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task; an error in it is the actor's."""


class NestedContainers:
    """All of an agent, by their ids.

    `alive` says of the id of a run's container whether that runs. Those of nobody, with an id of one part, are
    standalone containers: they run in directories below `work_dir`, until they end or the agent does.
    """

    def __init__(
        self,
        turns: Turns,
        containerizer: Containerizer,
        fetcher: Fetcher,
        work_dir: Path,
        alive: Callable[[str], bool],
    ) -> None:
        self._turns = turns
        self._containerizer = containerizer
        self._fetcher = fetcher
        self._work_dir = work_dir
        self._streams = work_dir / "streams"
        self._alive = alive
        self._all: dict[ContainerPath, Nested] = {}

    def __iter__(self) -> Iterator[Nested]:
        return iter(list(self._all.values()))

    def find(self, path: ContainerPath) -> Nested | None:
        """The container of that id. A value alone finds a nested one too, if there is one only of that value."""
        if path in self._all or len(path) != 1:
            return self._all.get(path)
        found = [nested for nested in self._all.values() if nested.path[-1] == path[0]]
        return found[0] if len(found) == 1 else None

    def get(self, path: ContainerPath) -> Nested:
        """The same. NoContainerError."""
        nested = self.find(path)
        if nested is None:
            raise NoContainerError(f"container {'.'.join(path)[:255]!r} is not here")
        return nested

    # Launching.

    async def launch(
        self,
        path: ContainerPath,
        command: CommandInfo,
        parent: Surroundings | None,
        *,
        session: bool = False,
        terminal: bool = False,
        window: WindowSize | None = None,
    ) -> Nested:
        """Start a command in a container of its own; return when it runs.

        It has a directory `containers/<value>` in that of its parent; a `session` works in its parent's, with its
        parent's environment besides its own, and nothing of its output is kept.

        Raises:
            ContainerExistsError: There is one of this id, or was, and it was not removed.
            ContainerBusyError: Its parent does not run.
            NestedError: It cannot be started; the text says why.
        """
        if problem := path_problem(path):
            raise NestedError(f"the id cannot be used: {problem}")
        if path in self._all:
            raise ContainerExistsError(f"container {'.'.join(path)!r} is here already")
        self._check_parent(path)
        nested = self._all[path] = Nested(path, session or terminal)
        # Goes on if the caller does not: what began is known, and ends with its parent.
        launch = self._launch(nested, command, parent, session=session, terminal=terminal, window=window)
        try:
            problem = await asyncio.shield(self._turns.watch(launch))
        except asyncio.CancelledError:
            if session:
                self._doom(nested)
            raise
        if problem is not None:
            raise NestedError(problem)
        return nested

    def _check_parent(self, path: ContainerPath) -> None:
        if len(path) == 1:
            return
        parent = self._all.get(path[:-1])
        running = parent.running if parent is not None else len(path) == 2 and self._alive(path[0])
        if not running:
            raise ContainerBusyError(f"container {'.'.join(path[:-1])[:255]!r} does not run")

    async def _launch(
        self, nested: Nested, command: CommandInfo, parent: Surroundings | None, **options: Any
    ) -> str | None:
        """Launch it, and see to its end. The text says what was wrong."""
        try:
            nested.container = await self._start(nested, command, parent, **options)
        except (LaunchError, LauncherClosedError, FetchError, OSError, ValueError) as error:
            nested.ended.set_exception(NestedError(str(error)))
            # Perhaps nobody waits.
            nested.ended.exception()
            return str(error)
        finally:
            if nested.container is None:
                self._all.pop(nested.path, None)
                if nested.switchboard is not None:
                    nested.switchboard.close()
        self._turns.watch(self._attend(nested, nested.container))
        if nested.doomed:
            # Its parent ended meanwhile.
            await nested.container.destroy()
        return None

    async def _start(
        self,
        nested: Nested,
        command: CommandInfo,
        parent: Surroundings | None,
        *,
        session: bool,
        terminal: bool,
        window: WindowSize | None,
    ) -> Container:
        if session and parent is not None:
            directory, environment = parent.directory, parent.environment
        else:
            base = self._work_dir if parent is None else parent.directory
            if parent is None:
                base.mkdir(parents=True, exist_ok=True)
            directory = await asyncio.to_thread(places.make, base, nested.path[-1])
            nested.directory, environment = directory, places.environment(directory)
        nested.surroundings = Surroundings(directory, {**environment, **command.environment})
        if command.uris:
            await self._fetcher.fetch(command.uris, directory)
        streams: dict[str, Any] = {"stdout": directory / "stdout", "stderr": directory / "stderr"}
        if session or terminal:
            journal = None if session else directory / "stdout"
            nested.switchboard = Switchboard(self._streams, terminal=terminal, window=window, journal=journal)
            streams.update(nested.switchboard.streams)
        spec = ContainerSpec(
            id=(passing_id if nested.passing else lasting_id)(nested.path),
            argv=command.argv(),
            env=nested.surroundings.environment,
            cwd=directory / command.working_directory,
            within=self._root_of(nested),
            **streams,
        )
        container = await self._containerizer.launch(spec)
        if nested.switchboard is not None:
            nested.switchboard.launched()
            if not session:
                nested.switchboard.start()
        return container

    def _root_of(self, nested: Nested) -> str:
        """The id by which that runs at whose limits it is; none for one that is below nothing."""
        if len(nested.path) == 1:
            return ""
        standalone = self._all.get(nested.path[:1])
        if standalone is None or standalone.container is None:
            return nested.path[0]
        return standalone.container.id

    async def _attend(self, nested: Nested, container: Container) -> None:
        try:
            exit_ = await container.wait()
        except LauncherClosedError:
            # It lives on, for the next process of the agent to find.
            return
        await self._end_below(nested.path)
        nested.ended.set_result(exit_)
        if nested.passing:
            # No later process of the agent has anything to tell of it.
            container.forget()
        ended = [each for each in self._all.values() if each.ended.done()]
        for each in ended[: max(0, len(ended) - MOST_ENDED)]:
            self._forget(each)
        if nested.switchboard is not None:
            # What came out is still to be taken.
            await nested.switchboard.finished
            nested.switchboard.close()

    # Ends.

    async def kill(self, path: ContainerPath, number: int = signal.SIGKILL) -> None:
        """Signal its processes; with SIGKILL all of them end. NoContainerError, also if it has ended; ValueError."""
        nested = self.get(path)
        if number not in signal.valid_signals():
            raise ValueError(f"{number} is no signal of this system")
        if nested.container is None or nested.ended.done():
            raise NoContainerError(f"container {'.'.join(nested.path)!r} does not run")
        if number == signal.SIGKILL:
            # Not waited for: who asks may be in it.
            self._doom(nested)
        else:
            nested.container.signal(number)

    def _doom(self, nested: Nested) -> None:
        nested.doomed = True
        if nested.container is not None:
            self._turns.watch(self._destroy(nested.container))

    async def _destroy(self, container: Container) -> None:
        await container.destroy()

    async def destroy(self, nested: Nested) -> None:
        """End it now; nothing is left of it when this returns."""
        nested.doomed = True
        if nested.container is not None:
            await nested.container.destroy()
        if nested.switchboard is not None:
            nested.switchboard.close()
        await asyncio.wait([nested.ended])

    async def remove(self, path: ContainerPath) -> None:
        """Forget how it ended, and delete its directory. ContainerBusyError if it has not; what is not here is."""
        nested = self.find(path)
        if nested is None:
            return
        if not nested.ended.done():
            raise ContainerBusyError(f"container {'.'.join(nested.path)!r} has not ended")
        for each in self._below(nested.path):
            self._forget(each)
        self._forget(nested)
        if nested.directory is not None:
            await asyncio.to_thread(places.remove, nested.directory)

    async def root_ended(self, container_id: str) -> None:
        """A run's container has ended: end what was started beside it, and forget it."""
        root = (container_id,)
        await self._end_below(root)
        for nested in self._below(root):
            self._forget(nested)

    def any_below(self, container_id: str) -> bool:
        """Whether anything was started beside a run's container, and was not removed."""
        return bool(self._all) and bool(self._below((container_id,)))

    async def _end_below(self, path: ContainerPath) -> None:
        below = [nested for nested in self._below(path) if not nested.ended.done()]
        for nested in below:
            self._doom(nested)
        if below:
            await asyncio.wait([nested.ended for nested in below])

    def _below(self, path: ContainerPath) -> list[Nested]:
        length = len(path)
        return [nested for key, nested in self._all.items() if len(key) > length and key[:length] == path]

    def _forget(self, nested: Nested) -> None:
        self._all.pop(nested.path, None)
        if nested.switchboard is not None:
            nested.switchboard.close()
        if nested.container is not None:
            nested.container.forget()

    # Another process of the agent.

    def recover(self, found: Mapping[str, Container], roots: Mapping[str, Surroundings]) -> Collection[str]:
        """Find again what an earlier process has started beside `roots`; return the names of those that are known."""
        # Of sessions of a process that was killed.
        shutil.rmtree(self._streams, ignore_errors=True)
        known = []
        paths = {path: name for name in found if (path := path_of(name)) is not None}
        for path in sorted(paths, key=len):
            if path[0] in roots:
                place, values = roots[path[0]].directory, path[1:]
            elif len(path) == 1 or path[:1] in self._all:
                place, values = self._work_dir, path
            else:
                continue
            name = paths[path]
            container = found[name]
            for value in values:
                place = places.below(place, value)
            # What it was launched with besides is written down nowhere.
            nested = Nested(path, passing=False, surroundings=Surroundings(place, places.environment(place)))
            nested.container, nested.directory = container, place
            self._all[path] = nested
            self._turns.watch(self._attend(nested, container))
            known.append(name)
        return known

    async def close(self) -> None:
        """End all that cannot outlive the agent's process."""
        for nested in list(self._all.values()):
            if nested.passing and nested.container is not None and not nested.ended.done():
                await nested.container.destroy()
            if nested.switchboard is not None:
                nested.switchboard.close()
