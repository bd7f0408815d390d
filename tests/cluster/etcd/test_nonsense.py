"""What answers is no etcd, or one gone mad: nothing but the errors of the interface comes out, and others are asked."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from cluster.etcd import (
    EtcdClient,
    EtcdError,
    EtcdRefusedError,
    EtcdUnavailableError,
    Get,
    Put,
    codec,
    failures,
    gateway,
)
from cluster.etcd.server import EtcdCluster
from tests.cluster.etcd_members import Connect

PASSWORD = "correct-h0rse"
HEADER = {"revision": "7"}


def http(body: bytes | dict[str, Any] | list[Any], status: int = 200, *headers: str) -> bytes:
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


@asynccontextmanager
async def answering(answer: bytes | Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """A server that has one answer to everything, which may be made of the request; then it hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            writer.write(answer if isinstance(answer, bytes) else answer(body))
        except asyncio.IncompleteReadError:
            # The client's time was over before it had asked.
            pass
        finally:
            writer.close()

    serving: set[asyncio.Task[Any] | None] = set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*(task for task in serving if task is not None))


async def first_of_watch(each: EtcdClient) -> object:
    async with aclosing(each.watch("a", 1)) as watch:
        await anext(watch)
        return await anext(watch)


CALLS: dict[str, Callable[[EtcdClient], Coroutine[Any, Any, object]]] = {
    "get": lambda each: each.get("a"),
    "range": lambda each: each.range("a"),
    "txn": lambda each: each.txn([], [Put("a", b""), Get("a")], [Get("a")]),
    "grant": lambda each: each.grant(5),
    "keepalive": lambda each: each.keepalive(5, timeout=0.3),
    "watch": first_of_watch,
}

NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"\x00\xffgarbage\r\n\r\n" * 10,
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no JSON": http(b"<html>hello</html>"),
    "cut off": http(b'{"header": {"revision": "7"')[:-3],
    "too short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "an array": http([]),
    "null": http(b"null"),
    "not UTF-8": http(b'{"result": {"cancel_reason": "\xff\xfe", "canceled": true}, "token": "\xff"}'),
    "deep": http(b'{"x":' * 100_000),
    "deep arrays": http(b'{"header":' + b"[" * 100_000),
    "wrong types": http({"header": [], "kvs": 5, "responses": {}, "ID": {}, "TTL": [], "result": 5}),
    "numbers out of range": http(
        {
            "header": {"revision": "9" * 30},
            "ID": "9" * 30,
            "TTL": -5,
            "result": {"ID": "9" * 30, "compact_revision": -1},
        }
    ),
    "no base64": http({"header": HEADER, "kvs": [{"key": "é"}], "responses": [{}] * 3}),
    "a key that is nothing": http({"header": HEADER, "kvs": [None], "responses": [None, None]}),
    "other answers": http(
        {"header": HEADER, "kvs": [{}], "succeeded": True, "responses": [{"response_put": {}}] * 2}
    ),
    "gzip": http(gzip.compress(b"{}"), 200, "Content-Encoding: gzip"),
    "an error of nobody's": http(b"oops", 500),
    "an error of odd types": http({"error": 5, "code": "x", "message": []}, 500),
    "an error without a number": http({"error": "oops"}, 503),
    "an error of an unknown number": http({"error": "oops", "code": 99, "message": "oops"}, 500),
    "an internal error": http({"error": "oops", "code": 13, "message": "oops"}, 500),
    "an unavailable one": http({"error": "oops", "code": 14, "message": "etcdserver: no leader"}, 503),
    "an unavailable one in a stream": http({"error": {"grpc_code": 14, "message": "etcdserver: no leader"}}),
    "an unavailable one of a newer gateway": http({"code": 14, "message": "no leader", "details": []}, 503),
    "too many requests": http({"code": 8, "message": "etcdserver: too many requests"}, 429),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_is_an_endpoint_that_is_not_available(connect: Connect, answer: bytes) -> None:
    async with answering(answer) as endpoint:
        each = connect([endpoint], timeout=0.3)
        results = await asyncio.gather(*(call(each) for call in CALLS.values()), return_exceptions=True)
        assert [type(result) for result in results] == [EtcdUnavailableError] * len(CALLS)


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
async def test_after_nonsense_the_next_endpoint_is_asked(
    etcd: EtcdCluster, connect: Connect, etcd_path: str, answer: bytes
) -> None:
    async with answering(answer) as endpoint:
        each = connect([endpoint, *etcd.endpoints])
        assert (await each.get(etcd_path))[0] is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [
        http({"error": "no", "code": 7, "message": "no"}, 403),
        http({"error": {"grpc_code": 9, "http_code": 400, "message": "no"}}),
        http({"error": {"code": 3, "message": "no"}}),
        http({"code": 8, "message": "etcdserver: mvcc: database space exceeded, no"}, 429),
        http({"error": "no", "code": 16}, 401),
        http(b"404 page not found", 404),
    ],
)
async def test_a_refusal_is_a_refusal_at_once(etcd: EtcdCluster, connect: Connect, answer: bytes) -> None:
    async with answering(answer) as endpoint:
        each = connect([endpoint, *etcd.endpoints])
        with pytest.raises(EtcdRefusedError, match="no"):
            await each.get("a")


