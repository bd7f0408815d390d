"""Agents that do not answer: disconnected, doubted, unreachable; and those that are gone for good."""

from __future__ import annotations

import logging

from actors import UPID
from cluster.messages import (
    Capability,
    PingAgent,
    Reason,
    ShutdownAgent,
    TaskState,
    Update,
)
from cluster.registry import UnreachableAgent

from .ledger import Ledger
from .records import AgentRecord, TaskEntry

__all__ = ["ReachabilityRules"]

log = logging.getLogger("ostrom.master")

SILENT = "it does not answer pings"
NEVER_CAME = "it did not come to the new master"


class ReachabilityRules(Ledger):
    """What follows from the silence of agents, and from what operators and they themselves say of their end."""

    def agent_disconnected(self, upid: UPID) -> AgentRecord | None:
        """The connection to an agent broke: no offers of it until it is back. None if it is no agent."""
        agent = self.agents.get(self._by_upid.get(upid, ""))
        if agent is None or not agent.connected:
            return agent
        agent.connected = False
        self.heed(agent)
        log.warning("agent %s at %s disconnected", agent.id, upid)
        return agent

    def ping_all(self, now: float) -> None:
        """Count a missed ping for every agent; those with too many become unreachable."""
        for agent in self.agents.values():
            agent.missed_pings += 1
            if agent.missed_pings > self.options.max_missed_pings:
                self.doubted.setdefault(agent.id, SILENT)
        self.settle_doubts(now)
        for agent in self.agents.values():
            # Where another agent has taken the address, it is not the one that would answer.
            if self._by_upid.get(agent.upid) == agent.id:
                self.send(agent.upid, PingAgent(agent.id, agent.connected))

    def pong(self, agent: AgentRecord) -> None:
        """An agent lives; one that waited to be unreachable is kept."""
        agent.missed_pings = 0
        self.doubted.pop(agent.id, None)

    def ponged(self, agent: AgentRecord) -> None:
        """An agent has answered a ping, and so has heard all that was said before: what must end there, too."""
        self.pong(agent)
        self.forget(agent.id, "unreachable")

    def settle_doubts(self, now: float) -> None:
        """Make those agents unreachable that were waited for long enough, at the rate of removals."""
        for agent_id, deadline in self.recovering.items():
            if deadline <= now:
                self.doubted.setdefault(agent_id, NEVER_CAME)
        while self.doubted and self.permits.take(now):
            agent_id, text = next(iter(self.doubted.items()))
            self.mark_unreachable(agent_id, now, text)

    def doubts_due(self) -> float | None:
        """When `settle_doubts` has something to do next."""
        # All are waited for equally long.
        waiting = (deadline for id_, deadline in self.recovering.items() if id_ not in self.doubted)
        first = next(waiting, None)
        due = [] if first is None else [first]
        if self.doubted:
            due.append(self.permits.next)
        return min(due, default=None)

    def mark_unreachable(self, agent_id: str, now: float, text: str) -> None:
        """An agent does not answer: its tasks are unreachable, or lost to those who know nothing else."""
        agent = self.agents.get(agent_id)
        info = agent.info if agent is not None else self.registry.agents[agent_id]
        log.warning("agent %s (%s) is unreachable: %s", agent_id, info.hostname, text)
        self.doubted.pop(agent_id, None)
        self._expect_no_more(agent_id)
        self.record("unreachable", agent_id, UnreachableAgent(info, now))
        self.forget(agent_id, "agents")
        if agent is not None:
            for task in list(agent.tasks.values()):
                framework = self.frameworks[task.framework_id]
                if not task.state.terminal and framework.info.can(Capability.PARTITION_AWARE):
                    self._set_aside(agent, task, text, now)
                else:
                    self._lose(task, TaskState.LOST, Reason.AGENT_REMOVED, text, now)
            self._drop_agent(agent)
        self.tell_all_of(agent_id, text)
        self.count("agents_unreachable")
        if agent is None:
            self.count("agents_not_returned")

    def _expect_no_more(self, agent_id: str) -> None:
        if self.recovering.pop(agent_id, None) is not None:
            self.agent_removed(agent_id)

    def _set_aside(self, agent: AgentRecord, task: TaskEntry, text: str, now: float) -> None:
        """Keep a task that may come back, out of the books."""
        framework = self.frameworks[task.framework_id]
        self.release_task(task)
        del agent.tasks[task.key], framework.tasks[task.info.task_id]
        self.set_status(
            task, self.master_status(task, TaskState.UNREACHABLE, Reason.AGENT_REMOVED, text, now)
        )
        framework.unreachable_tasks[task.info.task_id] = task
        while len(framework.unreachable_tasks) > self.options.max_unreachable_tasks_per_framework:
            del framework.unreachable_tasks[next(iter(framework.unreachable_tasks))]
        self.count("tasks_unreachable")
        self.tell(framework, Update(task.status))

    def _lose(self, task: TaskEntry, state: TaskState, reason: Reason, text: str, now: float) -> None:
        """End a task of an agent that is lost; one that has ended is forgotten."""
        if task.state.terminal:
            self.forget_task(task)
        else:
            self.end_task(task, self.frameworks[task.framework_id].fate(state), reason, text, now)

    def _drop_agent(self, agent: AgentRecord) -> None:
        """Take an agent without tasks out of the books."""
        self.rescind_agent(agent)
        self.let_off(agent)
        for executor in list(agent.executors.values()):
            self.remove_executor(agent, executor)
        self.allocator.remove_agent(agent.id)
        del self.agents[agent.id]
        self.agent_removed(agent.id)
        if self._by_upid.get(agent.upid) == agent.id:
            del self._by_upid[agent.upid]

    def remove_agent(
        self,
        agent_id: str,
        now: float,
        text: str,
        *,
        level: int = logging.WARNING,
        state: TaskState = TaskState.GONE,
        reason: Reason = Reason.AGENT_REMOVED,
    ) -> None:
        """An agent has ended, and its tasks with it: every framework hears of it. `level` is the log's."""
        agent = self.agents.get(agent_id)
        if agent is None:
            return
        log.log(level, "agent %s at %s removed: %s", agent_id, agent.upid, text)
        self.doubted.pop(agent_id, None)
        self.forget(agent_id, "agents", "reservations", "drains")
        for task in list(agent.tasks.values()):
            self._lose(task, state, reason, text, now)
        self._drop_agent(agent)
        self.tell_all_of(agent_id, text)
        self.count("agents_removed")

    def mark_gone(self, agent_id: str, now: float) -> str | None:
        """Note on an operator's word that an agent never comes back; return what is wrong with that."""
        if agent_id in self.registry.gone:
            return None
        agent = self.agents.get(agent_id)
        if not self.on_record(agent_id):
            return f"agent {agent_id[:255]!r} is not known"
        text = "an operator said that it is gone"
        log.warning("agent %s is gone: an operator said so", agent_id)
        self.record("gone", agent_id, now)
        self._expect_no_more(agent_id)
        self.doubted.pop(agent_id, None)
        state, reason = TaskState.GONE_BY_OPERATOR, Reason.AGENT_REMOVED_BY_OPERATOR
        self.end_unreachable(agent_id, state, reason, text, now)
        if agent is not None:
            self.remove_agent(agent_id, now, text, state=state, reason=reason)
            self.send(agent.upid, ShutdownAgent(text))
        else:
            self.tell_all_of(agent_id, text)
        self.forget(agent_id, "agents", "unreachable", "reservations", "drains")
        return None

    def end_unreachable(self, agent_id: str, state: TaskState, reason: Reason, text: str, now: float) -> None:
        """End the unreachable tasks of an agent."""
        for framework in self.frameworks.values():
            for task_id, task in list(framework.unreachable_tasks.items()):
                if task.agent_id == agent_id:
                    del framework.unreachable_tasks[task_id]
                    self.end_task(task, framework.fate(state), reason, text, now)

    def on_record(self, agent_id: str) -> bool:
        """Whether an agent was admitted and is not gone: registered, still to come, or unreachable."""
        return agent_id in self.registry.agents or agent_id in self.registry.unreachable

    def out_of_reach(self) -> dict[str, UnreachableAgent]:
        """The agents that are unreachable: what is on record, but for those that have just come back."""
        unreachable = self.registry.unreachable.items()
        return {id_: agent for id_, agent in unreachable if id_ not in self.registry.agents}

    def forget_old(self, now: float) -> None:
        """Bound what is remembered of agents that are unreachable or gone, and frameworks that have ended.

        By age and by number.
        """
        unreachable = {id_: agent.since for id_, agent in self.out_of_reach().items()}
        kinds = {
            "unreachable": unreachable,
            "gone": dict(self.registry.gone),
            "ended": dict(self.registry.ended),
        }
        for kind, since in kinds.items():
            oldest_first = sorted(since, key=lambda id_: (since[id_], id_))
            too_many = max(0, len(since) - self.options.registry_max_agent_count)
            for place, id_ in enumerate(oldest_first):
                if place < too_many or since[id_] <= now - self.options.registry_max_agent_age:
                    log.info("%s, %s, is forgotten", id_, kind)
                    self.forget(id_, kind, "reservations", "drains")

    def has_agent_at(self, upid: UPID) -> bool:
        """Whether an agent is registered from that address."""
        return self._by_upid.get(upid, "") in self.agents

    def agent_of(self, sender: UPID | None) -> AgentRecord | None:
        """The agent at that address, if it is registered."""
        agent = self.agents.get(self._by_upid.get(sender, "")) if sender is not None else None
        if agent is None:
            self.count("dropped_agent_messages")
        return agent
