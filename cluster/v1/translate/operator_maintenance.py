"""Planned maintenance. Mesos's machines have a hostname and an IP address, ours a hostname (or an agent's id)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from cluster.messages import Unavailability
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown
from cluster.v1.types.allocator import InverseOfferStatus
from cluster.v1.types.maintenance import ClusterStatus, Schedule, Window

from .common import NANOSECONDS, time_to, unavailability_to

__all__ = ["Planned", "answer_to", "machine_to", "machines_of", "schedule_of", "schedule_to", "status_to"]


class Planned(Struct, frozen=True):
    """Machines that are planned to be down, from `start` on (seconds since the epoch), for so many seconds."""

    machines: tuple[str, ...]
    start: float
    duration: float | None


def machines_of(machines: Sequence[v1.MachineID], by_ip: Mapping[str, str], path: str) -> list[str]:
    """The names of machines; `by_ip` are the hostnames of those that are known. RefusedError."""
    if not machines:
        raise RefusedError(f"{path} is empty")
    found: list[str] = []
    for place, machine in enumerate(machines):
        where, ip = f"{path}[{place}]", machine.ip or ""
        name = machine.hostname or by_ip.get(ip, "")
        if not name and ip:
            raise RefusedError(
                f"{where}.ip is {shown(ip)}, of no agent: machines are known by their hostnames here"
            )
        if not name:
            raise RefusedError(f"{where} has neither hostname nor ip")
        if name in found:
            raise RefusedError(f"{where} is {shown(name)}, as another")
        found.append(name)
    return found


def machine_to(name: str, ips: Mapping[str, str]) -> v1.MachineID:
    """A machine, with its IP address if an agent is registered from there."""
    return v1.MachineID(hostname=name, ip=ips.get(name))


def schedule_of(schedule: Schedule, by_ip: Mapping[str, str], path: str) -> list[Planned]:
    """The windows of a schedule. RefusedError."""
    return [
        _planned(window, by_ip, f"{path}.windows[{place}]") for place, window in enumerate(schedule.windows)
    ]


def _planned(window: Window, by_ip: Mapping[str, str], path: str) -> Planned:
    duration = window.unavailability.duration
    if duration is not None and duration.nanoseconds <= 0:
        raise RefusedError(
            f"{path}.unavailability.duration is {duration.nanoseconds} ns, and is above 0 or absent here"
        )
    return Planned(
        tuple(machines_of(window.machine_ids, by_ip, f"{path}.machine_ids")),
        window.unavailability.start.nanoseconds / NANOSECONDS,
        None if duration is None else duration.nanoseconds / NANOSECONDS,
    )


def schedule_to(windows: Iterable[Planned], ips: Mapping[str, str]) -> Schedule:
    """A schedule as Mesos writes it."""
    return Schedule(
        windows=tuple(
            Window(
                machine_ids=tuple(machine_to(name, ips) for name in each.machines),
                unavailability=unavailability_to(Unavailability(each.start, each.duration)),
            )
            for each in windows
        )
    )


def answer_to(framework_id: str, answer: str, answered_at: float) -> InverseOfferStatus:
    """What a framework said to an inverse offer: ACCEPT or DECLINE, empty while it has not."""
    return InverseOfferStatus(
        status=InverseOfferStatus.Status.named(answer or "UNKNOWN"),
        framework_id=v1.FrameworkID(value=framework_id),
        timestamp=time_to(answered_at if math.isfinite(answered_at) else 0.0),
    )


def status_to(
    draining: Iterable[tuple[str, Sequence[InverseOfferStatus]]], down: Iterable[str], ips: Mapping[str, str]
) -> ClusterStatus:
    """The machines that are planned to be down, with what frameworks say to it, and those that are."""
    return ClusterStatus(
        draining_machines=tuple(
            ClusterStatus.DrainingMachine(id=machine_to(name, ips), statuses=tuple(answers))
            for name, answers in draining
        ),
        down_machines=tuple(machine_to(name, ips) for name in down),
    )
