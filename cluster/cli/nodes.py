"""`ostrom master` and `ostrom agent`."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import rich_click as click

from cluster.agent import AgentOptions
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
) -> None:
    """Run an agent: it offers this machine's resources and runs what it is sent, contained.

    SIGTERM ends it, and every task on it.
    """
    options = AgentOptions(
        executor_registration_timeout=executor_registration_timeout,
        executor_shutdown_grace=executor_shutdown_grace_period,
    )

    def make() -> AgentNode:
        work_dir.mkdir(parents=True, exist_ok=True)
        return AgentNode(
            detector_for(master),
            resources or machine_resources(work_dir),
            work_dir,
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

    serve(make, ready, ended)


def machine_resources(work_dir: Path) -> Resources:
    """What this machine has to offer: Mesos's rule of keeping 1 GiB of memory and 5 GiB of disk back.

    Of a machine with less than twice that, half is offered.
    """
    mebi = 1024 * 1024
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // mebi
    disk = shutil.disk_usage(work_dir).free // mebi
    return Resources.of(
        cpus=len(os.sched_getaffinity(0)),
        mem=max(memory - 1024, memory // 2),
        disk=max(disk - 5120, disk // 2),
        ports=[(31000, 32000)],
    )
