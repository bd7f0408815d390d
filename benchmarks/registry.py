"""What a master's registry costs: agents are admitted one at a time and thousands at once, and read by the next master.

In etcd, three members on this machine with default flags, and for reference in SQLite. `held_ms` is for how long, at
worst, the event loop of the master was held: its lease has to be renewed meanwhile.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from cluster import Resources
from cluster.attributes import Attributes
from cluster.etcd import Compare, Delete, EtcdAddress, EtcdClient, Put
from cluster.etcd.server import EtcdCluster
from cluster.messages import AgentInfo
from cluster.registry import Change, EtcdRegistry, Registry, SqliteRegistry
from cluster.registry.state import encode

from .report import Row, main, quantile, row

__all__ = ["measure"]

FEW, MANY = 10_000, 50_000
PATH = "benchmark"
RESOURCES = Resources.parse("cpus:32;mem:128000;disk:900000;ports:[31000-32000]")
ATTRIBUTES = Attributes.parse("rack:r12;zone:eu-1b;kernel:6.1.0-28-amd64;ssd:yes")


class Timed:
    """The seconds that something took, and for how many of them at a time nothing else could run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.held = 0.0

    async def __aenter__(self) -> Timed:
        self._watch = asyncio.create_task(self._watching())
        await asyncio.sleep(0)
        self._began = time.perf_counter()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
        self._watch.cancel()

    async def _watching(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.held = max(self.held, now - last - 0.001)
            last = now


def agents(count: int) -> list[Change]:
    """So many agents as they are admitted."""
    ids = [f"1f2e3d4c-A{number}" for number in range(count)]
    return [
        Change(
            "agents", id_, AgentInfo(f"node-{id_}.example.net", RESOURCES, ATTRIBUTES, id_, checkpoint=True)
        )
        for id_ in ids
    ]


@asynccontextmanager
async def in_etcd(directory: Path) -> AsyncIterator[Callable[[], Registry]]:
    """What opens a registry in etcd, for a master that leads."""
    async with EtcdCluster(3, directory) as etcd:
        address = EtcdAddress(tuple(etcd.endpoints), PATH)
        client, leader = EtcdClient(address), f"{PATH}/master"
        guard = Compare(leader, "create_revision", (await client.txn([], [Put(leader, b"")])).revision)
        yield lambda: EtcdRegistry(EtcdClient(address), PATH, lambda: guard, lambda: True)
        await client.txn([], [Delete(leader)])
        await client.close()


@asynccontextmanager
async def in_sqlite(directory: Path) -> AsyncIterator[Callable[[], Registry]]:
    """What opens a registry in a file."""
    yield lambda: SqliteRegistry(directory / "registry.sqlite")


async def figures(open_: Callable[[], Registry], rounds: int) -> dict[str, float]:
    """Admit some, one after the other; then all at once; then have others read them."""
    found: dict[str, list[float]] = {}

    def note(name: str, timed: Timed) -> None:
        found.setdefault(f"{name}_ms", []).append(1000 * timed.seconds)
        found.setdefault(f"{name}_held_ms", []).append(1000 * timed.held)

    async def write(changes: Sequence[Change]) -> Timed:
        async with Timed() as timed:
            await registry.write(changes)
        return timed

    everyone = agents(MANY)
    registry = open_()
    await registry.load()
    single: list[float] = []
    for change in everyone[: 200 * rounds]:
        began = time.perf_counter()
        await registry.write([change])
        single.append(1000 * (time.perf_counter() - began))
    for _ in range(rounds):
        note("write_10k", await write(everyone[:FEW]))
        await registry.close()
        registry = open_()
        async with Timed() as timed:
            await registry.load()
        note("load_10k", timed)
        note("write_50k", await write(everyone))
        await registry.close()
        registry = open_()
        async with Timed() as timed:
            await registry.load()
        note("load_50k", timed)
        await registry.write([Change(each.kind, each.id, None) for each in everyone])
    await registry.close()
    return {
        "write_one_p50_ms": quantile(single, 0.5),
        "write_one_p99_ms": quantile(single, 0.99),
        **{name: median(values) for name, values in found.items()},
    }


async def _measure(quick: bool) -> list[Row]:
    rounds = 1 if quick else 5
    with tempfile.TemporaryDirectory(prefix="ostrom-registry-") as name:
        directory = Path(name)
        async with in_sqlite(directory) as open_:
            references = await figures(open_, rounds)
        async with in_etcd(directory / "etcd") as open_:
            values = await figures(open_, rounds)
    rows = [row("bytes_per_agent", len(encode(agents(1)[0])), "B")]
    for name, value in values.items():
        reference = None if name.endswith("held_ms") else round(references[name], 3)
        named = None if reference is None else "sqlite"
        rows.append(row(name, round(value, 2), "ms", reference=named, reference_value=reference))
    return rows


def measure(quick: bool) -> list[Row]:
    """Measure it all: some 15 s, 60 s unless quick."""
    return asyncio.run(_measure(quick))


if __name__ == "__main__":
    main("registry", "A master's registry in etcd", measure)
