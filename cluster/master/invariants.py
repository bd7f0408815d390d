"""What must hold of a master's state at every moment; every test of the cluster asserts it."""

from __future__ import annotations

from allocators import Grant
from cluster.messages import TaskState
from cluster.resources import ResourceError

from .ledger import Ledger
from .parts import EMPTY, Parts, offer_parts
from .records import AgentRecord, agent_usage

__all__ = ["violations"]


def violations(state: Ledger) -> list[str]:
    """Everything that does not hold, as text; empty when all is well.

    On each agent total = free + offered + used, what is reserved and what is revocable each by itself, no part of it
    twice, and the allocator says the same; every offer and every task is known to both its agent and its framework;
    what is unreachable holds nothing; what the registry says is so.
    """
    found: list[str] = []
    for agent in state.agents.values():
        found += _agent(state, agent)
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
        for task in framework.unreachable_tasks.values():
            if task.holds or task.state is not TaskState.UNREACHABLE or task.agent_id in state.agents:
                found.append(f"unreachable task {task.key}: {task.state}, holds is {task.holds}")
        both = framework.tasks.keys() & framework.unreachable_tasks.keys()
        found += [f"framework {framework.id}: task {id_} is here and unreachable" for id_ in sorted(both)]
    for record in state.inverse_offers.values():
        if record.offer.framework_id not in state.frameworks or record.offer.agent_id not in state.agents:
            found.append(f"inverse offer {record.offer.id} is nobody's")
    return found + _registry(state)


def _agent(state: Ledger, agent: AgentRecord) -> list[str]:
    found = []
    held: dict[tuple[str, str], Parts] = {}
    for framework_id, role, parts in agent_usage(agent):
        held[framework_id, role] = held.get((framework_id, role), EMPTY) + parts
    for offer_id in agent.offers:
        if offer_id not in state.offers:
            found.append(f"agent {agent.id}: offer {offer_id} is not known")
            continue
        offer = state.offers[offer_id][0]
        client = offer.framework_id, offer.role
        held[client] = held.get(client, EMPTY) + offer_parts(offer)
    try:
        whole = Parts.of_agent(agent.info.resources, agent.reserved, agent.info.revocable)
        in_all = sum(held.values(), agent.unused)
    except ResourceError as error:
        return [*found, f"agent {agent.id}: {error}"]
    if in_all != whole:
        found.append(f"agent {agent.id}: {whole} in all, but unused {agent.unused} and held {held}")
    if state.allocator.free(agent.id) != agent.free.amounts():
        found.append(
            f"agent {agent.id}: free {agent.free}, but for the allocator {state.allocator.free(agent.id)}"
        )
    ours = {client: _amounts(parts) for client, parts in held.items() if parts}
    theirs = {(grant.framework, grant.role): _grant(grant) for grant in state.allocator.holdings(agent.id)}
    if ours != theirs:
        found.append(f"agent {agent.id}: held are {ours}, but for the allocator {theirs}")
    if not (agent.connected and agent.active) and agent.offers:
        found.append(f"agent {agent.id} is offered, but not connected or not active")
    for key, task in agent.tasks.items():
        framework = state.frameworks.get(key[0])
        if framework is None or framework.tasks.get(key[1]) is not task:
            found.append(f"agent {agent.id}: task {key} is not its framework's")
        if task.holds == task.state.terminal:
            found.append(f"task {key}: {task.state}, holds is {task.holds}")
    stray = [key for key in agent.executors if key[0] not in state.frameworks]
    return found + [f"agent {agent.id}: executor {key} has no framework" for key in stray]


Held = tuple[dict[str, int], dict[str, dict[str, int]], dict[str, int]]


def _amounts(parts: Parts) -> Held:
    reserved = {role: resources.amounts() for role, resources in parts.reserved.items()}
    return parts.plain.amounts(), reserved, parts.revocable.amounts()


def _grant(grant: Grant) -> Held:
    reserved = {role: dict(amounts) for role, amounts in grant.reserved.items() if amounts}
    return dict(grant.amounts), reserved, dict(grant.revocable)


def _registry(state: Ledger) -> list[str]:
    """What is on record and what is believed must agree, or the next master believes something else."""
    registry = state.registry
    found = []
    if registry.agents.keys() != state.agents.keys() | state.recovering.keys():
        found.append(f"on record are agents {sorted(registry.agents)}, here are {sorted(state.agents)}")
    if state.agents.keys() & registry.gone.keys():
        found.append("an agent is here, and on record as gone")
    if registry.frameworks.keys() != state.frameworks.keys():
        found.append(
            f"on record are frameworks {sorted(registry.frameworks)}, not {sorted(state.frameworks)}"
        )
    for agent in state.agents.values():
        if agent.info != registry.agents.get(agent.id) or agent.drain != registry.drains.get(agent.id):
            found.append(f"agent {agent.id} is on record as another")
        if agent.reserved != registry.reservations.get(agent.id, {}):
            found.append(f"agent {agent.id}: reserved {agent.reserved}, not what is on record")
    others = [each.id for each in state.frameworks.values() if registry.frameworks.get(each.id) != each.info]
    return found + [f"framework {framework_id} is on record as another" for framework_id in others]
