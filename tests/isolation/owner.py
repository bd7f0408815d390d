"""A process that owns a launcher with a state_dir, to be killed by tests, and what they look at afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from isolation import Container, Exit, Launcher

from .box import Box, eventually

DESTROYED = Exit(signal=9, destroyed=True)
DAEMON = "setsid sleep 600 & (setsid sh -c '(sleep 600 &) ; sleep 600' &) ; sleep 600; :"
"""Six processes."""

PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from isolation import ContainerSpec, Launcher

async def main():
    box, marker, lines, timeout, then = sys.argv[1:]
    box, lines = Path(box), json.loads(lines)
    async with Launcher(state_dir=box / "state", recovery_timeout=float(timeout)) as launcher:
        pids = {c.id: [c.pid, c.keeper_pid] for c in await launcher.recover()}
        for name, line in lines.items():
            spec = ContainerSpec(id=name, argv=("sh", "-c", line), env={"PATH": "/usr/bin:/bin", "MARKER": marker},
                                 cwd=box, stdout=box / f"{name}.out", stderr=box / f"{name}.err")
            container = await launcher.launch(spec)
            pids[name] = [container.pid, container.keeper_pid]
        print(json.dumps(pids), flush=True)
        if then == "detach":
            await launcher.detach()
            return
        await asyncio.Event().wait()

asyncio.run(main())
"""


def owning(box: Box, recovery_timeout: float = 60) -> Launcher:
    return Launcher(state_dir=box.state, recovery_timeout=recovery_timeout)


async def recover(launcher: Launcher) -> dict[str, Container]:
    return {container.id: container for container in await launcher.recover()}


@dataclass
class Owner:
    """`pids` has the main process's and the shim's for each container, `zygote` is the parent of all shims."""

    process: asyncio.subprocess.Process
    pids: Mapping[str, list[int]]
    zygote: int

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def start_owner(
    box: Box, lines: Mapping[str, str], recovery_timeout: float = 60, then: str = "wait"
) -> Owner:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(box.path), box.marker, json.dumps(lines)),
        *(str(recovery_timeout), then),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    pids = json.loads(await process.stdout.readline())
    shims = [shim for _pid, shim in pids.values() if shim]
    return Owner(process, pids, parent(shims[0]) if shims else 0)


LAUNCHES = """
import asyncio, sys
from pathlib import Path
from isolation import ContainerSpec, Launcher

async def main():
    box = Path(sys.argv[1])
    async with Launcher(state_dir=box / "state") as launcher:
        launches = []
        for n in range(1000):
            spec = ContainerSpec(id=f"{sys.argv[3]}{n}", argv=("sleep", "600"),
                                 env={"PATH": "/usr/bin:/bin", "MARKER": sys.argv[2]},
                                 cwd=box, stdout=box / "o", stderr=box / "e")
            launches.append(asyncio.ensure_future(launcher.launch(spec)))
            print(end=".", flush=True)
            await asyncio.sleep(0)

asyncio.run(main())
"""


async def launch_until_killed(box: Box, prefix: str, launches: int) -> None:
    """Have a process launch without waiting, and kill it after so many."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LAUNCHES, str(box.path), box.marker, prefix), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readexactly(launches)
    process.kill()
    await process.wait()


def kill_together(*pids: int) -> None:
    """Kill processes in such a way that none sees the others go."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)


@asynccontextmanager
async def cleanly(box: Box) -> AsyncIterator[None]:
    """Bound the time; at the end nothing of the containers, their shims and zygotes is left."""
    async with asyncio.timeout(60):
        yield
        await eventually(lambda: not box.processes())
        await eventually(lambda: not helpers(box))


def helpers(box: Box) -> list[int]:
    """The zygotes and shims of the box's state directory: they have its name in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(box.state).encode() in (entry / "cmdline").read_bytes().split(
                b"\0"
            ):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def record(box: Box, name: str) -> Path:
    (path,) = box.state.glob(f"*/{name}.container")
    return path
