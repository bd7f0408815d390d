"""Bytes to the master and back, as other clients' HTTP libraries see them: nothing of ours reads or writes them."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from cluster import messages as m
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import WITHIN
from tests.cluster.world import Peer

UUID = "a3921f814bf8424f9821181157a157e9"


class Head(NamedTuple):
    """The head of an answer; the names of `headers` are as they were written."""

    status: int
    headers: dict[str, str]


class Wire:
    """One connection to the master."""

    def __init__(self, served: Served) -> None:
        self.host = served.url.removeprefix("http://")
        """`host:port`."""
        self.read: asyncio.StreamReader
        self._write: asyncio.StreamWriter

    async def __aenter__(self) -> Wire:
        host, port = self.host.split(":")
        self.read, self._write = await asyncio.open_connection(host, int(port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._write.close()

    def send(self, head: str, body: bytes = b"") -> None:
        """Send a request. Its lines are `head`'s, where HOST and LENGTH are what they are here."""
        lines = head.replace("HOST", self.host).replace("LENGTH", str(len(body))).strip().splitlines()
        self.send_bytes("\r\n".join(line.strip() for line in lines).encode() + b"\r\n\r\n" + body)

    def send_bytes(self, data: bytes) -> None:
        self._write.write(data)

    async def head(self) -> Head:
        """The head of the next answer, which is what RFC 9112 says and no more."""
        async with asyncio.timeout(WITHIN):
            text = (await self.read.readuntil(b"\r\n\r\n")).decode("ascii")
        first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
        protocol, status, _ = first.split(" ", 2)
        assert protocol == "HTTP/1.1"
        headers: dict[str, str] = {}
        for line in lines:
            name, value = line.split(": ", 1)
            assert name not in headers
            headers[name] = value
        return Head(int(status), headers)

    async def chunk(self) -> bytes:
        """The next chunk of a body; nothing at its end."""
        async with asyncio.timeout(WITHIN):
            size = int((await self.read.readuntil(b"\r\n")).removesuffix(b"\r\n"), 16)
            data = await self.read.readexactly(size)
            assert await self.read.readexactly(2) == b"\r\n"
        return data

    async def answer(self) -> tuple[Head, bytes]:
        """A whole answer, whose length its head says."""
        head = await self.head()
        async with asyncio.timeout(WITHIN):
            return head, await self.read.readexactly(int(head.headers["Content-Length"]))

    async def ended(self) -> bool:
        """Whether the server has closed the connection, with nothing more to read."""
        async with asyncio.timeout(WITHIN):
            return await self.read.read() == b""


async def launched(served: Served, agent: Peer) -> m.TaskInfo:
    """The task that the agent was told to run."""
    await served.settle()
    (launch,) = agent.take(m.RunTask)
    return launch.task


def run(served: Served, agent: Peer, framework_id: str, task_id: str) -> None:
    """Have the agent tell that a task runs."""
    status = m.TaskStatus(
        task_id, m.TaskState.RUNNING, executor_id=task_id, uuid=UUID, source=m.Source.EXECUTOR
    )
    served.tell(agent, m.StatusUpdate(framework_id, status))


async def acknowledged(served: Served, agent: Peer) -> list[str]:
    """The uuids of the updates that were acknowledged to the agent."""
    await served.settle()
    return [each.uuid for each in agent.take(m.StatusUpdateAcknowledgement)]
