"""The agent as an actor: receives, asks the rules, and carries out what they say."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from actors import UPID, Actor, Timer, handles
from cluster.election import Detector
from cluster.messages import (
    AgentInfo,
    AgentRefused,
    AgentRegistered,
    ExecutorMessage,
    ExecutorShutdown,
    FrameworkToExecutor,
    KillTask,
    PingAgent,
    PongAgent,
    RegisterExecutor,
    RunTask,
    ShutdownExecutor,
    ShutdownFramework,
    StatusUpdateAcknowledgement,
    UnregisterAgent,
)
from cluster.messages.executor import ExecutorStatusUpdate
from isolation import ContainerSpec, Exit, LauncherClosedError, LaunchError

from .containerizer import Container, Containerizer
from .effects import Destroy, DestroyAfter, Effect, LaunchContainer, Send, ToMaster
from .options import AgentOptions
from .records import ExecutorRun
from .sandbox import Sandboxes
from .state import AgentState

__all__ = ["Agent"]

log = logging.getLogger("ostrom.agent")

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Agent(Actor):
    """An agent: offers a machine's resources through the master, and runs what it is sent, contained.

    `info` says what it has; `detector` where the master is; `containerizer` how things are run; sandboxes
    are made below `work_dir`.
    """

    def __init__(
        self,
        info: AgentInfo,
        detector: Detector,
        containerizer: Containerizer,
        work_dir: Path,
        *,
        options: AgentOptions | None = None,
        seed: int | None = None,
    ) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - names and delays, no secrets
        self.options = options or AgentOptions()
        self.containerizer = containerizer
        self.sandboxes = Sandboxes(work_dir)
        self.state = AgentState(info, self._uuid, containerizer.runs_executors, self.options)
        self.master: UPID | None = None
        """The master that this agent is registered with."""
        self.refused: str | None = None
        self._detector = detector
        self._leader: UPID | None = None
        self._taken = asyncio.Event()
        self._ping_timeout = 0.0
        self._backoff = 0.0
        self._register_timer: Timer | None = None
        self._ping_timer: Timer | None = None
        self._retry_timer: Timer | None = None
        self._retry_at = 0.0
        self._containers: dict[str, Container] = {}
        self._timers: dict[str, tuple[float, Timer]] = {}
        self._watchers: set[asyncio.Task[Any]] = set()

    def _uuid(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    async def initialize(self) -> None:
        """Make ready to run things, then look for the master."""
        await self.containerizer.start()
        self._detector.watch(lambda leader: self.defer(self._detected, leader))

    async def finalize(self) -> None:
        """Leave the master; nothing of what ran is left."""
        self._detector.close()
        if self.master is not None:
            self.send(self.master, UnregisterAgent(self.state.info.id))
        for run in self.state.runs.values():
            if run.upid is not None:
                self.send(run.upid, ExecutorShutdown(0.0))
        await self.containerizer.close()
        for task in list(self._watchers):
            task.cancel()

    @property
    def _now(self) -> float:
        return self.clock.time()

    # Registration.

    def _detected(self, leader: UPID | None) -> None:
        self._leader = leader
        self.master = None
        self._backoff = 0.0
        self._register()

    def _register(self) -> None:
        """Register, and again with growing random delays until the master answers."""
        if self._register_timer is not None:
            self._register_timer.cancel()
            self._register_timer = None
        if self._leader is None or self.master is not None:
            return
        self.link(self._leader)
        self.send(self._leader, self.state.registration())
        limit = self.options.registration_backoff_max
        self._backoff = min(max(self._backoff * 2, self.options.registration_backoff), limit)
        self._register_timer = self.after(self._rng.uniform(self._backoff / 2, self._backoff), self._register)

    @handles(AgentRegistered)
    def registered(self, message: AgentRegistered, sender: UPID | None) -> None:
        """The master has taken this agent."""
        if self.master is None:
            log.info("registered as %s with master %s", message.agent_id, sender)
        self.master = sender
        self._backoff = 0.0
        self._taken.set()
        self.state.set_id(message.agent_id)
        if self._register_timer is not None:
            self._register_timer.cancel()
            self._register_timer = None
        for framework_id, task_id in message.kill:
            self.state.kill_unheard(framework_id, task_id)
        self._expect_ping(message.ping_timeout)
        self._ping_timeout = message.ping_timeout
        for update in self.state.updates.resend(self._now):
            self.state.effects.append(ToMaster(update))
        self._done()

    @handles(AgentRefused)
    def agent_refused(self, message: AgentRefused) -> None:
        """The master will not have this agent: it ends."""
        log.error("the master refuses this agent: %s", message.message)
        self.refused = message.message
        self.terminate(f"refused: {message.message}")

    async def registered_once(self) -> None:
        """Return when a master has taken this agent for the first time."""
        await self._taken.wait()

    def _expect_ping(self, timeout: float) -> None:
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        self._ping_timer = self.after(timeout, self._master_silent)

    def _master_silent(self) -> None:
        log.warning("no ping from the master, registering again")
        self.master = None
        self._register()

    @handles(PingAgent)
    def ping(self, message: PingAgent, sender: UPID | None) -> None:
        """The master asks whether this agent lives."""
        if sender is None or sender != self.master:
            return
        self._expect_ping(self._ping_timeout)
        self.send(sender, PongAgent(self.state.info.id))
        if not message.connected:
            self.master = None
            self._register()

    def exited(self, upid: UPID, reason: str) -> None:
        """The master's connection is gone, or an executor is."""
        if upid in (self.master, self._leader):
            log.warning("lost the master at %s (%s), registering again", upid, reason)
            self.master = None
            if self._register_timer is None or self._backoff == 0.0:
                self._register()
            return
        self.state.executor_exited(upid)
        self._done()

    # From the master.

    def _from_master(self, sender: UPID | None) -> bool:
        if sender is not None and sender == self.master:
            return True
        log.warning("dropped a message from %s, which is not this agent's master", sender)
        return False

    @handles(RunTask)
    def run_task(self, message: RunTask, sender: UPID | None) -> None:
        """Launch a task."""
        if self._from_master(sender):
            self.state.run_task(message, self._now)
            self._done()

    @handles(KillTask)
    def kill_task(self, message: KillTask, sender: UPID | None) -> None:
        """End a task."""
        if self._from_master(sender):
            self.state.kill_task(message, self._now)
            self._done()

    @handles(StatusUpdateAcknowledgement)
    def acknowledgement(self, message: StatusUpdateAcknowledgement, sender: UPID | None) -> None:
        """An update has arrived."""
        if self._from_master(sender):
            self.state.acknowledge(message.framework_id, message.task_id, message.uuid, self._now)
            self._done()

    @handles(ShutdownFramework)
    def shutdown_framework(self, message: ShutdownFramework, sender: UPID | None) -> None:
        """A framework has ended."""
        if self._from_master(sender):
            self.state.shutdown_framework(message.framework_id)
            self._done()

    @handles(ShutdownExecutor)
    def shutdown_executor(self, message: ShutdownExecutor, sender: UPID | None) -> None:
        """An executor is to end."""
        if self._from_master(sender):
            self.state.shutdown_executor(message.framework_id, message.executor_id)
            self._done()

    @handles(FrameworkToExecutor)
    def framework_message(self, message: FrameworkToExecutor, sender: UPID | None) -> None:
        """For an executor."""
        if self._from_master(sender):
            self.state.message_to_executor(message)
            self._done()

    # From executors.

    @handles(RegisterExecutor)
    def register_executor(self, message: RegisterExecutor, sender: UPID | None) -> None:
        """An executor introduces itself."""
        if sender is None:
            return
        if self.state.executor_registered(sender, message):
            self.link(sender)
        else:
            self.send(sender, ExecutorShutdown(0.0))
        self._done()

    @handles(ExecutorStatusUpdate)
    def executor_update(self, message: ExecutorStatusUpdate, sender: UPID | None) -> None:
        """A task's new state."""
        if sender is not None:
            self.state.executor_update(sender, message, self._now)
            self._done()

    @handles(ExecutorMessage)
    def executor_message(self, message: ExecutorMessage, sender: UPID | None) -> None:
        """For the framework."""
        if sender is not None:
            self.state.executor_message(sender, message)
            self._done()

    # Effects.

    def _done(self) -> None:
        """After every turn: carry out what the rules said."""
        while self.state.effects:
            effects, self.state.effects = self.state.effects, []
            for effect in effects:
                self._carry_out(effect)
        self._set_retry()

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, ToMaster):
            if self.master is not None:
                self.send(self.master, effect.message)
        elif isinstance(effect, Send):
            self.send(effect.to, effect.message)
        elif isinstance(effect, LaunchContainer):
            self._watch(self._launch(effect.run))
        elif isinstance(effect, Destroy):
            self._destroy(effect.run)
        elif isinstance(effect, DestroyAfter):
            self._destroy_after(effect)
        else:
            self.after(self.options.executor_registration_timeout, self._overdue, effect.run)

    def _watch(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._watchers.add(task)
        task.add_done_callback(self._watched)

    def _watched(self, task: asyncio.Task[Any]) -> None:
        self._watchers.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Not a task's failure but ours: the actor's failure policy decides.
            self.defer(_raise, error)

    async def _launch(self, run: ExecutorRun) -> None:
        """Launch a run's container, and wait for its end; both are told in turns of this actor."""
        try:
            spec = self._spec(run)
            container = await self.containerizer.launch(spec)
        except (LaunchError, LauncherClosedError, OSError, ValueError) as error:
            self.defer(self._launch_failed, run, str(error))
            return
        self._containers[run.container_id] = container
        self.defer(self._launched, run)
        exit_ = await container.wait()
        self.defer(self._exited, run, exit_)

    def _spec(self, run: ExecutorRun) -> ContainerSpec:
        sandbox = self.sandboxes.create(self.state.info.id, run.framework.id, run.executor_id)
        environment = {
            "PATH": DEFAULT_PATH,
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": str(sandbox),
            "OSTROM_SANDBOX": str(sandbox),
            "OSTROM_AGENT_ID": self.state.info.id,
            "OSTROM_AGENT": str(self.upid),
            "OSTROM_FRAMEWORK_ID": run.framework.id,
            "OSTROM_EXECUTOR_ID": run.executor_id,
            "OSTROM_CONTAINER_ID": run.container_id,
        }
        if run.info is None:
            environment["OSTROM_TASK_ID"] = run.executor_id
        environment.update(run.command.environment)
        return ContainerSpec(
            id=run.container_id,
            argv=run.command.argv(),
            env=environment,
            cwd=sandbox / run.command.working_directory,
            stdout=sandbox / "stdout",
            stderr=sandbox / "stderr",
        )

    def _launched(self, run: ExecutorRun) -> None:
        self.state.launched(run, self._now)
        self._done()

    def _launch_failed(self, run: ExecutorRun, text: str) -> None:
        self.state.launch_failed(run, text, self._now)
        self._done()

    def _exited(self, run: ExecutorRun, exit_: Exit) -> None:
        self._containers.pop(run.container_id, None)
        timer = self._timers.pop(run.container_id, None)
        if timer is not None:
            timer[1].cancel()
        self.state.exited(run, exit_, self._now)
        self._done()

    def _overdue(self, run: ExecutorRun) -> None:
        self.state.registration_overdue(run)
        self._done()

    def _destroy(self, run: ExecutorRun) -> None:
        container = self._containers.get(run.container_id)
        if container is not None:
            self._watch(container.destroy())

    def _destroy_after(self, effect: DestroyAfter) -> None:
        container = self._containers.get(effect.run.container_id)
        if container is None:
            return
        if effect.terminate:
            container.signal(signal.SIGTERM)
        due = self._now + effect.seconds
        known = self._timers.get(effect.run.container_id)
        if known is not None:
            # A second kill can only shorten the time that is left.
            if known[0] <= due:
                return
            known[1].cancel()
        timer = self.after(effect.seconds, self._destroy, effect.run)
        self._timers[effect.run.container_id] = (due, timer)

    # Retries.

    def _set_retry(self) -> None:
        if self._retry_timer is not None or self.master is None:
            return
        due = self.state.updates.next_due()
        if due is not None:
            self._retry_timer = self.after(max(0.0, due - self._now), self._retry)

    def _retry(self) -> None:
        self._retry_timer = None
        for update in self.state.updates.due(self._now):
            self.state.effects.append(ToMaster(update))
        self._done()


def _raise(error: BaseException) -> None:
    raise error
