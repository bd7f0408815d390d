"""The calls on containers: those of tasks and executors, nested ones, and standalone ones."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from aiohttp import web

from cluster.agent import Agent
from cluster.agent.containerizer import Container
from cluster.agent.nested import (
    ContainerBusyError,
    ContainerExistsError,
    ContainerPath,
    Nested,
    NestedError,
    NoContainerError,
    Surroundings,
)
from cluster.agent.records import ExecutorRun
from cluster.messages import CommandInfo
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError
from cluster.v1.translate.commands import check_container, command_of
from cluster.v1.types.agent import Call, Response
from isolation import Exit, LauncherClosedError

from .askers import Asker
from .inputs import InputCalls, container_of, feed, window_of
from .listing import path_of, rows_of, shown
from .media import StreamMedia
from .streams import FollowedFiles, serve_output

__all__ = ["ContainerCalls"]

T = TypeVar("T")
Launch = Call.LaunchNestedContainer | Call.LaunchNestedContainerSession | Call.LaunchContainer


class Wish(NamedTuple):
    """A container to be launched."""

    path: ContainerPath
    command: CommandInfo
    parent: Surroundings | None


class ContainerCalls:
    """The containers of an agent, as the operator API has them."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._nested = agent.runner.nested

    # Launching.

    async def launch(self, part: Launch, path: str, *, standalone: bool = False) -> web.Response:
        """Start one; 202 if it is there already, as in Mesos."""
        try:
            await self._launch(part, path, standalone=standalone)
        except ContainerExistsError:
            return web.Response(status=202)
        return web.Response()

    async def session(
        self, request: web.Request, media: StreamMedia, part: Call.LaunchNestedContainerSession, path: str
    ) -> web.StreamResponse:
        """Start one, and answer with its output; it ends when its client hangs up."""
        try:
            nested = await self._launch(part, path, session=True)
        except ContainerExistsError as error:
            raise web.HTTPConflict(text=f"{error}\n") from error
        try:
            return await self._serve(request, media, nested)
        finally:
            self._agent.watch(self._nested.destroy(nested))

    async def _launch(
        self, part: Launch, path: str, *, session: bool = False, standalone: bool = False
    ) -> Nested:
        check_container(part.container, f"{path}.container", terminal=True)
        info = part.container.tty_info if part.container is not None else None
        window = window_of(info, f"{path}.container.tty_info")
        wish = await self._call(lambda: self._wish(part, path, standalone=standalone))
        try:
            return await self._nested.launch(
                wish.path,
                wish.command,
                wish.parent,
                session=session,
                terminal=info is not None,
                window=window,
            )
        except ContainerExistsError:
            raise
        except ContainerBusyError as error:
            raise web.HTTPConflict(text=f"{error}\n") from error
        except NestedError as error:
            raise RefusedError(f"{path}: {error}") from error

    def _wish(self, part: Launch, path: str, *, standalone: bool) -> Wish:
        """What is to be launched, and where. In a turn of the agent's."""
        where = path_of(part.container_id, f"{path}.container_id")
        if part.command is None:
            raise RefusedError(f"{path}.command is missing")
        if len(where) == 1:
            if not standalone:
                raise RefusedError(f"{path}.container_id.parent is missing")
            return Wish(where, command_of(part.command, "", f"{path}.command"), None)
        run = self._run(where[0])
        user = run.framework.user if run is not None else ""
        command = command_of(part.command, user, f"{path}.command")
        if len(where) == 2 and run is not None:
            parent = self._agent.runner.surroundings(run)
        else:
            known = self._nested.find(where[:-1])
            parent = known.surroundings if known is not None else None
        if parent is None:
            raise web.HTTPNotFound(text=f"container {'.'.join(where[:-1])[:255]!r} is not here\n")
        return Wish(where, command, parent)

    # Ends.

    async def wait(self, container_id: v1.ContainerID, path: str) -> Exit:
        """How it ended, when it has. HTTPNotFound."""
        where = path_of(container_id, path)
        try:
            nested = self._nested.find(where)
            if nested is not None:
                return await asyncio.shield(nested.ended)
            container = await self._call(lambda: self._of_run(where))
            return await container.wait()
        except NestedError as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error
        except LauncherClosedError as error:
            # It lives on, and who asks the next process of the agent is told.
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error

    async def kill(self, container_id: v1.ContainerID, number: int | None, path: str) -> web.Response:
        """Signal it. HTTPNotFound, also if it has ended."""
        try:
            await self._nested.kill(path_of(container_id, path), signal.SIGKILL if number is None else number)
        except NoContainerError as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error
        except ValueError as error:
            raise RefusedError(f"{path.rpartition('.')[0]}.signal: {error}") from error
        return web.Response()

    async def remove(self, container_id: v1.ContainerID, path: str) -> web.Response:
        """Forget it, and delete its directory. HTTPConflict if it runs."""
        try:
            await self._nested.remove(path_of(container_id, path))
        except ContainerBusyError as error:
            raise web.HTTPConflict(text=f"{error}\n") from error
        return web.Response()

    # Input and output.

    async def attach_output(
        self, request: web.Request, media: StreamMedia, container_id: v1.ContainerID, path: str
    ) -> web.StreamResponse:
        """Answer with what comes out of it from now on."""
        where = path_of(container_id, path)
        nested = self._nested.find(where)
        if nested is not None and nested.switchboard is not None:
            return await self._serve(request, media, nested)
        if nested is not None:
            return await self._follow(request, media, nested.directory, nested.ended.done)
        try:
            run, container = await self._call(lambda: (self._run(where[0]), self._of_run(where)))
        except NoContainerError as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error
        ending = asyncio.ensure_future(container.wait())
        try:
            directory = None if run is None else self._agent.sandbox_of(run)
            return await self._follow(request, media, directory, ending.done)
        finally:
            ending.cancel()

    async def _follow(
        self, request: web.Request, media: StreamMedia, directory: Path | None, ended: Callable[[], bool]
    ) -> web.StreamResponse:
        """Answer with what is written into the files of one that was started without streams."""
        if directory is None:
            raise web.HTTPNotFound(text="the container has no directory, and no output\n")
        source = FollowedFiles(directory, ended, self._agent.clock)
        await source.begin()
        return await serve_output(request, media, source, self._agent.clock)

    async def _serve(self, request: web.Request, media: StreamMedia, nested: Nested) -> web.StreamResponse:
        switchboard = nested.switchboard
        if switchboard is None:
            raise TypeError(f"container {nested.path} has no streams")
        viewer = switchboard.view()
        try:
            return await serve_output(request, media, viewer, self._agent.clock, switchboard.start)
        finally:
            switchboard.leave(viewer)

    async def attach_input(self, calls: InputCalls, asker: Asker) -> web.Response:
        """Give it what the body says; 200 at its end, or at that of the container."""
        container_id = container_of(await calls.next())
        path = "attach_container_input.container_id"
        asker.check(self._agent, self.whole_path(container_id, path))
        where = path_of(container_id, path)
        nested = self._nested.find(where)
        if nested is None:
            run = await self._call(lambda: self._run(where[0]))
            if run is None or len(where) > 1:
                raise web.HTTPNotFound(text=f"container {'.'.join(where)[:255]!r} is not here\n")
        if nested is None or nested.switchboard is None:
            raise RefusedError(
                f"attach_container_input.container_id: container {'.'.join(where)!r} was started without an input"
            )
        switchboard = nested.switchboard
        if switchboard.input_taken:
            raise web.HTTPConflict(text=f"container {'.'.join(where)!r}: somebody else gives it its input\n")
        switchboard.input_taken = True
        try:
            await feed(calls, switchboard)
        finally:
            switchboard.input_taken = False
        return web.Response()

    def whole_path(self, container_id: v1.ContainerID, path: str) -> ContainerPath:
        """The values of its id, from the outermost container's on; RefusedError for those that can be none."""
        where = path_of(container_id, path)
        nested = self._nested.find(where)
        return where if nested is None else nested.path

    # Questions.

    async def listed(self, part: Call.GetContainers) -> Response.GetContainers:
        """All that run, and what they use."""
        rows = await self._call(
            lambda: rows_of(self._agent, nested=bool(part.show_nested), standalone=bool(part.show_standalone))
        )
        usages = await asyncio.to_thread(lambda: [row.container.usage() for row in rows])
        now = self._agent.clock.time()
        return Response.GetContainers(
            containers=tuple(shown(row, usage, now) for row, usage in zip(rows, usages, strict=True))
        )

    async def _call(self, function: Callable[[], T]) -> T:
        """In a turn of the agent's."""
        answer: T = await self._agent.system.call(self._agent.upid, function)
        return answer

    def _run(self, container_id: str) -> ExecutorRun | None:
        runs = self._agent.state.runs.values()
        return next((run for run in runs if run.container_id == container_id), None)

    def _of_run(self, where: ContainerPath) -> Container:
        """The container of a run. NoContainerError."""
        run = self._run(where[0]) if len(where) == 1 else None
        container = self._agent.runner.container(run) if run is not None else None
        if container is None:
            raise NoContainerError(f"container {'.'.join(where)[:255]!r} is not here")
        return container
