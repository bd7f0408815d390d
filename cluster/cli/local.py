"""`ostrom local`: a whole cluster on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import rich_click as click
from rich.console import Console

import actors
from actors import until_signalled
from cluster.attributes import Attributes
from cluster.election import DEFAULT_TTL
from cluster.etcd.server import EtcdServerError
from cluster.local import DEFAULT_RESOURCES, LocalCluster, NodeFailedError
from cluster.local.lifeline import Lifeline
from cluster.resources import Resources

from .options import ATTRIBUTES, RESOURCES, WEIGHT, allocator_option, option, quota_options, quotas

__all__ = ["local"]


@click.command()
@option("--agents", type=click.IntRange(0, 1000), default=3, help="How many agents.")
@option(
    "--masters",
    type=click.IntRange(1, 9),
    default=1,
    help="How many masters. Several elect one of them in an etcd that is started, too (pip install 'ostrom[etcd]').",
)
@option(
    "--lease-ttl",
    type=click.IntRange(1, 600),
    default=DEFAULT_TTL,
    help="Of several masters: seconds until another leads when one is lost.",
)
@option(
    "--standby-proxy",
    is_flag=True,
    help="Of several masters: those that stand by carry requests to the leader, rather than say where it is.",
)
@option(
    "--isolation",
    default="posix",
    help="What holds tasks to their resources, as for 'ostrom agent', whose '--isolation list' tells what is here.",
)
@option("--host", default="127.0.0.1", help="Address to listen on.")
@option("--port", type=click.IntRange(0, 65535), default=5050, help="The master's port; 0 for any free one.")
@option(
    "--resources",
    type=RESOURCES,
    default=DEFAULT_RESOURCES,
    help="What each agent has; ports are dealt out besides.",
)
@option("--attributes", type=ATTRIBUTES, multiple=True, help="Attributes, dealt to the agents in turn.")
@option("--weight", "weights", type=WEIGHT, multiple=True, help="Weight of a role; may be given again.")
@allocator_option
@quota_options
@option(
    "--work-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ostrom-work"),
    help="Directory for logs, registry and sandboxes.",
)
def local(
    agents: int,
    masters: int,
    lease_ttl: int,
    standby_proxy: bool,
    isolation: str,
    host: str,
    port: int,
    resources: Resources,
    attributes: tuple[Attributes, ...],
    weights: tuple[tuple[str, float], ...],
    allocator: str,
    guarantees: tuple[tuple[str, Resources], ...],
    limits: tuple[tuple[str, Resources], ...],
    priorities: tuple[tuple[str, int], ...],
    work_dir: Path,
) -> None:
    """Run a whole cluster on this machine, each node a process of its own.

    Ctrl-C or SIGTERM ends all of it.
    """
    console = Console()
    lifeline = Lifeline()
    directory = work_dir.resolve()

    async def main() -> str:
        cluster = LocalCluster(
            agents,
            resources=resources,
            attributes=[str(item) for item in attributes],
            work_dir=directory,
            host=host,
            port=port,
            processes=True,
            masters=masters,
            lease_ttl=lease_ttl,
            standby_proxy=standby_proxy,
            isolation=isolation,
            weights=dict(weights),
            allocator=allocator,
            roles=quotas(guarantees, limits, priorities),
        )
        signalled = asyncio.ensure_future(until_signalled())
        starting = asyncio.ensure_future(cluster.start())
        await asyncio.wait([signalled, starting], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return ""
        if (error := starting.exception()) is not None:
            signalled.cancel()
            raise error
        try:
            count = "A master" if masters == 1 else f"{masters} masters, an etcd"
            console.print(f"{count} and {agents} agents of {resources}")
            pages = (
                [cluster.master] if cluster.masters is None else [n.address for n in cluster.masters.nodes]
            )
            console.print("  pages       " + "\n              ".join(f"http://{place}/" for place in pages))
            console.print(f"  run a task  ostrom run --master {cluster.master} -- echo hello")
            console.print(f"  logs        {cluster.work_dir}")
            console.print("Ctrl-C ends it.")
            lifeline.ready(cluster.master)
            ended = asyncio.ensure_future(cluster.node_ended())
            waits = [signalled, asyncio.ensure_future(lifeline.cut()), ended]
            _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            return ended.result() if ended.done() else ""
        finally:
            await cluster.stop()

    try:
        reason = actors.run(main())
    except (EtcdServerError, NodeFailedError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        lifeline.close()
    if reason:
        raise click.ClickException(reason)
