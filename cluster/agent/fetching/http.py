"""Downloads by HTTP and HTTPS."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from dataclasses import dataclass
from itertools import pairwise

import aiohttp
from yarl import URL

from actors import Clock
from cluster.messages.uris import URI

from .errors import CauseError
from .files import PIECE, Part
from .limits import Limits
from .stall import Stall, sleep
from .threads import in_thread

__all__ = ["HttpOptions", "HttpSource"]

log = logging.getLogger("ostrom.agent")

MAX_REDIRECTS = 10
_BUFFER = 256 << 10

# Not compressed on the way: what is stored, and compared with a checksum, is what the server has.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "ostrom"}


class _PassingError(CauseError):
    """What may be otherwise the next time."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """`stall_timeout`: seconds without a byte. `attempts` in all, the pause before the second is `backoff` seconds.

    `connections` at a time. `tls` says whom https trusts, None: whom the machine does.
    """

    stall_timeout: float = 60.0
    attempts: int = 3
    backoff: float = 1.0
    connections: int = 32
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        for name in ("stall_timeout", "attempts", "connections"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, it must be positive")
        if not self.backoff >= 0:
            raise ValueError(f"backoff is {self.backoff}, it cannot be negative")


class HttpSource:
    """Downloads files. Is made, and closed, in a running event loop."""

    def __init__(self, options: HttpOptions, limits: Limits, clock: Clock) -> None:
        self._options = options
        self._limits = limits
        self._clock = clock
        self._places = asyncio.Semaphore(options.connections)
        connector = aiohttp.TCPConnector(limit=0, ssl=options.tls or True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_BUFFER,
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        )

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def download(self, uri: URI, part: Part) -> None:
        """Download to `part`, again if the connection or the server fails. CauseError if it cannot be had."""
        for attempt in range(1, self._options.attempts + 1):
            try:
                async with self._places:
                    await self._once(uri, part)
                return
            except _PassingError as error:
                if attempt == self._options.attempts:
                    raise CauseError(f"{error} ({attempt} attempts)") from error
                # Not all agents of a cluster at the same moment.
                jitter = random.uniform(0.5, 1.0)  # noqa: S311 - a delay, no secret
                pause = self._options.backoff * 2 ** (attempt - 1) * jitter
                log.warning("%s: %s, trying again in %.1f s", uri.shown(), error, pause)
            finally:
                await in_thread(part.close)
            await sleep(self._clock, pause)

    async def _once(self, uri: URI, part: Part) -> None:
        try:
            await self._receive(uri, part)
        except TimeoutError as error:
            raise CauseError(f"timeout: no byte for {self._options.stall_timeout:g} s") from error
        except aiohttp.TooManyRedirects as error:
            raise CauseError(f"more than {MAX_REDIRECTS} redirects") from error
        except (aiohttp.ClientSSLError, aiohttp.ClientResponseError) as error:
            raise CauseError(str(error)) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise _PassingError(f"connection: {error or type(error).__name__}") from error
        except aiohttp.ClientError as error:
            # A redirect to what is no URL, or none of HTTP.
            raise CauseError(f"{type(error).__name__}: {error}") from error

    async def _receive(self, uri: URI, part: Part) -> None:
        # As it was written: what is signed may not be written otherwise.
        url = URL(uri.value.partition("#")[0], encoded=True)
        async with self._stall():
            try:
                response = await self._session.get(url, max_redirects=MAX_REDIRECTS)
            except UnicodeError as error:
                raise CauseError(f"{url.host!r} cannot be the name of a host") from error
        # Abandoned early it closes its connection; else others use that.
        async with response:
            self._check(url, response)
            await in_thread(part.begin)
            gathered = bytearray()
            while True:
                async with self._stall():
                    data = await response.content.readany()
                gathered += data
                if len(gathered) >= PIECE or not data:
                    await in_thread(part.write, bytes(gathered))
                    gathered.clear()
                if not data:
                    break
        await in_thread(part.finish)

    def _stall(self) -> Stall:
        return Stall(self._clock, self._options.stall_timeout)

    def _check(self, url: URL, response: aiohttp.ClientResponse) -> None:
        """Whether it is what is to be stored."""
        way = [url, *(past.url for past in response.history), response.url]
        if any(one.scheme == "https" and after.scheme != "https" for one, after in pairwise(way)):
            raise CauseError("redirected from https to http")
        if response.status >= 500:
            raise _PassingError(f"status {response.status} {response.reason}")
        if response.status != 200:
            raise CauseError(f"status {response.status} {response.reason}")
        self._limits.check_size(response.content_length or 0)
