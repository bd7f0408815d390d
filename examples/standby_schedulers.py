"""Several schedulers as hot standbys: one leads, and when it dies the next goes on with its framework and tasks.

python -m examples.standby_schedulers --master HOST:PORT [COMMAND]        (start it two or three times)

keeps `--instances` tasks of a command running. What happens when what dies:

- The leader, by kill -9: the kernel frees its lock, a standby leads within a moment, subscribes with the framework's
  id, asks what became of the tasks, and goes on. The tasks notice nothing: they have `FAILOVER_TIMEOUT`.
- The leader, by SIGTERM: likewise. A standby: nothing. A task, or its agent: the leader launches it anew.
- `curl -X POST 'http://HOST:PORT/ostrom/teardown?framework=ID'` ends the tasks, the leader, and each standby that
  follows it.

A lock on a file elects on one machine. On several, a contender over etcd takes its place, and etcd keeps the state.
"""

import argparse
import asyncio
import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

import actors
from actors import UPID, ActorSystem
from cluster import (
    CommandInfo,
    Framework,
    FrameworkRefusedError,
    Offer,
    Resources,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from cluster.election import Contender

NEEDED = Resources.of(cpus=0.2, mem=32)
FAILOVER_TIMEOUT = 60.0
LOCK_AGAIN, LAUNCH_AGAIN, RECONCILE_AGAIN = 0.1, 1.0, 30.0


class FileLockContender(Contender):
    """Leads while it holds the lock on a file: the kernel gives it to one, and frees it however that one ends."""

    leads = False

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+")

    async def contend(self, candidate: UPID) -> None:
        """Return when the lock is held; who holds it is written in the file."""
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(LOCK_AGAIN)
        self._file.truncate(0)
        print(candidate, file=self._file, flush=True)
        self.leads = True

    async def lost(self) -> str:
        """Never return: the lock is not taken from a process that lives. A lease in etcd would be."""
        await asyncio.get_running_loop().create_future()
        return ""

    async def resign(self) -> None:
        """Free the lock."""
        self.leads = False
        self._file.close()


class Kept(msgspec.Struct):
    """What the next leader must know: the framework, and of each instance which launch was its latest."""

    framework_id: str = ""
    launches: list[int] = []

    def save(self, path: Path) -> None:
        """Replace the file by this, on disk when it returns."""
        with path.with_suffix(".new").open("wb", buffering=0) as file:
            file.write(msgspec.json.encode(self))
            os.fsync(file.fileno())
        path.with_suffix(".new").replace(path)


class Service(Framework):
    """Keeps so many tasks of a command running: task N.L is launch L of instance N, and runs till we hear otherwise."""

    def __init__(self, command: str, instances: int, path: Path) -> None:
        self.kept = msgspec.json.decode(path.read_bytes(), type=Kept) if path.exists() else Kept()
        self.kept.launches += [0] * (instances - len(self.kept.launches))
        super().__init__("service", framework_id=self.kept.framework_id, failover_timeout=FAILOVER_TIMEOUT)
        self._command, self._path = CommandInfo(command), path
        self._missing = {n for n, launches in enumerate(self.kept.launches) if launches == 0}

    async def registered(self) -> None:
        """Lead: ask what became of the tasks, now and, as messages can be lost, from time to time."""
        self.kept.framework_id = self.id
        self.kept.save(self._path)
        print(f"leading framework {self.id}", flush=True)
        while True:
            self.reconcile(*(f"{n}.{launches}" for n, launches in enumerate(self.kept.launches) if launches))
            await asyncio.sleep(RECONCILE_AGAIN)

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Launch what is missing: written down before it is done, so that no instance runs twice."""
        for offer in offers:
            if self._missing and offer.resources.contains(NEEDED):
                instance = self._missing.pop()
                self.kept.launches[instance] += 1
                self.kept.save(self._path)
                task_id = f"{instance}.{self.kept.launches[instance]}"
                self.launch(offer, [TaskInfo(task_id, NEEDED, command=self._command)], refuse_seconds=0)
        if not self._missing:
            self.suppress()

    async def status(self, status: TaskStatus) -> None:
        """An instance that has ended is launched anew; a launch given up that turns up again is killed."""
        print(status.task_id, status.state.short, flush=True)
        instance, launch = (int(number) for number in status.task_id.split("."))
        if status.state.terminal or status.state is TaskState.UNKNOWN:
            await asyncio.sleep(LAUNCH_AGAIN)
            if self.kept.launches[instance] == launch:
                self._missing.add(instance)
                self.revive()
        elif self.kept.launches[instance] != launch:
            self.kill(status.task_id)


async def main() -> None:
    """Stand by; then lead until a signal, or until the framework is torn down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--master", required=True, help="HOST:PORT")
    parser.add_argument("--host", default="127.0.0.1", help="where the master reaches this scheduler")
    parser.add_argument("--state", type=Path, default=Path("service.json"), help="the lock is beside it")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("command", nargs="?", default="exec sleep 1000000")
    given = parser.parse_args()
    contender: Contender = FileLockContender(given.state.with_suffix(".lock"))
    async with ActorSystem(given.host) as system:
        print("standing by", flush=True)
        await contender.contend(UPID.at("scheduler", system.address))
        service = Service(given.command, given.instances, given.state)
        ends = [asyncio.ensure_future(end) for end in (actors.until_signalled(), contender.lost())]
        for end in ends:
            end.add_done_callback(lambda _: service.stop(failover=True))
        try:
            await service.run(given.master, system=system)
        except FrameworkRefusedError as error:
            sys.exit(f"ended: {error}")
        await contender.resign()


if __name__ == "__main__":
    actors.run(main())
