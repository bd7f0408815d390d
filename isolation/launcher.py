"""Starts containers by way of one small helper process, and kills them for good."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from .container import Container
from .epochs import RecordFile, StateDir
from .errors import LauncherClosedError, LaunchError
from .fleet import Fleet
from .isolator import Isolator
from .isolators import Isolators
from .posix import PosixIsolator
from .shims import Shim
from .spec import ContainerSpec
from .wire import describe_stage, encode_order
from .zygotes import Zygote, start_zygote

__all__ = ["Launcher"]

SETTLE = 0.001
"""Seconds until a shim that begins a record is looked for again."""


class Launcher:
    """Runs commands in containers. One per agent; a few milliseconds and a small process to start.

    >>> async with Launcher() as launcher:
    ...     container = await launcher.launch(spec)
    ...     end = await container.wait()

    What it promises: when `Container.wait` or `destroy` returns, no process that the command started is left, be
    it in another session or group, orphaned, or deaf to signals. When this process ends, in whatever way, all
    containers are killed. See the package zygote for how, and for what could get around it.

    With a `state_dir` containers last: they outlive this process, and the next launcher with the same directory finds
    them by `recover`. Each is on record there, before it starts, and with its end before that is told, until
    `Container.forget`. What nobody recovers within `recovery_timeout` seconds destroys itself. Processes of such a
    container have a variable OSTROM_CONTAINER in their environment. A directory serves one launcher at a time, and
    one boot of one machine: it needs locks and Unix sockets, so it should be local. A service manager that kills a
    service's whole group kills containers with it: systemd wants `KillMode=process`.

    >>> async with Launcher(state_dir=Path("/var/lib/agent")) as launcher:
    ...     for container in await launcher.recover():
    ...         print(container.id, await container.wait())
    ...         container.forget()

    Raises ValueError for a `recovery_timeout` that is negative or not a number.
    """

    def __init__(
        self,
        isolators: Sequence[Isolator] | None = None,
        *,
        state_dir: Path | None = None,
        recovery_timeout: float = 900.0,
    ) -> None:
        if math.isnan(recovery_timeout) or recovery_timeout < 0:
            raise ValueError(f"Launcher.recovery_timeout: {recovery_timeout} must be 0 seconds or more")
        self._isolators = Isolators(isolators if isolators is not None else (PosixIsolator(),))
        self._state = StateDir(state_dir) if state_dir is not None else None
        self._recovery_timeout = recovery_timeout
        self._taking = asyncio.Lock()
        self._recovered: list[Container] = []
        self._fleet = Fleet(self._isolators)
        self._cleaned = False
        self._zygote: Zygote | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def support(self) -> dict[tuple[str, str], str | None]:
        """What isolators can do here, by (isolator, thing); why not, for what they cannot."""
        return self._isolators.support()

    @property
    def containers(self) -> Sequence[Container]:
        """Those that run."""
        return list(self._fleet.running)

    async def start(self) -> None:
        """Start the helper process. LauncherClosedError if it cannot be; StateInUseError if another has `state_dir`."""
        await self._started()

    async def launch(self, spec: ContainerSpec) -> Container:
        """Start a command; return when it has been executed.

        Raises LaunchError if it cannot be: no such command, working directory, output file, or a limit that is
        refused; ValueError if no isolator can do what the spec wants, or the id is in use or on record. Then nothing is
        left of it. When the helper process was killed, a new one is started.
        """
        zygote = await self._started()
        if self._state is not None and self._fleet.recorded(spec.id):
            raise ValueError(
                f"ContainerSpec.id: {spec.id!r} is on record in state_dir, and was not forgotten"
            )
        if self._fleet.runs(spec.id):
            raise ValueError(f"ContainerSpec.id: {spec.id!r} is that of a container that runs")
        shim = self._fleet.idle.pop() if self._fleet.idle else await self._new_shim(zygote, spec)
        if self._fleet.closed:
            shim.close()
            raise LauncherClosedError("the launcher is closed")
        try:
            setup = self._isolators.prepare(spec)
        except (ValueError, OSError) as error:
            self._fleet.keep(shim)
            if isinstance(error, ValueError):
                raise
            raise LaunchError(spec.id, error.errno or 0, f"an isolator: {error}") from error
        file = RecordFile(shim.zygote.epoch, spec.id) if shim.zygote.epoch is not None else None
        container = Container(
            spec.id, self._fleet, self._isolators, partial(describe_stage, spec=spec, setup=setup), spec, file
        )
        container.assign(shim)
        self._fleet.run(container)
        if file is not None:
            self._fleet.register(file)
        # If it was killed, its end is told by the zygote, once nothing of it is left.
        shim.send(encode_order(spec, setup))
        try:
            await asyncio.shield(container.started)
        except asyncio.CancelledError:
            container.doom()
            container.forget_at_end()
            raise
        except LaunchError:
            container.forget()
            raise
        return container

    async def recover(self, specs: Mapping[str, ContainerSpec] | None = None) -> list[Container]:
        """Find again all containers that are on record in `state_dir` and that earlier launchers started.

        `specs`, by id, are what they were launched by, for limits that not the kernel looks after but a launcher.

        Those that run are attached to, and can all that containers can. `Container.wait` of those that ended returns
        at once how; so does that of what began to run and was lost, with its shim and zygote, with the boot of the
        machine, or with a record that cannot be read (see the log): it is LOST, and what could be found of it killed.
        The second time, returns those that were not forgotten. ValueError without a `state_dir`.
        """
        if self._state is None:
            raise ValueError("Launcher.state_dir: None, so there is nothing to recover")
        await self._started()
        while self._state.old:
            self._recovered += self._fleet.recover(self._state.old[0], specs or {})
            del self._state.old[0]
        started = [container.started for container in self._recovered if not container.started.done()]
        if started:
            await asyncio.wait(started)
        for container in self._recovered:
            if container.started.exception() is not None and container.ended:
                # Its command was never executed, and its record is gone.
                container.forget()
        self._recovered = [container for container in self._recovered if not container.forgotten]
        return list(self._recovered)

    async def detach(self) -> None:
        """Let go of all containers: they live on, for another launcher to recover. This one is closed.

        What waits for one of them gets LauncherClosedError. ValueError without a `state_dir`.
        """
        if self._state is None:
            raise ValueError("Launcher.state_dir: None, so containers cannot outlive the launcher")
        self._fleet.closed = True
        for container in self.containers:
            container.detach()
        self._fleet.running.clear()
        await self._fleet.end_tasks()
        for zygote in list(self._fleet.zygotes):
            zygote.leave()
        self._fleet.zygotes.clear()
        self._zygote = None
        self._isolators.close()
        self._state.release()

    async def close(self) -> None:
        """Destroy all containers; return when nothing is left. Records stay, and containers that were not recovered."""
        self._fleet.closed = True
        for container in self.containers:
            container.doom()
        for container in self.containers:
            await container.wait()
        await self._fleet.end_tasks()
        zygotes = list(self._fleet.zygotes)
        for zygote in zygotes:
            zygote.close()
        for zygote in zygotes:
            await zygote.wait_end()
        self._fleet.zygotes.clear()
        self._zygote = None
        self._isolators.close()
        if self._state is not None:
            self._fleet.tidy()
            self._state.release()

    async def _started(self) -> Zygote:
        """Return the zygote that forks shims, having started it if there is none."""
        if self._fleet.closed:
            raise LauncherClosedError("the launcher is closed")
        if self._state is not None:
            async with self._taking:
                await self._take(self._state)
        if not self._cleaned:
            try:
                self._isolators.recover(self._fleet.names())
            except OSError as error:
                raise LauncherClosedError(f"an isolator: {error}") from error
            self._cleaned = True
        zygote = self._zygote
        if zygote is None or not zygote.alive:
            epoch = self._state.begin_epoch() if self._state is not None else None
            zygote = self._zygote = start_zygote(self._fleet.zygote_ended, epoch, self._recovery_timeout)
            self._fleet.add(zygote)
        await asyncio.shield(zygote.ready)
        return zygote

    async def _take(self, state: StateDir) -> None:
        """Become the owner of the state directory, unless we are."""
        if state.taken:
            return
        whole = False
        try:
            state.take()
            for epoch in state.old:
                while not epoch.settle():  # noqa: ASYNC110 (no event tells)
                    await asyncio.sleep(SETTLE)
                self._fleet.take_over(epoch)
            whole = True
        except OSError as error:
            raise LauncherClosedError(f"Launcher.state_dir: {state.path}: {error}") from error
        finally:
            if not whole:
                state.release()

    async def _new_shim(self, zygote: Zygote, spec: ContainerSpec) -> Shim:
        """Have the zygote fork a shim. LaunchError if it cannot."""
        self._fleet.launching.add(spec.id)
        try:
            return await zygote.fork(self._fleet.shim_gone)
        except OSError as error:
            raise LaunchError(spec.id, error.errno or 0, "the launcher's helper process") from error
        finally:
            self._fleet.launching.discard(spec.id)
