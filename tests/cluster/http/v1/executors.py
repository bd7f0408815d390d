"""An agent with its pages on loopback, and a client of the executor API, made from Mesos's documents."""

from __future__ import annotations

import asyncio
import base64
import uuid
from pathlib import Path
from typing import Any

from cluster.agent import AgentOptions
from cluster.http import agent as pages
from cluster.http.v1.stream import MAX_WAITING
from cluster.v1.types.executor import Call, Event
from tests.cluster.agent.world import AgentWorld
from tests.cluster.http.v1.client import JSON, Client, value


class ServedAgent(AgentWorld):
    """An agent that keeps its address when it is started again."""

    def __init__(
        self, work_dir: Path, options: AgentOptions | None = None, max_waiting: int = MAX_WAITING
    ) -> None:
        super().__init__(work_dir, options)
        self._max_waiting = max_waiting
        self._port = 0
        self._server: asyncio.Server | None = None

    async def __aexit__(self, *_: object) -> None:
        self.stop_serving()
        await super().__aexit__()

    async def start(self) -> None:
        await super().start()
        assert self.home is not None
        pages.install(self.agent, max_waiting=self._max_waiting)
        await self.home.http.start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.home.http.protocol, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def stop_serving(self) -> None:
        assert self._server is not None
        self._server.close()

    async def crash(self) -> None:
        self.stop_serving()
        assert self.home is not None
        await self.home.http.close()
        await super().crash()


class ExecutorClient(Client):
    """One executor."""

    PATH = "/api/v1/executor"
    CALL = Call
    EVENT = Event

    def __init__(self, url: str, media: str = JSON, executor_id: str = "e", framework_id: str = "F") -> None:
        super().__init__(url, media)
        self.ids = {"framework_id": value(framework_id), "executor_id": value(executor_id)}

    async def subscribe(self, **part: Any) -> Any:
        await self.begin(**part)
        event = await self.record()
        assert event["type"] == "SUBSCRIBED", event
        return event["subscribed"]

    async def begin(self, **part: Any) -> None:
        call = {"type": "SUBSCRIBE", **self.ids, "subscribe": part}
        self.response = await self._post(call, Accept=self.media, Connection="close")
        self._responses.append(self.response)
        assert self.response.status == 200, await self.response.text()
        assert self.response.headers["Transfer-Encoding"] == "chunked"
        assert self.response.headers["Content-Type"] == self.media

    async def call(self, kind: str, headers: dict[str, str] | None = None, **part: Any) -> tuple[int, str]:
        call: dict[str, Any] = {"type": kind, **self.ids}
        if part:
            call[kind.lower()] = part
        return await self.send(call, **(headers or {}))

    async def update(self, task_id: str, state: str, **fields: Any) -> str:
        """Tell of a task; returns the update's uuid."""
        status = status_of(task_id, state, **fields)
        await self.done("UPDATE", status=status)
        name: str = status["uuid"]
        return name


def status_of(task_id: str, state: str, **fields: Any) -> dict[str, Any]:
    return {
        "task_id": value(task_id),
        "state": state,
        "source": "SOURCE_EXECUTOR",
        "timestamp": 1.5,
        "uuid": base64.b64encode(uuid.uuid4().bytes).decode(),
        **fields,
    }


def data(text: bytes) -> str:
    return base64.b64encode(text).decode()
