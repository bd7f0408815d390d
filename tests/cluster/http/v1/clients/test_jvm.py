"""Clients on the JVM: mesos-rxjava 0.2 (netty), DC/OS's usi and Adobe's mesos-actor (Akka), skytix's, and duedil's.

mesos-rxjava asks `/redirect` first, sends chunked bodies of protobuf, and wants `Content-Type` to the letter, 202 for
calls, and text/plain with a length for what is wrong. usi puts the API's path behind the path of its URL. skytix's
sends what Java 11 does: an offer to speak HTTP/2 in each request, which one need not take; its framework names itself.
duedil's reads JSON, by characters, and knows each member or ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urljoin, urlsplit

import pytest
import pytest_asyncio

from tests.cluster.http.served import Served

from .protobuf import field, id_, message, read, required, text_of
from .wire import Wire

FRAMEWORK = message((1, "root"), (2, "java"), (4, 60.0))
SUBSCRIBE_CALL = message((2, 1), (3, field(1, FRAMEWORK)))
NETTY = """
    POST /api/v1/scheduler HTTP/1.1
    User-Agent: sleepy/0.1 mesos-rxjava-client/0.2.0 rxnetty/0.4.17
    Content-Type: application/x-protobuf
    Accept: application/x-protobuf
    Host: HOST
    Transfer-Encoding: chunked
"""
AKKA = """
    POST /api/v1/scheduler/api/v1/scheduler HTTP/1.1
    Accept: application/x-protobuf
    Host: HOST
    User-Agent: akka-http/10.1.8
    Content-Type: application/x-protobuf
    Content-Length: LENGTH
"""
AKKA_CALL = """
    POST /api/v1/scheduler HTTP/1.1
    Mesos-Stream-Id: {}
    Host: HOST
    User-Agent: akka-http/10.1.8
    Content-Type: application/x-protobuf
    Content-Length: LENGTH
"""


@pytest_asyncio.fixture
async def wire(served: Served) -> AsyncIterator[Wire]:
    async with Wire(served) as wire:
        yield wire


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


async def subscribed(wire: Wire) -> str:
    """The framework's id, from the first event."""
    length, _, record = (await wire.chunk()).partition(b"\n")
    assert int(length) == len(record)
    type_, part = required(read(record), 1, 2)
    assert type_ == 1
    return text_of(required(read(part), 1)[0])


@pytest.mark.asyncio
async def test_mesos_rxjava(served: Served, wire: Wire) -> None:
    async with Wire(served) as probe:
        probe.send("GET /redirect HTTP/1.1\nHost: HOST")
        head, _ = await probe.answer()
        assert head.status == 307
        # It takes host and port of what that is, seen from where it asked.
        location = urlsplit(urljoin(f"http://{probe.host}/redirect", head.headers["Location"]))
        assert (location.scheme, location.netloc) == ("http", "world:1")
    wire.send(NETTY, chunked(SUBSCRIBE_CALL))
    head = await wire.head()
    assert (head.status, head.headers["Content-Type"]) == (200, "application/x-protobuf")
    framework_id = await subscribed(wire)
    async with Wire(served) as calls:
        call = NETTY.rstrip() + f"\nMesos-Stream-Id: {head.headers['Mesos-Stream-Id']}"
        calls.send(call, chunked(message((1, id_(framework_id)), (2, 5))))
        assert (await calls.answer())[0].status == 202
        calls.send(call, chunked(message((1, id_("other")), (2, 5))))
        answer, text = await calls.answer()
        assert answer.status == 400
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert int(answer.headers["Content-Length"]) > 0
        assert text == b"framework_id: there is no framework 'other'\n"


@pytest.mark.asyncio
async def test_usi_with_the_path_twice(served: Served, wire: Wire) -> None:
    wire.send(AKKA, SUBSCRIBE_CALL)
    head = await wire.head()
    assert head.status == 200
    stream_id = head.headers["Mesos-Stream-Id"]
    framework_id = await subscribed(wire)
    async with Wire(served) as calls:
        for path in ("/api/v1/scheduler", "/api/v1/scheduler/api/v1/scheduler"):
            head_ = AKKA_CALL.format(stream_id).replace("/api/v1/scheduler", path)
            calls.send(head_, message((1, id_(framework_id)), (2, 12)))
            answer, text = await calls.answer()
            assert (answer.status, text) == (202, b"")


JAVA = """
    POST /api/v1/scheduler HTTP/1.1
    Connection: Upgrade, HTTP2-Settings
    Content-Length: LENGTH
    Host: HOST
    HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA
    Upgrade: h2c
    User-Agent: Java-http-client/11.0.2
    Content-Type: application/x-protobuf
"""


@pytest.mark.asyncio
async def test_java_11_offers_another_protocol(served: Served, wire: Wire) -> None:
    own = "0b1c1a68-4f4e-4a3b-9d6a-1f4a4b1b6d11"
    info = message((1, "root"), (2, "mesos-scheduler-client"), (3, field(1, own)))
    wire.send(
        JAVA.rstrip() + "\nAccept: application/x-protobuf",
        message((1, id_(own)), (2, 1), (3, field(1, info))),
    )
    head = await wire.head()
    assert head.status == 200
    assert await subscribed(wire) == own
    async with Wire(served) as calls:
        for _ in range(2):
            calls.send(
                JAVA.rstrip() + f"\nMesos-Stream-Id: {head.headers['Mesos-Stream-Id']}",
                message((1, id_(own)), (2, 12)),
            )
            answer, text = await calls.answer()
            assert (answer.status, text) == (202, b"")
