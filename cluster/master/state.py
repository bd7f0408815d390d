"""The master's rules: what follows from each message and each moment. No I/O, no clock: time is an argument.

Methods change the state and put what is to be sent into `outbox`; the actor around it sends that. Nothing
here waits, so every method leaves the state whole: on each agent total = free + offered + used.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from actors import UPID, Message
from allocators import OfferAllocator
from cluster.messages import (
    Accept,
    AgentInfo,
    AgentRefused,
    AgentRegistered,
    Decline,
    ExecutorToFramework,
    ExitedExecutor,
    Filters,
    FrameworkFailure,
    FrameworkInfo,
    FrameworkRefused,
    FrameworkToExecutor,
    KillTask,
    Offer,
    Offers,
    Reason,
    Reconcile,
    RegisterAgent,
    Rescind,
    Revive,
    RunTask,
    ShutdownExecutor,
    ShutdownFramework,
    Source,
    StatusUpdate,
    StatusUpdateAcknowledgement,
    Subscribe,
    Subscribed,
    Suppress,
    TaskInfo,
    TaskState,
    TaskStatus,
    Update,
    may_follow,
)
from cluster.messages.scheduler import Acknowledge
from cluster.resources import Resources

from .records import AgentRecord, ExecutorRecord, FrameworkRecord, TaskEntry
from .validation import framework_problem, task_problem

__all__ = ["Completed", "MasterOptions", "MasterState"]

log = logging.getLogger("ostrom.master")


@dataclass(frozen=True, slots=True)
class MasterOptions:
    """What an operator can set. Times in seconds; the defaults are Mesos's, but for the offer timeout.

    In Mesos offers live for ever unless told otherwise, and a framework that does not answer hoards the
    cluster.
    """

    allocation_interval: float = 1.0
    offer_timeout: float = 30.0
    ping_interval: float = 15.0
    max_missed_pings: int = 5
    completed_frameworks: int = 50
    completed_tasks: int = 1000


@dataclass(slots=True)
class Completed:
    """A framework that has ended, and why."""

    info: FrameworkInfo
    reason: str
    ended_at: float


@dataclass
class MasterState:
    """All that a master knows, and the rules by which it changes."""

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

    # Frameworks.

    def subscribe(self, sender: UPID, message: Subscribe, now: float) -> None:
        """Take a framework: a new one, one that fails over, one of this or the former master's."""
        info = message.framework
        if problem := framework_problem(info):
            self._send(sender, FrameworkRefused(problem))
            return
        if not info.id:
            # The answer to a first subscription was lost, or is on its way.
            known = self._by_upid.get(sender)
            info = msgspec.structs.replace(info, id=known or self._new_id("F"))
        if any(done.info.id == info.id for done in self.completed_frameworks):
            self._send(sender, FrameworkRefused(f"framework {info.id} has ended"))
            return
        framework = self.frameworks.get(info.id)
        if framework is None:
            framework = self.frameworks[info.id] = FrameworkRecord(info, None)
        elif framework.upid == sender and framework.connected and framework.info == info:
            self._send(sender, Subscribed(info.id, self.master_id))
            return
        elif framework.upid is not None and framework.upid != sender:
            if framework.connected:
                text = "another scheduler has subscribed as this framework"
                self._send(framework.upid, FrameworkRefused(text))
            self._by_upid.pop(framework.upid, None)
        gone = set(framework.info.roles) - set(info.roles)
        if gone and any(task.role in gone for task in framework.tasks.values()):
            # Its tasks keep their charge: the role goes when they have ended.
            log.info("framework %s leaves roles %s with tasks running", info.id, ", ".join(sorted(gone)))
        self._rescind_all(framework)
        framework.info = info
        framework.upid = sender
        framework.connected = True
        framework.subscribed_at = now
        framework.failover_deadline = None
        framework.suppressed = set(message.suppressed_roles) & set(info.roles)
        self._by_upid[sender] = info.id
        self.allocator.set_framework(
            info.id, info.roles, suppressed=sorted(framework.suppressed), active=True
        )
        log.info("framework %s (%s) subscribed from %s", info.id, info.name, sender)
        self._send(sender, Subscribed(info.id, self.master_id))

    def framework_exited(self, upid: UPID, now: float) -> None:
        """A scheduler is gone: its offers return; its tasks live on for its failover timeout."""
        framework = self.frameworks.get(self._by_upid.get(upid, ""))
        if framework is None or framework.upid != upid:
            return
        framework.connected = False
        self._rescind_all(framework)
        self.allocator.set_framework(
            framework.id, framework.info.roles, suppressed=sorted(framework.suppressed), active=False
        )
        framework.failover_deadline = now + framework.info.failover_timeout
        log.info(
            "framework %s (%s) disconnected, it has %g s to return",
            framework.id,
            framework.info.name,
            framework.info.failover_timeout,
        )
        self.expire(now)

    def teardown(self, framework_id: str, now: float, reason: str = "torn down") -> bool:
        """End a framework and its tasks everywhere. False if there is none."""
        framework = self.frameworks.get(framework_id)
        if framework is None:
            return False
        log.info("framework %s (%s) ends: %s", framework_id, framework.info.name, reason)
        self._rescind_all(framework)
        for agent in self.agents.values():
            mine = [e for key, e in agent.executors.items() if key[0] == framework_id]
            if mine or any(key[0] == framework_id for key in agent.tasks):
                self._send(agent.upid, ShutdownFramework(framework_id))
            for executor in mine:
                self._remove_executor(agent, executor)
        for task in list(framework.tasks.values()):
            if not task.state.terminal:
                task.status = self._status(task, TaskState.KILLED, Reason.FRAMEWORK_REMOVED, reason, now)
            self._release_task(task)
            self._forget_task(task)
        self.allocator.remove_framework(framework_id)
        del self.frameworks[framework_id]
        if framework.upid is not None:
            self._by_upid.pop(framework.upid, None)
        self.completed_frameworks.append(Completed(framework.info, reason, now))
        return True

    def framework_of(self, sender: UPID | None, framework_id: str) -> FrameworkRecord | None:
        """The framework with this id, if the sender is its subscribed scheduler."""
        framework = self.frameworks.get(framework_id)
        if framework is None or sender is None or framework.upid != sender or not framework.connected:
            self._count("dropped_calls")
            # What a scheduler sends in the moment of its teardown is no fault of it.
            level = logging.WARNING if framework is not None else logging.DEBUG
            log.log(level, "dropped a call for framework %s from %s: not its scheduler", framework_id, sender)
            return None
        return framework

    def suppress(self, framework: FrameworkRecord, message: Suppress) -> None:
        """No offers for these roles until revived."""
        roles = set(message.roles or framework.info.roles) & set(framework.info.roles)
        framework.suppressed |= roles
        self.allocator.suppress(framework.id, sorted(roles))

    def revive(self, framework: FrameworkRecord, message: Revive) -> None:
        """Offers again for these roles, all filters forgotten."""
        roles = set(message.roles or framework.info.roles) & set(framework.info.roles)
        framework.suppressed -= roles
        self.allocator.revive(framework.id, sorted(roles))

    # Offers.

    def allocate(self, now: float, *, full: bool = False) -> None:
        """Offer what is free, as the allocator decides."""
        made: dict[str, list[Offer]] = {}
        for grant in self.allocator.allocate(now, full=full).grants:
            agent = self.agents[grant.agent]
            framework = self.frameworks[grant.framework]
            resources = agent.free.take(grant.amounts)
            agent.free -= resources
            offer = Offer(
                self._new_id("O"),
                framework.id,
                agent.id,
                agent.info.hostname,
                resources,
                grant.role,
                agent.info.attributes,
                str(agent.upid),
            )
            agent.offers.add(offer.id)
            framework.offers[offer.id] = offer
            self.offers[offer.id] = (offer, now + self.options.offer_timeout)
            made.setdefault(framework.id, []).append(offer)
        for framework_id, offers in made.items():
            upid = self.frameworks[framework_id].upid
            if upid is not None:
                self._send(upid, Offers(tuple(offers)))
            self._count("offers_made", len(offers))

    def decline(self, framework: FrameworkRecord, message: Decline, now: float) -> None:
        """Take offers back, and do not make them again for a while."""
        for offer_id in message.offer_ids:
            offer = framework.offers.get(offer_id)
            if offer is None:
                # Declined in the moment that it was rescinded: nothing to do.
                self._count("stale_declines")
                continue
            self._drop_offer(offer)
            self._return_to_agent(offer, offer.resources, message.filters.seconds(), now)
        self._count("offers_declined", len(message.offer_ids))

    def accept(self, framework: FrameworkRecord, message: Accept, now: float) -> None:
        """Launch tasks on offers. What cannot be done is told for each task; what is not used returns."""
        tasks = [task for operation in message.operations for task in operation.tasks]
        offers = [framework.offers[i] for i in dict.fromkeys(message.offer_ids) if i in framework.offers]
        problem = _offers_problem(message.offer_ids, offers)
        for offer in offers:
            self._drop_offer(offer)
        if problem:
            for offer in offers:
                self._return_to_agent(offer, offer.resources, 0.0, now)
            for task in tasks:
                self._refuse_task(
                    framework, task, TaskState.DROPPED, Reason.INVALID_OFFERS, problem, now, message
                )
            return
        agent, role = self.agents[offers[0].agent_id], offers[0].role
        left = offers[0].resources
        for offer in offers[1:]:
            left += offer.resources
        for task in tasks:
            executor_resources, problem = self._executor_needs(framework, agent, task)
            problem = problem or task_problem(task, agent.id, left, executor_resources, framework.tasks)
            if problem:
                self._refuse_task(
                    framework, task, TaskState.ERROR, Reason.TASK_INVALID, problem, now, message
                )
                continue
            left -= task.resources + executor_resources
            self._launch(framework, agent, role, task, now)
        # What was not used is declined; one release for each offer would set one filter for each.
        self._return_to_agent(offers[0], left, message.filters.seconds(), now)
        self._count("offers_accepted", len(offers))

    def _executor_needs(
        self, framework: FrameworkRecord, agent: AgentRecord, task: TaskInfo
    ) -> tuple[Resources, str | None]:
        """What the task's executor needs besides the task, and what is wrong with it, if anything."""
        if task.executor is None:
            return Resources(), None
        running = agent.executors.get((framework.id, task.executor.executor_id))
        if running is None:
            return task.executor.resources, None
        if running.info != task.executor:
            return Resources(), (
                f"executor_id {task.executor.executor_id!r} runs on the agent with another ExecutorInfo"
            )
        return Resources(), None

    def _launch(
        self, framework: FrameworkRecord, agent: AgentRecord, role: str, task: TaskInfo, now: float
    ) -> None:
        task = msgspec.structs.replace(task, agent_id=agent.id)
        status = TaskStatus(
            task.task_id,
            TaskState.STAGING,
            agent_id=agent.id,
            executor_id=task.executor_id,
            timestamp=now,
        )
        entry = TaskEntry(framework.id, role, agent.id, task, status)
        agent.tasks[entry.key] = entry
        framework.tasks[task.task_id] = entry
        if task.executor is not None:
            key = (framework.id, task.executor.executor_id)
            if key not in agent.executors:
                agent.executors[key] = ExecutorRecord(framework.id, role, task.executor)
        self._count("tasks_launched")
        self._send(agent.upid, RunTask(framework.info, task, role, framework.upid))

    def _refuse_task(
        self,
        framework: FrameworkRecord,
        task: TaskInfo,
        state: TaskState,
        reason: Reason,
        problem: str,
        now: float,
        message: Accept,
    ) -> None:
        self._count("tasks_refused")
        log.warning("framework %s: task %r refused: %s", framework.id, task.task_id, problem)
        if framework.upid is not None:
            status = TaskStatus(
                task.task_id,
                state,
                reason=reason,
                message=problem,
                agent_id=task.agent_id,
                executor_id=task.executor_id,
                timestamp=now,
            )
            self._send(framework.upid, Update(status))

    def _rescind_all(self, framework: FrameworkRecord) -> None:
        for offer in list(framework.offers.values()):
            self._drop_offer(offer)
            self._return_to_agent(offer, offer.resources, None, 0.0)

    def _rescind(self, offer: Offer, refuse: float, now: float) -> None:
        """Take an offer back and tell its framework."""
        framework = self.frameworks[offer.framework_id]
        self._drop_offer(offer)
        self._return_to_agent(offer, offer.resources, refuse, now)
        if framework.upid is not None and framework.connected:
            self._send(framework.upid, Rescind(offer.id))
        self._count("offers_rescinded")

    def _drop_offer(self, offer: Offer) -> None:
        del self.offers[offer.id]
        del self.frameworks[offer.framework_id].offers[offer.id]
        self.agents[offer.agent_id].offers.discard(offer.id)

    def _return_to_agent(self, offer: Offer, resources: Resources, refuse: float | None, now: float) -> None:
        if not resources:
            return
        self.agents[offer.agent_id].free += resources
        self.allocator.release(
            offer.agent_id, offer.framework_id, offer.role, resources.amounts(), refuse=refuse, now=now
        )

    # Time.

    def expire(self, now: float) -> None:
        """Do what is due: rescind offers that were not answered, end frameworks that did not return."""
        while self.offers:
            offer, deadline = next(iter(self.offers.values()))
            if deadline > now:
                break
            log.warning("offer %s to %s was not answered, rescinded", offer.id, offer.framework_id)
            # To others first: it counts as declined by whoever let it lapse.
            self._rescind(offer, Filters().seconds(), now)
        for framework in list(self.frameworks.values()):
            if framework.failover_deadline is not None and framework.failover_deadline <= now:
                self.teardown(framework.id, now, "its scheduler did not return")

    def next_deadline(self) -> float | None:
        """When `expire`, or the expiry of a filter, is due next."""
        deadlines = [d for f in self.frameworks.values() if (d := f.failover_deadline) is not None]
        if self.offers:
            # All offers wait equally long, so the first made is the first due.
            deadlines.append(next(iter(self.offers.values()))[1])
        expiry = self.allocator.next_expiry()
        if expiry is not None:
            deadlines.append(expiry)
        return min(deadlines, default=None)

    # Agents.

    def agent_info(self, sender: UPID, message: RegisterAgent) -> AgentInfo:
        """The agent's info with the id that it has or is given; nothing changes yet but the numbering."""
        info = message.agent
        if info.id:
            return info
        known = self._by_upid.get(sender)
        return msgspec.structs.replace(info, id=known or self._new_id("A"))

    def register_agent(self, sender: UPID, info: AgentInfo, message: RegisterAgent, now: float) -> None:
        """Take an agent that the registry has admitted, with all that it runs. Idempotent."""
        used = Resources()
        for task in message.tasks:
            if not task.status.state.terminal:
                used += task.task.resources
        for executor in message.executors:
            used += executor.executor.resources
        if not info.resources.contains(used):
            self._send(
                sender, AgentRefused(f"its tasks use more than it has: {info.resources.missing(used)}")
            )
            return
        known = self.agents.get(info.id)
        if known is not None:
            self._return_agent(known, sender, info, message, now)
            return
        agent = AgentRecord(info, sender, info.resources, registered_at=now)
        self.agents[info.id] = agent
        self._by_upid[sender] = info.id
        for framework_info in message.frameworks:
            self._expect_framework(framework_info, now)
        kill = self._adopt(agent, message)
        allocated: dict[tuple[str, str], dict[str, int]] = {}
        for framework_id, role, resources in agent_usage(agent):
            mine = allocated.setdefault((framework_id, role), {})
            for name, amount in resources.amounts().items():
                mine[name] = mine.get(name, 0) + amount
        self.allocator.add_agent(info.id, info.resources.amounts(), allocated)
        log.info("agent %s at %s registered: %s", info.id, sender, info.resources)
        self._send(sender, AgentRegistered(info.id, self.master_id, self._ping_timeout(), kill))

    def _ping_timeout(self) -> float:
        return self.options.ping_interval * self.options.max_missed_pings

    def _expect_framework(self, info: FrameworkInfo, now: float) -> None:
        """A framework that an agent runs tasks of, but whose scheduler has not come to this master yet."""
        if info.id in self.frameworks or any(c.info.id == info.id for c in self.completed_frameworks):
            return
        record = FrameworkRecord(info, None, failover_deadline=now + max(info.failover_timeout, 60.0))
        self.frameworks[info.id] = record
        self.allocator.set_framework(info.id, info.roles, active=False)

    def _adopt(self, agent: AgentRecord, message: RegisterAgent) -> tuple[tuple[str, str], ...]:
        """Take over what an agent runs; return what must end.

        That is tasks whose frameworks are gone, or were told already that they ended.
        """
        kill = []
        for record in message.tasks:
            framework = self.frameworks.get(record.framework_id)
            task_id = record.task.task_id
            if framework is None or (task_id in framework.tasks):
                if not record.status.state.terminal:
                    kill.append((record.framework_id, task_id))
                continue
            if self._ended_unseen(record.framework_id, task_id):
                if not record.status.state.terminal:
                    kill.append((record.framework_id, task_id))
                continue
            entry = TaskEntry(
                record.framework_id,
                record.role,
                agent.id,
                msgspec.structs.replace(record.task, agent_id=agent.id),
                record.status,
                holds=not record.status.state.terminal,
            )
            framework.tasks[task_id] = entry
            agent.tasks[entry.key] = entry
            if entry.holds:
                agent.free -= record.task.resources
        for executor in message.executors:
            if executor.framework_id in self.frameworks:
                key = (executor.framework_id, executor.executor.executor_id)
                agent.executors[key] = ExecutorRecord(executor.framework_id, executor.role, executor.executor)
                agent.free -= executor.executor.resources
            else:
                self._send(agent.upid, ShutdownFramework(executor.framework_id))
        return tuple(kill)

    def _ended_unseen(self, framework_id: str, task_id: str) -> bool:
        return any(t.framework_id == framework_id and t.info.task_id == task_id for t in self.completed_tasks)

    def _return_agent(
        self, agent: AgentRecord, sender: UPID, info: AgentInfo, message: RegisterAgent, now: float
    ) -> None:
        """An agent that is known registers once more: its answer was lost, or its connection broke."""
        if info.resources != agent.info.resources or info.attributes != agent.info.attributes:
            self._send(sender, AgentRefused(f"agent {agent.id} is registered with other resources"))
            return
        if agent.upid != sender:
            log.warning("agent %s moved from %s to %s", agent.id, agent.upid, sender)
            self._by_upid.pop(agent.upid, None)
            agent.upid = sender
            self._by_upid[sender] = agent.id
        agent.missed_pings = 0
        if agent.connected:
            # Its answer was lost. What it says it runs is older than what was sent to it since: no news.
            self._send(sender, AgentRegistered(agent.id, self.master_id, self._ping_timeout()))
            return
        agent.connected = True
        self.allocator.update_agent(agent.id, active=True)
        there = {(t.framework_id, t.task.task_id): t for t in message.tasks}
        executors = {(e.framework_id, e.executor.executor_id) for e in message.executors}
        for key, entry in list(agent.tasks.items()):
            # A launch that the break swallowed: nothing is launched on an agent that is not connected.
            if key not in there and not entry.state.terminal:
                text = "the agent does not have it: it was lost on the way"
                self._end_task(entry, TaskState.DROPPED, Reason.AGENT_DISCONNECTED, text, now)
        for key, executor in list(agent.executors.items()):
            if key not in executors and not any(
                (t.framework_id, t.info.executor_id) == key and t.holds for t in agent.tasks.values()
            ):
                self._remove_executor(agent, executor)
        kill = tuple(
            key
            for key, record in there.items()
            if key not in agent.tasks and not record.status.state.terminal
        )
        self._send(sender, AgentRegistered(agent.id, self.master_id, self._ping_timeout(), kill))

    def agent_disconnected(self, upid: UPID) -> AgentRecord | None:
        """The connection to an agent broke: no offers of it until it is back. None if it is no agent."""
        agent = self.agents.get(self._by_upid.get(upid, ""))
        if agent is None or agent.upid != upid or not agent.connected:
            return None
        agent.connected = False
        for offer_id in sorted(agent.offers):
            self._rescind(self.offers[offer_id][0], 0.0, 0.0)
        self.allocator.update_agent(agent.id, active=False)
        log.warning("agent %s at %s disconnected", agent.id, upid)
        return agent

    def ping_all(self, now: float) -> list[str]:
        """Count a missed ping for every agent; return those with too many: they are gone."""
        gone = []
        for agent in self.agents.values():
            agent.missed_pings += 1
            if agent.missed_pings > self.options.max_missed_pings:
                gone.append(agent.id)
        return gone

    def remove_agent(self, agent_id: str, now: float, text: str, *, level: int = logging.WARNING) -> None:
        """An agent is gone: its tasks are lost, and every framework hears of it. `level` is the log's."""
        agent = self.agents.get(agent_id)
        if agent is None:
            return
        log.log(level, "agent %s at %s removed: %s", agent_id, agent.upid, text)
        for offer_id in sorted(agent.offers):
            self._rescind(self.offers[offer_id][0], 0.0, 0.0)
        for task in list(agent.tasks.values()):
            if not task.state.terminal:
                self._end_task(task, TaskState.LOST, Reason.AGENT_REMOVED, text, now)
            else:
                self._forget_task(task)
        for executor in list(agent.executors.values()):
            self._remove_executor(agent, executor)
        self.allocator.remove_agent(agent_id)
        del self.agents[agent_id]
        self._by_upid.pop(agent.upid, None)
        for framework in self.frameworks.values():
            if framework.upid is not None and framework.connected:
                self._send(framework.upid, FrameworkFailure(agent_id, message=text))
        self._count("agents_removed")

    def agent_of(self, sender: UPID | None) -> AgentRecord | None:
        """The agent at that address, if it is registered."""
        agent = self.agents.get(self._by_upid.get(sender, "")) if sender is not None else None
        if agent is None:
            self._count("dropped_agent_messages")
        return agent

    # Tasks.

    def status_update(self, agent: AgentRecord, message: StatusUpdate, now: float) -> None:
        """A task's new state from its agent: noted, its resources returned if it ended, and passed on."""
        status = message.status
        framework = self.frameworks.get(message.framework_id)
        entry = agent.tasks.get((message.framework_id, status.task_id))
        if framework is None or entry is None:
            # Nobody will ever acknowledge it: its framework has ended, or was told that the task is lost.
            self._send(
                agent.upid, StatusUpdateAcknowledgement(message.framework_id, status.task_id, status.uuid)
            )
            return
        status = msgspec.structs.replace(status, agent_id=agent.id, executor_id=entry.info.executor_id)
        if status.uuid != entry.status.uuid:
            if not may_follow(entry.state, status.state):
                log.warning("task %s: %s after %s", entry.key, status.state, entry.state)
                self._send(agent.upid, StatusUpdateAcknowledgement(framework.id, status.task_id, status.uuid))
                return
            entry.status = status
            if status.state.terminal:
                self._count(f"tasks_{status.state.short.lower()}")
                self._release_task(entry)
        if framework.upid is not None and framework.connected:
            self._send(framework.upid, Update(status))

    def acknowledge(self, framework: FrameworkRecord, message: Acknowledge) -> None:
        """A framework has a status: its agent can send the next. A task whose end it has is forgotten."""
        agent = self.agents.get(message.agent_id)
        if agent is None:
            return
        self._send(agent.upid, StatusUpdateAcknowledgement(framework.id, message.task_id, message.uuid))
        entry = framework.tasks.get(message.task_id)
        if entry is not None and entry.state.terminal and entry.status.uuid == message.uuid:
            self._forget_task(entry)

    def kill(self, framework: FrameworkRecord, message: KillTask, now: float) -> None:
        """Pass a kill to the task's agent; for a task that is not known, answer with what is."""
        entry = framework.tasks.get(message.task_id)
        if entry is None or entry.state.terminal:
            self.reconcile(framework, Reconcile(framework.id, (message.task_id,)), now)
            return
        entry.killing = True
        self._send(self.agents[entry.agent_id].upid, message)

    def reconcile(self, framework: FrameworkRecord, message: Reconcile, now: float) -> None:
        """Send the latest state of the tasks named, or of all that have not ended."""
        if framework.upid is None:
            return
        for task_id in message.task_ids or tuple(framework.tasks):
            entry = framework.tasks.get(task_id) or self._last_known(framework.id, task_id)
            if entry is None:
                status = TaskStatus(
                    task_id,
                    TaskState.LOST,
                    reason=Reason.RECONCILIATION,
                    message="the master does not know this task",
                    timestamp=now,
                )
            else:
                # Without a uuid: it is not a new event and need not be acknowledged.
                status = msgspec.structs.replace(
                    entry.status, source=Source.MASTER, reason=Reason.RECONCILIATION, uuid=""
                )
            self._send(framework.upid, Update(status))

    def _last_known(self, framework_id: str, task_id: str) -> TaskEntry | None:
        for entry in reversed(self.completed_tasks):
            if entry.framework_id == framework_id and entry.info.task_id == task_id:
                return entry
        return None

    def message_to_executor(self, message: FrameworkToExecutor | ShutdownExecutor) -> None:
        """Pass on to the agent."""
        agent = self.agents.get(message.agent_id)
        if agent is not None:
            self._send(agent.upid, message)

    def message_to_framework(self, message: ExecutorToFramework) -> None:
        """Pass on to the scheduler."""
        framework = self.frameworks.get(message.framework_id)
        if framework is not None and framework.upid is not None and framework.connected:
            self._send(framework.upid, message)

    def exited_executor(self, agent: AgentRecord, message: ExitedExecutor) -> None:
        """An executor ended: its resources return, its framework hears of it."""
        executor = agent.executors.get((message.framework_id, message.executor_id))
        if executor is None:
            return
        self._remove_executor(agent, executor)
        framework = self.frameworks.get(message.framework_id)
        if framework is not None and framework.upid is not None and framework.connected:
            self._send(framework.upid, FrameworkFailure(agent.id, message.executor_id, message.message))

    def _end_task(self, entry: TaskEntry, state: TaskState, reason: Reason, text: str, now: float) -> None:
        """The master itself declares the end of a task, and tells its framework."""
        entry.status = self._status(entry, state, reason, text, now)
        self._count(f"tasks_{state.short.lower()}")
        self._release_task(entry)
        self._forget_task(entry)
        framework = self.frameworks.get(entry.framework_id)
        if framework is not None and framework.upid is not None and framework.connected:
            self._send(framework.upid, Update(entry.status))

    def _status(
        self, entry: TaskEntry, state: TaskState, reason: Reason, text: str, now: float
    ) -> TaskStatus:
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

    def _release_task(self, entry: TaskEntry) -> None:
        if entry.holds:
            entry.holds = False
            self._release(entry.agent_id, entry.framework_id, entry.role, entry.info.resources)

    def _remove_executor(self, agent: AgentRecord, executor: ExecutorRecord) -> None:
        del agent.executors[executor.framework_id, executor.info.executor_id]
        self._release(agent.id, executor.framework_id, executor.role, executor.info.resources)

    def _release(self, agent_id: str, framework_id: str, role: str, resources: Resources) -> None:
        if resources:
            self.agents[agent_id].free += resources
            self.allocator.release(agent_id, framework_id, role, resources.amounts())

    def _forget_task(self, entry: TaskEntry) -> None:
        agent = self.agents.get(entry.agent_id)
        if agent is not None:
            agent.tasks.pop(entry.key, None)
        framework = self.frameworks.get(entry.framework_id)
        if framework is not None:
            framework.tasks.pop(entry.info.task_id, None)
        self.completed_tasks.append(entry)

    # Small things.

    def set_weight(self, role: str, weight: float) -> None:
        """A role's weight, from now on."""
        self.allocator.set_role(role, weight=weight)

    def _new_id(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{self.master_id}-{kind}{self._numbers[kind]}"

    def _send(self, to: UPID, message: Message) -> None:
        self.outbox.append((to, message))

    def _count(self, name: str, amount: int = 1) -> None:
        self.counters[name] = self.counters.get(name, 0) + amount


def agent_usage(agent: AgentRecord) -> Iterable[tuple[str, str, Resources]]:
    """What is used on an agent: framework id, role and resources of each task and executor."""
    for task in agent.tasks.values():
        if task.holds:
            yield task.framework_id, task.role, task.info.resources
    for executor in agent.executors.values():
        yield executor.framework_id, executor.role, executor.info.resources


def _offers_problem(offer_ids: tuple[str, ...], offers: list[Offer]) -> str | None:
    if not offer_ids:
        return "no offer is named"
    if len(set(offer_ids)) != len(offer_ids):
        return "an offer is named twice"
    if len(offers) != len(offer_ids):
        known = {offer.id for offer in offers}
        unknown = next(i for i in offer_ids if i not in known)
        return f"offer {unknown[:80]!r} is not valid: it was used, declined or rescinded, or never was"
    if len({(offer.agent_id, offer.role) for offer in offers}) > 1:
        return "the offers are of different agents or roles"
    return None
