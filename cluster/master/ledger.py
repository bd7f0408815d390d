"""What a master knows, and the few moves that keep its books: on each agent total = free + offered + used."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field

from actors import UPID, Message
from allocators import OfferAllocator
from cluster.messages import Offer, Reason, Rescind, Source, TaskState, TaskStatus, Update
from cluster.resources import Resources

from .options import MasterOptions
from .records import AgentRecord, Completed, ExecutorRecord, FrameworkRecord, TaskEntry

__all__ = ["Ledger"]

log = logging.getLogger("ostrom.master")


@dataclass
class Ledger:
    """Agents, frameworks, offers and tasks, and what is to be sent.

    The moves here leave the books balanced each by itself; the rules are in the classes above this one.
    """

    master_id: str
    allocator: OfferAllocator
    options: MasterOptions = field(default_factory=MasterOptions)

    def __post_init__(self) -> None:
        self.agents: dict[str, AgentRecord] = {}
        self.frameworks: dict[str, FrameworkRecord] = {}
        self.completed_frameworks: deque[Completed] = deque(maxlen=self.options.completed_frameworks)
        self.completed_tasks: deque[TaskEntry] = deque(maxlen=self.options.completed_tasks)
        self.offers: dict[str, tuple[Offer, float]] = {}
        self.outbox: list[tuple[UPID, Message]] = []
        self.counters: dict[str, int] = {}
        self._by_upid: dict[UPID, str] = {}
        self._numbers = {"F": 0, "A": 0, "O": 0}

    # Offers.

    def drop_offer(self, offer: Offer) -> None:
        """Take an offer out; its resources are nobody's until they are returned or used."""
        del self.offers[offer.id]
        del self.frameworks[offer.framework_id].offers[offer.id]
        self.agents[offer.agent_id].offers.discard(offer.id)

    def return_to_agent(self, offer: Offer, resources: Resources, refuse: float | None, now: float) -> None:
        """Give resources of an offer back; `refuse` as the allocator's `release` has it."""
        if not resources:
            return
        self.agents[offer.agent_id].free += resources
        self.allocator.release(
            offer.agent_id, offer.framework_id, offer.role, resources.amounts(), refuse=refuse, now=now
        )

    def rescind(self, offer: Offer, refuse: float, now: float) -> None:
        """Take an offer back and tell its framework."""
        framework = self.frameworks[offer.framework_id]
        self.drop_offer(offer)
        self.return_to_agent(offer, offer.resources, refuse, now)
        if framework.upid is not None and framework.connected:
            self.send(framework.upid, Rescind(offer.id))
        self.count("offers_rescinded")

    def rescind_all(self, framework: FrameworkRecord) -> None:
        """Take back all offers of a framework, which is gone or starts anew: it is not told."""
        for offer in list(framework.offers.values()):
            self.drop_offer(offer)
            self.return_to_agent(offer, offer.resources, None, 0.0)

    # Tasks and executors.

    def release_task(self, entry: TaskEntry) -> None:
        """Give a task's resources back, once."""
        if entry.holds:
            entry.holds = False
            self._release(entry.agent_id, entry.framework_id, entry.role, entry.info.resources)

    def remove_executor(self, agent: AgentRecord, executor: ExecutorRecord) -> None:
        """Take an executor out, and give its resources back."""
        del agent.executors[executor.framework_id, executor.info.executor_id]
        self._release(agent.id, executor.framework_id, executor.role, executor.info.resources)

    def _release(self, agent_id: str, framework_id: str, role: str, resources: Resources) -> None:
        if resources:
            self.agents[agent_id].free += resources
            self.allocator.release(agent_id, framework_id, role, resources.amounts())

    def forget_task(self, entry: TaskEntry) -> None:
        """Take a task out of the books; it is kept for a while for those who ask."""
        agent = self.agents.get(entry.agent_id)
        if agent is not None:
            agent.tasks.pop(entry.key, None)
        framework = self.frameworks.get(entry.framework_id)
        if framework is not None:
            framework.tasks.pop(entry.info.task_id, None)
        self.completed_tasks.append(entry)

    def end_task(self, entry: TaskEntry, state: TaskState, reason: Reason, text: str, now: float) -> None:
        """The master itself declares the end of a task, and tells its framework."""
        entry.status = self.master_status(entry, state, reason, text, now)
        self.count(f"tasks_{state.short.lower()}")
        self.release_task(entry)
        self.forget_task(entry)
        framework = self.frameworks.get(entry.framework_id)
        if framework is not None and framework.upid is not None and framework.connected:
            self.send(framework.upid, Update(entry.status))

    def master_status(
        self, entry: TaskEntry, state: TaskState, reason: Reason, text: str, now: float
    ) -> TaskStatus:
        """Return a status that the master makes itself; it needs no acknowledgement."""
        return TaskStatus(
            entry.info.task_id,
            state,
            Source.MASTER,
            reason,
            text,
            agent_id=entry.agent_id,
            executor_id=entry.info.executor_id,
            timestamp=now,
        )

    def last_known(self, framework_id: str, task_id: str) -> TaskEntry | None:
        """Return a task that was taken out of the books, while it is remembered."""
        for entry in reversed(self.completed_tasks):
            if entry.framework_id == framework_id and entry.info.task_id == task_id:
                return entry
        return None

    # Small things.

    def new_id(self, kind: str) -> str:
        """Return the next id of a kind: F, A or O."""
        self._numbers[kind] += 1
        return f"{self.master_id}-{kind}{self._numbers[kind]}"

    def send(self, to: UPID, message: Message) -> None:
        """Have the actor send a message after this turn."""
        self.outbox.append((to, message))

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + amount
