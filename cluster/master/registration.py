"""Agents at the master: they register, for the first time or again, whatever either side has forgotten or missed."""

from __future__ import annotations

import logging

import msgspec

from actors import UPID
from allocators.errors import AllocatorError
from cluster.attributes import AttributeValue
from cluster.messages import (
    HOSTNAME,
    AgentInfo,
    AgentRefused,
    AgentRegistered,
    Reason,
    RegisterAgent,
    ShutdownAgent,
    ShutdownFramework,
    TaskState,
    check_id,
)
from cluster.resources import ResourceError

from .adoption import AdoptionRules, agent_usage_of, brought, overuse
from .maintenance import MaintenanceRules
from .parts import Parts
from .records import AgentRecord
from .validation import size_problem

__all__ = ["RegistrationRules"]

log = logging.getLogger("ostrom.master")


class RegistrationRules(AdoptionRules, MaintenanceRules):
    """Registration is idempotent. From what an agent does not name nothing is concluded: it is asked."""

    def register_agent(self, sender: UPID, message: RegisterAgent, now: float) -> None:
        """Take an agent, with all that it runs, or refuse it."""
        info = self._agent_info(sender, message, now)
        known = self.agents.get(info.id)
        if text := self._banned(info):
            log.warning("agent %s at %s is shut down: %s", info.id, sender, text)
            self.send(sender, ShutdownAgent(text, info.id not in self.registry.gone and info.checkpoint))
            return
        problem = self._refusal(known, info, message)
        if problem is None:
            if known is None:
                problem = self._admit(sender, info, message, now)
            else:
                problem = self._return(known, sender, info, message, now)
        if problem is not None:
            log.warning("agent %s at %s refused: %s", info.id, sender, problem)
            self.send(sender, AgentRefused(problem))

    def _agent_info(self, sender: UPID, message: RegisterAgent, now: float) -> AgentInfo:
        """The agent's info with the id that it has or is given. Another agent at its address is no longer there."""
        info = message.agent
        there = self.agents.get(self._by_upid.get(sender, ""))
        if there is not None and there.id != info.id:
            if not info.id and there.incarnation == message.incarnation:
                # The answer to its first registration was lost, or is on its way.
                return msgspec.structs.replace(info, id=there.id)
            if info.id and there.info.checkpoint:
                self.agent_disconnected(sender)
            else:
                text = "another agent registered at its address"
                self.remove_agent(there.id, now, text, reason=Reason.AGENT_RESTARTED)
                self.count("agents_replaced")
        return info if info.id else msgspec.structs.replace(info, id=self.new_id("A"))

    def _banned(self, info: AgentInfo) -> str:
        """Why an agent may run nothing at all, on an operator's word; empty if it may."""
        if info.id in self.registry.gone:
            return f"agent {info.id} is gone: an operator said so"
        return "its machine is down for maintenance" if self.is_down(info) else ""

    def _refusal(self, known: AgentRecord | None, info: AgentInfo, message: RegisterAgent) -> str | None:
        if not info.resources:
            return "it has no resources"
        if problem := check_id("agent.id", info.id) or size_problem("agent", info):
            return problem
        if known is not None and known.incarnation == message.incarnation and _changed(known.info, info):
            return f"agent {info.id} is registered with other resources"
        return None

    def _whole(self, info: AgentInfo) -> Parts | str:
        """All that it has, in parts, or the text of what is wrong with its reservations."""
        reservations = self.registry.reservations.get(info.id, {})
        try:
            return Parts.of_agent(info.resources, reservations, info.revocable)
        except ResourceError as error:
            return f"less than is reserved there: {error}"

    def _admit(self, sender: UPID, info: AgentInfo, message: RegisterAgent, now: float) -> str | None:
        """Take an agent that is new to this master. Return what is wrong with it."""
        whole = self._whole(info)
        if isinstance(whole, str):
            return whole
        if problem := overuse(whole, (), brought(message)):
            return problem
        reserved = self.registry.reservations.get(info.id, {})
        agent = AgentRecord(
            info,
            sender,
            whole,
            registered_at=now,
            incarnation=message.incarnation,
            forgetful=message.forgetful,
            reserved=reserved,
            drain=self.registry.drains.get(info.id),
        )
        try:
            self.allocator.add_agent(
                info.id,
                info.resources.amounts(),
                attributes=_attributes(info),
                reservations={role: resources.amounts() for role, resources in reserved.items()},
                revocable=info.revocable.amounts(),
            )
        except AllocatorError as error:
            return str(error)
        returned, on_record = info.id in self.registry.unreachable, self.on_record(info.id)
        self.count("agents_reregistered" if on_record else "agents_registered")
        if self.registry.agents.get(info.id) != info:
            self.record("agents", info.id, info)
        # That it was unreachable stays on record until it is known to have heard what must end for that: see `ponged`.
        self.recovering.pop(info.id, None)
        self.doubted.pop(info.id, None)
        self.agents[info.id] = agent
        self._by_upid[sender] = info.id
        self.agent_added(agent)
        ended = self.adopt_frameworks(message, now, on_record=on_record)
        kill = self.adopt(agent, message, now, returned=returned, known=False)
        text = "its agent came back without it"
        self.end_unreachable(info.id, TaskState.GONE, Reason.AGENT_REREGISTERED, text, now)
        self.heed(agent)
        self.plan_for(agent)
        log.info("agent %s at %s registered: %s", info.id, sender, info.resources)
        self._welcome(agent, message, kill, ended)
        return None

    def _return(
        self, agent: AgentRecord, sender: UPID, info: AgentInfo, message: RegisterAgent, now: float
    ) -> str | None:
        """An agent that is known registers once more: its answer was lost, its connection broke, or it restarted."""
        restarted = agent.incarnation != message.incarnation
        if restarted and not info.checkpoint:
            self._end_unnamed(agent, message, now)
        whole = self._whole(info)
        if isinstance(whole, str):
            return whole
        news = self.news(agent, message)
        if problem := overuse(whole, agent_usage_of(agent).values(), news):
            return problem
        if _changed(agent.info, info) or news:
            # What it brings may be on offer.
            self.rescind_agent(agent)
        changed = agent.info != info
        if changed and (problem := self._take_agent_info(agent, info, whole)):
            return problem
        if agent.upid != sender:
            changed = True
            log.warning("agent %s moved from %s to %s", agent.id, agent.upid, sender)
            if self._by_upid.get(agent.upid) == agent.id:
                del self._by_upid[agent.upid]
            agent.upid = sender
        self._by_upid[sender] = agent.id
        agent.incarnation = message.incarnation
        agent.forgetful |= message.forgetful
        agent.connected = True
        self.count("agents_reregistered")
        agent.reregistered_at = now
        self.pong(agent)
        if changed:
            self.agent_added(agent)
        ended = self.adopt_frameworks(message, now, on_record=True)
        kill = self.adopt(agent, message, now, returned=False, known=True)
        if restarted:
            self._close_unnamed(agent, message)
        self.heed(agent)
        self._welcome(agent, message, kill, ended)
        return None

    def _end_unnamed(self, agent: AgentRecord, message: RegisterAgent, now: float) -> None:
        """What a process that keeps nothing ran has died with it."""
        tasks = {(task.framework_id, task.task.task_id) for task in message.tasks}
        executors = {(each.framework_id, each.executor.executor_id) for each in message.executors}
        for key, task in list(agent.tasks.items()):
            if key not in tasks:
                self._lose(task, TaskState.GONE, Reason.AGENT_RESTARTED, "its agent's process restarted", now)
        for key, executor in list(agent.executors.items()):
            if key not in executors:
                self.remove_executor(agent, executor)

    def _close_unnamed(self, agent: AgentRecord, message: RegisterAgent) -> None:
        """Forget ends that nobody has acknowledged and that the agent's disk may have lost, with its machine's power.

        It may have only not named them, and tell them again: then they are told twice.
        """
        named = {(task.framework_id, task.task.task_id) for task in message.tasks}
        for key, entry in list(agent.tasks.items()):
            if entry.state.terminal and key not in named:
                self.close_task(self.frameworks[key[0]], entry)

    def _take_agent_info(self, agent: AgentRecord, info: AgentInfo, whole: Parts) -> str | None:
        """Take over what a restarted agent says of itself. Nothing of it is on offer."""
        try:
            self.allocator.update_agent(
                agent.id,
                total=info.resources.amounts(),
                attributes=_attributes(info),
                revocable=info.revocable.amounts(),
            )
        except AllocatorError as error:
            return str(error)
        before = Parts.of_agent(agent.info.resources, agent.reserved, agent.info.revocable)
        agent.unused = whole - (before - agent.unused)
        agent.info = info
        self.record("agents", agent.id, info)
        self.plan_for(agent)
        return None

    def _welcome(
        self,
        agent: AgentRecord,
        message: RegisterAgent,
        kill: tuple[tuple[str, str], ...],
        ended: list[str],
    ) -> None:
        """Tell an agent that it is registered, then what it should have heard already."""
        tasks = {(task.framework_id, task.task.task_id) for task in message.tasks}
        executors = {(each.framework_id, each.executor.executor_id) for each in message.executors}
        self.send(
            agent.upid,
            AgentRegistered(
                agent.id,
                self.master_id,
                self.options.ping_interval * self.options.max_missed_pings,
                kill,
                tuple(
                    key for key, task in agent.tasks.items() if key not in tasks and not task.state.terminal
                ),
                tuple(key for key in agent.executors if key not in executors),
            ),
        )
        for framework_id in ended:
            self.send(agent.upid, ShutdownFramework(framework_id))
        for task in agent.tasks.values():
            if task.kill is not None and not task.state.terminal:
                self.send(agent.upid, task.kill)
        for executor in agent.executors.values():
            executor.ending = False


def _changed(before: AgentInfo, after: AgentInfo) -> bool:
    """Whether it has other resources, or says other things of itself that decide what is offered of it."""
    return (before.resources, before.revocable, before.attributes, before.hostname) != (
        after.resources,
        after.revocable,
        after.attributes,
        after.hostname,
    )


def _attributes(info: AgentInfo) -> dict[str, str | float]:
    """What constraints can be on."""
    attributes = {name: _plain(info.attributes.get(name)) for name in info.attributes}
    return {**attributes, HOSTNAME: info.hostname}


def _plain(value: AttributeValue | None) -> str | float:
    """An attribute as constraints see it: texts and numbers; ranges and sets are text."""
    return value if isinstance(value, str | float) else str(value)
