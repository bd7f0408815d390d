"""A standby as the leader's door: it carries requests to the leader, and answers back, streams piece by piece.

So one address of any master, or of something that picks one, is enough for who follows no redirect, or forgets where
it came from.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import HttpVersion11, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from actors import UPID, Clock, format_address

from .v1.stream import LAST_WORDS, STREAM_ID, LostStreams, hang_up, reset

__all__ = ["CARRIED", "Carrier"]

log = logging.getLogger("ostrom.http")

CARRIED = "X-Ostrom-Carried"
"""The header of a request that a standby has carried: which one. Nobody carries it once more."""
CONNECT_TIMEOUT = 5.0
MAX_CHUNK = 64 * 2**20
"""Bytes of one chunk that are held until all of it is there, as it is passed on whole."""
HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    )
)
OURS_TO_SAY = frozenset(["host", "content-length", "expect"])
NOT_GUESSED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What the client library would say in the stead of who did not say it."""
KEEPALIVE = {
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 4,
    socket.TCP_USER_TIMEOUT: 30_000,
}
"""A leader that is gone without a word is found so within 30 s, as everywhere between our nodes."""
TCP_CLOSE = 7
"""Linux's number for a connection that was reset."""


class _Carried:
    """One request on its way, and its answer so far. `writing` while the client has not taken what it is sent."""

    def __init__(self, scope: asyncio.Timeout) -> None:
        self.writing = False
        self.response: web.StreamResponse | None = None
        self.transport: asyncio.BaseTransport | None = None
        self._scope = scope

    def end(self) -> None:
        """Stop carrying."""
        if not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    @property
    def reset(self) -> bool:
        """Whether the leader has broken its connection: nothing else tells, while nothing is read from there."""
        sock = None if self.transport is None else self.transport.get_extra_info("socket")
        if sock is None:
            return False
        state: bytes = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return state[0] == TCP_CLOSE


class Carrier:
    """Carries requests to whoever `leader` says leads, until `close`. `here` is the standby's address.

    Of each answer that its client does not read, one chunk waits here, and 128 KiB: the leader sees that nothing is
    taken, as if it were the client. `check` is to be called each second. `lost` is told of streams whose leader is
    gone; calls of those get no answer.
    """

    def __init__(
        self, here: tuple[str, int], leader: Callable[[], UPID | None], clock: Clock, lost: LostStreams
    ) -> None:
        self._here = format_address(here)
        self._leader = leader
        self._clock = clock
        self._lost = lost
        self._carried: set[_Carried] = set()
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=_connected_by),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=NOT_GUESSED,
            auto_decompress=False,
        )

    def end_all(self) -> None:
        """End whatever is carried: its leader leads no longer."""
        for carried in self._carried:
            carried.end()

    def check(self) -> None:
        """End what waits for a client that does not read, if the leader would wait no longer."""
        for carried in self._carried:
            if carried.writing and carried.reset:
                carried.end()

    def close(self) -> None:
        """End all, and carry no more."""
        self._closed = True
        self.end_all()
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._session.close())

    async def carry(self, request: web.Request) -> web.StreamResponse:
        """Answer a request as the leader does. 503 if there is none, or it does not answer.

        A call of a stream is of the leader whose stream it is: with that gone its connection ends, as it would there.
        PyMesos takes that for what it is, but not an answer.
        """
        stream_id = request.headers.get(STREAM_ID)
        if stream_id is not None and stream_id in self._lost:
            return hang_up(request)
        try:
            return await self._carry(request)
        except web.HTTPServiceUnavailable as error:
            if stream_id is None:
                raise
            log.debug("%s %s: %s", request.method, request.path, error.text)
            return hang_up(request)

    async def _carry(self, request: web.Request) -> web.StreamResponse:
        if (by := request.headers.get(CARRIED)) is not None:
            raise unavailable(f"{by[:255]} sent this here, and this master does not lead either")
        body = await request.read()
        # Who leads may have changed while the body came.
        leader = self._leader()
        if leader is None or self._closed:
            raise unavailable("no master leads now")
        place = format_address(leader.address)
        scope = asyncio.timeout(None)
        carried = _Carried(scope)
        try:
            async with scope:
                self._carried.add(carried)
                try:
                    return await self._exchange(request, place, body, carried)
                finally:
                    self._carried.discard(carried)
        except (aiohttp.ClientError, OSError) as error:
            # The end of the scope is a TimeoutError, which is an OSError.
            gone = "it leads no longer" if scope.expired() else str(error)
            response = carried.response
            if response is None or not response.prepared:
                raise unavailable(f"the leader, {place}, did not answer: {gone}") from error
            log.debug("%s %s, carried to %s: %s", request.method, request.path, place, gone)
            if (stream_id := response.headers.get(STREAM_ID)) is not None:
                self._lost.add(stream_id)
            self._end(request, at_once=carried.writing)
            return response

    async def _exchange(
        self, request: web.Request, place: str, body: bytes, carried: _Carried
    ) -> web.StreamResponse:
        # Whatever came as a path stays one: it names no other host.
        url = URL(f"http://{place}/{request.raw_path.lstrip('/')}", encoded=True)
        headers = _end_to_end(request.headers, OURS_TO_SAY)
        headers[CARRIED] = self._here
        answer = await self._session.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        )
        try:
            if answer.status == 503 and STREAM_ID in request.headers:
                raise unavailable("the leader is about to end")
            carried.response = response = _begin(answer, request)
            await response.prepare(request)
            await _pass_on(answer, response, carried)
        finally:
            answer.close()
        return response

    def _end(self, request: web.Request, *, at_once: bool) -> None:
        """End the client's connection in the middle of the answer, so that nobody takes it for all of it."""
        transport = request.transport
        if transport is None:
            return
        if at_once:
            reset(transport)
            return
        transport.close()
        self._clock.call_at(self._clock.monotonic() + LAST_WORDS, reset, transport)


def unavailable(text: str) -> web.HTTPServiceUnavailable:
    """What is answered while nobody leads: try again in a second."""
    return web.HTTPServiceUnavailable(text=f"{text}\n", headers={"Retry-After": "1"})


def _begin(answer: aiohttp.ClientResponse, request: web.Request) -> web.StreamResponse:
    """An answer like that one, without its body."""
    chunked = "Transfer-Encoding" in answer.headers
    headers = _end_to_end(answer.headers, frozenset(["content-length"] if chunked else []))
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    if chunked and request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    return response


async def _pass_on(answer: aiohttp.ClientResponse, response: web.StreamResponse, carried: _Carried) -> None:
    """Pass the body on as it comes; a chunk stays one, as some clients take each for a record."""
    carried.transport = None if answer.connection is None else answer.connection.transport
    chunked = "Transfer-Encoding" in answer.headers
    held: list[bytes] = []
    size = 0
    async for data, whole in answer.content.iter_chunks():
        held.append(data)
        size += len(data)
        if chunked and not whole and size < MAX_CHUNK:
            continue
        carried.writing = True
        await response.write(b"".join(held))
        carried.writing = False
        held.clear()
        size = 0
    carried.writing = True
    await response.write_eof()


def _end_to_end(headers: CIMultiDictProxy[str], without: frozenset[str]) -> CIMultiDict[str]:
    """Headers without those that are of one connection alone, and without some more."""
    named = {each.strip().lower() for line in headers.getall("Connection", []) for each in line.split(",")}
    dropped = HOP_BY_HOP | without | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def _connected_by(address: Any) -> socket.socket:
    """A socket to the leader."""
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    return sock
