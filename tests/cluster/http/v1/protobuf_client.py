"""A scheduler that speaks protobuf, written from Mesos's documents alone; its messages are those made by hand."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.cluster.http.v1.mesos_protobuf import decode, encode

__all__ = ["EXECUTOR", "Scheduler", "amount", "custom", "id_", "task_info"]

MEDIA = "application/x-protobuf"
WITHIN = 20.0
EXECUTOR = f"exec {sys.executable} {Path(__file__).parent / 'programs' / 'protobuf_executor.py'}"


def id_(text: str) -> dict[str, str]:
    return {"value": text}


class Scheduler:
    """One framework. `acknowledges` says whether each status is acknowledged when it is returned."""

    def __init__(self, address: str, **info: Any) -> None:
        self.info = {"user": "root", "name": "by hand", "failover_timeout": 60.0, **info}
        self.id = ""
        self.acknowledges = True
        self.events: list[dict[str, Any]] = []
        self._url = f"http://{address}/api/v1/scheduler"
        self._stream = ""
        self._response: aiohttp.ClientResponse | None = None
        self._buffer = b""
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Scheduler:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self._session.close()

    def close(self) -> None:
        """Break the stream's connection."""
        if self._response is not None:
            self._response.close()

    async def subscribe(self) -> dict[str, Any]:
        """Subscribe, and wait for SUBSCRIBED."""
        await self.begin()
        subscribed = await self.next("SUBSCRIBED")
        self.id = subscribed["framework_id"]["value"]
        self.info["id"] = id_(self.id)
        return subscribed

    async def begin(self) -> None:
        """Send SUBSCRIBE."""
        self._buffer = b""
        self.events.clear()
        values = {
            "framework_id": self.info.get("id"),
            "type": "SUBSCRIBE",
            "subscribe": {"framework_info": self.info},
        }
        self._response = await self._post(values)
        assert self._response.status == 200, await self._response.text()
        assert self._response.content_type == MEDIA
        self._stream = self._response.headers["Mesos-Stream-Id"]

    async def next(self, kind: str, of: Callable[[dict[str, Any]], bool] = lambda _: True) -> Any:
        """What the next event of a type (and `of` a kind) says; the others stay."""
        place = 0
        # Heartbeats come all the time: it is the whole that must not take too long.
        async with asyncio.timeout(WITHIN):
            while True:
                if place == len(self.events):
                    event = await self.event()
                    assert event is not None, f"no {kind} came, but {self.events}"
                    self.events.append(event)
                if self.events[place]["type"] == kind:
                    part: dict[str, Any] = self.events[place].get(kind.lower(), {})
                    if of(part):
                        del self.events[place]
                        return part
                place += 1

    async def event(self) -> dict[str, Any] | None:
        """The next event; None at the end."""
        assert self._response is not None
        while True:
            length, newline, rest = self._buffer.partition(b"\n")
            if newline and len(rest) >= int(length):
                self._buffer = rest[int(length) :]
                return decode("SchedulerEvent", rest[: int(length)])
            data = await self._response.content.readany()
            if not data:
                assert not self._buffer
                return None
            self._buffer += data

    async def ends(self) -> list[dict[str, Any]]:
        """What comes until the end of the stream, but for heartbeats."""
        events, self.events = self.events, []
        async with asyncio.timeout(WITHIN):
            while (event := await self.event()) is not None:
                events.append(event)
        return [event for event in events if event["type"] != "HEARTBEAT"]

    async def offer(self) -> dict[str, Any]:
        """The next offer: there must be one only."""
        (offer,) = (await self.next("OFFERS"))["offers"]
        found: dict[str, Any] = offer
        return found

    async def status(self, task_id: str = "", state: str = "") -> dict[str, Any]:
        """The next status (of a task), which must be this."""
        update = await self.next(
            "UPDATE", lambda part: not task_id or part["status"]["task_id"] == id_(task_id)
        )
        status: dict[str, Any] = update["status"]
        assert state in ("", status["state"]), status
        if self.acknowledges:
            await self.acknowledge(status)
        return status

    async def acknowledge(self, status: dict[str, Any]) -> None:
        """Acknowledge a status that is to be."""
        if "uuid" in status:
            await self.call("ACKNOWLEDGE", **{name: status[name] for name in ("agent_id", "task_id", "uuid")})

    async def call(self, kind: str, **part: Any) -> None:
        """Make a call, which must be accepted."""
        values: dict[str, Any] = {"framework_id": id_(self.id), "type": kind}
        if part:
            values[kind.lower()] = part
        assert await self.answer(values) == (202, "")

    async def answer(self, values: dict[str, Any]) -> tuple[int, str]:
        """Send a call; returns status and text."""
        async with await self._post(values, **{"Mesos-Stream-Id": self._stream}) as response:
            return response.status, (await response.text()).rstrip()

    async def launch(
        self, offer: dict[str, Any], *tasks: dict[str, Any], refuse_seconds: float = 600
    ) -> None:
        """Launch tasks on an offer."""
        operation = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
        filters = {"refuse_seconds": refuse_seconds}
        await self.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation], filters=filters)

    async def _post(self, values: dict[str, Any], **headers: str) -> aiohttp.ClientResponse:
        return await self._session.post(
            self._url,
            data=encode("SchedulerCall", values),
            headers={"Content-Type": MEDIA, "Accept": MEDIA, **headers},
        )


def scalar(name: str, amount: float) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": float(amount)}}


def task_info(
    offer: dict[str, Any], task_id: str, cpus: float = 1, mem: float = 32, **fields: Any
) -> dict[str, Any]:
    """A task for an offer's agent."""
    resources = [scalar("cpus", cpus), scalar("mem", mem)]
    made = {"name": task_id, "task_id": id_(task_id), "agent_id": offer["agent_id"], "resources": resources}
    return {**made, **fields}


def custom(executor_id: str = "e", command: str = EXECUTOR) -> dict[str, Any]:
    """An executor of the framework's own."""
    return {
        "type": "CUSTOM",
        "executor_id": id_(executor_id),
        "resources": [scalar("cpus", 0.1), scalar("mem", 32)],
        "command": {"value": command},
        "data": b"\x00\xff",
    }


def amount(offer: dict[str, Any], name: str) -> float:
    """How much of a resource is offered."""
    return sum(each["scalar"]["value"] for each in offer["resources"] if each["name"] == name)
