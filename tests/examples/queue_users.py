"""What the tests of the queue service share: its users, and ways to run it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from examples.queue_service.http import application
from examples.queue_service.jobs import Queue
from examples.queue_service.service import QueueService
from examples.queue_service.store import Store
from tests.system.harness import LIMIT

NAMES = ("ann", "bob", "eve")


class User:
    """Asks as one user. An answer with another status than expected (None: any) fails the test."""

    def __init__(self, http: aiohttp.ClientSession, url: str, name: str) -> None:
        self.name = name
        self._http, self._url = http, url
        self._headers = {"Authorization": f"Bearer token-of-{name}"}

    async def ask(self, status: int | None, method: str, path: str, **options: Any) -> Any:
        options.setdefault("headers", self._headers)
        async with self._http.request(method, self._url + path, **options) as response:
            body = await response.json()
            assert status in (None, response.status), body
            return body

    async def open(self) -> int:
        return int((await self.ask(201, "POST", "/sessions"))["id"])

    async def add(self, session: int, command: str, **fields: Any) -> int:
        body = {"session": session, "command": command, "cpus": 1, "mem": 32, **fields}
        return int((await self.ask(201, "POST", "/jobs", json=body))["id"])

    async def job(self, number: int) -> Any:
        return await self.ask(200, "GET", f"/jobs/{number}")

    async def ended(self, number: int) -> Any:
        """The job when it has ended: by long polls, as a user would."""
        while True:
            job = await self.ask(200, "GET", f"/jobs/{number}?wait=30")
            if job["state"] not in ("WAITING", "STAGING", "RUNNING"):
                return job

    async def until(self, number: int, state: str) -> Any:
        while (job := await self.job(number))["state"] != state:
            await asyncio.sleep(0.01)
        return job


@asynccontextmanager
async def users_of(url: str) -> AsyncIterator[list[User]]:
    async with aiohttp.ClientSession() as http:
        yield [User(http, url.rstrip("/"), name) for name in NAMES]


@asynccontextmanager
async def in_process(
    path: Path,
    master: str = "",
    kind: type[QueueService] = QueueService,
    queues: tuple[Queue, ...] = (Queue("default"),),
    **options: Any,
) -> AsyncIterator[tuple[QueueService, list[User]]]:
    """The service in this process; without a master it only takes what users ask for. Its end kills no job."""
    store = Store(path / "queue.db")
    service = kind(store, queues, **{"check_seconds": 0.1, **options})
    server = TestServer(application(service, {f"token-of-{name}": name for name in NAMES}))
    await server.start_server()
    running = asyncio.ensure_future(service.run(master)) if master else None
    try:
        async with asyncio.timeout(LIMIT), users_of(str(server.make_url("/"))) as users:
            yield service, users
    finally:
        service.stop(failover=True)
        if running is not None:
            await asyncio.gather(running, return_exceptions=True)
        await server.close()
        store.close()


class ServiceProcess:
    """The service as a program, to be killed."""

    def __init__(self, path: Path, master: str, *options: str) -> None:
        tokens = path / "users"
        tokens.write_text("".join(f"{name} token-of-{name}\n" for name in NAMES))
        self._arguments = [sys.executable, "-m", "examples.queue_service", "--master", master, "--port", "0"]
        self._arguments += [
            "--work-dir",
            str(path),
            "--users",
            str(tokens),
            "--check-seconds",
            "0.2",
            *options,
        ]
        self.process: asyncio.subprocess.Process
        self.url = ""

    async def _begin(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
        )

    async def to_its_end(self) -> tuple[int | None, str]:
        """Run it until it ends by itself; return the exit status and what was printed to stderr."""
        await self._begin()
        _, errors = await self.process.communicate()
        return self.process.returncode, errors.decode()

    async def start(self) -> str:
        """Start it; return its address."""
        await self._begin()
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode()
        if not line:
            _, errors = await self.process.communicate()
            raise AssertionError(errors.decode())
        self.url = line.split()[-1]
        return self.url

    async def kill(self) -> None:
        """SIGKILL."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()

    async def terminate(self) -> tuple[int | None, str]:
        """SIGTERM; return the exit status and what was printed to stderr."""
        self.process.terminate()
        _, errors = await self.process.communicate()
        return self.process.returncode, errors.decode()
