"""A client of etcd's HTTP/JSON gateway: one endpoint after another, until one answers."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import aiohttp

from . import codec
from .address import EtcdAddress
from .interface import (
    CompactedError,
    Compare,
    EtcdRefusedError,
    EtcdUnavailableError,
    Event,
    KeyValue,
    Lease,
    LeaseGoneError,
    Operation,
    Page,
    TxnResult,
    WatchSilentError,
)

__all__ = ["EtcdClient"]

log = logging.getLogger("ostrom.etcd")

T = TypeVar("T")

MAX_REPLY = 64 * 2**20
"""Bytes of one reply, or of one line of a watch. 10,000 agents are about 5 MB."""
MAX_TEXT = 300
PAUSE = 0.05
MAX_PAUSE = 0.5

# google.golang.org/grpc/codes: with these etcd did nothing, and would do nothing the next time.
INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, OUT_OF_RANGE, UNAUTHENTICATED = 3, 5, 8, 11, 16
# Besides them: already exists, permission denied, failed precondition, unimplemented.
REFUSALS = {INVALID_ARGUMENT, NOT_FOUND, 6, 7, RESOURCE_EXHAUSTED, 9, OUT_OF_RANGE, 12, UNAUTHENTICATED}


class _TryNextError(Exception):
    """This endpoint did not answer, or not like etcd: another may."""


class _TokenError(EtcdRefusedError):
    """The token has expired, or its server has forgotten it."""


class EtcdClient:
    """Implements `Etcd`. ValueError if a TLS file of the address is no good.

    It stays with an endpoint that answers. One that is silent for `endpoint_timeout` seconds is left for the next one,
    with more patience in each round; a call ends after `timeout` seconds. A watch ends after `silence` seconds without
    a word: a frozen endpoint looks just like a key that does not change.
    """

    def __init__(
        self,
        address: EtcdAddress,
        *,
        timeout: float = 5.0,
        endpoint_timeout: float = 1.0,
        silence: float = 30.0,
    ) -> None:
        self._address = address
        self._tls = address.tls_context()
        self._timeout = timeout
        self._endpoint_timeout = endpoint_timeout
        self._silence = silence
        self._endpoints = address.hosts
        self._current = 0
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._watches: set[_Lines] = set()
        self._token = ""
        self._renewing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<EtcdClient {self._address}>"

    async def grant(self, ttl: int) -> Lease:
        """A new lease of so many seconds."""
        reply = await self._call("/v3/lease/grant", {"TTL": str(ttl)}, codec.LeaseReply)
        return Lease(reply.id, float(reply.ttl))

    async def keepalive(self, lease: int, *, timeout: float) -> float:
        """Renew a lease; return for how many seconds, 0 if it has ended.

        One endpoint is asked, the next one the next time: EtcdUnavailableError if it does not answer in `timeout` s.
        """
        body = {"ID": str(lease)}
        reply = await self._call("/v3/lease/keepalive", body, codec.RenewReply, timeout=timeout, once=True)
        if reply.result.id != lease:
            raise EtcdUnavailableError("etcd renewed another lease than the one that it was asked for")
        return float(reply.result.ttl)

    async def revoke(self, lease: int) -> None:
        """End a lease and delete its keys. Nothing happens if it has ended."""
        try:
            await self._call("/v3/lease/revoke", {"ID": str(lease)}, dict)
        except LeaseGoneError:
            return

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        """Do `then` if all compares hold, else `otherwise`; at once. At most 128 operations, each key set once."""
        body = {
            "compare": [codec.compare(each) for each in compares],
            "success": [codec.operation(each) for each in then],
            "failure": [codec.operation(each) for each in otherwise],
        }
        reply = await self._call("/v3/kv/txn", body, codec.TxnReply)
        try:
            return codec.txn_result(reply, then, otherwise)
        except codec.NonsenseError as error:
            raise EtcdUnavailableError(f"etcd transaction: {error}") from error

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """The keys that begin with `prefix` and come after `after`, at most `limit` (0: all), at a revision (0: now).

        CompactedError if that revision is no longer known.
        """
        first = codec.encode_key(prefix)
        body = {
            "key": max(first, codec.encode_key(after) + b"\0") if after else first or b"\0",
            "range_end": codec.prefix_end(first),
            "limit": str(limit),
            "revision": str(revision),
        }
        reply = await self._call("/v3/kv/range", body, codec.RangeReply)
        items = tuple(each.key_value() for each in reply.kvs)
        return Page(revision or reply.header.revision, items, reply.more)

    async def get(self, key: str) -> tuple[KeyValue | None, int]:
        """A key, or None, and the revision at which that is so."""
        reply = await self._call("/v3/kv/range", {"key": codec.encode_key(key)}, codec.RangeReply)
        return (reply.kvs[0].key_value() if reply.kvs else None), reply.header.revision

    async def watch(self, key: str, revision: int) -> AsyncIterator[Sequence[Event]]:
        """What happens to a key from that revision on, as it happens; the sequence may be empty: all is well.

        The first one comes as soon as etcd watches. It ends with EtcdUnavailableError when the connection breaks, when
        the cluster has no leader, or when nothing has come for `silence` seconds; with CompactedError if it is too
        late. Then read, and watch anew: the read finds out whether the endpoint is frozen.
        """
        body = codec.encode(
            {
                "create_request": {
                    "key": codec.encode_key(key),
                    "start_revision": str(revision),
                    "progress_notify": True,
                }
            }
        )
        place, lines, watching, within = self._current, None, False, self._endpoint_timeout
        silent = False
        try:
            token = await self._token_now()
            place = self._current
            async with asyncio.timeout(within):
                timeout = aiohttp.ClientTimeout(total=None)
                response = await self._post(place, "/v3/watch", body, timeout, token)
                lines = _Lines(response)
                self._watches.add(lines)
                if response.status != 200:
                    raise self._failure(place, response.status, await _read(response))
                reply = self._watched(await lines.next())
            watching, within = True, self._silence
            while True:
                yield codec.events(reply)
                async with asyncio.timeout(within):
                    reply = self._watched(await lines.next())
        except (_TryNextError, EtcdRefusedError, codec.NonsenseError, aiohttp.ClientError, OSError) as error:
            why = self._clean(str(error)) or f"nothing came for {within:g} s"
            # Long silence is what a key that does not change looks like: the caller's read decides.
            silent = watching and isinstance(error, TimeoutError)
            if not silent:
                self._rotate(place, why)
        finally:
            if lines is not None:
                self._watches.discard(lines)
                lines.close()
        kind = WatchSilentError if silent else EtcdUnavailableError
        raise kind(f"etcd watch at {self._endpoints[place]}: {why}")

    async def close(self) -> None:
        """Let go of connections. What is under way, and all later calls, end with EtcdUnavailableError."""
        self._closed = True
        for lines in self._watches:
            lines.abort()
        if self._session is not None:
            await self._session.close()

    async def _call(
        self,
        path: str,
        body: dict[str, Any],
        type_: type[T],
        *,
        timeout: float = 0.0,
        once: bool = False,
        login: bool = True,
    ) -> T:
        """Ask one endpoint after another, or (`once`) one; `login`: with a token, which is renewed once."""
        data = codec.encode(body)
        bound = timeout or self._timeout
        failures: dict[int, str] = {}
        place, tries, renewed = self._current, 0, False
        try:
            async with asyncio.timeout(bound):
                while not self._closed:
                    place = self._current
                    rounds = tries // len(self._endpoints)
                    patience = bound if once else self._endpoint_timeout * 2 ** min(rounds, 10)
                    token = await self._token_now() if login else ""
                    try:
                        return await self._exchange(place, path, data, type_, patience, token)
                    except _TokenError:
                        if renewed or not token:
                            raise
                        renewed = True
                        self._forget(token)
                        continue
                    except (_TryNextError, codec.NonsenseError, aiohttp.ClientError, OSError) as error:
                        failures[place] = self._clean(str(error)) or type(error).__name__
                        self._rotate(place, failures[place])
                    if once:
                        break
                    tries += 1
                    if tries % len(self._endpoints) == 0:
                        await asyncio.sleep(min(PAUSE * 2**rounds, MAX_PAUSE))
        except TimeoutError:
            failures.setdefault(place, "no answer")
            self._rotate(place, failures[place])
        told = "; ".join(f"{self._endpoints[each]}: {why}" for each, why in failures.items())
        raise EtcdUnavailableError(f"etcd {path}, {bound:g} s: {told or 'the client was closed'}")

    async def _exchange(
        self, place: int, path: str, data: bytes, type_: type[T], patience: float, token: str
    ) -> T:
        """Ask one endpoint, which may be silent for `patience` seconds."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience, sock_read=patience)
        async with await self._post(place, path, data, timeout, token) as response:
            reply = await _read(response)
        if response.status != 200:
            raise self._failure(place, response.status, reply)
        return self._decode(reply, type_)

    async def _post(
        self, place: int, path: str, data: bytes, timeout: aiohttp.ClientTimeout, token: str
    ) -> aiohttp.ClientResponse:
        """Send a request; return when the head of the answer is here."""
        if self._closed:
            raise _TryNextError("the client was closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Compressed, a small answer could be a very large one.
                auto_decompress=False,
                headers={
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/json",
                    # A watch ends, with code 14, when its member sees no leader; else it would be silent for ever.
                    "Grpc-Metadata-hasleader": "true",
                },
            )
        # aiohttp warns of more than 1 MiB of bytes; a file's are sent in pieces, and do not stop the loop.
        body = data if len(data) < 2**20 else io.BytesIO(data)
        url = f"{'https' if self._tls else 'http'}://{self._endpoints[place]}{path}"
        headers = {"Authorization": token} if token else None
        return await self._session.post(
            url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        )

    def _decode(self, data: bytes | bytearray, type_: type[T]) -> T:
        """A reply. In a stream failures look like one."""
        try:
            return codec.decode(data, type_)
        except codec.NonsenseError:
            failure = codec.failure(data)
            if failure is None:
                raise
            raise self._sorted(failure) from None

    def _watched(self, line: bytes) -> codec.WatchReply:
        """One reply of a watch that goes on."""
        reply = self._decode(line, codec.WatchReply)
        if reply.result.compact_revision:
            raise CompactedError(f"etcd forgot what was before revision {reply.result.compact_revision}")
        if reply.result.canceled:
            # A token that has expired is told as "permission denied".
            self._forget(self._token)
            raise _TryNextError(f"etcd canceled the watch: {reply.result.cancel_reason}")
        return reply

    def _failure(self, place: int, status: int, data: bytes | bytearray) -> Exception:
        """What to raise for an HTTP status other than 200."""
        failure = codec.failure(data)
        if failure is not None:
            return self._sorted(failure)
        if status == 404:
            return EtcdRefusedError(
                f"{self._endpoints[place]} answers 404 Not Found: it is no etcd, or one whose gateway for JSON "
                "is off (--enable-grpc-gateway=false)"
            )
        return _TryNextError(f"HTTP status {status}: {data[:MAX_TEXT].decode(errors='replace')}")

    def _sorted(self, failure: codec.Failure) -> Exception:
        """What to raise for a failure that etcd told."""
        code, text = failure.code, f"{self._clean(failure.message)} (code {failure.code})"
        # Codes serve for several things: these are told apart by etcd's texts (api/v3rpc/rpctypes/error.go).
        if code == UNAUTHENTICATED or (code == INVALID_ARGUMENT and "auth store is old" in text):
            return _TokenError(text)
        if code == OUT_OF_RANGE and "compacted" in text:
            return CompactedError(text)
        if code == NOT_FOUND:
            return LeaseGoneError(text)
        if code in REFUSALS and not (code == RESOURCE_EXHAUSTED and "too many requests" in text):
            return EtcdRefusedError(text)
        return _TryNextError(text)

    async def _token_now(self) -> str:
        """What to show for the user; empty if there is none."""
        if not self._address.user:
            return ""
        async with self._renewing:
            if not self._token:
                body = {"name": self._address.user, "password": self._address.password}
                reply = await self._call("/v3/auth/authenticate", body, codec.AuthReply, login=False)
                self._token = reply.token
            return self._token

    def _forget(self, token: str) -> None:
        """Log in anew the next time, unless somebody has already."""
        if self._token == token:
            self._token = ""

    def _rotate(self, place: int, why: str) -> None:
        """Leave an endpoint for the next one, unless another call has already."""
        if self._current == place and not self._closed:
            self._current = (place + 1) % len(self._endpoints)
            log.info("etcd %s: %s; next is %s", self._endpoints[place], why, self._endpoints[self._current])

    def _clean(self, text: str) -> str:
        """What may be shown of a text that an endpoint had its hand in: it knows the password."""
        for secret in (self._address.password, self._token):
            if secret:
                text = text.replace(secret, "***")
        return "".join(each if each.isprintable() else " " for each in text[:MAX_TEXT])


async def _read(response: aiohttp.ClientResponse) -> bytearray:
    """The whole reply. _TryNextError if it is too long."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_REPLY:
            raise _TryNextError(f"more than {MAX_REPLY} bytes came")
    return data


class _Lines:
    """The lines of a reply that does not end."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._data = bytearray()

    async def next(self) -> bytes:
        """The next line. _TryNextError if it is too long, or there is none."""
        seen = 0
        while (end := self._data.find(b"\n", seen)) < 0:
            seen = len(self._data)
            if seen > MAX_REPLY:
                raise _TryNextError(f"more than {MAX_REPLY} bytes came in a line")
            chunk = await self._response.content.readany()
            if not chunk:
                raise _TryNextError("the watch ended")
            self._data += chunk
        line = bytes(self._data[:end])
        del self._data[: end + 1]
        return line

    def abort(self) -> None:
        """End the wait for a line; closing the session does not."""
        self._response.content.set_exception(_TryNextError("the client was closed"))

    def close(self) -> None:
        """Break the connection off."""
        self._response.close()
