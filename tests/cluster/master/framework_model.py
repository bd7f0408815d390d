"""A scheduler in the random histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors import UPID, Message
from cluster.messages import (
    Accept,
    Acknowledge,
    Capability,
    CommandInfo,
    Decline,
    ExecutorInfo,
    Filters,
    FrameworkInfo,
    FrameworkRefused,
    Launch,
    LaunchGroup,
    Offer,
    Offers,
    Operation,
    Rescind,
    Reserve,
    Subscribed,
    TaskInfo,
    TaskState,
    TaskStatus,
    Unreserve,
    Update,
)
from cluster.resources import Resources

if TYPE_CHECKING:
    from tests.cluster.master.histories import Cluster

ROLES = ("eng", "eng/dev", "sales")
LOST_SIGHT = (TaskState.UNREACHABLE, TaskState.UNKNOWN)


class FrameworkModel:
    """What a scheduler does; `told` is what it believes of its tasks."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster = cluster
        self.upid = UPID.parse(f"framework-{number}@10.0.1.{number + 1}:7000")
        rng = cluster.rng
        capabilities = [each for each in Capability if rng.random() < 0.5]
        self.info = FrameworkInfo(
            "f",
            roles=tuple(rng.sample(ROLES, rng.randint(1, 2))),
            capabilities=tuple(capabilities),
            failover_timeout=10**6,
        )
        self.connected = self.ended = False
        self.inbox: list[Message] = []
        self.offers: dict[str, Offer] = {}
        self.told: dict[str, TaskState] = {}
        self.started = 0
        self.problems: list[str] = []

    @property
    def aware(self) -> bool:
        return self.info.can(Capability.PARTITION_AWARE)

    def hear(self, message: Message) -> None:
        if isinstance(message, Subscribed):
            self.connected = True
            self.info = msgspec.structs.replace(self.info, id=message.framework_id)
        elif isinstance(message, FrameworkRefused):
            self.ended, self.connected = True, False
        elif isinstance(message, Offers):
            self.offers.update({offer.id: offer for offer in message.offers})
        elif isinstance(message, Rescind):
            self.offers.pop(message.offer_id, None)
        elif isinstance(message, Update):
            self._status(message.status)

    def _status(self, status: TaskStatus) -> None:
        before = self.told.get(status.task_id, TaskState.STAGING)
        ends_again = status.state.terminal or status.state in LOST_SIGHT
        if before.terminal and not ends_again:
            self.problems.append(f"{self.info.id}: {status.task_id} was {before}, now {status.state}")
        if not before.terminal:
            self.told[status.task_id] = status.state
        if not self.aware and status.state in (TaskState.UNREACHABLE, TaskState.GONE, TaskState.UNKNOWN):
            self.problems.append(f"{self.info.id}: {status.state} is told to one that does not know of it")
        if status.uuid:
            message = Acknowledge(self.info.id, status.agent_id, status.task_id, status.uuid)
            self.cluster.call(self, message)

    @property
    def alive(self) -> set[str]:
        """The tasks that it believes to run."""
        return {id_ for id_, told in self.told.items() if not told.terminal and told not in LOST_SIGHT}

    def use(self) -> None:
        """Accept an offer, with something to do, or decline it."""
        rng = self.cluster.rng
        offer = self.offers.pop(rng.choice(sorted(self.offers)))
        filters = Filters(rng.choice([0.0, 5.0, 60.0]))
        if rng.random() < 0.2:
            self.cluster.call(self, Decline(self.info.id, (offer.id,), filters))
            return
        operations = tuple(self._operation(offer) for _ in range(rng.randint(1, 3)))
        self.cluster.call(self, Accept(self.info.id, (offer.id,), operations, filters))

    def _operation(self, offer: Offer) -> Operation:
        rng = self.cluster.rng
        some = Resources.parse(rng.choice(["cpus:1", "mem:100", "cpus:1;mem:64;ports:[3-5]", "cpus:9"]))
        kind = rng.random()
        if kind < 0.15:
            return Reserve(some, rng.choice((offer.role, *ROLES)), "r" if rng.random() < 0.5 else "")
        if kind < 0.3:
            return Unreserve(some, rng.choice(sorted(offer.reserved) or [offer.role]))
        if kind < 0.5:
            executor = ExecutorInfo(f"pod{self.started}", resources=Resources.of(cpus=0.5))
            return LaunchGroup(executor, tuple(self._task(None) for _ in range(rng.randint(1, 3))))
        executor = ExecutorInfo("e", CommandInfo("run"), Resources.of(cpus=0.5)) if kind > 0.8 else None
        return Launch(tuple(self._task(executor) for _ in range(rng.randint(1, 2))))

    def _task(self, executor: ExecutorInfo | None) -> TaskInfo:
        rng = self.cluster.rng
        self.started += 1
        task_id = f"t{self.started}"
        self.told[task_id] = TaskState.STAGING
        revocable = executor is None and rng.random() < 0.1
        resources = Resources.parse("cpus:0.5" if revocable else rng.choice(["cpus:1", "cpus:0.5;mem:32"]))
        command = None if executor is not None else CommandInfo("true")
        return TaskInfo(task_id, resources, command=command, executor=executor, revocable=revocable)
