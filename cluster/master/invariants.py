"""What must hold of a master's state at every moment; every test of the cluster asserts it."""

from __future__ import annotations

from cluster.resources import Resources

from .ledger import Ledger
from .records import agent_usage

__all__ = ["violations"]


def violations(state: Ledger) -> list[str]:
    """Everything that does not hold, as text; empty when all is well.

    On each agent total = free + offered + used, no part of it twice, and the allocator says the same; every
    offer and every task is known to both its agent and its framework.
    """
    found: list[str] = []
    for agent in state.agents.values():
        offered = Resources()
        for offer_id in agent.offers:
            if offer_id not in state.offers:
                found.append(f"agent {agent.id}: offer {offer_id} is not known")
                continue
            offered += state.offers[offer_id][0].resources
        used = Resources()
        for _, _, resources in agent_usage(agent):
            used += resources
        total = agent.free + offered + used
        if total != agent.info.resources:
            found.append(
                f"agent {agent.id}: {agent.info.resources} in all, but free {agent.free}, "
                f"offered {offered}, used {used}"
            )
        if state.allocator.free(agent.id) != agent.free.amounts():
            found.append(
                f"agent {agent.id}: free {agent.free}, but for the allocator {state.allocator.free(agent.id)}"
            )
        if not agent.connected and agent.offers:
            found.append(f"agent {agent.id} is offered, but not connected")
        for key, task in agent.tasks.items():
            framework = state.frameworks.get(key[0])
            if framework is None or framework.tasks.get(key[1]) is not task:
                found.append(f"agent {agent.id}: task {key} is not its framework's")
            if task.holds == task.state.terminal:
                found.append(f"task {key}: {task.state}, holds is {task.holds}")
    for offer_id, (offer, _) in state.offers.items():
        framework = state.frameworks.get(offer.framework_id)
        if framework is None or offer_id not in framework.offers or not framework.connected:
            found.append(f"offer {offer_id} has no connected framework")
        if offer.agent_id not in state.agents or offer_id not in state.agents[offer.agent_id].offers:
            found.append(f"offer {offer_id} has no agent")
    for framework in state.frameworks.values():
        unknown = framework.offers.keys() - state.offers.keys()
        found += [f"framework {framework.id}: offer {offer_id} is not known" for offer_id in sorted(unknown)]
        for task in framework.tasks.values():
            agent_record = state.agents.get(task.agent_id)
            if agent_record is None or agent_record.tasks.get(task.key) is not task:
                found.append(f"framework {framework.id}: task {task.key} is on no agent")
    return found
