"""A client of the scheduler API, made from Mesos's documents: SUBSCRIBE, a RecordIO stream, calls beside it."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import aiohttp

from cluster.v1 import json as v1_json
from cluster.v1 import protobuf
from cluster.v1.schema import Proto
from cluster.v1.types.scheduler import Call, Event

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
PATH = "/api/v1/scheduler"
WITHIN = 5.0


def value(text: str) -> dict[str, str]:
    return {"value": text}


class Client:
    """One framework. Calls and events are JSON values, whatever they are sent as."""

    PATH = PATH
    CALL: type[Proto] = Call
    EVENT: type[Proto] = Event

    def __init__(self, url: str, media: str = JSON, **info: Any) -> None:
        self.url = url + self.PATH
        self.media = media
        self.info = {"user": "root", "name": "test", "failover_timeout": 100, **info}
        self.id = ""
        self.stream = ""
        self.headers: dict[str, str] = {}
        self.events: list[Any] = []
        self.response: aiohttp.ClientResponse
        self._responses: list[aiohttp.ClientResponse] = []
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        for response in self._responses:
            response.close()
        await self._session.close()

    async def subscribe(self, **part: Any) -> Any:
        """Subscribe; returns SUBSCRIBED."""
        await self.begin(**part)
        event = await self.record()
        assert event["type"] == "SUBSCRIBED", event
        self.id = event["subscribed"]["framework_id"]["value"]
        self.info["id"] = value(self.id)
        assert await self.record() == {"type": "HEARTBEAT"}
        return event["subscribed"]

    async def begin(self, **part: Any) -> None:
        """Send SUBSCRIBE, and read no more than the head of the answer."""
        call: Any = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info, **part}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        self.response = await self._post(call, Accept=self.media, Connection="close")
        self._responses.append(self.response)
        assert self.response.status == 200, await self.response.text()
        assert self.response.headers["Transfer-Encoding"] == "chunked"
        assert self.response.headers["Content-Type"] == self.media
        self.stream = self.response.headers["Mesos-Stream-Id"]

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
            return json.loads(v1_json.encode(protobuf.decode(record, self.EVENT)))
        assert record.isascii()
        assert b"\n" not in record
        return json.loads(record)

    async def next(self, kind: str) -> Any:
        """The part of the next event of a type; the others stay for later."""
        for place, event in enumerate(self.events):
            if event["type"] == kind:
                return self.events.pop(place).get(kind.lower())
        while (event := await self.record()) is not None:
            if event["type"] == kind:
                return event.get(kind.lower())
            self.events.append(event)
        raise AssertionError(f"no {kind} came, but {self.events}")

    async def offers(self) -> list[Any]:
        """The next offers."""
        offers: list[Any] = (await self.next("OFFERS"))["offers"]
        return offers

    async def status(self) -> Any:
        """The next status, which is acknowledged."""
        status = (await self.next("UPDATE"))["status"]
        if "uuid" in status:
            await self.done(
                "ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"]
            )
        return status

    async def end(self) -> list[Any]:
        """What comes until the stream ends."""
        events, self.events = self.events, []
        while (event := await self.record()) is not None:
            events.append(event)
        return [event for event in events if event["type"] != "HEARTBEAT"]

    def close(self) -> None:
        """Break the stream's connection."""
        self.response.close()

    async def done(self, kind: str, **part: Any) -> None:
        """Make a call that must be accepted."""
        assert await self.call(kind, **part) == (202, "")

    async def call(self, kind: str, headers: dict[str, str] | None = None, **part: Any) -> tuple[int, str]:
        """Make a call; returns status and text."""
        call: dict[str, Any] = {"type": kind, "framework_id": value(self.id)}
        if part:
            call[kind.lower()] = part
        return await self.send(call, **({"Mesos-Stream-Id": self.stream} if headers is None else headers))

    async def send(self, call: Any, **headers: str) -> tuple[int, str]:
        """Send anything: a JSON value, or bytes."""
        async with await self._post(call, **headers) as response:
            return response.status, (await response.text()).rstrip()

    async def _post(self, call: Any, **headers: str) -> aiohttp.ClientResponse:
        data = call if isinstance(call, bytes) else json.dumps(call).encode()
        if self.media == PROTOBUF and not isinstance(call, bytes):
            data = protobuf.encode(v1_json.decode(data, self.CALL))
        return await self._session.post(
            self.url, data=io.BytesIO(data), headers={"Content-Type": self.media, **self.headers, **headers}
        )

    async def launch(self, offer: Any, *task_ids: str, refuse_seconds: float = 0, **fields: Any) -> None:
        """Launch tasks of one cpu on an offer."""
        tasks = [task(each, offer["agent_id"], **fields) for each in task_ids]
        operation = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
        await self.done(
            "ACCEPT",
            offer_ids=[offer["id"]],
            operations=[operation],
            filters={"refuse_seconds": refuse_seconds},
        )


def scalar(name: str, amount: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": amount}, **more}


def task(task_id: str, agent_id: Any, cpus: float = 1, mem: float = 32, **fields: Any) -> dict[str, Any]:
    return {
        "name": task_id,
        "task_id": value(task_id),
        "agent_id": agent_id,
        "command": {"value": "true"},
        "resources": [scalar("cpus", cpus), scalar("mem", mem), scalar("gpus", 0)],
        **fields,
    }
