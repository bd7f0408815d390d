"""The processes with the agents and those with the frameworks, and what they tell."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from .events import Event, Summary, decode

__all__ = ["AGENTS", "FRAMEWORKS", "Crowd", "CrowdError", "Tasks"]

AGENTS, FRAMEWORKS = 200, 20
AGENTS_EACH, FRAMEWORKS_EACH = 50, 10
"""Of one process."""
LONGEST_LINE = 64 * 2**20
END_TIMEOUT = 120.0


class CrowdError(Exception):
    """A process ended, or did not."""


class Tasks:
    """What became of all tasks, as the frameworks and the agents say. CrowdError if that does not fit together."""

    def __init__(self, frameworks: Sequence[Summary], agents: Sequence[Summary]) -> None:
        told = {task: ends for summary in frameworks for task, ends in summary.tasks.items()}
        started: Counter[str] = Counter()
        for summary in agents:
            started.update(summary.tasks)
        self.asked = len(told)
        self.lost = sum(summary.failed for summary in frameworks) + sum(ends == 0 for ends in told.values())
        self.doubled = sum(ends > 1 or started[task] > 1 for task, ends in told.items())
        self.again = sum(summary.again for summary in frameworks)
        unseen = sum(ends > 0 and not started[task] for task, ends in told.items())
        if unseen > self.lost:
            raise CrowdError(f"{unseen} tasks have ended that no agent has started")


class Crowd:
    """All agents and frameworks; `note` is called for each event."""

    def __init__(self, master: str, log: Path, note: Callable[[Event], None]) -> None:
        self.members = [f"agent-{number}" for number in range(AGENTS)]
        self.members += [f"framework-{number}" for number in range(FRAMEWORKS)]
        self._master = master
        self._log = log
        self._note = note
        self._agents: list[_Host] = []
        self._frameworks: list[_Host] = []

    async def start(self) -> None:
        """Start the processes."""
        for first in range(0, AGENTS, AGENTS_EACH):
            self._agents.append(await self._host("agents", first, min(AGENTS_EACH, AGENTS - first)))
        for first in range(0, FRAMEWORKS, FRAMEWORKS_EACH):
            each = min(FRAMEWORKS_EACH, FRAMEWORKS - first)
            self._frameworks.append(await self._host("frameworks", first, each))

    async def _host(self, module: str, first: int, count: int) -> _Host:
        host = _Host(self._note)
        with self._log.open("ab") as log:
            await host.start(
                [f"benchmarks.failover.{module}", self._master, str(first), str(count)], log.fileno()
            )
        return host

    def check(self) -> None:
        """CrowdError if one of them has ended."""
        for host in (*self._agents, *self._frameworks):
            if host.ended:
                raise CrowdError(f"a process of the benchmark ended:\n{self._tail()}")

    async def end(self) -> Tasks:
        """Let the frameworks end, then the agents; return what became of the tasks. CrowdError if they do not say."""
        frameworks = await self._end(self._frameworks)
        return Tasks(frameworks, await self._end(self._agents))

    async def _end(self, hosts: list[_Host]) -> list[Summary]:
        try:
            async with asyncio.timeout(END_TIMEOUT):
                summaries = await asyncio.gather(*(host.end() for host in hosts))
        except TimeoutError:
            raise CrowdError(f"a process of the benchmark does not end:\n{self._tail()}") from None
        found = [summary for summary in summaries if summary is not None]
        if len(found) < len(hosts):
            raise CrowdError(f"a process of the benchmark ended without a word:\n{self._tail()}")
        return found

    async def kill(self) -> None:
        """End what is left of them."""
        await asyncio.gather(*(host.kill() for host in (*self._agents, *self._frameworks)))

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]


class _Host:
    """One process. It ends when this one does: with its standard input."""

    def __init__(self, note: Callable[[Event], None]) -> None:
        self._note = note
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[Summary | None] | None = None

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    async def start(self, arguments: list[str], log: int) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=LONGEST_LINE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
            start_new_session=True,
        )
        self._reading = asyncio.ensure_future(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> Summary | None:
        assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        summary = None
        async for line in process.stdout:
            what = decode(line)
            if isinstance(what, Summary):
                summary = what
            else:
                self._note(what)
        await process.wait()
        return summary

    async def end(self) -> Summary | None:
        """Close its standard input; return its last word."""
        if self._process is None or self._process.stdin is None or self._reading is None:
            return None
        self._process.stdin.close()
        return await self._reading

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)
