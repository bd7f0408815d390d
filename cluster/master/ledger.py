"""What a master knows, and the few moves that keep its books: on each agent total = free + offered + used."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

from actors import UPID, Message
from allocators import OfferAllocator
from cluster.happenings import (
    AgentAdded,
    AgentRemoved,
    FrameworkAdded,
    FrameworkRemoved,
    FrameworkUpdated,
    Happening,
    TaskAdded,
    TaskUpdated,
)
from cluster.messages import (
    FrameworkFailure,
    Offer,
    Reason,
    Rescind,
    RescindInverseOffer,
    Source,
    TaskState,
    TaskStatus,
    Update,
)
from cluster.registry import Change, RegistryState

from .options import MasterOptions
from .parts import Parts, offer_parts
from .permits import Permits
from .records import (
    AgentRecord,
    Completed,
    ExecutorRecord,
    FrameworkRecord,
    InverseOfferRecord,
    TaskEntry,
)
from .sights import see_agent, see_framework, see_task

__all__ = ["Ledger"]

log = logging.getLogger("ostrom.master")


@dataclass
class Ledger:
    """Agents, frameworks, offers and tasks, what is to be remembered, and what is to be sent after that.

    The moves here leave the books balanced each by itself; the rules are in the classes above this one.
    """

    master_id: str
    allocator: OfferAllocator
    options: MasterOptions = field(default_factory=MasterOptions)

    def __post_init__(self) -> None:
        self.registry = RegistryState()
        """What is on record, this turn's changes included."""
        self.changes: list[Change] = []
        """What is still to be written, before `outbox` is sent."""
        self.adopting = True
        """Whether the registry began with this master: who comes and is not on record is believed."""
        self.recovering: dict[str, float] = {}
        """Agents on record that have not come to this master yet, and until when they are waited for."""
        self.doubted: dict[str, str] = {}
        """Agents that are to become unreachable as soon as the rate of removals allows, and why."""
        self.permits = Permits(self.options.agent_removal_rate_limit)
        self.agents: dict[str, AgentRecord] = {}
        self.frameworks: dict[str, FrameworkRecord] = {}
        self.completed_frameworks: deque[Completed] = deque(maxlen=self.options.completed_frameworks)
        self.completed_tasks: deque[TaskEntry] = deque(maxlen=self.options.completed_tasks)
        self.denied: dict[tuple[str, str], None] = {}
        """Tasks that are not known, and of which a framework was told, as it asked, that they ended."""
        self.offers: dict[str, tuple[Offer, float]] = {}
        self.inverse_offers: dict[str, InverseOfferRecord] = {}
        self.outbox: list[tuple[UPID, Message]] = []
        self.watched = False
        """Whether anybody wants to know of what happens."""
        self.happenings: list[Happening] = []
        """What is to be told to those who watch, together with `outbox`."""
        self.counters: dict[str, int] = {}
        self._by_upid: dict[UPID, str] = {}
        self._numbers = {"F": 0, "A": 0, "O": 0, "I": 0}

    def record(self, kind: str, id_: str, value: Any) -> None:
        """Have it remembered before anything is told that this turn, or a later one, says; None forgets it."""
        change = Change(kind, id_, value)
        self.registry.apply(change)
        self.changes.append(change)

    def forget(self, id_: str, *kinds: str) -> None:
        """Take an object out of the registry, so far as it is there."""
        for kind in kinds:
            if id_ in getattr(self.registry, kind):
                self.record(kind, id_, None)

    # For those who watch.

    def task_added(self, entry: TaskEntry) -> None:
        """Tell those who watch that a task came into the books."""
        if self.watched:
            self.happenings.append(TaskAdded(see_task(entry)))

    def set_status(self, entry: TaskEntry, status: TaskStatus) -> None:
        """A task has a new status."""
        entry.former, entry.status = entry.before(status), status
        if self.watched:
            self.happenings.append(TaskUpdated(entry.framework_id, status))

    def agent_added(self, agent: AgentRecord) -> None:
        """Tell those who watch that an agent came, or says other things of itself."""
        if self.watched:
            self.happenings.append(AgentAdded(see_agent(self, agent)))

    def agent_removed(self, agent_id: str) -> None:
        """Tell those who watch that an agent is not there any more, nor waited for."""
        if self.watched:
            self.happenings.append(AgentRemoved(agent_id))

    def framework_added(self, framework: FrameworkRecord) -> None:
        """Tell those who watch that a framework became known."""
        if self.watched:
            self.happenings.append(FrameworkAdded(see_framework(self, framework)))

    def framework_updated(self, framework: FrameworkRecord) -> None:
        """Tell those who watch that a framework is connected, or no longer, or says other things of itself."""
        if self.watched:
            self.happenings.append(FrameworkUpdated(see_framework(self, framework)))

    def framework_removed(self, framework: FrameworkRecord) -> None:
        """Tell those who watch that a framework has ended."""
        if self.watched:
            self.happenings.append(FrameworkRemoved(framework.info))

    # Offers.

    def drop_offer(self, offer: Offer) -> None:
        """Take an offer out; its resources are nobody's until they are returned or used."""
        del self.offers[offer.id]
        del self.frameworks[offer.framework_id].offers[offer.id]
        self.agents[offer.agent_id].offers.discard(offer.id)

    def return_to_agent(self, offer: Offer, parts: Parts, refuse: float | None, now: float) -> None:
        """Give resources of an offer back; `refuse` as the allocator's `release` has it."""
        self._release(offer.agent_id, offer.framework_id, offer.role, parts, refuse, now)

    def rescind(self, offer: Offer, refuse: float | None, now: float) -> None:
        """Take an offer back and tell its framework."""
        framework = self.frameworks[offer.framework_id]
        self.drop_offer(offer)
        self.return_to_agent(offer, offer_parts(offer), refuse, now)
        self.tell(framework, Rescind(offer.id))
        self.count("offers_rescinded")

    def rescind_agent(self, agent: AgentRecord) -> None:
        """Take back all offers of an agent; whoever had one may be offered it again at once."""
        for offer_id in sorted(agent.offers):
            self.rescind(self.offers[offer_id][0], None, 0.0)

    def rescind_all(self, framework: FrameworkRecord) -> None:
        """Take back all offers of a framework, inverse ones too; it is gone or starts anew, and is not told."""
        for offer in list(framework.offers.values()):
            self.drop_offer(offer)
            self.return_to_agent(offer, offer_parts(offer), None, 0.0)
        for id_ in [i for i, each in self.inverse_offers.items() if each.offer.framework_id == framework.id]:
            del self.inverse_offers[id_]

    def heed(self, agent: AgentRecord) -> None:
        """Offer an agent, or no longer: only one that is connected, and that no operator has deactivated."""
        offered = agent.connected and agent.active
        if not offered:
            self.rescind_agent(agent)
        self.allocator.update_agent(agent.id, active=offered)

    def rescind_inverse(self, record: InverseOfferRecord) -> None:
        """Take an inverse offer back and tell its framework."""
        del self.inverse_offers[record.offer.id]
        self.tell(self.frameworks[record.offer.framework_id], RescindInverseOffer(record.offer.id))

    def let_off(self, agent: AgentRecord) -> None:
        """Take back all inverse offers of an agent."""
        for record in list(self.inverse_offers.values()):
            if record.offer.agent_id == agent.id:
                self.rescind_inverse(record)

    # Tasks and executors.

    def release_task(self, entry: TaskEntry) -> None:
        """Give a task's resources back, once."""
        if entry.holds:
            entry.holds = False
            self._release(entry.agent_id, entry.framework_id, entry.role, entry.parts)

    def remove_executor(self, agent: AgentRecord, executor: ExecutorRecord) -> None:
        """Take an executor out, and give its resources back."""
        del agent.executors[executor.key]
        self._release(agent.id, executor.framework_id, executor.role, executor.parts)

    def _release(
        self,
        agent_id: str,
        framework_id: str,
        role: str,
        parts: Parts,
        refuse: float | None = None,
        now: float = 0.0,
    ) -> None:
        if parts:
            self.agents[agent_id].unused += parts
            self.allocator.release(
                agent_id,
                framework_id,
                role,
                parts.plain.amounts(),
                reserved=parts.reserved_amounts,
                revocable=parts.revocable_amounts,
                refuse=refuse,
                now=now,
            )

    def close_task(self, framework: FrameworkRecord, entry: TaskEntry) -> None:
        """Tell the end of a task once more, without asking for an acknowledgement, and forget the task."""
        status = msgspec.structs.replace(
            entry.status, source=Source.MASTER, reason=Reason.RECONCILIATION, uuid=""
        )
        self.tell(framework, Update(status))
        self.forget_task(entry)

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
        self.set_status(entry, self.master_status(entry, state, reason, text, now))
        self.count(f"tasks_{state.short.lower()}")
        self.release_task(entry)
        self.forget_task(entry)
        self.tell(self.frameworks.get(entry.framework_id), Update(entry.status))

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

    def deny(self, framework_id: str, task_id: str) -> None:
        """Stand by what was told of a task that is not known, while it is remembered."""
        self.denied[framework_id, task_id] = None
        while len(self.denied) > self.options.completed_tasks:
            del self.denied[next(iter(self.denied))]

    # Small things.

    def new_id(self, kind: str) -> str:
        """Return the next id of a kind: F, A, O or I."""
        self._numbers[kind] += 1
        return f"{self.master_id}-{kind}{self._numbers[kind]}"

    def is_own(self, id_: str) -> bool:
        """Whether this master has given that id."""
        return id_.startswith(f"{self.master_id}-")

    def send(self, to: UPID, message: Message) -> None:
        """Have the actor send a message after this turn."""
        self.outbox.append((to, message))

    def tell(self, framework: FrameworkRecord | None, message: Message) -> None:
        """Send to a framework's scheduler, if it is connected."""
        if framework is not None and framework.upid is not None and framework.connected:
            self.send(framework.upid, message)

    def tell_all_of(self, agent_id: str, text: str) -> None:
        """Tell every framework that an agent is lost."""
        for framework in self.frameworks.values():
            self.tell(framework, FrameworkFailure(agent_id, message=text))

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + amount
