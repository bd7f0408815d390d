"""An agent, so far as the master can tell, in the random histories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from actors import UPID, Message
from cluster.messages import (
    AgentInfo,
    AgentRefused,
    AgentRegistered,
    ExecutorState,
    ExitedExecutor,
    FrameworkInfo,
    KillTask,
    PingAgent,
    RegisterAgent,
    Reserved,
    RunTask,
    RunTaskGroup,
    ShutdownAgent,
    ShutdownExecutor,
    ShutdownFramework,
    StatusUpdate,
    StatusUpdateAcknowledgement,
    TaskInfo,
    TaskRecord,
    TaskState,
    TaskStatus,
)
from cluster.resources import Resources

if TYPE_CHECKING:
    from tests.cluster.master.histories import Cluster

Key = tuple[str, str]


@dataclass
class Run:
    """A task at an agent, and the updates of it that are not acknowledged, the oldest first."""

    task: TaskInfo
    role: str
    reserved: Reserved
    stream: list[TaskStatus] = field(default_factory=list)
    latest: TaskStatus | None = None


class AgentModel:
    """What an agent does, so far as the master can tell."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster = cluster
        self.upid = UPID.parse(f"agent-{number}@10.0.0.{number + 1}:5051")
        checkpoint = cluster.rng.random() < 0.7
        resources = Resources.parse("cpus:8;mem:1024;ports:[1-20]")
        self.info = AgentInfo(f"m{number}", resources, checkpoint=checkpoint, revocable=Resources.of(cpus=2))
        self.incarnation = "1"
        self.registered = self.dead = self.cut = False
        self.runs: dict[Key, Run] = {}
        self.executors: dict[Key, ExecutorState] = {}
        self.frameworks: dict[str, FrameworkInfo] = {}
        self.inbox: list[Message] = []
        self.outbox: list[Message] = []

    def register(self) -> None:
        self.registered = False
        self.outbox.append(
            RegisterAgent(
                self.info,
                tuple(self.frameworks.values()),
                tuple(self.executors.values()),
                tuple(
                    TaskRecord(key[0], run.task, run.latest, run.role, run.reserved)
                    for key, run in self.runs.items()
                    if run.latest is not None
                ),
                self.incarnation,
            )
        )

    def say(self, message: Message) -> None:
        if self.registered:
            self.outbox.append(message)

    def restart(self) -> None:
        """Its process ends, and the next begins: with all that ran, or with nothing."""
        self.incarnation, self.registered = str(int(self.incarnation) + 1), False
        if not self.info.checkpoint:
            self.runs, self.executors, self.frameworks = {}, {}, {}
            self.info = msgspec.structs.replace(self.info, id="")
        elif self.cluster.rng.random() < 0.3:
            mem = self.cluster.rng.choice([1024, 2048])
            self.info = msgspec.structs.replace(
                self.info, resources=Resources.parse(f"cpus:8;mem:{mem};ports:[1-20]")
            )

    def become(self, key: Key, state: TaskState) -> None:
        run = self.runs[key]
        if run.latest is not None and run.latest.state.terminal:
            return
        run.latest = TaskStatus(key[1], state, uuid=self.cluster.uuid())
        run.stream.append(run.latest)
        if len(run.stream) == 1:
            self.say(StatusUpdate(key[0], run.latest))

    def end_executor(self, key: Key) -> None:
        if key in self.executors:
            for task_key, run in list(self.runs.items()):
                if task_key[0] == key[0] and run.task.executor_id == key[1]:
                    self.become(task_key, TaskState.KILLED)
            del self.executors[key]
            self.say(ExitedExecutor(self.info.id, *key))

    def hear(self, message: Message) -> None:
        if self.dead:
            return
        if isinstance(message, AgentRegistered):
            self._registered(message)
        elif isinstance(message, AgentRefused | ShutdownAgent):
            self.dead, self.registered = True, False
            self.runs, self.executors, self.outbox = {}, {}, []
        elif isinstance(message, PingAgent):
            if not message.connected and self.registered:
                self.register()
        elif self.registered:
            self._obey(message)

    def _registered(self, message: AgentRegistered) -> None:
        self.registered = True
        self.info = msgspec.structs.replace(self.info, id=message.agent_id)
        for key in message.kill:
            self.runs.pop(key, None)
        self.resend()
        for key in message.tasks:
            if key not in self.runs:
                status = TaskStatus(key[1], TaskState.DROPPED, uuid=self.cluster.uuid())
                self.runs[key] = Run(TaskInfo(key[1], Resources()), "*", {}, [status], status)
                self.say(StatusUpdate(key[0], status))
        for key in message.executors:
            if key not in self.executors:
                self.say(ExitedExecutor(self.info.id, *key))

    def resend(self) -> None:
        """Send again what was not acknowledged."""
        for key, run in self.runs.items():
            if run.stream:
                self.say(StatusUpdate(key[0], run.stream[0]))

    def _obey(self, message: Message) -> None:
        if isinstance(message, RunTask):
            self._run(
                message.framework, message.task, message.role, message.reserved, message.executor_reserved
            )
        elif isinstance(message, RunTaskGroup):
            for task, reserved in zip(message.tasks, message.reserved, strict=True):
                self._run(message.framework, task, message.role, reserved, message.executor_reserved)
        elif isinstance(message, KillTask):
            key = message.framework_id, message.task_id
            if key in self.runs:
                self.become(key, TaskState.KILLED)
        elif isinstance(message, StatusUpdateAcknowledgement):
            self._acknowledged((message.framework_id, message.task_id), message.uuid)
        elif isinstance(message, ShutdownExecutor):
            self.end_executor((message.framework_id, message.executor_id))
        elif isinstance(message, ShutdownFramework):
            for key in [key for key in self.executors if key[0] == message.framework_id]:
                self.end_executor(key)
            self.runs = {key: run for key, run in self.runs.items() if key[0] != message.framework_id}
            self.frameworks.pop(message.framework_id, None)

    def _run(
        self,
        framework: FrameworkInfo,
        task: TaskInfo,
        role: str,
        reserved: Reserved,
        executor_reserved: Reserved,
    ) -> None:
        key = framework.id, task.task_id
        if key in self.runs:
            return
        self.frameworks[framework.id] = framework
        self.runs[key] = Run(task, role, reserved)
        if task.executor is not None:
            own = framework.id, task.executor.executor_id
            self.executors.setdefault(
                own, ExecutorState(framework.id, task.executor, role, executor_reserved)
            )
        self.become(key, TaskState.RUNNING)

    def _acknowledged(self, key: Key, uuid: str) -> None:
        run = self.runs.get(key)
        if run is None or not run.stream or run.stream[0].uuid != uuid:
            return
        del run.stream[0]
        if run.stream:
            self.say(StatusUpdate(key[0], run.stream[0]))
        elif run.latest is not None and run.latest.state.terminal:
            del self.runs[key]
