"""`ostrom agent`."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import rich_click as click

from cluster.agent import AgentOptions, ReconfigurationPolicy
from cluster.attributes import Attributes
from cluster.election import detector_for
from cluster.http.authentication import authenticator_for
from cluster.local import AgentNode, group_name
from cluster.resources import Resources
from isolation import isolators_named, support_of

from .credentials import authentication_options
from .isolation import print_support
from .options import ATTRIBUTES, RESOURCES, SECONDS, master_option, option
from .serve import serve

__all__ = ["agent", "machine_resources"]


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
    "processors, its memory and disk less a reserve, and ports 31000-32000.",
)
@option("--attributes", type=ATTRIBUTES, help='What frameworks may want to know, like "rack:r1;ssd:yes".')
@option(
    "--work-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ostrom-work/agent"),
    help="Directory for the sandboxes of tasks.",
)
@option(
    "--registration-spread",
    type=click.FloatRange(min=0),
    help="Seconds within which agents come to a new master, each at a random time; more for many thousands of them. "
    "[default: 0.5 with etcd, else 0]",
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
    "--executor-resubscription-timeout",
    type=SECONDS,
    default=20.0,
    help="Seconds that a custom executor of Mesos's HTTP API may take to return: it cannot be asked to.",
)
@option(
    "--authenticate-http-executors",
    is_flag=True,
    help="Executors of Mesos's HTTP API must show the token that is in their environment.",
)
@option(
    "--reconfiguration-policy",
    type=click.Choice([policy.value for policy in ReconfigurationPolicy]),
    default=ReconfigurationPolicy.EQUAL.value,
    help="What may have changed of an agent that is started again: nothing, more resources and attributes, anything.",
)
@option(
    "--isolation",
    default="posix",
    help="What holds tasks to their resources: posix (nothing does), cgroups (whichever are here), cgroups1, cgroups2, "
    "and what looks from time to time: memory-monitor, disk, ports, ports-strict. Several with commas between. "
    "'list' prints what each can do on this machine, and ends.",
)
@option(
    "--cgroups-root",
    help="Name of the control group that all those of this agent are in. Default: one of its work directory's own.",
)
@option(
    "--cpu-quota",
    is_flag=True,
    help="A task's cpus are also the most that it gets; else what nobody uses is anybody's.",
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
@authentication_options
def agent(
    master: str,
    host: str,
    port: int,
    advertise: str | None,
    hostname: str | None,
    resources: Resources | None,
    attributes: Attributes | None,
    work_dir: Path,
    registration_spread: float | None,
    executor_registration_timeout: float,
    executor_shutdown_grace_period: float,
    checkpoint: bool,
    recovery_timeout: float,
    executor_reregistration_timeout: float,
    executor_resubscription_timeout: float,
    authenticate_http_executors: bool,
    reconfiguration_policy: str,
    isolation: str,
    cgroups_root: str | None,
    cpu_quota: bool,
    gc_delay: float,
    gc_disk_headroom: float,
    fetcher_cache_size: int,
    overcommit: bool,
    http_credentials: Path | None,
    http_token_key: Path | None,
) -> None:
    """Run an agent: it offers this machine's resources and runs what it is sent, contained.

    SIGTERM ends the agent alone: its tasks run on, and the next agent with the same work directory goes on with them
    (with --no-checkpoint they end). SIGUSR1, and Ctrl-C, end it for good, with every task on it.
    """
    root = cgroups_root or group_name(work_dir)
    if isolation == "list":
        print_support(support_of(root))
        return
    try:
        isolators = isolators_named(isolation, root)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    options = AgentOptions(
        executor_registration_timeout=executor_registration_timeout,
        executor_reregistration_timeout=executor_reregistration_timeout,
        executor_resubscription_timeout=executor_resubscription_timeout,
        authenticate_executors=authenticate_http_executors,
        executor_shutdown_grace=executor_shutdown_grace_period,
        recovery_timeout=recovery_timeout,
        reconfiguration_policy=ReconfigurationPolicy(reconfiguration_policy),
        cpu_quota=cpu_quota,
        gc_delay=gc_delay,
        gc_disk_headroom=gc_disk_headroom,
        fetcher_cache_size=fetcher_cache_size,
    )

    def make() -> AgentNode:
        work_dir.mkdir(parents=True, exist_ok=True)
        if resources is not None and not overcommit and (problem := too_much(resources, work_dir)):
            raise ValueError(f"--resources: {problem}; --overcommit offers it all the same")
        detector = detector_for(master)
        if registration_spread is not None:
            detector.spread = registration_spread
        return AgentNode(
            detector,
            resources or machine_resources(work_dir),
            work_dir,
            checkpoint=checkpoint,
            host=host,
            port=port,
            advertise=advertise,
            hostname=hostname or socket.gethostname(),
            attributes=attributes,
            options=options,
            isolators=isolators,
            authenticate=authenticator_for(http_credentials, http_token_key),
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
