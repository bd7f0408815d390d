"""The dispatcher, as a program that takes requests over HTTP until it is told to end; its engines run on then."""

import argparse
import asyncio
import contextlib
import logging
import sqlite3
import sys
from pathlib import Path

import actors
from actors import ActorSystem, format_address
from cluster import FrameworkRefusedError, LocalCluster

from .desk import Desk
from .dispatcher import Dispatcher
from .store import Store


async def serve(store: Store, master: str, given: argparse.Namespace) -> None:
    """Be the dispatcher until a signal. Raises what else ended it."""
    dispatcher = Dispatcher(store, master, given.at_once)
    async with ActorSystem(given.host, given.port) as system:
        system.spawn(Desk(dispatcher), "dispatcher")
        print(f"dispatcher at {format_address(system.address)}, master at {master}", flush=True)
        signalled = asyncio.create_task(actors.until_signalled())
        signalled.add_done_callback(lambda _: dispatcher.stop(failover=True))
        await dispatcher.run(master, system=system)


async def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument("--master", help="HOST:PORT; without it, a cluster inside this process")
    parser.add_argument("--store", type=Path, default=Path("dispatcher.db"), help="what it must not forget")
    parser.add_argument(
        "--at-once", type=int, default=4, help="engines at most, so that their tasks find room"
    )
    parser.add_argument("--host", default="127.0.0.1", help="where the master reaches it")
    parser.add_argument("--port", type=int, default=5060, help="where requests are taken; 0: any free one")
    parser.add_argument("--new", action="store_true", help="the former was torn down: be a new framework")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    with contextlib.closing(Store(given.store)) as store:
        if given.new or not given.master:
            store.name("")
        if given.master:
            await serve(store, given.master, given)
        else:
            async with LocalCluster(agents=2) as cluster:
                await serve(store, cluster.master, given)


if __name__ == "__main__":
    try:
        actors.run(main())
    except (sqlite3.Error, FrameworkRefusedError, OSError) as error:
        sys.exit(f"dispatcher: {error}")
