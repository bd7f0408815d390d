"""What a task may use, in the words of isolation, from the resources that it was given."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cluster.resources import Resources
from isolation import Limits

from .records import ExecutorRun

__all__ = ["LEAST_CPUS", "LEAST_MEMORY", "limits_of"]

MIB = 1 << 20
LEAST_CPUS = 0.01
LEAST_MEMORY = 32 * MIB
"""Nothing starts with less: a task that was given less has this, as in Mesos."""


def limits_of(run: ExecutorRun, held: Collection[str], *, quota: bool) -> Limits:
    """What a run is to be held to: of its executor's resources and those of its tasks, what `held` names.

    Without cpus or mem it has the least there is; that it has no disk or ports, only where it was given some. `quota`:
    cpus are also the most that it gets.
    """
    resources = run.info.resources if run.info is not None else Resources()
    for task in run.tasks.values():
        resources += task.info.resources
    best_effort = bool(run.tasks) and all(task.info.revocable for task in run.tasks.values())
    cpus = max(LEAST_CPUS, resources.number("cpus"))
    wanted: dict[str, Any] = {
        "cpus": cpus,
        "memory": max(LEAST_MEMORY, round(resources.number("mem") * MIB)),
    }
    if quota:
        wanted["cpu_quota"] = cpus
    if disk := resources.number("disk"):
        wanted["disk"] = round(disk * MIB)
    wanted["ports"] = resources.ranges.get("ports", ())
    if best_effort:
        wanted["best_effort"] = True
    return Limits(**{name: value for name, value in wanted.items() if name in held})
