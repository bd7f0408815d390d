"""A root of control groups for one test, and what is looked at in it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from isolation import CgroupIsolator, Container, Launcher, Limits, Setup
from isolation.cgroups import read_mounts
from tests.isolation.box import Box

SPIN = "while :; do :; done"


@dataclass
class Site:
    """`version` is what is used of what is mounted: "1" leaves v2 out."""

    version: Literal["auto", "1", "2"]
    name: str = field(default_factory=lambda: f"ostrom-test-{uuid.uuid4().hex[:12]}")

    def isolator(self, name: str = "") -> CgroupIsolator:
        return CgroupIsolator(self.name + name, self.version)

    @asynccontextmanager
    async def launcher(self, seconds: float = 60) -> AsyncIterator[tuple[Launcher, CgroupIsolator]]:
        isolator = self.isolator()
        async with asyncio.timeout(seconds), Launcher([isolator]) as launcher:
            yield launcher, isolator

    def refusal(self) -> str | None:
        """Why nothing of it can be tried here."""
        try:
            self.isolator()
        except ValueError as error:
            return str(error)
        return None

    def left(self) -> list[Path]:
        """What there is of groups of this test, in all hierarchies."""
        mounts = read_mounts()
        places = {*mounts.v1.values(), *([mounts.v2] if mounts.v2 else [])}
        return [found for place in places for found in place.glob(f"**/{self.name}*")]

    def clear(self) -> None:
        """Kill and remove what a test that failed has left."""
        for root in self.left():
            for place in (*sorted(root.glob("**/"), reverse=True), root):
                if (place / "freezer.state").exists():
                    (place / "freezer.state").write_text("THAWED")
                until = time.monotonic() + 2
                while (found := pids([place])) and time.monotonic() < until:
                    for pid in found:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    time.sleep(0.01)
                with suppress(OSError):
                    place.rmdir()


def group(isolator: CgroupIsolator, controller: str, id_: str = "c") -> Path:
    return isolator.roots[controller] / f"c-{id_}"


def groups(isolator: CgroupIsolator, id_: str = "c") -> list[Path]:
    return [path for root in isolator.roots.values() if (path := root / f"c-{id_}").exists()]


def pids(places: list[Path]) -> set[int]:
    found = set()
    for place in places:
        try:
            found.update(map(int, (place / "cgroup.procs").read_text().split()))
        except (FileNotFoundError, OSError):
            continue
    return found


def number(path: Path, name: str = "") -> int:
    """The number in a file, or that behind a name in it."""
    words = path.read_text().split()
    return int(words[words.index(name) + 1] if name else words[0])


@contextmanager
def preferred(isolator: CgroupIsolator) -> Iterator[None]:
    """Give the root's containers nearly all of the machine: what else runs on it is not to be measured."""
    root = isolator.roots["cpu"]
    file = root / "cpu.shares" if (root / "cpu.shares").exists() else root / "cpu.weight"
    before = file.read_text()
    file.write_text("262144" if file.name == "cpu.shares" else "10000")
    try:
        yield
    finally:
        file.write_text(before)


async def cpus_used(containers: list[Container], seconds: float) -> list[float]:
    """How many processors each uses, on average over so many seconds."""
    before = [(time.perf_counter(), cpu_seconds(each)) for each in containers]
    await asyncio.sleep(seconds)
    after = [(time.perf_counter(), cpu_seconds(each)) for each in containers]
    return [
        (used - used_before) / (now - then)
        for (then, used_before), (now, used) in zip(before, after, strict=True)
    ]


def cpu_seconds(container: Container) -> float:
    usage = container.usage()
    return usage.user_seconds + usage.system_seconds


async def run_in_groups(isolator: CgroupIsolator, box: Box, line: str) -> asyncio.subprocess.Process:
    """Run a command in the groups that an isolator makes, without a launcher: nothing else will kill it."""
    setup = isolator.prepare(box.spec("sh", limits=Limits(pids=40)), Setup())
    join = 'while [ $# -gt 1 ]; do echo 0 > $1; shift; done; exec sh -c "$1"'
    return await asyncio.create_subprocess_exec(
        *("sh", "-c", join, "sh", *map(str, setup.groups), line), env={**os.environ, "MARKER": box.marker}
    )


@dataclass
class Known:
    """What an isolator asks a container."""

    id: str = "c"
    keeper_pid: int = 0
