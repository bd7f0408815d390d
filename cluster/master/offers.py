"""Offers at the master: made, declined, accepted; tasks launched on them."""

from __future__ import annotations

import logging

import msgspec

from cluster.messages import (
    Accept,
    Decline,
    Launch,
    Offer,
    Offers,
    Reason,
    RunTask,
    TaskInfo,
    TaskState,
    TaskStatus,
    Update,
)
from cluster.resources import Resources

from .ledger import Ledger
from .records import AgentRecord, ExecutorRecord, FrameworkRecord, TaskEntry
from .validation import task_problem

__all__ = ["OfferRules"]

log = logging.getLogger("ostrom.master")


class OfferRules(Ledger):
    """What follows from what is free, and from what frameworks answer."""

    def allocate(self, now: float, *, full: bool = False) -> None:
        """Offer what is free, as the allocator decides."""
        made: dict[str, list[Offer]] = {}
        for grant in self.allocator.allocate(now, full=full).grants:
            agent = self.agents[grant.agent]
            framework = self.frameworks[grant.framework]
            resources = agent.free.take(grant.amounts)
            agent.free -= resources
            offer = Offer(
                self.new_id("O"),
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
                self.send(upid, Offers(tuple(offers)))
            self.count("offers_made", len(offers))

    def decline(self, framework: FrameworkRecord, message: Decline, now: float) -> None:
        """Take offers back, and do not make them again for a while."""
        for offer_id in message.offer_ids:
            offer = framework.offers.get(offer_id)
            if offer is None:
                # Declined in the moment that it was rescinded: nothing to do.
                self.count("stale_declines")
                continue
            self.drop_offer(offer)
            self.return_to_agent(offer, offer.resources, message.filters.seconds(), now)
        self.count("offers_declined", len(message.offer_ids))

    def accept(self, framework: FrameworkRecord, message: Accept, now: float) -> None:
        """Launch tasks on offers. What cannot be done is told for each task; what is not used returns."""
        tasks = [
            task
            for operation in message.operations
            if isinstance(operation, Launch)
            for task in operation.tasks
        ]
        offers = [framework.offers[i] for i in dict.fromkeys(message.offer_ids) if i in framework.offers]
        problem = _offers_problem(message.offer_ids, offers)
        for offer in offers:
            self.drop_offer(offer)
        if problem:
            for offer in offers:
                self.return_to_agent(offer, offer.resources, 0.0, now)
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
        self.return_to_agent(offers[0], left, message.filters.seconds(), now)
        self.count("offers_accepted", len(offers))

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
            task.task_id, TaskState.STAGING, agent_id=agent.id, executor_id=task.executor_id, timestamp=now
        )
        entry = TaskEntry(framework.id, role, agent.id, task, status)
        agent.tasks[entry.key] = entry
        framework.tasks[task.task_id] = entry
        if task.executor is not None:
            key = (framework.id, task.executor.executor_id)
            if key not in agent.executors:
                agent.executors[key] = ExecutorRecord(framework.id, role, task.executor)
        self.count("tasks_launched")
        self.send(agent.upid, RunTask(framework.info, task, role))

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
        self.count("tasks_refused")
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
            self.send(framework.upid, Update(status))


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
