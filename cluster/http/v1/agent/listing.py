"""The containers of an agent, as GET_CONTAINERS shows them, and their ids."""

from __future__ import annotations

from typing import NamedTuple

from cluster.agent import Agent
from cluster.agent.containerizer import Container
from cluster.agent.nested import ContainerPath, path_problem
from cluster.agent.records import ExecutorRun
from cluster.resources import THOUSANDTHS
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError
from cluster.v1.types.agent import Response
from isolation import Usage

__all__ = ["Row", "path_of", "rows_of", "shown"]


class Row(NamedTuple):
    """A container to be listed."""

    path: ContainerPath
    container: Container
    run: ExecutorRun | None = None


def rows_of(agent: Agent, *, nested: bool, standalone: bool) -> list[Row]:
    """Those that run. In a turn of the agent's."""
    rows: list[Row] = []
    runs: dict[str, ExecutorRun] = {}
    for run in agent.state.runs.values():
        container = agent.runner.container(run)
        if container is not None:
            runs[run.container_id] = run
            rows.append(Row((run.container_id,), container, run))
    for each in agent.runner.nested:
        if each.container is None or each.ended.done():
            continue
        if (standalone if each.path[0] not in runs else True) and (nested or len(each.path) == 1):
            rows.append(Row(each.path, each.container, runs.get(each.path[0])))
    return rows


def path_of(container_id: v1.ContainerID, path: str) -> ContainerPath:
    """The values from the outermost container's on. RefusedError for those that can be none."""
    values = []
    each: v1.ContainerID | None = container_id
    while each is not None:
        values.append(each.value)
        each = each.parent
    where = tuple(reversed(values))
    if problem := path_problem(where):
        raise RefusedError(f"{path}: {problem}")
    return where


def id_of(path: ContainerPath) -> v1.ContainerID:
    """The same as Mesos writes it."""
    found = v1.ContainerID(value=path[0])
    for value in path[1:]:
        found = v1.ContainerID(value=value, parent=found)
    return found


def shown(row: Row, usage: Usage, now: float) -> Response.GetContainers.Container:
    """A container, what it uses, and what its tasks asked for."""
    run = row.run
    limits: dict[str, float] = {}
    if run is not None and len(row.path) == 1:
        held = [task.info.resources for task in run.tasks.values()]
        held += [run.info.resources] if run.info is not None else []
        for resources in held:
            for name, amount in resources.amounts().items():
                limits[name] = limits.get(name, 0.0) + amount / THOUSANDTHS
    return Response.GetContainers.Container(
        framework_id=v1.FrameworkID(value=run.framework.id) if run is not None else None,
        executor_id=v1.ExecutorID(value=run.executor_id) if run is not None else None,
        executor_name=(run.info.name if run.info is not None else "") if run is not None else None,
        container_id=id_of(row.path),
        container_status=v1.ContainerStatus(
            container_id=id_of(row.path), executor_pid=row.container.pid or None
        ),
        resource_statistics=v1.ResourceStatistics(
            timestamp=now,
            processes=usage.processes,
            threads=usage.threads,
            cpus_user_time_secs=usage.user_seconds,
            cpus_system_time_secs=usage.system_seconds,
            cpus_limit=limits.get("cpus"),
            cpus_nr_periods=usage.periods,
            cpus_nr_throttled=usage.throttled_periods,
            cpus_throttled_time_secs=usage.throttled_seconds,
            mem_total_bytes=usage.memory_bytes,
            mem_cache_bytes=usage.cache_bytes,
            mem_rss_bytes=usage.rss_bytes,
            mem_limit_bytes=int(limits["mem"] * 2**20) if "mem" in limits else None,
        ),
    )
