"""A World whose master has its pages, served on loopback."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from cluster.http import master as pages
from cluster.http.v1.stream import MAX_WAITING, LostStreams
from tests.cluster.world import World


class Served(World):
    """`get`, `post` and `delete` return status and body: a JSON value, or text."""

    max_waiting = MAX_WAITING
    lost: LostStreams | None = None

    async def __aenter__(self) -> Served:
        await super().__aenter__()
        self._install()
        await self.system.http.start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.system.http.protocol, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        self._session = aiohttp.ClientSession()
        return self

    def _install(self) -> None:
        pages.install(self.master, max_waiting=self.max_waiting, lost=self.lost)
        changed = self.master.on_turn

        def on_turn() -> None:
            changed()
            self._check()

        self.master.on_turn = on_turn

    async def restart(self, **settings: Any) -> None:
        await super().restart(**settings)
        self._install()

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._server.close()
        await super().__aexit__()

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self._session.request(method, self.url + path, **options) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def get(self, path: str) -> Any:
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        answer = await self.ask("POST", path, data=body if isinstance(body, bytes) else json.dumps(body))
        await self.settle()
        return answer

    async def done(self, path: str, body: Any = None) -> Any:
        """Post what must be done."""
        status, answer = await self.post(path, body)
        assert status == 200, answer
        return answer

    async def refused(self, path: str, body: Any = None) -> str:
        """Post what must be refused: `<status> <text>`."""
        status, answer = await self.post(path, body)
        assert isinstance(answer, str), answer
        return f"{status} {answer.rstrip()}"
