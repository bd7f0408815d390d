"""`ostrom master` and `ostrom agent`."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import rich_click as click

from cluster.agent import AgentOptions, ReconfigurationPolicy
from cluster.attributes import Attributes
from cluster.election import detector_for
from cluster.local import AgentNode, MasterNode
from cluster.master import MasterOptions, RoleOptions
from cluster.registry import MemoryRegistry, Registry, SqliteRegistry
from cluster.resources import Resources

from .options import ATTRIBUTES, PRIORITY, QUOTA, RESOURCES, WEIGHT, allocator_option, master_option, option
from .serve import serve

__all__ = ["agent", "machine_resources", "master"]

SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for all.")
@option("--port", type=click.IntRange(0, 65535), default=5050, help="Port to listen on; 0 for any free one.")
@option("--advertise", help="Host, or host:port, that others are told, where it differs.")
@option(
    "--work-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ostrom-work/master"),
    help="Directory for the registry.",
)
@option(
    "--registry",
    type=click.Choice(["sqlite", "memory"]),
    default="sqlite",
    help="Where agents and weights are remembered: a file in the work directory, or nowhere.",
)
@option("--weight", "weights", type=WEIGHT, multiple=True, help="Weight of a role; may be given again.")
@allocator_option
@option("--guarantee", "guarantees", type=QUOTA, multiple=True, help="ROLE=RESOURCES kept free for a role.")
@option("--limit", "limits", type=QUOTA, multiple=True, help="ROLE=RESOURCES that a role gets at most.")
@option("--priority", "priorities", type=PRIORITY, multiple=True, help="ROLE=NUMBER, for allocator priority.")
@option("--offer-timeout", type=SECONDS, default=30.0, help="Seconds until an unanswered offer is rescinded.")
@option("--allocation-interval", type=SECONDS, default=1.0, help="Seconds between passes over all agents.")
@option("--agent-ping-timeout", type=SECONDS, default=15.0, help="Seconds between pings of each agent.")
@option(
    "--max-agent-ping-timeouts",
    type=click.IntRange(1),
    default=5,
    help="Pings an agent may miss until it is removed.",
)
def master(
    host: str,
    port: int,
    advertise: str | None,
    work_dir: Path,
    registry: str,
    weights: tuple[tuple[str, float], ...],
    allocator: str,
    guarantees: tuple[tuple[str, Resources], ...],
    limits: tuple[tuple[str, Resources], ...],
    priorities: tuple[tuple[str, int], ...],
    offer_timeout: float,
    allocation_interval: float,
    agent_ping_timeout: float,
    max_agent_ping_timeouts: int,
) -> None:
    """Run a master: it offers the agents' resources to frameworks.

    SIGTERM ends it; running tasks are not touched, and agents and frameworks come back to the next one.
    """
    options = MasterOptions(
        allocation_interval=allocation_interval,
        offer_timeout=offer_timeout,
        ping_interval=agent_ping_timeout,
        max_missed_pings=max_agent_ping_timeouts,
    )

    guaranteed, limited, prior = dict(guarantees), dict(limits), dict(priorities)
    roles = {
        role: RoleOptions(
            guaranteed.get(role, Resources()), limited.get(role, Resources()), prior.get(role, 0)
        )
        for role in {*guaranteed, *limited, *prior}
    }

    def make() -> MasterNode:
        store: Registry = (
            SqliteRegistry(work_dir / "registry.sqlite") if registry == "sqlite" else MemoryRegistry()
        )
        return MasterNode(
            host,
            port,
            advertise=advertise,
            options=options,
            registry=store,
            weights=dict(weights),
            roles=roles,
            allocator=allocator,
        )

    async def ended(node: MasterNode) -> str:
        return f"the master ended: {await node.system.wait(node.upid)}"

    serve(make, ended=ended)


@click.command()
@master_option
@option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for all.")
@option("--port", type=click.IntRange(0, 65535), default=5051, help="Port to listen on; 0 for any free one.")
@option("--advertise", help="Host, or host:port, that others are told, where it differs.")
@option("--hostname", help="Name of this machine for frameworks. Default: its own.")
@option(
    "--resources",
    type=RESOURCES,
    help='What is offered, like "cpus:4;mem:8192;disk:10240;ports:[31000-32000]". Default: this machine\'s '
    "processors, its memory and free disk less a reserve, and ports 31000-32000.",
)
@option("--attributes", type=ATTRIBUTES, help='What frameworks may want to know, like "rack:r1;ssd:yes".')
@option(
    "--work-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ostrom-work/agent"),
    help="Directory for the sandboxes of tasks.",
)
@option(
    "--executor-registration-timeout",
    type=SECONDS,
    default=60.0,
    help="Seconds that a custom executor may take to register.",
)
@option(
    "--executor-shutdown-grace-period",
    type=click.FloatRange(min=0),
    default=5.0,
    help="Seconds that a custom executor may take to end.",
)
@option(
    "--checkpoint/--no-checkpoint",
    default=True,
    help="Whether what runs outlives this process, and is found again by the next with the same work directory.",
)
@option(
    "--recovery-timeout",
    type=SECONDS,
    default=900.0,
    help="Seconds that what runs lives on without this process.",
)
@option(
    "--executor-reregistration-timeout",
    type=SECONDS,
    default=2.0,
    help="Seconds that a custom executor may take to return to an agent that was started again.",
)
@option(
    "--reconfiguration-policy",
    type=click.Choice([policy.value for policy in ReconfigurationPolicy]),
    default=ReconfigurationPolicy.EQUAL.value,
    help="What may have changed of an agent that is started again: nothing, more resources and attributes, anything.",
)
@option(
    "--gc-delay",
    type=SECONDS,
    default=7 * 86400.0,
    help="Seconds that the sandbox of what has ended is kept, at most: less as the disk fills.",
)
@option(
    "--gc-disk-headroom",
    type=click.FloatRange(0, 1),
    default=0.1,
    help="Part of the disk that is kept free of old sandboxes.",
)
@option(
    "--fetcher-cache-size",
    type=click.IntRange(0),
    default=2 << 30,
    help="Bytes of fetched files that are kept for the next task.",
)
@option(
    "--overcommit",
    is_flag=True,
    help="Offer --resources though this machine has less: for clusters on one machine.",
)
def agent(
    master: str,
    host: str,
    port: int,
    advertise: str | None,
    hostname: str | None,
    resources: Resources | None,
    attributes: Attributes | None,
    work_dir: Path,
    executor_registration_timeout: float,
    executor_shutdown_grace_period: float,
    checkpoint: bool,
    recovery_timeout: float,
    executor_reregistration_timeout: float,
    reconfiguration_policy: str,
    gc_delay: float,
    gc_disk_headroom: float,
    fetcher_cache_size: int,
    overcommit: bool,
) -> None:
    """Run an agent: it offers this machine's resources and runs what it is sent, contained.

    SIGTERM ends the agent alone: its tasks run on, and the next agent with the same work directory goes on with them
    (with --no-checkpoint they end). SIGUSR1, and Ctrl-C, end it for good, with every task on it.
    """
    options = AgentOptions(
        executor_registration_timeout=executor_registration_timeout,
        executor_reregistration_timeout=executor_reregistration_timeout,
        executor_shutdown_grace=executor_shutdown_grace_period,
        recovery_timeout=recovery_timeout,
        reconfiguration_policy=ReconfigurationPolicy(reconfiguration_policy),
        gc_delay=gc_delay,
        gc_disk_headroom=gc_disk_headroom,
        fetcher_cache_size=fetcher_cache_size,
    )

    def make() -> AgentNode:
        work_dir.mkdir(parents=True, exist_ok=True)
        if resources is not None and not overcommit and (problem := too_much(resources, work_dir)):
            raise ValueError(f"--resources: {problem}; --overcommit offers it all the same")
        return AgentNode(
            detector_for(master),
            resources or machine_resources(work_dir),
            work_dir,
            checkpoint=checkpoint,
            host=host,
            port=port,
            advertise=advertise,
            hostname=hostname or socket.gethostname(),
            attributes=attributes,
            options=options,
        )

    async def ready(node: AgentNode) -> None:
        await node.agent.registered_once()

    async def ended(node: AgentNode) -> str:
        return f"the agent ended: {await node.system.wait(node.agent.upid)}"

    async def leave(node: AgentNode) -> None:
        await node.stop(shut_down=not checkpoint)

    serve(make, ready, ended, leave)


def too_much(resources: Resources, work_dir: Path) -> str | None:
    """What of these resources the machine does not have, or None."""
    there = machine_total(work_dir)
    for name in ("cpus", "mem", "disk"):
        if resources.number(name) > there.number(name):
            return f"{name} is {resources.number(name):g}, this machine has {there.number(name):g}"
    return None


def machine_total(work_dir: Path) -> Resources:
    """What this machine has."""
    mebi = 1024 * 1024
    return Resources.of(
        cpus=len(os.sched_getaffinity(0)),
        mem=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // mebi,
        disk=shutil.disk_usage(work_dir).total // mebi,
    )


def machine_resources(work_dir: Path) -> Resources:
    """What this machine has to offer: Mesos's rule of keeping 1 GiB of memory and 5 GiB of disk back.

    Of a machine with less than twice that, half is offered.
    """
    there = machine_total(work_dir)
    memory, disk = int(there.number("mem")), int(there.number("disk"))
    return Resources.of(
        cpus=there.number("cpus"),
        mem=max(memory - 1024, memory // 2),
        # The whole disk, not what is free of it now: that would be another agent at every start.
        disk=max(disk - 5120, disk // 2),
        ports=[(31000, 32000)],
    )
