"""python -m examples.queue_service --master HOST:PORT --work-dir DIR: go on where the last one ended."""

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import msgspec
import rich_click as click
from aiohttp import web

import actors
from cluster import FrameworkRefusedError

from .http import application, read_users
from .jobs import Queue
from .service import WEEK, QueueService
from .store import Store

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def read_queues(path: Path) -> list[Queue]:
    """Read the TOML file, a table for each queue. OSError, msgspec.MsgspecError."""
    tables = msgspec.toml.decode(path.read_bytes(), type=dict[str, Queue])
    return [msgspec.structs.replace(queue, name=name) for name, queue in tables.items()]


async def serve(service: QueueService, users: Mapping[str, str], master: str, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, or until the service fails. Its tasks run on in either case."""
    runner = web.AppRunner(application(service, users), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        print(f"queue service at http://{host}:{runner.addresses[0][1]}/", flush=True)
        running = asyncio.ensure_future(service.run(master))
        signalled = asyncio.ensure_future(actors.until_signalled())
        await asyncio.wait((running, signalled), return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        service.stop(failover=True)
        await running
    finally:
        await runner.cleanup()


@click.command()
@click.option("--master", required=True, help="HOST:PORT of the master.")
@click.option("--work-dir", type=click.Path(path_type=Path), required=True, help="Where it keeps its state.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free.")
@click.option("--queues", type=FILE, help="TOML, a table for each queue. Without it there is one, `default`.")
@click.option("--users", type=FILE, required=True, help="Lines of USER TOKEN: who may use it.")
@click.option("--role", default="*", show_default=True, help="Role whose share is used.")
@click.option("--failover-timeout", default=WEEK, show_default=True, help="Seconds: jobs outlive it so long.")
@click.option("--check-seconds", default=30.0, show_default=True, help="How often it asks for its tasks.")
@click.option(
    "--idle-seconds", default=3600.0, show_default=True, help="A session without jobs lives so long."
)
@click.option("--new-framework", is_flag=True, help="Begin anew; what the last one ran counts as lost.")
def main(
    master: str,
    work_dir: Path,
    host: str,
    port: int,
    queues: Path | None,
    users: Path,
    role: str,
    failover_timeout: float,
    check_seconds: float,
    idle_seconds: float,
    new_framework: bool,
) -> None:
    """Run the jobs of many users on a cluster. Its end is but a pause: tasks run on, start it again."""
    try:
        store = Store(work_dir / "queue.db")
        if new_framework:
            store.set_framework_id("")
        service = QueueService(
            store,
            [Queue("default")] if queues is None else read_queues(queues),
            role=role,
            failover_timeout=failover_timeout,
            check_seconds=check_seconds,
            idle_seconds=idle_seconds,
        )
        actors.run(serve(service, read_users(users), master, host, port))
    except FrameworkRefusedError as error:
        text = f"the master refuses: {error}. After the fail-over time-out, start with --new-framework"
        raise click.ClickException(text) from error
    except (OSError, ValueError, msgspec.MsgspecError, sqlite3.Error) as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from error


if __name__ == "__main__":
    main()
