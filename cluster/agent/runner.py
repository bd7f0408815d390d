"""Carries out what the agent's rules want of containers: launch, check, signal, destroy; and tells how they end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from actors import Clock, Timer
from cluster.messages import AgentInfo, CheckStatusInfo, CommandInfo
from isolation import ContainerSpec, Exit, LauncherClosedError, LaunchError

from .checks import Prober, Resumed, Verdict
from .containerizer import Container, Containerizer
from .effects import DestroyAfter, StartChecks
from .fetching import Fetcher, FetchError
from .limiting import limits_of
from .nested import NestedContainers, Surroundings
from .records import AgentTask, ExecutorRun
from .sandbox import Sandboxes

__all__ = ["Events", "Runner", "Turns"]

PROOFS = ("OSTROM_EXECUTOR_TOKEN", "MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
"""What an executor shows to prove that it is one."""
log = logging.getLogger("ostrom.agent")

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class _NotWantedError(Exception):
    """A launch that was cancelled."""


class Turns(Protocol):
    """What a runner needs of the actor it works for."""

    @property
    def clock(self) -> Clock:
        """Its clock."""

    def after(self, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """A timer."""

    def defer(self, function: Callable[..., Any], *args: Any) -> None:
        """A turn."""

    def watch(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task; an error in it is the actor's."""

    def sandbox_of(self, run: ExecutorRun) -> Path | None:
        """The directory of a run, if it has one."""


class Events(Protocol):
    """What a runner tells, in turns of the actor."""

    def launched(self, run: ExecutorRun) -> None:
        """The container runs."""

    def launch_failed(self, run: ExecutorRun, text: str) -> None:
        """It cannot be launched, or was not to be any more."""

    def container_exited(self, run: ExecutorRun, exit_: Exit) -> None:
        """It ended, and nothing of it is left."""

    def health_changed(self, run: ExecutorRun, task: AgentTask, verdict: Verdict) -> None:
        """A health check has something to tell."""

    def check_changed(self, run: ExecutorRun, task: AgentTask, found: CheckStatusInfo) -> None:
        """A check has something to tell."""


