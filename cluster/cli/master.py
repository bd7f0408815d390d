"""`ostrom master`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from cluster.election import DEFAULT_TTL, Contender, Detector
from cluster.etcd import EtcdAddress
from cluster.http.authentication import authenticator_for
from cluster.local import MasterNode, elected
from cluster.master import MasterOptions
from cluster.master.options import RateLimit
from cluster.registry import MemoryRegistry, Registry, SqliteRegistry
from cluster.resources import Resources
from cluster.zookeeper import ZooKeeperAddress

from .credentials import authentication_options
from .options import (
    ANNOUNCE,
    ETCD,
    RATE,
    RATE_LIMIT,
    SECONDS,
    WEIGHT,
    allocator_option,
    option,
    quota_options,
    quotas,
)
from .serve import serve

if TYPE_CHECKING:
    from cluster.zookeeper.announcer import Announcer

__all__ = ["master"]


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
    type=click.Choice(["sqlite", "memory", "etcd"]),
    help="Where agents, frameworks and what operators set are remembered: a file in the work directory, nowhere, or "
    "the etcd of --election.  [default: etcd with --election, else sqlite]",
)
@option(
    "--election",
    type=ETCD,
    help="etcd://HOST[,HOST...]/PATH: one of all masters with the same leads, the others stand by. Without it this one "
    "always leads.",
)
@option(
    "--lease-ttl",
    type=click.IntRange(1, 600),
    default=DEFAULT_TTL,
    help="Seconds until another master leads when this one is lost, or cannot reach etcd; 5 at least in production.",
)
@option(
    "--standby-proxy",
    is_flag=True,
    help="While another leads, carry requests and streams to it, rather than say where it is (307).",
)
@option(
    "--announce",
    type=ANNOUNCE,
    help="zk://[USER:PASSWORD@]HOST[,HOST...]/PATH, or file:///FILE with that in it: while it leads it says so in "
    "ZooKeeper, as Mesos's masters did (pip install 'ostrom[zookeeper]').",
)
@authentication_options
@option("--weight", "weights", type=WEIGHT, multiple=True, help="Weight of a role; may be given again.")
@allocator_option
@quota_options
@option("--offer-timeout", type=SECONDS, default=30.0, help="Seconds until an unanswered offer is rescinded.")
@option("--allocation-interval", type=SECONDS, default=1.0, help="Seconds between passes over all agents.")
@option("--agent-ping-timeout", type=SECONDS, default=15.0, help="Seconds between pings of each agent.")
@option(
    "--max-agent-ping-timeouts",
    type=click.IntRange(1),
    default=5,
    help="Pings an agent may miss until it is unreachable, and its tasks with it.",
)
@option(
    "--agent-removal-rate-limit",
    type=RATE,
    help="So many agents may become unreachable in so long a time, like 1/10mins. Without it, any number.",
)
@option(
    "--agent-reregister-timeout",
    type=SECONDS,
    default=600.0,
    help="Seconds that the agents on record have to come to a new master until they are unreachable.",
)
@option(
    "--framework-grace",
    type=click.FloatRange(min=0),
    default=75.0,
    help="Seconds that a framework has to come to a new master, at least, until its tasks are ended.",
)
@option(
    "--registry-gc-interval",
    type=SECONDS,
    default=900.0,
    help="Seconds between looks for agents that need not be remembered any more.",
)
@option(
    "--registry-max-agent-age",
    type=SECONDS,
    default=14 * 86400.0,
    help="Seconds that an agent which is unreachable or gone is remembered.",
)
@option(
    "--registry-max-agent-count",
    type=click.IntRange(0),
    default=102400,
    help="How many of those that are unreachable, and of those that are gone, are remembered.",
)
@option(
    "--rate-limit",
    "rate_limits",
    type=RATE_LIMIT,
    multiple=True,
    help="Messages a second from the schedulers of a principal, and how many more may wait; may be given again.",
)
@option(
    "--completed-frameworks",
    type=click.IntRange(0),
    default=50,
    help="How many frameworks that have ended are shown.",
)
@option(
    "--completed-tasks",
    type=click.IntRange(0),
    default=1000,
    help="How many tasks that have ended are shown.",
)
@option(
    "--max-unreachable-tasks-per-framework",
    type=click.IntRange(0),
    default=1000,
    help="How many tasks on unreachable agents are remembered of each framework.",
)
@option(
    "--max-operator-event-stream-subscribers",
    type=click.IntRange(1),
    default=1000,
    help="How many may subscribe to what happens, by Mesos's operator API; with one more the first is cut off.",
)
def master(
    host: str,
    port: int,
    advertise: str | None,
    work_dir: Path,
    registry: str | None,
    election: EtcdAddress | None,
    lease_ttl: int,
    standby_proxy: bool,
    announce: ZooKeeperAddress | None,
    http_credentials: Path | None,
    http_token_key: Path | None,
    weights: tuple[tuple[str, float], ...],
    allocator: str,
    guarantees: tuple[tuple[str, Resources], ...],
    limits: tuple[tuple[str, Resources], ...],
    priorities: tuple[tuple[str, int], ...],
    offer_timeout: float,
    allocation_interval: float,
    agent_ping_timeout: float,
    max_agent_ping_timeouts: int,
    agent_removal_rate_limit: tuple[int, float] | None,
    agent_reregister_timeout: float,
    framework_grace: float,
    registry_gc_interval: float,
    registry_max_agent_age: float,
    registry_max_agent_count: int,
    rate_limits: tuple[tuple[str, RateLimit], ...],
    completed_frameworks: int,
    completed_tasks: int,
    max_unreachable_tasks_per_framework: int,
    max_operator_event_stream_subscribers: int,
) -> None:
    """Run a master: it offers the agents' resources to frameworks.

    SIGTERM ends it; running tasks are not touched, and agents and frameworks come back to the next one. With
    --election it ends, with status 1, when it has lost the lead: start it again, it stands by then.
    """
    if registry is not None and (registry == "etcd") != (election is not None):
        text = "goes with --election" if election is None else "masters that elect one share that in etcd"
        raise click.BadParameter(f"{registry}: {text}", param_hint="--registry")
    if standby_proxy and election is None:
        raise click.BadParameter("goes with --election", param_hint="--standby-proxy")
    options = MasterOptions(
        allocation_interval=allocation_interval,
        offer_timeout=offer_timeout,
        ping_interval=agent_ping_timeout,
        max_missed_pings=max_agent_ping_timeouts,
        agent_removal_rate_limit=agent_removal_rate_limit,
        agent_reregister_timeout=agent_reregister_timeout,
        framework_grace=framework_grace,
        registry_gc_interval=registry_gc_interval,
        registry_max_agent_age=registry_max_agent_age,
        registry_max_agent_count=registry_max_agent_count,
        rate_limits=dict(rate_limits),
        completed_frameworks=completed_frameworks,
        completed_tasks=completed_tasks,
        max_unreachable_tasks_per_framework=max_unreachable_tasks_per_framework,
        max_operator_event_stream_subscribers=max_operator_event_stream_subscribers,
    )
    roles = quotas(guarantees, limits, priorities)

    def make() -> MasterNode:
        contender: Contender | None = None
        detector: Detector | None = None
        store: Registry = MemoryRegistry()
        if election is not None:
            contender, detector, store = elected(election, lease_ttl)
        elif registry != "memory":
            store = SqliteRegistry(work_dir / "registry.sqlite")
        return MasterNode(
            host,
            port,
            advertise=advertise,
            options=options,
            contender=contender,
            detector=detector,
            standby_proxy=standby_proxy,
            announcer=announcer(announce, election),
            authenticate=authenticator_for(http_credentials, http_token_key),
            registry=store,
            weights=dict(weights),
            roles=roles,
            allocator=allocator,
        )

    async def ended(node: MasterNode) -> str:
        return f"the master ended: {await node.ended()}"

    serve(make, ended=ended)


def announcer(place: ZooKeeperAddress | None, election: EtcdAddress | None) -> Announcer | None:
    """What announces the leader there, if it is to be. ClickException if its client is not installed."""
    if place is None:
        return None
    try:
        from cluster.zookeeper.announcer import Announcer  # an extra
    except ModuleNotFoundError as error:
        text = f"--announce: there is no {error.name}: pip install 'ostrom[zookeeper]'"
        raise click.ClickException(text) from error
    # The same for all masters that contend, in whatever order they name etcd's members.
    cluster = None if election is None else f"etcd://{','.join(sorted(election.hosts))}{election.path}"
    return Announcer(place, cluster)
