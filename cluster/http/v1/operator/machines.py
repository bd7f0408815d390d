"""Planned maintenance."""

from __future__ import annotations

from collections.abc import Collection

from actors import UPID, parse_address
from cluster.http.bodies import BodyError, ScheduleBody, WindowBody
from cluster.master import MasterState
from cluster.v1.errors import shown
from cluster.v1.translate.operator_maintenance import (
    Planned,
    answer_to,
    machines_of,
    schedule_of,
    schedule_to,
    status_to,
)
from cluster.v1.types.allocator import InverseOfferStatus
from cluster.v1.types.ids import MachineID
from cluster.v1.types.maintenance import ClusterStatus
from cluster.v1.types.master import Call, Response

from .desk import Desk, bad

__all__ = ["get_schedule", "get_status", "start", "stop", "update_schedule"]

Type = Response.Type


def _ip(upid: UPID) -> str:
    place = str(upid).rpartition("@")[2]
    return "" if place.startswith("unix:") else parse_address(place)[0]


def _ips(state: MasterState) -> dict[str, str]:
    """The addresses of the machines whose agents are registered, by hostname."""
    found = {agent.info.hostname: _ip(agent.upid) for agent in state.agents.values()}
    return {name: ip for name, ip in found.items() if ip}


def _by_ip(state: MasterState) -> dict[str, str]:
    return {ip: name for name, ip in _ips(state).items()}


def _windows(state: MasterState) -> list[Planned]:
    windows = sorted(state.registry.windows.items(), key=lambda item: (item[1].start, item[0]))
    return [Planned(each.machines, each.start, each.duration) for _, each in windows]


async def get_schedule(desk: Desk, _: Call) -> Response:
    """The schedule."""
    windows, ips = await desk.see(lambda state: (_windows(state), _ips(state)))
    part = Response.GetMaintenanceSchedule(schedule=schedule_to(windows, ips))
    return Response(type=Type.GET_MAINTENANCE_SCHEDULE, get_maintenance_schedule=part)


async def get_status(desk: Desk, _: Call) -> Response:
    """What frameworks say to it."""
    part = Response.GetMaintenanceStatus(status=await desk.see(_status))
    return Response(type=Type.GET_MAINTENANCE_STATUS, get_maintenance_status=part)


def _status(state: MasterState) -> ClusterStatus:
    answers: dict[str, list[InverseOfferStatus]] = {}
    for record in state.inverse_offers.values():
        agent = state.agents[record.offer.agent_id]
        answer = answer_to(record.offer.framework_id, record.answer, record.answered_at)
        for name in {agent.info.hostname, agent.id}:
            answers.setdefault(name, []).append(answer)
    windows = state.registry.windows.values()
    draining = [name for each in windows if not each.down for name in each.machines]
    down = [name for each in windows if each.down for name in each.machines]
    return status_to([(name, answers.get(name, [])) for name in draining], down, _ips(state))


async def update_schedule(desk: Desk, call: Call) -> None:
    """Replace the schedule."""
    if call.update_maintenance_schedule is None:
        return
    by_ip = await desk.see(_by_ip)
    path = "update_maintenance_schedule.schedule"
    planned = schedule_of(call.update_maintenance_schedule.schedule, by_ip, path)
    body = ScheduleBody(tuple(WindowBody(each.machines, each.start, each.duration) for each in planned))

    def rule() -> str | None:
        try:
            return desk.master.update_schedule(body.parsed(_down(desk.master.state)))
        except BodyError as error:
            return f"{path}.{error}"

    await desk.change(rule, bad)


def _down(state: MasterState) -> set[str]:
    return {name for each in state.registry.windows.values() if each.down for name in each.machines}


def _scheduled(state: MasterState) -> set[str]:
    return {name for each in state.registry.windows.values() if not each.down for name in each.machines}


async def start(desk: Desk, call: Call) -> None:
    """Take machines down that are planned to be."""
    part = call.start_maintenance or Call.StartMaintenance()
    names = await _machines(desk, part.machines, "start_maintenance.machines")

    def rule() -> str | None:
        state = desk.master.state
        _check(names, _scheduled(state), "not in the maintenance schedule, or down already")
        return desk.master.machine_down(names)

    await desk.change(rule, bad)


async def stop(desk: Desk, call: Call) -> None:
    """Machines that are down are back."""
    part = call.stop_maintenance or Call.StopMaintenance()
    names = await _machines(desk, part.machines, "stop_maintenance.machines")

    def rule() -> str | None:
        _check(names, _down(desk.master.state), "not down for maintenance")
        return desk.master.machine_up(names)

    await desk.change(rule, bad)


async def _machines(desk: Desk, machines: tuple[MachineID, ...], path: str) -> list[str]:
    return machines_of(machines, await desk.see(_by_ip), path)


def _check(names: list[str], allowed: Collection[str], text: str) -> None:
    for name in names:
        if name not in allowed:
            raise bad(f"machine {shown(name)} is {text}")
