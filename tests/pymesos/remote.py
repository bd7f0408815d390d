"""PyMesos's drivers in processes of their own, and what is on their wires."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"
WITHIN = 60.0
"""Seconds for what is to come at once."""
LIMIT = 180.0
"""Seconds after which a test that hangs is ended."""


def value(text: str) -> dict[str, str]:
    return {"value": text}


def text(data: str) -> str:
    return base64.b64decode(data).decode()


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def scalars(resources: str) -> list[dict[str, Any]]:
    """`cpus:1;mem:32` as Mesos writes it."""
    pairs = (item.split(":") for item in resources.split(";"))
    return [{"name": name, "type": "SCALAR", "scalar": {"value": float(amount)}} for name, amount in pairs]


def amount(offer: dict[str, Any], name: str) -> float:
    return sum(each["scalar"]["value"] for each in offer["resources"] if each["name"] == name)


def task(
    offer: dict[str, Any], task_id: str, resources: str = "cpus:0.1;mem:32", **fields: Any
) -> dict[str, Any]:
    """A TaskInfo on the offer's agent."""
    return {
        "task_id": value(task_id),
        "agent_id": offer["agent_id"],
        "name": task_id,
        "resources": scalars(resources),
        **fields,
    }


def executor(python: Path, executor_id: str = "main") -> dict[str, Any]:
    """An ExecutorInfo: programs/executor.py."""
    return {
        "executor_id": value(executor_id),
        "name": executor_id,
        "command": {"value": f"exec {python} {PROGRAMS / 'executor.py'}"},
        "resources": scalars("cpus:0.1;mem:32"),
    }


class Remote:
    """A program of PyMesos's that is told what to call, and tells what is called."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.events: list[tuple[str, list[Any]]] = []
        """What was told, and not asked for yet."""

    async def event(
        self, name: str, where: Callable[..., Any] = lambda *_: True, within: float = WITHIN
    ) -> list[Any]:
        """The arguments of the next callback of that name; others stay for later."""
        seen = 0
        try:
            async with asyncio.timeout(within):
                while True:
                    for place in range(seen, len(self.events)):
                        found, arguments = self.events[place]
                        if found == name and where(*arguments):
                            del self.events[place]
                            return arguments
                    seen = len(self.events)
                    await self._read()
        except TimeoutError as error:
            raise AssertionError(f"no {name} came, but {self.events}; {self.said()}") from error

    async def _read(self) -> None:
        if self.process.stdout is None:
            raise TypeError("its output is not piped")
        line = await self.process.stdout.readline()
        if not line:
            raise AssertionError(f"it ended, with {self.events}; {self.said()}")
        told = json.loads(line)
        self.events.append((told["event"], told["arguments"]))

    async def call(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """Have it call a method of the driver, which must not raise; returns what that does."""
        await self.order(name, *arguments, **keywords)
        _, answer = await self.event("returned", lambda called, _: called == name)
        return answer

    async def refused(self, name: str, *arguments: Any) -> str:
        """Have it call a method of the driver, which must raise; returns the text."""
        await self.order(name, *arguments)
        _, text = await self.event("raised", lambda called, _: called == name)
        return str(text)

    async def order(self, name: str, *arguments: Any, **keywords: Any) -> None:
        """Have it call a method of the driver."""
        if self.process.stdin is None:
            raise TypeError("its input is not piped")
        order = {"call": name, "arguments": arguments, "keywords": keywords}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()

    async def quiet(self) -> None:
        """Wait until it has no call under way: one that fails ends PyMesos's driver."""
        await self.call("reconcileTasks", [{"task_id": value("never-was")}])
        # That has no uuid, and is not acknowledged; what came before it has been.
        await self.status("never-was", "TASK_LOST")

    async def offers(self, **keywords: Any) -> list[Any]:
        offers: list[Any]
        (offers,) = await self.event("resourceOffers", **keywords)
        return offers

    async def status(self, task_id: str, state: str, within: float = WITHIN) -> Any:
        """A status of a task in that state."""

        def asked(status: Any) -> bool:
            return status["task_id"]["value"] == task_id and status["state"] == state

        (status,) = await self.event("statusUpdate", asked, within)
        return status

    def heard(self, name: str) -> list[Any]:
        """The callbacks of that name that came and were not asked for."""
        return [arguments for found, arguments in self.events if found == name]

    async def end(self) -> list[Any]:
        """What it told until its end, which is to be in order."""
        async with asyncio.timeout(WITHIN):
            await self.event("ended")
            if self.process.stdin is not None:
                self.process.stdin.close()
            assert await self.process.wait() == 0, self.said()
        # That a connection broke is logged with a traceback, too, and is no failure.
        for failure in ("Thread abort", "Failed to process", "Failed to Teardown", "KeyboardInterrupt"):
            assert failure not in self.said(), self.said()
        return self.events

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()

    def said(self) -> str:
        """What it wrote to its stderr: PyMesos's log is there."""
        return self.log.read_text(errors="replace")


class Schedulers:
    """Starts programs/scheduler.py, and ends what a test has left of it."""

    def __init__(self, python: Path, directory: Path) -> None:
        self._python = python
        self._directory = directory
        self._remotes: list[Remote] = []

    async def start(
        self, master: str, *, framework_id: str = "", options: dict[str, Any] | None = None, **info: Any
    ) -> Remote:
        """Start one, with FrameworkInfo and the driver's keywords; it may not be registered yet."""
        framework = {"user": "root", "name": "pymesos", "failover_timeout": 60, **info}
        if framework_id:
            framework["id"] = value(framework_id)
        return await self.run("scheduler.py", master, json.dumps(framework), json.dumps(options or {}))

    async def run(self, program: str, *arguments: str) -> Remote:
        """Start any of the programs."""
        environment = {name: entry for name, entry in os.environ.items() if name != "PYTHONPATH"}
        log = self._directory / f"{program}-{len(self._remotes)}.log"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                self._python,
                PROGRAMS / program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=environment,
                limit=2**24,
            )
        remote = Remote(process, log)
        self._remotes.append(remote)
        return remote

    async def close(self) -> None:
        for remote in self._remotes:
            remote.kill()
            if remote.process.stdin is not None:
                remote.process.stdin.close()
            await remote.process.wait()


@asynccontextmanager
async def schedulers(python: Path, directory: Path) -> AsyncIterator[Schedulers]:
    started = Schedulers(python, directory)
    try:
        yield started
    finally:
        await started.close()


async def ask(operator: Remote, name: str, *arguments: Any) -> Any:
    """Have operators.py ask; returns the part of the answer that has its name."""
    answer = await operator.call(name, *arguments)
    return answer[answer["type"].lower()]


async def launched(started: Schedulers, python: Path, master: str) -> tuple[Remote, Any]:
    """A framework whose task `t` runs in the executor `main`; and the agent's id."""
    framework = await started.start(master)
    (offer,) = await framework.offers()
    own = task(offer, "t", executor=executor(python), data=data("of t"))
    await framework.call("launchTasks", offer["id"], [own], {"refuse_seconds": 600})
    await framework.status("t", "TASK_RUNNING")
    return framework, offer["agent_id"]