@pytest.mark.asyncio
async def test_a_refusal_after_an_attempt_of_unknown_outcome_is_no_certain_no(
    etcd: EtcdCluster, connect: Connect, etcd_path: str
) -> None:
    put = Put(etcd_path, b"", lease=12345)
    (good,) = etcd.endpoints
    # Nothing can have been done where nobody listens.
    with pytest.raises(EtcdRefusedError, match="lease not found"):
        await connect(["127.0.0.1:1", good]).txn([], [put])
    async with answering(b"") as endpoint:
        with pytest.raises(EtcdUnavailableError, match=r"refused in the end: .*lease not found"):
            await connect([endpoint, good]).txn([], [put])
        # Gone is gone, whoever did it.
        await connect([endpoint, good]).revoke(12345)


@pytest.mark.asyncio
async def test_nobody_is_sent_elsewhere(etcd: EtcdCluster, connect: Connect) -> None:
    async with answering(http(b"", 307, f"Location: http://{etcd.endpoints[0]}/v3/kv/range")) as endpoint:
        with pytest.raises(EtcdUnavailableError, match="HTTP status 307"):
            await connect([endpoint], timeout=0.3).get("a")


@pytest.mark.asyncio
async def test_what_never_ends_is_not_read_to_its_end(
    etcd: EtcdCluster, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "MAX_REPLY", 100_000)
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 10_000_000
    async with answering(answer) as endpoint:
        each = connect([endpoint], timeout=0.3)
        with pytest.raises(EtcdUnavailableError, match="more than 100000 bytes"):
            await each.get("a")
        with pytest.raises(EtcdUnavailableError, match="more than 100000 bytes"):
            await first_of_watch(each)


@pytest.mark.asyncio
@pytest.mark.parametrize("answer", [http({}), http({"error": "no", "code": 13}), http(b"gone")])
async def test_an_end_of_a_lease_that_is_not_confirmed_is_none(connect: Connect, answer: bytes) -> None:
    async with answering(answer) as endpoint:
        with pytest.raises(EtcdUnavailableError):
            await connect([endpoint], timeout=0.1).revoke(5)


@pytest.mark.asyncio
async def test_a_renewal_of_another_lease_is_none(connect: Connect) -> None:
    async with answering(http({"result": {"ID": "6", "TTL": "60"}})) as endpoint:
        with pytest.raises(EtcdUnavailableError, match="another lease"):
            await connect([endpoint]).keepalive(5, timeout=5)


@pytest.mark.asyncio
async def test_an_endpoint_that_repeats_the_password_does_not_get_it_told(connect: Connect) -> None:
    def message(body: bytes) -> dict[str, Any]:
        return {"error": "x", "message": f"I got {body.decode()}\n"}

    answers: list[Callable[[bytes], bytes]] = [
        lambda body: http({**message(body), "code": 3}, 400),
        lambda body: http({**message(body), "code": 14}, 503),
        lambda body: http({**message(body), "code": 16}, 401),
        lambda body: http(b"I got " + body, 500),
        lambda body: b"HTTP/1.1 I got " + body + b"\r\n\r\n",
        lambda body: b"I got " + body + b"\r\n\r\n",
        lambda body: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"\r\n",
        lambda body: http(b"I got " + body, 404),
    ]
    for answer in answers:
        async with answering(answer) as endpoint:
            each = connect([endpoint], user=f"ann:{PASSWORD}", timeout=0.2)
            results = await asyncio.gather(*(call(each) for call in CALLS.values()), return_exceptions=True)
            for result in results:
                assert isinstance(result, EtcdError)
                error: BaseException | None = result
                while error is not None:
                    assert PASSWORD not in f"{error} {error!r}"
                    assert "\n" not in str(error)
                    error = error.__cause__


