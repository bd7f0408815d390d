"""The framework behind `ostrom run`."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Mapping
from typing import IO, Any

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from actors import UPID, format_address
from cluster.framework import Framework, TaskHandle
from cluster.messages import CommandInfo, Offer, TaskInfo, TaskState, TaskStatus
from cluster.resources import Resources

__all__ = ["CommandRunner"]

log = logging.getLogger("ostrom.run")

READ_SIZE = 65536
INTERRUPTED = 130
READ_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)


class CommandRunner(Framework):
    """Runs one command as a number of tasks, and copies what each prints to here."""

    def __init__(
        self,
        name: str,
        command: CommandInfo,
        resources: Resources,
        instances: int,
        role: str,
        *,
        quiet: bool = False,
        out: IO[bytes] | None = None,
        err: IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, roles=(role,))
        self.exit_code = 0
        self._command = command
        self._resources = resources
        self._instances = instances
        self._quiet = quiet
        self._out = out or sys.stdout.buffer
        self._err = err or sys.stderr.buffer
        self._console = Console(stderr=True)
        self._headers = headers
        self._addresses: dict[str, str] = {}
        self._http: aiohttp.ClientSession
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
            transient=True,
        )

    async def until(self, master: Any, interrupted: Awaitable[object]) -> int:
        """Run until all tasks have ended, or until interrupted: then they are killed."""
        async with aiohttp.ClientSession(timeout=READ_TIMEOUT, headers=self._headers) as self._http:
            with self._progress:
                running = asyncio.ensure_future(self.run(master))
                stop = asyncio.ensure_future(interrupted)
                await asyncio.wait([running, stop], return_when=asyncio.FIRST_COMPLETED)
                if not running.done():
                    self.exit_code = INTERRUPTED
                    self.stop()
                stop.cancel()
                await asyncio.gather(stop, return_exceptions=True)
                await running
        return self.exit_code

    async def registered(self) -> None:
        """Submit the tasks, and await all of them."""
        bar = self._progress.add_task(self.info.name, total=self._instances)
        if not self._quiet:
            self._say(f"framework {self.id}")
        handles = [
            self.submit(
                TaskInfo(f"{self.info.name}.{number}", self._resources, self.info.name, command=self._command)
            )
            for number in range(self._instances)
        ]

        async def follow(handle: TaskHandle) -> TaskStatus:
            prefix = b"" if self._instances == 1 else f"[{handle.task_id}] ".encode()
            status = await handle.reached(TaskState.RUNNING)
            await asyncio.gather(
                self._copy(handle, "stdout", self._out, prefix),
                self._copy(handle, "stderr", self._err, prefix),
            )
            status = await handle
            self._progress.advance(bar)
            return status

        statuses = await asyncio.gather(*(follow(handle) for handle in handles))
        failed = [status for status in statuses if status.state is not TaskState.FINISHED]
        for status in failed:
            self._say(f"{status.task_id}: {status.state.short} {status.message}")
        if failed:
            self.exit_code = next((s.exit_code for s in failed if s.exit_code), 1)
        self.stop()

    async def reregistered(self) -> None:
        """The master is back."""
        self._say("the master is back")

    async def disconnected(self) -> None:
        """The master is gone; the tasks run on."""
        self._say("lost the master, waiting for it")

    async def offers(self, offers: Any) -> None:
        """Note where the agents are; then as usual."""
        for offer in offers:
            self._note(offer)
        await super().offers(offers)

    def _note(self, offer: Offer) -> None:
        self._addresses[offer.agent_id] = format_address(UPID.parse(offer.address).address)

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text, style="dim", markup=False, highlight=False)

    async def _copy(self, handle: TaskHandle, name: str, target: IO[bytes], prefix: bytes) -> None:
        """Copy one of a task's files as it grows, line by line where several tasks print at once."""
        address = self._addresses.get(handle.agent_id)
        if address is None:
            return
        url = f"http://{address}/ostrom/files/read"
        query = {"framework": self.id, "executor": handle.task_id, "path": name, "raw": "1", "wait": "1"}
        offset, rest, complete = 0, b"", False
        while not complete:
            try:
                async with self._http.get(
                    url, params={**query, "offset": str(offset), "length": str(READ_SIZE)}
                ) as response:
                    if response.status == 401:
                        self._say(
                            f"{handle.task_id}: {name} is not for everybody: --principal, or --token-file"
                        )
                        return
                    if response.status != 200:
                        # A task that never started has no files.
                        return
                    data = await response.read()
                    complete = not data and response.headers.get("X-Ostrom-Done") == "1"
            except (aiohttp.ClientError, TimeoutError) as error:
                self._say(f"{handle.task_id}: {name} cannot be read: {error}")
                return
            offset += len(data)
            if prefix:
                *lines, rest = (rest + data).split(b"\n")
                data = b"".join(prefix + line + b"\n" for line in lines)
                if complete and rest:
                    data += prefix + rest + b"\n"
            target.write(data)
            target.flush()
