"""mesos-go (api/v1, 0.0.11), and what is built on it.

It speaks protobuf, sends `Accept` twice, and takes no answer whose `Content-Type` is not to the letter what it asked
for. Its decoder wants every field that proto2 calls required. In its stream it looks for decimal digits, a newline,
and the bytes of a record, however they are cut.
"""

from __future__ import annotations

import pytest

from tests.cluster.http.served import Served

from .protobuf import field, id_, message, read, required, text_of
from .wire import UUID, Wire, acknowledged, launched, run

PROTOBUF = "application/x-protobuf"
SUBSCRIBE = """
    POST /api/v1/scheduler HTTP/1.1
    Host: HOST
    User-Agent: Go-http-client/1.1
    Connection: close
    Content-Length: LENGTH
    Accept: application/x-protobuf
    Accept: application/x-protobuf
    Content-Type: application/x-protobuf
    Accept-Encoding: gzip
"""
CALL = """
    POST /api/v1/scheduler HTTP/1.1
    Host: HOST
    User-Agent: Go-http-client/1.1
    Content-Length: LENGTH
    Accept: application/x-protobuf
    Accept: application/x-protobuf
    Content-Type: application/x-protobuf
    Mesos-Stream-Id: {}
    Accept-Encoding: gzip
"""
# user "root", name "go", failover_timeout 60.0, checkpoint true, role "*"
FRAMEWORK = bytes.fromhex("0a04726f6f74 1202676f 210000000000004e40 2801 32012a")
SUBSCRIBE_CALL = bytes.fromhex("1001") + field(3, field(1, FRAMEWORK))


class MesosGo:
    """Its two connections: that of the stream, and that of all other calls."""

    def __init__(self, stream: Wire, calls: Wire) -> None:
        self.stream = stream
        self.calls = calls
        self.stream_id = ""
        self.framework_id = ""

    async def subscribe(self, call: bytes = SUBSCRIBE_CALL) -> None:
        self.stream.send(SUBSCRIBE, call)
        head = await self.stream.head()
        assert head.status == 200
        assert head.headers["Content-Type"] == PROTOBUF
        assert "Content-Encoding" not in head.headers
        # Without a length it reads records, with one a single message.
        assert "Content-Length" not in head.headers
        self.stream_id = head.headers["Mesos-Stream-Id"]
        (subscribed,) = required(await self.event(1), 2)
        framework_id, interval, master = required(read(subscribed), 1, 2, 3)
        assert interval == 15.0
        master_id, _, _ = required(read(master), 1, 2, 3)
        assert master_id
        self.framework_id = text_of(framework_id)

    async def event(self, type_: int) -> dict[int, list[bytes]]:
        """The next event of that type."""
        while True:
            data = await self.stream.chunk()
            length, _, record = data.partition(b"\n")
            assert length.isdigit()
            assert int(length) == len(record)
            event = read(record)
            if required(event, 1) == [type_]:
                return event
            assert event[1][0] in range(1, 12)

    async def call(self, type_: int, *parts: tuple[int, bytes]) -> None:
        call = message((1, id_(self.framework_id)), (2, type_), *parts)
        self.calls.send(CALL.format(self.stream_id), call)
        head, body = await self.calls.answer()
        assert (head.status, body) == (202, b"")


def scalar(name: str, amount: float, role: str = "*") -> bytes:
    return message((1, name), (2, 0), (3, field(1, amount)), (6, role))


@pytest.mark.asyncio
async def test_a_task_of_a_go_framework(served: Served) -> None:
    agent = await served.agent("cpus:2;mem:512;ports:[31000-31009]", hostname="h1")
    async with Wire(served) as stream, Wire(served) as calls:
        go = MesosGo(stream, calls)
        await go.subscribe()
        (offers,) = required(await go.event(2), 3)
        (offer,) = read(offers)[1]
        # What must be there: id, framework_id, agent_id, hostname.
        offer_id, framework_id, agent_id, hostname = required(read(offer), 1, 2, 3, 4)
        assert (text_of(framework_id), text_of(agent_id), hostname) == (go.framework_id, agent.id, b"h1")
        resources = {}
        for resource in map(read, read(offer)[5]):
            name, type_ = required(resource, 1, 2)
            resources[name] = type_
            (value,) = required(resource, {0: 3, 1: 4}[type_])
            if type_ == 0:
                required(read(value), 1)
            else:
                assert [required(read(each), 1, 2) for each in read(value)[1]] == [[31000, 31009]]
        assert resources == {b"cpus": 0, b"mem": 0, b"ports": 1}

        command = message((6, 1), (3, "sleep 5"))
        task = message(
            (1, "t"),
            (2, id_("t")),
            (3, agent_id),
            (4, scalar("cpus", 1.0)),
            (4, scalar("mem", 32.0)),
            (7, command),
        )
        launch = message((1, 1), (2, field(1, task)))
        await go.call(3, (4, message((1, offer_id), (2, launch), (3, field(1, 5.0)))))
        assert (await launched(served, agent)).task_id == "t"
        run(served, agent, go.framework_id, "t")
        (update,) = required(await go.event(4), 5)
        (status,) = required(read(update), 1)
        task_id, state, source, of, uuid = required(read(status), 1, 2, 9, 5, 11)
        assert (text_of(task_id), state, source, text_of(of)) == ("t", 1, 2, agent.id)
        assert uuid.hex() == UUID
        await go.call(8, (8, message((1, of), (2, task_id), (3, uuid))))
        assert await acknowledged(served, agent) == [UUID]
        # DECLINE, REVIVE, SUPPRESS, RECONCILE of nothing in particular, TEARDOWN: on the same connection.
        await go.call(4, (5, message((1, id_("stale")), (2, field(1, 0.5)))))
        await go.call(5)
        await go.call(12)
        await go.call(9, (9, b""))
        await go.event(4)
        await go.call(2)
        assert await stream.chunk() == b""
        assert await stream.ended()


@pytest.mark.asyncio
async def test_what_it_asks_for_in_json(served: Served) -> None:
    async with Wire(served) as wire:
        body = b'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"go"}}}'
        wire.send(SUBSCRIBE.replace(PROTOBUF, "application/json"), body)
        head = await wire.head()
        assert (head.status, head.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.asyncio
async def test_what_it_maps_to_errors(served: Served) -> None:
    async with Wire(served) as wire:
        wire.send(CALL.format("x"), message((1, id_("nobody")), (2, 5)))
        head, body = await wire.answer()
        assert (head.status, body) == (400, b"framework_id: there is no framework 'nobody'\n")
        # The connection is kept: the next call comes on it.
        wire.send(CALL.format("x"), b"\x08")
        head, body = await wire.answer()
        assert head.status == 400
        assert head.headers["Content-Type"].startswith("text/plain")


@pytest.mark.asyncio
async def test_a_field_of_old_has_no_effect(served: Served) -> None:
    # `force` was a bool, with the number of today's suppressed_roles.
    async with Wire(served) as stream, Wire(served) as calls:
        go = MesosGo(stream, calls)
        await go.subscribe(bytes.fromhex("1001") + field(3, field(1, FRAMEWORK) + field(2, 1)))
        assert served.master.state.frameworks[go.framework_id].suppressed == set()
