"""What can be seen of a master: values that stay as they are. Plain functions from its records, quick ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.happenings import AgentSeen, ExecutorSeen, FrameworkSeen, MasterSeen, TaskSeen
from cluster.messages import InverseOffer

from .records import AgentRecord, Completed, ExecutorRecord, FrameworkRecord, TaskEntry

if TYPE_CHECKING:
    from .ledger import Ledger

__all__ = ["see_agent", "see_all", "see_framework", "see_task"]


def see_task(task: TaskEntry) -> TaskSeen:
    """A task."""
    return TaskSeen(
        task.framework_id,
        task.role,
        task.agent_id,
        task.info,
        task.status,
        task.reserved,
        task.holds,
        task.former,
    )


def _see_executor(executor: ExecutorRecord, agent_id: str) -> ExecutorSeen:
    return ExecutorSeen(executor.framework_id, executor.role, agent_id, executor.info, executor.reserved)


def see_agent(
    ledger: Ledger,
    agent: AgentRecord,
    tasks: list[TaskSeen] | None = None,
    executors: list[ExecutorSeen] | None = None,
) -> AgentSeen:
    """An agent; what it runs may have been seen already."""
    if tasks is None:
        tasks = [see_task(task) for task in agent.tasks.values()]
    if executors is None:
        executors = [_see_executor(each, agent.id) for each in agent.executors.values()]
    drain = agent.drain
    return AgentSeen(
        agent.info,
        str(agent.upid),
        agent.connected,
        agent.active,
        agent.registered_at,
        agent.reregistered_at,
        agent.reserved,
        agent.drain_state(),
        drain.max_grace_period if drain is not None else None,
        drain is not None and drain.mark_gone,
        tuple(ledger.offers[offer_id][0] for offer_id in agent.offers),
        tuple(tasks),
        tuple(executors),
    )


def see_framework(ledger: Ledger, framework: FrameworkRecord) -> FrameworkSeen:
    """A framework."""
    tasks = [see_task(task) for task in framework.tasks.values()]
    executors = [
        _see_executor(executor, agent.id)
        for agent in ledger.agents.values()
        for key, executor in agent.executors.items()
        if key[0] == framework.id
    ]
    inverse = [each.offer for each in ledger.inverse_offers.values()]
    mine = [offer for offer in inverse if offer.framework_id == framework.id]
    return _framework(framework, mine, tasks, executors)


def _framework(
    framework: FrameworkRecord,
    inverse_offers: list[InverseOffer],
    tasks: list[TaskSeen],
    executors: list[ExecutorSeen],
) -> FrameworkSeen:
    return FrameworkSeen(
        framework.info,
        framework.connected,
        framework.recovered,
        framework.registered_at,
        framework.subscribed_at,
        0.0,
        tuple(framework.offers.values()),
        tuple(inverse_offers),
        tuple(tasks),
        tuple(executors),
    )


def _completed(framework: Completed) -> FrameworkSeen:
    return FrameworkSeen(
        framework.info,
        registered_at=framework.registered_at,
        subscribed_at=framework.subscribed_at,
        ended_at=framework.ended_at,
    )


def see_all(ledger: Ledger) -> MasterSeen:
    """All of it: about 20 ms for 2,000 agents with 10,000 tasks."""
    tasks: list[TaskSeen] = []
    executors: list[ExecutorSeen] = []
    tasks_of: dict[str, list[TaskSeen]] = {}
    executors_of: dict[str, list[ExecutorSeen]] = {}
    inverse_of: dict[str, list[InverseOffer]] = {}
    for record in ledger.inverse_offers.values():
        inverse_of.setdefault(record.offer.framework_id, []).append(record.offer)
    agents: list[AgentSeen] = []
    for agent in ledger.agents.values():
        mine = [see_task(task) for task in agent.tasks.values()]
        for task in mine:
            tasks_of.setdefault(task.framework_id, []).append(task)
        running = [_see_executor(each, agent.id) for each in agent.executors.values()]
        for executor in running:
            executors_of.setdefault(executor.framework_id, []).append(executor)
        tasks += mine
        executors += running
        agents.append(see_agent(ledger, agent, mine, running))
    frameworks = ledger.frameworks.values()
    return MasterSeen(
        tuple(agents),
        tuple(ledger.registry.agents[id_] for id_ in ledger.recovering),
        tuple(
            _framework(
                each,
                inverse_of.get(each.id, []),
                tasks_of.get(each.id, []),
                executors_of.get(each.id, []),
            )
            for each in frameworks
        ),
        tuple(_completed(each) for each in ledger.completed_frameworks),
        tuple(tasks),
        tuple(see_task(task) for each in frameworks for task in each.unreachable_tasks.values()),
        tuple(see_task(task) for task in ledger.completed_tasks),
        tuple(executors),
    )
