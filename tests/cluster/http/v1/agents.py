"""An agent that runs real processes, and a client of its operator API, made from Mesos's documents."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from cluster.agent.checkpoint import RecordKey
from cluster.agent.containerizer import Container
from cluster.messages import CommandInfo, TaskState
from cluster.v1 import json as v1_json
from cluster.v1 import protobuf, recordio
from cluster.v1.types.agent import Call, ProcessIO, Response
from isolation import ContainerSpec, Launcher
from tests.cluster.http.v1.client import JSON, PROTOBUF
from tests.cluster.http.v1.executors import ServedAgent
from tests.cluster.world import task

WITHIN = 20.0
T = TypeVar("T")
RECORDIO = "application/recordio"


class RealMachine:
    """Real processes, and what they leave on disk, whatever becomes of the agent's process."""

    runs_executors = True

    def __init__(self, state_dir: Path) -> None:
        self.containers: dict[str, Any] = {}
        self.disk: dict[RecordKey, bytes] = {}
        self.disk_full = False
        self._state_dir = state_dir

    async def start(self) -> None:
        self._launcher = Launcher(state_dir=self._state_dir)
        await self._launcher.start()

    async def launch(self, spec: ContainerSpec) -> Container:
        return await self._launcher.launch(spec)

    def held(self) -> frozenset[str]:
        return frozenset()

    async def recover(self, specs: Mapping[str, ContainerSpec]) -> Sequence[Container]:
        return await self._launcher.recover(specs)

    async def detach(self) -> None:
        await self._launcher.detach()

    async def close(self) -> None:
        await self._launcher.close()

    async def wipe(self) -> None:
        """End all that still runs."""
        await self.start()
        for container in await self.recover({}):
            await container.destroy()
        await self.close()


