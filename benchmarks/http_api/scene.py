"""A master with its HTTP side in this process, actors that play its agents, and a process with the clients."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from actors import UPID, Actor, ActorSystem, Message, format_address, handles
from cluster import messages as m
from cluster.http import master as pages
from cluster.http.v1.stream import MAX_WAITING
from cluster.master import Master, MasterOptions
from cluster.registry import MemoryRegistry
from cluster.resources import Resources

from .words import Answer, Command

__all__ = ["Agent", "Clients", "Scene", "clients", "status"]

AGENT = Resources.parse("cpus:8;mem:16384;disk:100000;ports:[31000-32000]")
LONGEST_LINE = 64 * 2**20
LONG = 1000.0


class Agent(Actor):
    """Runs every task at once, which is to say that it does not."""

    def __init__(self, master: UPID, number: int) -> None:
        self.id = ""
        self.registered = asyncio.Event()
        self._master = master
        self._number = number

    def initialize(self) -> None:
        """Register."""
        self.send(self._master, m.RegisterAgent(m.AgentInfo(f"node-{self._number}.example.net", AGENT)))

    @handles(m.AgentRegistered)
    def taken(self, message: m.AgentRegistered) -> None:
        """It is one."""
        self.id = message.agent_id
        self.registered.set()

    @handles(m.PingAgent)
    def ping(self, message: m.PingAgent) -> None:
        """Live."""
        self.send(self._master, m.PongAgent(message.agent_id))

    @handles(m.RunTask)
    def run_task(self, message: m.RunTask) -> None:
        """It runs."""
        self.tell(message.framework.id, message.task.task_id)

    def tell(self, framework_id: str, task_id: str, data: bytes = b"") -> None:
        """Tell a framework that a task runs: a new one, every time."""
        self.send(self._master, m.StatusUpdate(framework_id, status(task_id, data)))

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        """Nothing else is of interest."""


class Launcher(Actor):
    """A framework that runs one task."""

    def __init__(self, master: UPID) -> None:
        self.id = ""
        self.running = asyncio.Event()
        self._master = master

    def initialize(self) -> None:
        """Subscribe."""
        self.send(self._master, m.Subscribe(m.FrameworkInfo("launcher-0")))

    @handles(m.Subscribed)
    def subscribed(self, message: m.Subscribed) -> None:
        """It is one."""
        self.id = message.framework_id

    @handles(m.Offers)
    def offers(self, message: m.Offers) -> None:
        """Launch it."""
        task = m.TaskInfo("task-0", Resources.of(cpus=1, mem=32), command=m.CommandInfo("sleep 1000"))
        launch = m.Launch((task,))
        self.send(self._master, m.Accept(self.id, (message.offers[0].id,), (launch,), m.Filters(LONG)))

    @handles(m.Update)
    def update(self, message: m.Update) -> None:
        """It runs."""
        self.running.set()


_UUIDS = (f"{number:032x}" for number in itertools.count(1))


def status(task_id: str, data: bytes = b"") -> m.TaskStatus:
    """A status as an executor gives it; its time is that of `time.monotonic`."""
    return m.TaskStatus(
        task_id,
        m.TaskState.RUNNING,
        m.Source.EXECUTOR,
        data=data,
        executor_id=task_id,
        timestamp=time.monotonic(),
        uuid=next(_UUIDS),
    )


class Scene:
    """Agents are `add`ed. `max_waiting` is the bound on what waits for a client that does not read."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        # A client reads the streams of up to a thousand, and so do we.
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.system = ActorSystem("127.0.0.1")
        options = MasterOptions(offer_timeout=LONG, ping_interval=LONG)
        self.master = Master(registry=MemoryRegistry(), options=options)
        self.agents: list[Agent] = []
        self._max_waiting = max_waiting

    async def __aenter__(self) -> Scene:
        await self.system.start()
        self.upid = self.system.spawn(self.master, "master")
        pages.install(self.master, max_waiting=self._max_waiting)
        self.address = format_address(self.system.address)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.system.close()

    async def add(self, agents: int) -> None:
        """Have so many agents register."""
        new = [Agent(self.upid, len(self.agents) + number) for number in range(agents)]
        for agent in new:
            self.system.spawn(agent)
        self.agents += new
        for agent in new:
            await agent.registered.wait()

    async def launch(self) -> str:
        """Have a framework run a task, `task-0`; returns the framework's id."""
        launcher = Launcher(self.upid)
        self.system.spawn(launcher)
        await launcher.running.wait()
        return launcher.id

    def frameworks(self) -> list[str]:
        """The ids of those that are subscribed, in the order of the numbers in their names."""
        found = [each for each in self.master.state.frameworks.values() if each.connected]
        return [each.id for each in sorted(found, key=lambda each: int(each.info.name.rpartition("-")[2]))]

    async def until_gone(self) -> None:
        """Wait until nobody is subscribed."""
        while self.frameworks():
            await asyncio.sleep(0.001)


class Clients:
    """The process with the clients. RuntimeError if it ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, command: Command) -> list[float]:
        """Have it do something; returns the answer."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: they are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the clients' process has ended")
        return msgspec.json.decode(line, type=Answer).seconds


@asynccontextmanager
async def clients() -> AsyncIterator[Clients]:
    """Start the process; it ends with this."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.http_api.clients",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
    )
    try:
        yield Clients(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()
