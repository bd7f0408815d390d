"""`make demo`: a master, three agents and two frameworks that compete, as processes of this machine.

python -m examples.wordcount.demo [--quick]
"""

import argparse
import asyncio
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.live import Live

from cluster import LocalCluster

from .chunks import source_files, split
from .count import count_files
from .framework import Batch, WordCount
from .view import Sample, live, placement_table, share_table, top_table

__all__ = ["agree", "main"]

AGENTS = 3
CHUNKS = 60
RESOURCES = "cpus:4;mem:1024"
EVERY = 0.2
LATER = {True: 0.1, False: 1.0}
COMMAND = "find /usr/bin -name 'p*' | sort | cksum; sleep 0.3"


async def sample(master: str, started: float, samples: list[Sample]) -> None:
    """Ask the master for the shares, again and again, as a dashboard would."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://{master}/ostrom/frameworks") as response:
                frameworks = await response.json()
            shares = {framework["roles"][0]: framework["share"] for framework in frameworks}
            if shares:
                samples.append(Sample(time.monotonic() - started, shares))
            await asyncio.sleep(EVERY)


async def run(files: list[Path], console: Console, quick: bool = False) -> Counter[str]:
    """Count on a cluster, with another framework beside; show it; return the counts."""
    words, batch = WordCount(split(files, CHUNKS)), Batch(COMMAND)
    samples: list[Sample] = []
    async with LocalCluster(agents=AGENTS, resources=RESOURCES, processes=True) as cluster:
        console.print(
            f"A master at {cluster.master} and {AGENTS} agents of {RESOURCES} run, each a process of its own."
        )
        started = time.monotonic()

        async def count() -> None:
            await cluster.run(words)
            batch.enough()

        async def compete() -> None:
            # A little later, so that the shares can be seen to move from all and nothing to halves.
            await asyncio.sleep(LATER[quick])
            await cluster.run(batch)

        sampling = asyncio.create_task(sample(cluster.master, started, samples))
        working = asyncio.gather(count(), compete())
        with Live(console=console, auto_refresh=False, transient=True) as screen:
            while not working.done():
                screen.update(live(words, batch, samples), refresh=True)
                await asyncio.wait([working], timeout=EVERY)
        await working
        took = time.monotonic() - started
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
    console.print(live(words, batch, samples[:0]))
    console.print(top_table(words.counts))
    console.print(placement_table([*words.placed, *batch.placed]))
    console.print(share_table(samples))
    tasks = len(words.placed) + len(batch.placed)
    console.print(f"{tasks} tasks in {took:.1f} s; the cluster has ended, nothing of it is left running.")
    return words.counts


def agree(cluster: Counter[str], single: Counter[str], console: Console) -> bool:
    """Say whether the cluster counted what one process counts."""
    if cluster == single:
        console.print(f"Checked: {single.total():,} names counted, exactly as by a single process.")
        return True
    wrong = [name for name in cluster.keys() | single.keys() if cluster[name] != single[name]]
    console.print(f"WRONG: the counts of {len(wrong)} names differ from those of a single process:")
    for name in sorted(wrong)[:10]:
        console.print(f"  {name}: {cluster[name]} on the cluster, {single[name]} here", markup=False)
    return False


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 1 if the counts are wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one file in eight")
    options = parser.parse_args(arguments)
    console = Console()
    files = source_files(8 if options.quick else 1)
    size = sum(path.stat().st_size for path in files) / 1e6
    console.print(
        f"Counting the identifiers in {len(files)} files ({size:.1f} MB) of Python's standard library."
    )
    counts = asyncio.run(run(files, console, options.quick))
    with console.status("Counting the same files in one process ..."):
        single = count_files(files)
    if not agree(counts, single, console):
        return 1
    console.print(
        "\nKeep a cluster running:  .venv/bin/ostrom local --agents 3"
        "\nOpen its pages:          http://127.0.0.1:5050/"
        "\nRun something on it:     .venv/bin/ostrom run --instances 4 -- hostname"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