class RealAgent(ServedAgent):
    """Time is paused, processes are not."""

    def __init__(self, work_dir: Path) -> None:
        super().__init__(work_dir)
        self.real = RealMachine(work_dir / "containers-on-record")
        self.machine = self.real  # type: ignore[assignment]

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await self.real.wipe()

    async def start(self) -> None:
        await super().start()
        # The machine is a real one: what is there is known when it says so.
        async with asyncio.timeout(WITHIN):
            while self.agent.master is None:
                await asyncio.sleep(0.005)
                await self.advance(0.1)

    async def running(self, line: str, name: str = "t") -> str:
        """Run a task; returns the id of its container, once that runs."""
        await self.run(task(name, "cpus:0.1;mem:16", command=CommandInfo(line)))
        await self.until(name, TaskState.RUNNING)
        return self.agent.state.runs["F1", name].container_id

    async def until(self, name: str, state: TaskState) -> None:
        """Wait until a task's state is told."""
        async with asyncio.timeout(WITHIN):
            while not any(each.task_id == name and each.state is state for each in await self.acknowledge()):
                await asyncio.sleep(0.005)

    async def while_time_runs(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What it returns, with a clock that runs meanwhile."""
        task = asyncio.ensure_future(coroutine)
        while not task.done():
            await self.advance(0.1)
            await asyncio.sleep(0.01)
        return task.result()

    def sandbox(self, name: str = "t") -> Path:
        found = self.agent.sandboxes.latest("A1", "F1", name)
        assert found is not None
        return found


class OperatorClient:
    """Calls and answers are JSON values, whatever they are sent as."""

    def __init__(self, url: str, media: str = JSON, path: str = "/api/v1") -> None:
        self.url = url + path
        self.media = media
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None, sock_read=WITHIN))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    def encode(self, call: Any) -> bytes:
        data = json.dumps(call).encode()
        return protobuf.encode(v1_json.decode(data, Call)) if self.media == PROTOBUF else data

    def decode(self, data: bytes, message: Any) -> Any:
        if self.media == PROTOBUF:
            data = v1_json.encode(protobuf.decode(data, message))
        return json.loads(data)

    async def send(self, call: Any, **headers: str) -> tuple[int, Any]:
        """Status, and the answer: a text if it is none of those media."""
        data = call if isinstance(call, bytes) else self.encode(call)
        headers = {"Content-Type": self.media, "Accept": self.media, **headers}
        async with self.session.post(self.url, data=data, headers=headers) as response:
            body = await response.read()
            if response.content_type == self.media and response.status == 200 and body:
                return 200, self.decode(body, Response)
            return response.status, body.decode().rstrip()

    async def call(self, kind: str, **part: Any) -> tuple[int, Any]:
        return await self.send({"type": kind, **({kind.lower(): part} if part else {})})

    async def done(self, kind: str, **part: Any) -> None:
        assert await self.call(kind, **part) == (200, "")

    async def get(self, kind: str, **part: Any) -> Any:
        status, answer = await self.call(kind, **part)
        assert (status, answer["type"] if status == 200 else answer) == (200, kind)
        return answer[kind.lower()]

    def output(self, kind: str, **part: Any) -> Output:
        """The stream that answers a call."""
        return Output(self, {"type": kind, kind.lower(): part})

    async def feed(
        self, container_id: Any, *messages: Any, wait: asyncio.Event | None = None
    ) -> tuple[int, str]:
        """Attach to a container's input and send messages: bytes are data for it. Waits before it ends the body."""

        async def body() -> AsyncIterator[bytes]:
            yield self._record(type="CONTAINER_ID", container_id=container_id)
            for message in messages:
                yield self._record(
                    type="PROCESS_IO", process_io=message if isinstance(message, dict) else data(message)
                )
            if wait is not None:
                await wait.wait()

        headers = {"Content-Type": RECORDIO, "Message-Content-Type": self.media}
        async with self.session.post(self.url, data=body(), headers=headers) as response:
            return response.status, (await response.text()).rstrip()

    def _record(self, **part: Any) -> bytes:
        return recordio.encode(
            self.encode({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": part})
        )


class Output:
    """What comes out of a container, by `STDOUT` and `STDERR`."""

    def __init__(self, client: OperatorClient, call: Any) -> None:
        self._client = client
        self._call = call
        self._decoder = recordio.Decoder()
        self.got = {"STDOUT": b"", "STDERR": b""}
        self.controls: list[Any] = []

    async def __aenter__(self) -> Self:
        client = self._client
        headers = {"Content-Type": client.media, "Accept": RECORDIO, "Message-Accept": client.media}
        self.response = await client.session.post(client.url, data=client.encode(self._call), headers=headers)
        if self.response.status == 200:
            assert self.response.content_type == RECORDIO
            assert self.response.headers["Message-Content-Type"] == client.media
        return self

    async def __aexit__(self, *_: object) -> None:
        self.response.close()

    async def refused(self) -> tuple[int, str]:
        return self.response.status, (await self.response.text()).rstrip()

    async def piece(self) -> bool:
        """Take what comes next; False at the end."""
        assert self.response.status == 200, await self.response.text()
        async with asyncio.timeout(WITHIN):
            while True:
                chunk, _ = await self.response.content.readchunk()
                if not chunk:
                    assert self._decoder.at_boundary()
                    return False
                records = self._decoder.feed(chunk)
                for record in records:
                    self._take(self._client.decode(record, ProcessIO))
                if records:
                    return True

    def _take(self, message: Any) -> None:
        if message["type"] == "CONTROL":
            self.controls.append(message["control"])
        else:
            self.got[message["data"]["type"]] += base64.b64decode(message["data"]["data"])

    async def until(self, text: bytes, stream: str = "STDOUT") -> None:
        while text not in self.got[stream]:
            assert await self.piece(), self.got

    async def all(self) -> dict[str, bytes]:
        """All, up to its end."""
        while await self.piece():
            pass
        return self.got


def data(text: bytes) -> dict[str, Any]:
    return {"type": "DATA", "data": {"type": "STDIN", "data": base64.b64encode(text).decode()}}


def child(parent: str, *values: str) -> dict[str, Any]:
    """The id of a container below others."""
    found: dict[str, Any] = {"value": parent}
    for value in values:
        found = {"value": value, "parent": found}
    return found


def shell(line: str, **fields: Any) -> dict[str, Any]:
    return {"value": line, **fields}
