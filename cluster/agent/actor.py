"""The agent as an actor: receives, asks the rules, and carries out what they say."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from actors import Message, Timer
from cluster.election import Detector
from cluster.messages import (
    AgentInfo,
    CheckStatusInfo,
    ExecutorShutdown,
    ExitedExecutor,
    ReconnectExecutor,
    RegisterAgent,
    UnregisterAgent,
)
from cluster.write_ahead import WriteAhead
from isolation import Exit

from .checkpoint import RecordKey, changes, restore
from .checks import Verdict
from .containerizer import Containerizer
from .effects import (
    CancelLaunch,
    Deadline,
    Destroy,
    DestroyAfter,
    Effect,
    Forget,
    LaunchContainer,
    Link,
    Send,
    StartChecks,
    StopChecks,
    ToMaster,
    UpdateLimits,
)
from .environment import environment_of
from .fetching import Fetcher
from .gc import Disk, SandboxCollector
from .hearing import Hearing
from .options import AgentOptions
from .reconfiguration import reconfigured
from .records import AgentTask, ExecutorRun
from .runner import Runner
from .sandbox import Sandboxes
from .state import AgentState
from .store import AgentStore
from .tokens import ExecutorTokens
from .updates import RETRY_MIN

__all__ = ["Agent"]

log = logging.getLogger("ostrom.agent")

Changes = tuple[RecordKey, bytes | None]


class Agent(Hearing):
    """An agent: offers a machine's resources through the master, and runs what it is sent, contained.

    `info` says what it has; `detector` where the master is; `containerizer` how things are run; sandboxes
    are made below `work_dir`. With a `store` all that it must know again is written there before anybody is told, and
    a new process with the same store goes on where this one ended; what runs lives on meanwhile, if the containerizer
    can let it. Without one everything ends with the process. From a `disk` old sandboxes are removed. `boot_id` names
    this life of the machine, which may have taken the last that was written with it. From `key` are made the tokens by
    which executors prove who they are: with a `store` it must be the same again. A new one is made if none is given.
    """

    def __init__(
        self,
        info: AgentInfo,
        detector: Detector,
        containerizer: Containerizer,
        work_dir: Path,
        *,
        options: AgentOptions | None = None,
        store: AgentStore | None = None,
        disk: Disk | None = None,
        boot_id: str = "",
        key: bytes = b"",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self._seed = seed
        self._rng = random.Random(seed)  # noqa: S311 - names and delays, no secrets
        self.options = options or AgentOptions()
        self.containerizer = containerizer
        self.store = store
        self.sandboxes = Sandboxes(work_dir)
        self.tokens = ExecutorTokens(key)
        self.state = AgentState(info, self._uuid, containerizer.runs_executors, self.options)
        self.state.boot_id = boot_id
        self.runner = Runner(
            self,
            self,
            containerizer,
            self.sandboxes,
            Fetcher(work_dir / "fetch", cache_size=self.options.fetcher_cache_size),
            self._environment,
            quota=self.options.cpu_quota,
        )
        self.incarnation = ""
        self._known: AgentInfo | None = None
        self._restored = False
        self.disk = disk
        self.collector = SandboxCollector(self.options.gc_delay, self.options.gc_disk_headroom)
        self._detector = detector
        self._ahead: WriteAhead[Changes, Effect] = WriteAhead(self._write, self._act, self._start_write)
        self._writing: asyncio.Task[Any] | None = None
        self._flushing = False
        self._retry_timer: Timer | None = None
        self._retry_at = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()

    def _uuid(self) -> str:
        if self._seed is None:
            # A container's id proves to the agent which executor speaks: others must not guess it from ids they see.
            return secrets.token_hex(16)
        return f"{self._rng.getrandbits(128):032x}"

    def restore(self) -> None:
        """Read what is written down. Before it is spawned, so that who starts an agent learns if it cannot go on.

        CheckpointError if that cannot be read; ReconfigurationError if it is of another agent.
        """
        if self.store is None or self._restored:
            return
        self._restored = True
        self._known = restore(self.state, self.store.load())
        if self._known is not None:
            self.state.info = reconfigured(self._known, self.state.info, self.options.reconfiguration_policy)

    async def initialize(self) -> None:
        """Find again what was left, make ready to run things, then look for the master."""
        self.restore()
        state, known = self.state, self._known
        state.host = self.upid.host
        if self._seed is not None:
            # Names must differ from those of the life before.
            self._rng = random.Random(f"{self._seed}/{state.life}")  # noqa: S311
        state.touch_agent()
        self.incarnation = self._uuid()
        for run in state.runs.values():
            if run.sandbox:
                self.sandboxes.remember(state.info.id, *run.key, run.sandbox)
        found = {container.id: container for container in await self.runner.start(state.runs.values())}
        beside = self.runner.recover(list(state.runs.values()), found)
        state.recovered(found.keys(), self._now)
        mine = {run.container_id for run in state.runs.values()}.union(beside)
        for id_, container in found.items():
            if id_ not in mine:
                # A check's command, a session, or what was dealt with but not forgotten any more.
                await container.destroy()
                container.forget()
        if known is not None:
            log.info("agent %s: %d tasks found again", known.id or "(new)", len(list(state.all_tasks())))
        if self.disk is not None:
            await self._look_for_sandboxes(self.disk)
            self.every(self.options.disk_watch_interval, self._collect)
        self._done()
        self._detector.watch(lambda leader: self.defer(self._detected, leader))

    async def finalize(self) -> None:
        """Let go: what runs lives on if it can; or, if this agent is shut down, leave the master and end it all."""
        self._detector.close()
        if self.shutting_down and self.returns:
            # What is being launched ends now, and must not be launched once more by the next process.
            self.state.forgetful = True
            self.state.touch_agent()
            self._flush()
            if self._writing is not None:
                await asyncio.wait([self._writing])
        detach = self.store is not None and not self.shutting_down
        if not detach:
            if self.master is not None:
                self.send(self.master, UnregisterAgent(self.state.info.id))
            for run in self.state.runs.values():
                if run.upid is not None:
                    self.send(run.upid, ExecutorShutdown(0.0))
        await self.runner.close(detach=detach)
        for task in list(self._tasks):
            task.cancel()
        if self.store is not None:
            try:
                if self.shutting_down and not self.returns:
                    # One whom the master has shut down keeps its name: it stays down until an operator says otherwise.
                    kept = {"agent"} if self.refused else set()
                    wiped = dict.fromkeys(key for key in self.store.load() if key[0] not in kept)
                    if (waiting := self.store.commit(wiped)) is not None:
                        await waiting
            finally:
                self.store.close()

    def shut_down(self) -> None:
        """End for good, with all that runs. To be called in a turn of this actor."""
        self.shutting_down = True
        self.terminate("shut down")

    # From containers: see Runner.

    def launched(self, run: ExecutorRun) -> None:
        """The container runs."""
        self.state.launched(run, self._now)
        self._done()

    def launch_failed(self, run: ExecutorRun, text: str) -> None:
        """It could not be launched."""
        self.state.launch_failed(run, text, self._now)
        self._done()

    def container_exited(self, run: ExecutorRun, exit_: Exit) -> None:
        """It ended."""
        self.state.exited(run, exit_, self._now)
        self._done()

    def health_changed(self, run: ExecutorRun, task: AgentTask, verdict: Verdict) -> None:
        """A task is well, or not."""
        self.state.health_changed(run, task, verdict.healthy, verdict.text, self._now, kill=verdict.kill)
        self._done()

    def check_changed(self, run: ExecutorRun, task: AgentTask, found: CheckStatusInfo) -> None:
        """A check found something new."""
        self.state.check_changed(run, task, found, "", self._now)
        self._done()

    def _overdue(self, run: ExecutorRun, number: int) -> None:
        self.state.registration_overdue(run, number)
        self._done()

    def _deadline(self, run: ExecutorRun, task: AgentTask) -> None:
        self.state.deadline_reached(run, task, self._now)
        self._done()

    # What the rules said.

    def _done(self) -> None:
        """After every turn: see to it that what changed is written down and what follows is done.

        That waits for the end of the mailbox, so that what one turn of the loop brought is one transaction.
        """
        if not self._flushing:
            self._flushing = True
            self.defer(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        while self.state.effects or self.state.dirty:
            effects, self.state.effects = self.state.effects, []
            self._ahead.put(list(changes(self.state).items()), effects)
        self._set_retry()

    def _write(self, records: Sequence[Changes]) -> Any:
        return None if self.store is None else self.store.commit(dict(records))

    def tell_leader(self, message: Message) -> None:
        """Send to the master, registered or not, after what has to be written down first."""
        if self._leader is not None:
            self.state.effects.append(Send(self._leader, message))
            self._flush()

    def _act(self, effects: Sequence[Effect]) -> None:
        if not self.system.hosts(self.upid):
            # It ended while the disk was written: nothing was told.
            return
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case ToMaster(message):
                if self.master is not None:
                    self.send(self.master, message)
                elif isinstance(message, ExitedExecutor):
                    self.state.unheard.add((message.framework_id, message.executor_id))
            case Send(to, message):
                if isinstance(message, RegisterAgent):
                    # It does not name those that ended before; what the master still believes there it asks after.
                    self.state.unheard.clear()
                elif isinstance(message, ReconnectExecutor):
                    message = msgspec.structs.replace(message, token=self.tokens.of(message.container_id))
                self.send(to, message)
            case Link(to):
                self.link(to)
            case LaunchContainer(run):
                if run.command is not None:
                    self.runner.launch(self.state.info, run, run.command)
            case CancelLaunch(run):
                self.runner.cancel_launch(run)
            case Destroy(run):
                self.runner.destroy(run)
            case DestroyAfter():
                self.runner.destroy_after(effect)
            case Forget(run):
                self.runner.forget(run)
                if (path := self.sandbox_of(run)) is not None:
                    self.collector.schedule(path, self._now)
            case StartChecks():
                self.runner.start_checks(effect)
            case UpdateLimits(run):
                self.runner.update(run)
            case StopChecks(run, task_id):
                self.runner.stop_checks(run, task_id)
            case Deadline(run, task, seconds):
                self.after(seconds, self._deadline, run, task)
            case _:
                self.after(effect.seconds, self._overdue, effect.run, effect.number)

    def _start_write(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._writing = self.watch(coroutine)

    def watch(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run it beside the turns; an error in it is this actor's."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._watched)
        return task

    def _watched(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Not a task's failure but ours: the actor's failure policy decides.
            self.defer(_raise, error)

    def _environment(self, run: ExecutorRun, sandbox: Path) -> Mapping[str, str]:
        """What a container's processes are told of where they are."""
        return environment_of(
            run,
            self.state.info.id,
            self.upid,
            self.options,
            sandbox=sandbox,
            checkpoint=self.store is not None,
            token=self.tokens.of(run.container_id),
        )

    # Sandboxes.

    async def _look_for_sandboxes(self, disk: Disk) -> None:
        for path, changed in await disk.ended(self.sandboxes.work_dir):
            self.collector.schedule(path, changed)
        for run in self.state.runs.values():
            if (used := self.sandbox_of(run)) is not None:
                self.collector.keep(used)

    def sandbox_of(self, run: ExecutorRun) -> Path | None:
        """The directory of a run, if it has one."""
        try:
            return self.sandboxes.latest(self.state.info.id, *run.key)
        except ValueError:
            # It has none: its id cannot be part of a path.
            return None

    def _collect(self) -> None:
        if self.disk is not None and len(self.collector):
            self.watch(self._remove_old(self.disk))

    async def _remove_old(self, disk: Disk) -> None:
        usage = await disk.usage(self.sandboxes.work_dir)
        for path in self.collector.due(self._now, usage):
            log.info("sandbox %s removed, the disk is used to %d %%", path, 100 * usage)
            await disk.remove(path)
            self.sandboxes.forget(path)

    # Retries.

    def _set_retry(self) -> None:
        if self.master is None:
            return
        if self._retry_timer is not None:
            # Nothing that was sent since then is due before that.
            if self._retry_at <= self._now + RETRY_MIN:
                return
            self._retry_timer.cancel()
            self._retry_timer = None
        due = self.state.updates.next_due()
        if due is not None:
            self._retry_at = due
            self._retry_timer = self.after(max(0.0, due - self._now), self._retry)

    def _retry(self) -> None:
        self._retry_timer = None
        self.state.retry_updates(self._now)
        self._done()


def _raise(error: BaseException) -> None:
    raise error
