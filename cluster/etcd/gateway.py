"""etcd's HTTP/JSON gateway at several endpoints: one is asked after another, until one answers."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

import aiohttp

from . import codec, failures
from .address import EtcdAddress
from .interface import EtcdError, EtcdRefusedError, EtcdUnavailableError, WatchSilentError

__all__ = ["Gateway"]

log = logging.getLogger("ostrom.etcd")

T = TypeVar("T")

MAX_REPLY = 64 * 2**20
"""Bytes of one reply, or of one line of a stream. 10,000 agents are about 5 MB."""
LARGE = 2**16
MAX_TEXT = 300
PAUSE = 0.05
MAX_PAUSE = 0.5

# With these nothing was sent.
UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# TimeoutError is an OSError.
BROKEN = (failures.TryNextError, codec.NonsenseError, aiohttp.ClientError, OSError)


class Gateway:
    """Stays with an endpoint that answers, and leaves one that is silent for `endpoint_timeout` seconds.

    More patience is had in each round. Nothing that it raises or logs has the password or the token.
    """

    def __init__(self, address: EtcdAddress, *, timeout: float, endpoint_timeout: float) -> None:
        self._address = address
        self._tls = address.tls_context()
        self._timeout = timeout
        self._endpoint_timeout = endpoint_timeout
        self._endpoints = address.hosts
        self._current = 0
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._streams: set[_Lines] = set()
        self._unconfirmed = 0
        self._token = ""
        self._login = asyncio.Lock()

    async def close(self) -> None:
        """Let go of connections. What is under way, and all later calls, end with EtcdUnavailableError."""
        self._closed = True
        for lines in self._streams:
            lines.abort()
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        path: str,
        body: dict[str, Any],
        type_: type[T],
        *,
        timeout: float | None = None,
        once: bool = False,
        certain: bool = False,
        login: bool = True,
    ) -> T:
        """Ask one endpoint after another, or (`once`) one; the reply. `login`: for the user of the address.

        EtcdUnavailableError after `timeout` seconds. EtcdRefusedError says that nothing was done, with `certain`
        not by an earlier try either.
        """
        data = codec.encode(body)
        loop = asyncio.get_running_loop()
        bound = self._timeout if timeout is None else timeout
        deadline = loop.time() + bound
        told: dict[int, str] = {}
        tries, unknown, renewed = 0, False, False
        while not self._closed and loop.time() < deadline:
            rounds = tries // len(self._endpoints)
            patience = bound if once else self._endpoint_timeout * 2 ** min(rounds, 10)
            token = await self._token_now(deadline) if login else ""
            place = self._current
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._exchange(place, path, data, type_, patience, token)
            except failures.TokenError as error:
                if renewed or not token:
                    raise self._cleaned(error) from None
                renewed = True
                self._forget(token)
                continue
            except EtcdError as error:
                if not (certain and unknown and isinstance(error, EtcdRefusedError)):
                    raise self._cleaned(error) from None
                told[place] = f"{told.get(place, '')}, refused in the end: {self._clean(str(error))}"
                break
            except BROKEN as error:
                unknown = unknown or not isinstance(error, UNSENT)
                # That time is up says less than what went wrong before.
                told[place] = self._clean(str(error)) or told.get(place, "no answer")
                self._rotate(place, told[place])
            if once:
                break
            tries += 1
            if tries % len(self._endpoints) == 0:
                await asyncio.sleep(min(PAUSE * 2**rounds, MAX_PAUSE, max(0.0, deadline - loop.time())))
        why = "; ".join(f"{self._endpoints[each]}: {text}" for each, text in told.items())
        why = why or ("the client was closed" if self._closed else "no time to ask")
        raise EtcdUnavailableError(f"etcd {path}, {bound:g} s: {why}")

    async def stream(
        self, path: str, body: dict[str, Any], type_: type[T], check: Callable[[T], None], silence: float
    ) -> AsyncGenerator[T, None]:
        """The replies of one endpoint, which `check` may find to be the end; of the next one the next time.

        EtcdUnavailableError when it ends; WatchSilentError when nothing has come for `silence` seconds. That alone is
        no reason to leave the endpoint: silence is also what there is when nothing happens. A call will find out.
        """
        data = codec.encode(body)
        patience = min(self._endpoint_timeout * 2 ** min(self._unconfirmed, 10), self._timeout)
        place, lines, token, confirmed, silent = self._current, None, "", False, False
        try:
            token = await self._token_now(asyncio.get_running_loop().time() + self._timeout)
            place = self._current
            async with asyncio.timeout(patience):
                response = await self._post(place, path, data, aiohttp.ClientTimeout(total=None), token)
                lines = _Lines(response)
                self._streams.add(lines)
                if response.status != 200:
                    raise failures.of_answer(self._endpoints[place], response.status, await _read(response))
                reply = failures.decode(await lines.next(), type_)
            self._unconfirmed, confirmed, patience = 0, True, silence
            while True:
                check(reply)
                yield reply
                async with asyncio.timeout(silence):
                    reply = failures.decode(await lines.next(), type_)
        except (EtcdRefusedError, *BROKEN) as error:
            why = self._clean(str(error)) or f"nothing came for {patience:g} s"
            silent = confirmed and isinstance(error, TimeoutError)
            if not silent:
                self._rotate(place, why)
            if not confirmed and isinstance(error, TimeoutError):
                self._unconfirmed += 1
            if isinstance(error, failures.CanceledError | failures.TokenError):
                self._forget(token)
        finally:
            if lines is not None:
                self._streams.discard(lines)
                lines.close()
        kind = WatchSilentError if silent else EtcdUnavailableError
        raise kind(f"etcd {path}, {self._endpoints[place]}: {why}")

    async def _exchange(
        self, place: int, path: str, data: bytes, type_: type[T], patience: float, token: str
    ) -> T:
        """Ask one endpoint, which may be silent for `patience` seconds."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience, sock_read=patience)
        async with await self._post(place, path, data, timeout, token) as response:
            reply = await _read(response)
        if response.status != 200:
            raise failures.of_answer(self._endpoints[place], response.status, reply)
        return failures.decode(reply, type_)

    async def _post(
        self, place: int, path: str, data: bytes, timeout: aiohttp.ClientTimeout, token: str
    ) -> aiohttp.ClientResponse:
        """Send a request; return when the head of the answer is here."""
        if self._closed:
            raise failures.TryNextError("the client was closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Compressed, a small answer could be a very large one.
                auto_decompress=False,
                headers={
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/json",
                    # A member that sees no leader says so at once, and ends watches, which else would be silent.
                    "Grpc-Metadata-hasleader": "true",
                },
            )
        url = f"{'https' if self._tls else 'http'}://{self._endpoints[place]}{path}"
        headers = {"Authorization": token} if token else None
        # A large one as a file: it is written bit by bit, and a megabyte of a registry does not stop the loop.
        body = data if len(data) <= LARGE else io.BytesIO(data)
        return await self._session.post(
            url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        )

    async def _token_now(self, deadline: float) -> str:
        """What to show for the user; empty if there is none. One login at a time: each costs etcd 0.1 s."""
        if not self._address.user or self._token:
            return self._token
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                await self._login.acquire()
        except TimeoutError:
            raise EtcdUnavailableError("etcd: no login in time") from None
        try:
            if not self._token:
                body = {"name": self._address.user, "password": self._address.password}
                reply = await self.call(
                    "/v3/auth/authenticate",
                    body,
                    codec.AuthReply,
                    timeout=max(0.0, deadline - loop.time()),
                    login=False,
                )
                self._token = reply.token
            return self._token
        finally:
            self._login.release()

    def _forget(self, token: str) -> None:
        """Log in anew the next time, unless somebody has already."""
        if self._token == token:
            self._token = ""

    def _rotate(self, place: int, why: str) -> None:
        """Leave an endpoint for the next one, unless another call has already."""
        if self._current == place and not self._closed:
            self._current = (place + 1) % len(self._endpoints)
            level = logging.INFO if len(self._endpoints) > 1 else logging.DEBUG
            log.log(
                level, "etcd %s: %s; next is %s", self._endpoints[place], why, self._endpoints[self._current]
            )

    def _clean(self, text: str) -> str:
        """What may be shown of a text that an endpoint had its hand in: it knows the password."""
        password = self._address.password
        for secret in (password, json.dumps(password)[1:-1], self._token):
            if secret:
                text = text.replace(secret, "***")
        return "".join(each if each.isprintable() else " " for each in text[:MAX_TEXT])

    def _cleaned(self, error: EtcdError) -> EtcdError:
        return type(error)(self._clean(str(error)))


async def _read(response: aiohttp.ClientResponse) -> bytearray:
    """The whole reply. TryNextError if it is too long."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_REPLY:
            raise failures.TryNextError(f"more than {MAX_REPLY} bytes came")
    return data


class _Lines:
    """The lines of a reply that does not end."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._data = bytearray()

    async def next(self) -> bytes:
        """The next line. TryNextError if it is too long, or there is none."""
        seen = 0
        while (end := self._data.find(b"\n", seen)) < 0:
            seen = len(self._data)
            if seen > MAX_REPLY:
                raise failures.TryNextError(f"more than {MAX_REPLY} bytes came in a line")
            chunk = await self._response.content.readany()
            if not chunk:
                if not self._data:
                    raise failures.TryNextError("the stream ended")
                # A failure is the last thing that is told, and has no end of line.
                chunk = b"\n"
            self._data += chunk
        line = bytes(self._data[:end])
        del self._data[: end + 1]
        return line

    def abort(self) -> None:
        """End the wait for a line; closing the session does not."""
        self._response.content.set_exception(failures.TryNextError("the client was closed"))

    def close(self) -> None:
        """Break the connection off."""
        self._response.close()
