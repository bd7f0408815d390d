"""Agents at the master: register, return, fall silent, are removed."""

from __future__ import annotations

import logging

import msgspec

from actors import UPID
from cluster.attributes import AttributeValue
from cluster.messages import (
    AgentInfo,
    AgentRefused,
    AgentRegistered,
    FrameworkFailure,
    Reason,
    RegisterAgent,
    ShutdownFramework,
    TaskState,
)
from cluster.resources import Resources

from .frameworks import FrameworkRules
from .records import AgentRecord, ExecutorRecord, TaskEntry, agent_usage

__all__ = ["AgentRules"]

log = logging.getLogger("ostrom.master")


class AgentRules(FrameworkRules):
    """What follows from what agents do, or no longer do. They bring frameworks with them."""

    def agent_info(self, sender: UPID, message: RegisterAgent) -> AgentInfo:
        """The agent's info with the id that it has or is given; nothing changes yet but the numbering."""
        info = message.agent
        if info.id:
            return info
        known = self._by_upid.get(sender)
        return msgspec.structs.replace(info, id=known or self.new_id("A"))

    def register_agent(self, sender: UPID, info: AgentInfo, message: RegisterAgent, now: float) -> None:
        """Take an agent that the registry has admitted, with all that it runs. Idempotent."""
        used = Resources()
        for task in message.tasks:
            if not task.status.state.terminal:
                used += task.task.resources
        for executor in message.executors:
            used += executor.executor.resources
        if not info.resources.contains(used):
            self.send(sender, AgentRefused(f"its tasks use more than it has: {info.resources.missing(used)}"))
            return
        known = self.agents.get(info.id)
        if known is not None:
            self._return_agent(known, sender, info, message, now)
            return
        agent = AgentRecord(info, sender, info.resources, registered_at=now)
        self.agents[info.id] = agent
        self._by_upid[sender] = info.id
        for framework_info in message.frameworks:
            self.expect_framework(framework_info, now)
        kill = self._adopt(agent, message)
        allocated: dict[tuple[str, str], dict[str, int]] = {}
        for framework_id, role, resources in agent_usage(agent):
            mine = allocated.setdefault((framework_id, role), {})
            for name, amount in resources.amounts().items():
                mine[name] = mine.get(name, 0) + amount
        attributes = {name: _plain(info.attributes.get(name)) for name in info.attributes}
        self.allocator.add_agent(info.id, info.resources.amounts(), allocated, attributes=attributes)
        log.info("agent %s at %s registered: %s", info.id, sender, info.resources)
        self.send(sender, AgentRegistered(info.id, self.master_id, self._ping_timeout(), kill))

    def _ping_timeout(self) -> float:
        return self.options.ping_interval * self.options.max_missed_pings

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
                self.send(agent.upid, ShutdownFramework(executor.framework_id))
        return tuple(kill)

    def _ended_unseen(self, framework_id: str, task_id: str) -> bool:
        return any(t.framework_id == framework_id and t.info.task_id == task_id for t in self.completed_tasks)

    def _return_agent(
        self, agent: AgentRecord, sender: UPID, info: AgentInfo, message: RegisterAgent, now: float
    ) -> None:
        """An agent that is known registers once more: its answer was lost, or its connection broke."""
        if info.resources != agent.info.resources or info.attributes != agent.info.attributes:
            self.send(sender, AgentRefused(f"agent {agent.id} is registered with other resources"))
            return
        if agent.upid != sender:
            log.warning("agent %s moved from %s to %s", agent.id, agent.upid, sender)
            self._by_upid.pop(agent.upid, None)
            agent.upid = sender
            self._by_upid[sender] = agent.id
        agent.missed_pings = 0
        if agent.connected:
            # Its answer was lost. What it says it runs is older than what was sent to it since: no news.
            self.send(sender, AgentRegistered(agent.id, self.master_id, self._ping_timeout()))
            return
        agent.connected = True
        self.allocator.update_agent(agent.id, active=True)
        there = {(t.framework_id, t.task.task_id): t for t in message.tasks}
        executors = {(e.framework_id, e.executor.executor_id) for e in message.executors}
        for key, entry in list(agent.tasks.items()):
            # A launch that the break swallowed: nothing is launched on an agent that is not connected.
            if key not in there and not entry.state.terminal:
                text = "the agent does not have it: it was lost on the way"
                self.end_task(entry, TaskState.DROPPED, Reason.AGENT_DISCONNECTED, text, now)
        for key, executor in list(agent.executors.items()):
            if key not in executors and not any(
                (t.framework_id, t.info.executor_id) == key and t.holds for t in agent.tasks.values()
            ):
                self.remove_executor(agent, executor)
        kill = tuple(
            key
            for key, record in there.items()
            if key not in agent.tasks and not record.status.state.terminal
        )
        self.send(sender, AgentRegistered(agent.id, self.master_id, self._ping_timeout(), kill))

    def agent_disconnected(self, upid: UPID) -> AgentRecord | None:
        """The connection to an agent broke: no offers of it until it is back. None if it is no agent."""
        agent = self.agents.get(self._by_upid.get(upid, ""))
        if agent is None or not agent.connected:
            return agent
        agent.connected = False
        for offer_id in sorted(agent.offers):
            self.rescind(self.offers[offer_id][0], 0.0, 0.0)
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
            self.rescind(self.offers[offer_id][0], 0.0, 0.0)
        for task in list(agent.tasks.values()):
            if not task.state.terminal:
                self.end_task(task, TaskState.LOST, Reason.AGENT_REMOVED, text, now)
            else:
                self.forget_task(task)
        for executor in list(agent.executors.values()):
            self.remove_executor(agent, executor)
        self.allocator.remove_agent(agent_id)
        del self.agents[agent_id]
        self._by_upid.pop(agent.upid, None)
        for framework in self.frameworks.values():
            if framework.upid is not None and framework.connected:
                self.send(framework.upid, FrameworkFailure(agent_id, message=text))
        self.count("agents_removed")

    def agent_of(self, sender: UPID | None) -> AgentRecord | None:
        """The agent at that address, if it is registered."""
        agent = self.agents.get(self._by_upid.get(sender, "")) if sender is not None else None
        if agent is None:
            self.count("dropped_agent_messages")
        return agent


def _plain(value: AttributeValue | None) -> str | float:
    """An attribute as constraints see it: texts and numbers; ranges and sets are text."""
    return value if isinstance(value, str | float) else str(value)
