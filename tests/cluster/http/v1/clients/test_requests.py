"""What HTTP allows, and some client or proxy between does."""

from __future__ import annotations

import json

import pytest

from tests.cluster.http.served import Served

from .wire import Wire

BODY = b'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}'
TYPE = "Content-Type: application/json\nContent-Length: LENGTH"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "head",
    [
        f"POST /api/v1/scheduler HTTP/1.1\nHost: HOST\n{TYPE}",
        # Names of headers in any case, and values with blanks around them.
        "POST /api/v1/scheduler HTTP/1.1\nhost: HOST\ncontent-type:application/json\ncontent-length:   LENGTH",
        f"POST /api/v1/scheduler HTTP/1.1\nhOsT: HOST\nACCEPT: APPLICATION/JSON\n{TYPE}",
        # As to a proxy.
        f"POST http://HOST/api/v1/scheduler HTTP/1.1\nHost: HOST\n{TYPE}",
        f"POST /api/v1/scheduler/ HTTP/1.1\nHost: HOST\n{TYPE}",
        f"POST /api/v1/scheduler?timeout=5 HTTP/1.1\nHost: HOST\n{TYPE}",
        f"POST /master/api/v1/scheduler HTTP/1.1\nHost: HOST\n{TYPE}",
        f"POST /api/v1/scheduler HTTP/1.1\nHost: HOST\nAccept: */*\nAccept-Encoding: gzip, deflate, br\n{TYPE}",
        f"POST /api/v1/scheduler HTTP/1.1\nHost: HOST\nMessage-Accept: application/json\n{TYPE}",
        f"POST /api/v1/scheduler HTTP/1.1\nHost: HOST\nX-Forwarded-For: 10.0.0.1\nVia: 1.1 proxy\n{TYPE}",
    ],
)
async def test_a_stream_begins(served: Served, head: str) -> None:
    async with Wire(served) as wire:
        wire.send(head, BODY)
        answer = await wire.head()
        assert answer.status == 200
        assert "Content-Encoding" not in answer.headers
        record = (await wire.chunk()).partition(b"\n")[2]
        assert json.loads(record)["type"] == "SUBSCRIBED"


@pytest.mark.asyncio
async def test_who_waits_to_be_told_to_go_on_is_told(served: Served) -> None:
    async with Wire(served) as wire:
        # Curl does so with large bodies.
        wire.send(
            f"POST /api/v1/scheduler HTTP/1.1\nHost: HOST\nExpect: 100-continue\n{TYPE}".replace(
                "LENGTH", str(len(BODY))
            )
        )
        assert (await wire.head()).status == 100
        wire.send_bytes(BODY)
        assert (await wire.head()).status == 200


@pytest.mark.asyncio
async def test_what_is_wrong_with_a_framework_is_said_by_status_or_event_as_in_mesos(served: Served) -> None:
    # By the status: what Mesos finds in the call before it looks at the framework.
    for subscribe in ('{"framework_info":{"user":"root"}}', "{}"):
        async with Wire(served) as wire:
            wire.send(
                f"POST /api/v1/scheduler HTTP/1.1\nHost: HOST\n{TYPE}",
                f'{{"type":"SUBSCRIBE","subscribe":{subscribe}}}'.encode(),
            )
            assert (await wire.answer())[0].status == 400
    # By an event, in a stream that ends: all else.
    for more in (
        '"suppressed_roles":["a"]',
        '"offer_constraints":{"role_constraints":{"other":{"groups":[]}}}',
        '"offer_constraints":{"role_constraints":{"*":{"groups":[]}}}',
    ):
        async with Wire(served) as wire:
            body = BODY.decode().removesuffix("}}") + f",{more}}}}}"
            wire.send(
                f"POST /api/v1/scheduler HTTP/1.1\nHost: HOST\nConnection: close\n{TYPE}", body.encode()
            )
            head = await wire.head()
            assert head.status == 200
            assert head.headers["Mesos-Stream-Id"]
            assert json.loads((await wire.chunk()).partition(b"\n")[2])["type"] == "ERROR"
            assert await wire.chunk() == b""
            assert await wire.ended()