class Runner:
    """The containers of an agent, by the ids of its runs."""

    def __init__(
        self,
        turns: Turns,
        events: Events,
        containerizer: Containerizer,
        sandboxes: Sandboxes,
        fetcher: Fetcher,
        environment: Callable[[ExecutorRun, Path], Mapping[str, str]],
        *,
        quota: bool = False,
    ) -> None:
        self._turns = turns
        self._events = events
        self._containerizer = containerizer
        self._sandboxes = sandboxes
        self._fetcher = fetcher
        self._environment = environment
        self._quota = quota
        self._held: frozenset[str] = frozenset()
        self._containers: dict[str, Container] = {}
        self._alive: set[str] = set()
        self.nested = NestedContainers(
            turns, containerizer, fetcher, sandboxes.work_dir, self._alive.__contains__
        )
        self._fetches: dict[str, asyncio.Task[None]] = {}
        self._unlaunched: dict[str, bool] = {}
        """What is being launched, and whether it is still to be."""
        self._timers: dict[str, tuple[float, Timer]] = {}
        self._probers: dict[str, Prober] = {}
        self._probes = 0

    # Launching.

    def launch(self, agent: AgentInfo, run: ExecutorRun, command: CommandInfo) -> None:
        """Make a sandbox, fetch into it, launch, wait for the end."""
        self._unlaunched[run.container_id] = True
        self._turns.watch(self._launch(agent, run, command))

    async def _launch(self, agent: AgentInfo, run: ExecutorRun, command: CommandInfo) -> None:
        try:
            container = await self._start(agent, run, command)
        except (LaunchError, LauncherClosedError, FetchError, _NotWantedError, OSError, ValueError) as error:
            self._turns.defer(self._events.launch_failed, run, str(error))
            return
        finally:
            del self._unlaunched[run.container_id]
        self._containers[run.container_id] = container
        self._alive.add(run.container_id)
        self._turns.defer(self._events.launched, run)
        await self._attend(run, container)

    async def _start(self, agent: AgentInfo, run: ExecutorRun, command: CommandInfo) -> Container:
        self._check_wanted(run)
        sandbox = self._sandboxes.create(agent.id, *run.key)
        # On disk with the news that it runs.
        run.sandbox = sandbox.name
        if command.uris:
            await self._fetch(run, command, sandbox)
        self._check_wanted(run)
        return await self._containerizer.launch(self._spec(run, command, sandbox))

    def _check_wanted(self, run: ExecutorRun) -> None:
        if not self._unlaunched[run.container_id]:
            raise _NotWantedError("it was killed before it was launched")

    async def _fetch(self, run: ExecutorRun, command: CommandInfo, sandbox: Path) -> None:
        """Fetch, or until the launch is cancelled."""
        task = asyncio.get_running_loop().create_task(self._fetcher.fetch(command.uris, sandbox))
        self._fetches[run.container_id] = task
        try:
            await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
        finally:
            self._fetches.pop(run.container_id, None)

    def _spec(self, run: ExecutorRun, command: CommandInfo, sandbox: Path) -> ContainerSpec:
        environment = {
            "PATH": DEFAULT_PATH,
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": str(sandbox),
            **self._environment(run, sandbox),
            **command.environment,
        }
        return ContainerSpec(
            id=run.container_id,
            argv=command.argv(),
            env=environment,
            cwd=sandbox / command.working_directory,
            stdout=sandbox / "stdout",
            stderr=sandbox / "stderr",
            limits=limits_of(run, self._held, quota=self._quota),
        )

    def update(self, run: ExecutorRun) -> None:
        """Hold a container to what its run has now."""
        container = self._containers.get(run.container_id)
        if container is None or not self._held:
            return
        try:
            container.update(limits_of(run, self._held, quota=self._quota))
        except (ValueError, OSError) as error:
            # What it was held to before is in force: more than it has now, or less than it could have.
            log.warning("executor %s: its limits cannot be changed: %s", run.key, error)

    def recover(self, runs: Sequence[ExecutorRun], found: Mapping[str, Container]) -> Collection[str]:
        """Take over what an earlier life of the agent has launched; return the names of nested containers."""
        roots: dict[str, Surroundings] = {}
        for run in runs:
            container = found.get(run.container_id)
            if container is not None:
                self._containers[run.container_id] = container
                self._alive.add(run.container_id)
                self._turns.watch(self._attend(run, container))
                if (place := self.surroundings(run)) is not None:
                    roots[run.container_id] = place
        return self.nested.recover(found, roots)

    async def _attend(self, run: ExecutorRun, container: Container) -> None:
        exit_ = await container.wait()
        self._alive.discard(run.container_id)
        if self.nested.any_below(run.container_id):
            await self.nested.root_ended(run.container_id)
        self._turns.defer(self._ended, run, exit_)

    def container(self, run: ExecutorRun) -> Container | None:
        """The container of a run, while it has one."""
        return self._containers.get(run.container_id)

    def surroundings(self, run: ExecutorRun) -> Surroundings | None:
        """What is started beside a run has from it; None if it has no process."""
        sandbox = self._turns.sandbox_of(run)
        if sandbox is None or run.command is None:
            return None
        spec = self._spec(run, run.command, sandbox)
        return Surroundings(sandbox, {k: v for k, v in spec.env.items() if k not in PROOFS})

    def _ended(self, run: ExecutorRun, exit_: Exit) -> None:
        timer = self._timers.pop(run.container_id, None)
        if timer is not None:
            timer[1].cancel()
        self._events.container_exited(run, exit_)

    def forget(self, run: ExecutorRun) -> None:
        """The container's end is written down."""
        container = self._containers.pop(run.container_id, None)
        if container is not None:
            container.forget()

    # Ends.

    def cancel_launch(self, run: ExecutorRun) -> None:
        """Fetch no more for it, and do not launch it, if that has not begun."""
        if run.container_id in self._unlaunched:
            self._unlaunched[run.container_id] = False
        fetch = self._fetches.get(run.container_id)
        if fetch is not None:
            fetch.cancel()

    def destroy(self, run: ExecutorRun) -> None:
        """Destroy it; what is being fetched for it is not any more."""
        self.cancel_launch(run)
        container = self._containers.get(run.container_id)
        if container is not None:
            self._turns.watch(container.destroy())

    def destroy_after(self, effect: DestroyAfter) -> None:
        """Signal it, and destroy it when the time is over."""
        id_ = effect.run.container_id
        container = self._containers.get(id_)
        if container is None:
            return
        if effect.terminate:
            container.signal(signal.SIGTERM)
        due = self._turns.clock.time() + effect.seconds
        known = self._timers.get(id_)
        if known is not None:
            # A second kill can only shorten the time that is left.
            if known[0] <= due:
                return
            known[1].cancel()
        self._timers[id_] = (due, self._turns.after(effect.seconds, self.destroy, effect.run))

    # Checks.

    def start_checks(self, effect: StartChecks) -> None:
        """Look after a task that runs, from now on."""
        run, task = effect.run, effect.task
        id_ = run.container_id
        if (old := self._probers.pop(f"{id_}/{task.info.task_id}", None)) is not None:
            old.stop()
        status = task.status
        age = max(0.0, self._turns.clock.time() - task.started)
        prober = Prober(
            self._turns.clock,
            health=task.info.health_check,
            check=task.info.check,
            run_command=lambda argv, env, timeout: self._run_beside(run, argv, env, timeout),
            on_error=lambda error: self._turns.defer(_raise, error),
            resumed=Resumed(age, status.healthy, status.check_status) if effect.again else None,
        )
        self._probers[f"{id_}/{task.info.task_id}"] = prober
        prober.start(
            lambda verdict: self._turns.defer(self._events.health_changed, run, task, verdict),
            lambda found: self._turns.defer(self._events.check_changed, run, task, found),
        )

    def stop_checks(self, run: ExecutorRun, task_id: str | None = None) -> None:
        """Look after one of its tasks no more, or after any."""
        prefix = f"{run.container_id}/"
        for key in [key for key in self._probers if key.startswith(prefix)]:
            if task_id is None or key == prefix + task_id:
                self._probers.pop(key).stop()

    async def _run_beside(
        self, run: ExecutorRun, argv: Sequence[str], environment: Mapping[str, str], timeout: float | None
    ) -> int:
        """Run a check's command in a container of its own, in the sandbox of what it checks."""
        sandbox = self._turns.sandbox_of(run)
        if sandbox is None or run.command is None:
            raise ValueError(f"{run.key}: no sandbox")
        self._probes += 1
        known = self._spec(run, run.command, sandbox)
        spec = ContainerSpec(
            id=f"{run.container_id}.check{self._probes}",
            argv=tuple(argv),
            env={**known.env, **environment},
            cwd=sandbox,
            stdout=Path(os.devnull),
            stderr=Path(os.devnull),
            within=run.container_id,
        )
        container = await self._containerizer.launch(spec)
        try:
            exit_ = await self._within(timeout, container.wait())
        finally:
            await asyncio.shield(container.destroy())
            container.forget()
        return exit_.code if exit_.code is not None else -(exit_.signal or 0)

    async def _within(self, seconds: float | None, awaitable: Awaitable[Exit]) -> Exit:
        """Await by the agent's clock. TimeoutError."""
        waiting = asyncio.ensure_future(awaitable)
        if seconds is None:
            return await waiting
        clock = self._turns.clock
        timer = clock.call_at(clock.monotonic() + seconds, waiting.cancel)
        try:
            return await waiting
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            raise TimeoutError from None
        finally:
            timer.cancel()

    # The end.

    async def start(self, runs: Iterable[ExecutorRun]) -> Sequence[Container]:
        """Make ready; return what an earlier life has left, of these runs and others."""
        await self._containerizer.start()
        self._held = self._containerizer.held()
        specs: dict[str, ContainerSpec] = {}
        for run in runs:
            sandbox = self._turns.sandbox_of(run)
            if sandbox is not None and run.command is not None:
                specs[run.container_id] = self._spec(run, run.command, sandbox)
        return await self._containerizer.recover(specs)

    async def close(self, *, detach: bool) -> None:
        """Let go of everything, or destroy it."""
        for prober in self._probers.values():
            prober.stop()
        for fetch in self._fetches.values():
            fetch.cancel()
        await self.nested.close()
        if detach:
            await self._containerizer.detach()
        else:
            await self._containerizer.close()
        await self._fetcher.close()


def _raise(error: BaseException) -> None:
    raise error
