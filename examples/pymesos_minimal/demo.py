"""A cluster on this machine, and a framework on it that is written for Mesos, with PyMesos.

python -m examples.pymesos_minimal.demo [TASKS]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import actors
from cluster import LocalCluster

from .install import InstallError, interpreter

__all__ = ["main"]

SCHEDULER = Path(__file__).with_name("scheduler.py")


async def run(python: Path, tasks: int) -> int:
    """Run the scheduler on a cluster of its own; returns its exit status."""
    async with LocalCluster(agents=2, processes=True) as cluster:
        print(f"a master at {cluster.master} and two agents; the scheduler is given that address", flush=True)
        process = await asyncio.create_subprocess_exec(python, SCHEDULER, cluster.master, str(tasks))
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def main(tasks: int = 5) -> int:
    """Install PyMesos if need be, and run; returns the exit status."""
    print(
        "PyMesos has an environment of its own, .venv/pymesos; to make it takes half a minute, once",
        flush=True,
    )
    try:
        python = interpreter()
    except InstallError as error:
        print(error)
        return 1
    return actors.run(run(python, tasks))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
