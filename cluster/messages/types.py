"""What the cluster speaks of: frameworks, agents, tasks, executors, offers. Mesos's nouns and field names."""

from __future__ import annotations

import enum
import re
from typing import Annotated

from msgspec import Meta, Struct

from cluster.attributes import Attributes
from cluster.resources import Resources

from .checks import Check, CheckStatusInfo, HealthCheck
from .constraints import AttributeConstraint
from .states import Reason, Source, TaskState
from .uris import URI, uris_problem

__all__ = [
    "DEFAULT_REFUSE_SECONDS",
    "AgentInfo",
    "Capability",
    "CommandInfo",
    "DiscoveryInfo",
    "ExecutorInfo",
    "Filters",
    "FrameworkInfo",
    "KillPolicy",
    "Offer",
    "Port",
    "Reserved",
    "TaskInfo",
    "TaskStatus",
    "Unavailability",
    "check_id",
]

DEFAULT_REFUSE_SECONDS = 5.0
MAX_REFUSE_SECONDS = 365 * 86400.0

ID = Annotated[str, Meta(max_length=255)]

MAX_ID = 255
"""Bytes: what a file may be called."""
# Surrogates among them: what has one cannot be written as UTF-8.
_BAD_ID = re.compile(r"[\x00-\x1f\x7f/\\\ud800-\udfff]|^\.{1,2}$|^$")


def check_id(kind: str, value: str) -> str | None:
    """What is wrong with an id that a framework chose, or None. They become names of directories, and keys."""
    if _BAD_ID.search(value) or len(value.encode()) > MAX_ID:
        return f"{kind} {value[:80]!r}: 1 to {MAX_ID} bytes, no / \\ or control character, not . or .."
    return None


class CommandInfo(Struct, frozen=True, omit_defaults=True):
    """A command: a shell line (`value`), or with `shell=False` the program `value` run with `arguments`.

    `arguments` then begins with argv[0], as in Mesos; empty, it is the program itself. `environment` adds to
    what the agent gives every task. `working_directory` is absolute, or relative to the sandbox. `uris` are fetched
    into the sandbox before it is run.
    """

    value: str = ""
    arguments: tuple[str, ...] = ()
    shell: bool = True
    environment: dict[str, str] = {}
    working_directory: str = ""
    uris: tuple[URI, ...] = ()

    def argv(self) -> tuple[str, ...]:
        """What is run."""
        if self.shell:
            return ("/bin/sh", "-c", self.value)
        return (self.value, *self.arguments[1:])

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        if not self.value:
            return "command.value is empty"
        texts = [self.value, *self.arguments, self.working_directory]
        texts += [text for item in self.environment.items() for text in item]
        if any("\0" in text for text in texts):
            return "command contains a NUL character"
        bad = [name for name in self.environment if not name or "=" in name]
        if bad:
            return f"command.environment: {bad[0][:80]!r} is not the name of a variable"
        if self.shell and self.arguments:
            return "command.arguments are given, but shell is true"
        if problem := uris_problem(self.uris):
            return f"command.uris: {problem}"
        return None


class KillPolicy(Struct, frozen=True, omit_defaults=True):
    """How a task is ended: SIGTERM, and SIGKILL after this many seconds."""

    grace_period: Annotated[float, Meta(ge=0, le=86400)] = 3.0


class ExecutorInfo(Struct, frozen=True, omit_defaults=True):
    """A program of the framework's own that runs its tasks on an agent.

    Without a command it is the default executor, for task groups: the agent itself plays it.
    """

    executor_id: ID
    command: CommandInfo | None = None
    resources: Resources = Resources()
    name: str = ""
    data: bytes = b""


class Port(Struct, frozen=True, omit_defaults=True):
    """A port that a task listens on, for those who look for it."""

    number: Annotated[int, Meta(ge=0, le=65535)]
    name: str = ""
    protocol: str = "tcp"
    labels: dict[str, str] = {}


class DiscoveryInfo(Struct, frozen=True, omit_defaults=True):
    """How others find a task. The cluster shows it, and makes nothing of it."""

    name: str = ""
    visibility: str = "FRAMEWORK"
    environment: str = ""
    location: str = ""
    version: str = ""
    ports: tuple[Port, ...] = ()
    labels: dict[str, str] = {}


class TaskInfo(Struct, frozen=True, omit_defaults=True):
    """A task: a command, or work for an executor. `agent_id` empty means the agent of the offer.

    `max_completion_time` (seconds) ends it when it has run that long. `health_check` ends it when it is not well,
    `check` only tells (that it is ready, say). A `revocable` one uses revocable resources of the offer, and may be
    ended at any time.
    """

    task_id: ID
    resources: Resources
    name: str = ""
    agent_id: ID = ""
    command: CommandInfo | None = None
    executor: ExecutorInfo | None = None
    data: bytes = b""
    kill_policy: KillPolicy = KillPolicy()
    labels: dict[str, str] = {}
    health_check: HealthCheck | None = None
    check: Check | None = None
    max_completion_time: Annotated[float, Meta(gt=0)] | None = None
    discovery: DiscoveryInfo | None = None
    revocable: bool = False

    @property
    def executor_id(self) -> str:
        """The executor that runs it: a command's executor has the task's id."""
        return self.executor.executor_id if self.executor is not None else self.task_id

    def checks_problem(self) -> str | None:
        """What is wrong with its checks, or None."""
        for check in (self.health_check, self.check):
            if check is not None and (problem := check.problem()):
                return f"task.{problem}"
        return None


