"""A client of the operator API, made from Mesos's documents: a call, its answer, and the stream of SUBSCRIBE."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from cluster.v1 import json as v1_json
from cluster.v1 import protobuf
from cluster.v1.types.master import Call, Event, Response
from tests.cluster.http.served import Served
from tests.cluster.http.v1.client import JSON, PROTOBUF, WITHIN, scalar, value

__all__ = ["JSON", "PROTOBUF", "Operator", "Stream", "scalar", "value"]


class Operator:
    """Calls and answers are JSON values, whatever they are sent as."""

    def __init__(self, served: Served, media: str = JSON, path: str = "/api/v1") -> None:
        self.served = served
        self.media = media
        self.url = served.url + path
        self._session = aiohttp.ClientSession()
        self._responses: list[aiohttp.ClientResponse] = []

    async def __aenter__(self) -> Operator:
        return self

    async def __aexit__(self, *_: object) -> None:
        for response in self._responses:
            response.close()
        await self._session.close()

    async def get(self, kind: str, **part: Any) -> Any:
        """Ask; returns the part of the answer."""
        status, answer = await self.call(kind, **part)
        assert status == 200, answer
        assert answer["type"] == kind
        return answer[kind.lower()]

    async def done(self, kind: str, status: int = 200, **part: Any) -> None:
        """Have something done, and answered with nothing but the status."""
        assert await self.call(kind, **part) == (status, "")

    async def refused(self, kind: str, **part: Any) -> str:
        """What must be refused: `<status> <text>`."""
        status, text = await self.call(kind, **part)
        assert isinstance(text, str), text
        return f"{status} {text}"

    async def call(self, kind: str, **part: Any) -> tuple[int, Any]:
        """Make a call."""
        call: dict[str, Any] = {"type": kind}
        if part:
            call[kind.lower()] = part
        return await self.send(call)

    async def send(self, call: Any, **headers: str) -> tuple[int, Any]:
        """Send anything: a JSON value, or bytes."""
        async with await self.post(call, **headers) as response:
            data = await response.read()
            await self.served.settle()
            if response.content_type == JSON:
                return response.status, json.loads(data)
            if response.content_type == PROTOBUF:
                return response.status, json.loads(v1_json.encode(protobuf.decode(data, Response)))
            return response.status, data.decode().rstrip()

    async def post(self, call: Any, **headers: str) -> aiohttp.ClientResponse:
        data = call if isinstance(call, bytes) else json.dumps(call).encode()
        if self.media == PROTOBUF and not isinstance(call, bytes):
            data = protobuf.encode(v1_json.decode(data, Call))
        return await self._session.post(
            self.url, data=data, headers={"Content-Type": self.media, "Accept": self.media, **headers}
        )

    async def subscribe(self) -> Stream:
        """Subscribe; the stream has told SUBSCRIBED and HEARTBEAT."""
        response = await self.post({"type": "SUBSCRIBE"}, Connection="close")
        self._responses.append(response)
        assert response.status == 200, await response.text()
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert response.headers["Content-Type"] == self.media
        stream = Stream(response, self.media)
        first = await stream.record()
        assert first["type"] == "SUBSCRIBED"
        assert first["subscribed"]["heartbeat_interval_seconds"] == 15
        stream.state = first["subscribed"]["get_state"]
        assert await stream.record() == {"type": "HEARTBEAT"}
        return stream


class Stream:
    """What a subscriber is told; `state` is what there was at first."""

    def __init__(self, response: aiohttp.ClientResponse, media: str) -> None:
        self.response = response
        self.media = media
        self.state: Any = None

    async def record(self) -> Any:
        """The next event, which is one record and one chunk; None at the end."""
        async with asyncio.timeout(WITHIN):
            data, ends = await self.response.content.readchunk()
            while data and not ends:
                more, ends = await self.response.content.readchunk()
                data += more
        if not data:
            return None
        length, _, record = data.partition(b"\n")
        assert int(length) == len(record)
        if self.media == PROTOBUF:
            return json.loads(v1_json.encode(protobuf.decode(record, Event)))
        assert record.isascii()
        return json.loads(record)

    async def next(self) -> tuple[str, Any]:
        """The next event but heartbeats: its type, and its part."""
        event = await self.record()
        while event == {"type": "HEARTBEAT"}:
            event = await self.record()
        assert event is not None, "the stream has ended"
        return event["type"], event[event["type"].lower()]

    async def until(self, kind: str) -> Any:
        """The part of the next event of a type; those before are passed over."""
        while True:
            type_, part = await self.next()
            if type_ == kind:
                return part
