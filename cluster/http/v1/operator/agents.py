"""What is done with agents and frameworks."""

from __future__ import annotations

from cluster.master import MasterState
from cluster.v1.errors import shown
from cluster.v1.translate.operator_calls import grace_of, reservation_of, unreservation_of
from cluster.v1.types.master import Call

from .desk import Desk, bad, conflict, missing

__all__ = [
    "deactivate_agent",
    "drain_agent",
    "mark_agent_gone",
    "reactivate_agent",
    "reserve_resources",
    "teardown",
    "unreserve_resources",
]


async def reserve_resources(desk: Desk, call: Call) -> None:
    """Reserve what nobody uses."""
    part = call.reserve_resources
    if part is None:
        return
    agent_id, (resources, role) = part.agent_id.value, reservation_of(part)

    def rule() -> str | None:
        _check_registered(desk.master.state, agent_id, "reserve_resources")
        return desk.master.reserve(agent_id, role, resources)

    await desk.change(rule, conflict)


async def unreserve_resources(desk: Desk, call: Call) -> None:
    """End a reservation, or a part of it, that nobody uses."""
    part = call.unreserve_resources
    if part is None:
        return
    agent_id, (resources, role) = part.agent_id.value, unreservation_of(part)

    def rule() -> str | None:
        _check_registered(desk.master.state, agent_id, "unreserve_resources")
        return desk.master.unreserve(agent_id, role, resources)

    await desk.change(rule, conflict)


def _check_registered(state: MasterState, agent_id: str, name: str) -> None:
    if agent_id not in state.agents:
        raise bad(f"{name}.agent_id: agent {shown(agent_id)} is not registered")


async def drain_agent(desk: Desk, call: Call) -> None:
    """End what an agent runs, and offer nothing more of it."""
    part = call.drain_agent
    if part is None:
        return
    agent_id, grace = part.agent_id.value, grace_of(part.max_grace_period, "drain_agent.max_grace_period")

    def rule() -> str | None:
        _check_known(desk.master.state, agent_id, "drain_agent")
        return desk.master.drain(agent_id, grace, bool(part.mark_gone))

    await desk.change(rule, bad)


async def deactivate_agent(desk: Desk, call: Call) -> None:
    """Offer nothing more of an agent."""
    if call.deactivate_agent is None:
        return
    agent_id = call.deactivate_agent.agent_id.value

    def rule() -> str | None:
        _check_known(desk.master.state, agent_id, "deactivate_agent")
        return desk.master.deactivate(agent_id)

    await desk.change(rule, bad)


async def reactivate_agent(desk: Desk, call: Call) -> None:
    """Offer an agent again."""
    if call.reactivate_agent is None:
        return
    agent_id = call.reactivate_agent.agent_id.value

    def rule() -> str | None:
        _check_known(desk.master.state, agent_id, "reactivate_agent")
        if agent_id not in desk.master.state.registry.drains:
            return f"reactivate_agent.agent_id: agent {shown(agent_id)} is not deactivated"
        return desk.master.reactivate(agent_id)

    await desk.change(rule, bad)


def _check_known(state: MasterState, agent_id: str, name: str) -> None:
    if not state.on_record(agent_id):
        raise bad(f"{name}.agent_id: agent {shown(agent_id)} is not known")


async def mark_agent_gone(desk: Desk, call: Call) -> None:
    """An agent never comes back; to say so twice is no error."""
    if call.mark_agent_gone is None:
        return
    agent_id = call.mark_agent_gone.agent_id.value

    def rule() -> str | None:
        state = desk.master.state
        if agent_id not in state.registry.gone and not state.on_record(agent_id):
            raise missing(f"mark_agent_gone.agent_id: agent {shown(agent_id)} is not known")
        return desk.master.mark_gone(agent_id)

    await desk.change(rule, bad)


async def teardown(desk: Desk, call: Call) -> None:
    """End a framework, and its tasks."""
    if call.teardown is None:
        return
    framework_id = call.teardown.framework_id.value

    def rule() -> str | None:
        if desk.master.end_framework(framework_id, "torn down by an operator"):
            return None
        return f"teardown.framework_id: there is no framework {shown(framework_id)}"

    await desk.change(rule, bad)