class Capability(enum.StrEnum):
    """What a framework understands. Mesos's names."""

    PARTITION_AWARE = "PARTITION_AWARE"
    """Tasks on an agent that cannot be reached are TASK_UNREACHABLE to it, and may come back. To others they are
    TASK_LOST, which is final: such a task is killed when its agent is back."""
    TASK_KILLING_STATE = "TASK_KILLING_STATE"
    """It is told TASK_KILLING when a kill has begun."""
    REVOCABLE_RESOURCES = "REVOCABLE_RESOURCES"
    """It wants offers of what may be taken back."""


class FrameworkInfo(Struct, frozen=True, omit_defaults=True):
    """A framework as it introduces itself. `id` is empty until the master has given one.

    `failover_timeout`: seconds that its tasks live on when it is gone; 0 ends them at once. `min_offer`: an offer holds
    at least one of these; nothing smaller is made. `constraints`: which agents it can use, those for which all of one
    of these groups holds; none are all. `hold_after`: seconds of waiting for an offer of its `min_offer`, after which
    an agent is kept free for it.
    """

    name: str
    user: str = ""
    id: ID = ""
    roles: tuple[str, ...] = ("*",)
    failover_timeout: Annotated[float, Meta(ge=0, le=10 * 365 * 86400)] = 0.0
    hostname: str = ""
    principal: str = ""
    webui_url: str = ""
    labels: dict[str, str] = {}
    capabilities: tuple[Capability, ...] = ()
    min_offer: tuple[Resources, ...] = ()
    constraints: tuple[tuple[AttributeConstraint, ...], ...] = ()
    hold_after: Annotated[float, Meta(ge=0)] | None = None

    def can(self, capability: Capability) -> bool:
        """Whether it has a capability."""
        return capability in self.capabilities


class AgentInfo(Struct, frozen=True, omit_defaults=True):
    """An agent as it introduces itself. `id` is empty until the master has given one.

    `checkpoint`: what it runs lives on when its process ends, and is found again by the next. `revocable` is offered on
    top of its resources, and may be taken back.
    """

    hostname: str
    resources: Resources
    attributes: Attributes = Attributes()
    id: ID = ""
    checkpoint: bool = False
    revocable: Resources = Resources()


Reserved = dict[str, Resources]
"""What of some resources is reserved, by the role for which it is."""


class Unavailability(Struct, frozen=True, omit_defaults=True):
    """When a machine is planned to be down: seconds since the epoch, and for how long (None: without end)."""

    start: float
    duration: float | None = None


class Offer(Struct, frozen=True, omit_defaults=True):
    """Resources of one agent, offered to one framework in one of its roles. `address` is the agent's.

    `resources` is all of it but what is `revocable`; of it, `reserved` is for that role or roles above it.
    """

    id: str
    framework_id: str
    agent_id: str
    hostname: str
    resources: Resources
    role: str = "*"
    attributes: Attributes = Attributes()
    address: str = ""
    reserved: Reserved = {}
    revocable: Resources = Resources()
    unavailability: Unavailability | None = None


class ContainerStatus(Struct, frozen=True, omit_defaults=True):
    """Where a task runs: the id of its container, and the host part of its agent's address, whose network it has."""

    id: str
    host: str = ""


class TaskStatus(Struct, frozen=True, omit_defaults=True):
    """A state that a task has reached, who says so, and why.

    `uuid` is set on what must be acknowledged; statuses that the master makes have none. `timestamp` is in
    seconds since the epoch.
    """

    task_id: str
    state: TaskState
    source: Source = Source.MASTER
    reason: Reason = Reason.NONE
    message: str = ""
    data: bytes = b""
    agent_id: str = ""
    executor_id: str = ""
    timestamp: float = 0.0
    uuid: str = ""
    exit_code: int | None = None
    healthy: bool | None = None
    check_status: CheckStatusInfo | None = None
    container: ContainerStatus | None = None


class Filters(Struct, frozen=True, omit_defaults=True):
    """How long what was declined is not offered again: seconds, 5 by default, 365 days at most."""

    refuse_seconds: float = DEFAULT_REFUSE_SECONDS

    def seconds(self) -> float:
        """The time in force: what is negative or not a number counts as the default, as in Mesos."""
        if not self.refuse_seconds >= 0:
            return DEFAULT_REFUSE_SECONDS
        return min(self.refuse_seconds, MAX_REFUSE_SECONDS)