@pytest.mark.asyncio
@pytest.mark.parametrize("token", ["", "a\r\nX-Evil: 1", "a b", "é", "x" * 20_000, 5, None])
async def test_a_token_that_is_none_is_not_sent(connect: Connect, token: object) -> None:
    async with answering(http({"header": HEADER, "token": token})) as endpoint:
        with pytest.raises(EtcdUnavailableError, match="not an answer"):
            await connect([endpoint], user=f"ann:{PASSWORD}", timeout=0.2).get("a")


JUNK = (None, True, -1, 2**70, 1.5, "", "é", "x" * 100, "12", [], {}, [[]], {"key": 1}, float("1e300"))
ITEM = {
    "key": "YQ==",
    "value": "MQ==",
    "create_revision": "2",
    "mod_revision": "3",
    "version": "2",
    "lease": "5",
}
REPLIES: list[tuple[type, Any]] = [
    (codec.RangeReply, {"header": HEADER, "kvs": [ITEM], "more": True, "count": "1"}),
    (
        codec.TxnReply,
        {
            "header": HEADER,
            "succeeded": True,
            "responses": [{"response_range": {"kvs": [ITEM]}}, {"response_put": {"header": HEADER}}],
        },
    ),
    (codec.LeaseReply, {"header": HEADER, "ID": "5", "TTL": "60"}),
    (codec.RenewReply, {"result": {"header": HEADER, "ID": "5", "TTL": "60"}}),
    (codec.AuthReply, {"header": HEADER, "token": "abc.5"}),
    (
        codec.WatchReply,
        {
            "result": {
                "header": HEADER,
                "watch_id": "0",
                "created": True,
                "events": [{"type": "DELETE", "kv": ITEM}, {"kv": ITEM}],
            }
        },
    ),
]


def changed(value: Any, rng: random.Random) -> Any:
    """The value with one thing in it that is something else."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], changed(value[at], rng), *value[at + 1 :]]
    return rng.choice(JUNK)


@pytest.mark.parametrize(("kind", "reply"), REPLIES, ids=[kind.__name__ for kind, _ in REPLIES])
def test_any_change_to_a_reply_is_understood_or_is_nonsense(kind: type, reply: Any) -> None:
    rng = random.Random(1)
    outcomes = {True: 0, False: 0}
    codec.decode(json.dumps(reply).encode(), kind)
    for _ in range(2000):
        data = bytearray(json.dumps(changed(reply, rng)).encode())
        if rng.random() < 0.2:
            data[rng.randrange(len(data))] = rng.randrange(256)
        assert isinstance(failures.of_answer("here", 500, data), failures.TryNextError | EtcdError)
        try:
            decoded: Any = codec.decode(data, kind)
            if isinstance(decoded, codec.WatchReply):
                codec.events(decoded)
            if isinstance(decoded, codec.TxnReply):
                codec.txn_result(decoded, [Get("a"), Put("a", b"")], [Get("a"), Get("b")])
            if isinstance(decoded, codec.RangeReply):
                [each.key_value() for each in decoded.kvs]
            outcomes[True] += 1
        except codec.NonsenseError:
            outcomes[False] += 1
    assert min(outcomes.values()) > 50


def test_a_key_of_others_that_is_no_text_is_kept() -> None:
    reply = codec.decode(b'{"header":{"revision":"7"},"kvs":[{"key":"/w=="}]}', codec.RangeReply)
    assert codec.encode_key(reply.kvs[0].key_value().key) == b"\xff"


@pytest.mark.parametrize(
    ("prefix", "end"), [(b"a", b"b"), (b"a/", b"a0"), (b"", b"\0"), (b"a\xff", b"b"), (b"\xff\xff", b"\0")]
)
def test_the_end_of_a_prefix(prefix: bytes, end: bytes) -> None:
    assert codec.prefix_end(prefix) == end
