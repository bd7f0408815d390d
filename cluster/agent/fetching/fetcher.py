"""The fetcher: what a command needs is in its sandbox before it runs."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import uuid
from collections.abc import Sequence
from pathlib import Path

from actors import Clock, LoopClock
from cluster.messages.uris import URI, uris_problem

from .cache import Cache
from .errors import CauseError, FetchError, fetch_error, sandbox_error
from .files import Part, copy_file, identity, move_in, move_out, remove_tree
from .http import HttpOptions, HttpSource
from .index import Entry
from .limits import Limits
from .placing import Fetched, place
from .threads import Workers, in_thread, to_end

__all__ = ["Fetcher"]

AT_ONCE = 4
"""URIs of one command that are fetched at a time."""

THREADS = 4


class _Fetch:
    """The URIs of one command, under way."""

    def __init__(self, sandbox: Path) -> None:
        self.sandbox = sandbox
        # In the sandbox, so that what is in it need only be renamed.
        self.staging = sandbox / f".fetching-{uuid.uuid4().hex}"
        self.tree = self.staging / uuid.uuid4().hex
        self.held: list[Entry] = []
        self.moved: list[str] = []

    def begin(self) -> None:
        self.staging.mkdir(mode=0o700)
        self.tree.mkdir()


class Fetcher:
    """Fetches the URIs of commands into their sandboxes, and keeps for others what has `cache` set.

    The cache is in `cache_dir`, which no other fetcher may use, of `cache_size` bytes without what is in use (0:
    nothing is kept). It outlives the process. What came by HTTP is kept under its URI and checksum alone, as in
    Mesos: new contents need a new URI. A file is copied anew when its size or the time of its change is another.

    `stall_timeout` is in seconds without a byte from a server. `attempts` are made in all when a connection or a
    server fails (5xx), `backoff` seconds and then twice as long apart. `max_size` is of one file as it is fetched,
    `max_extracted` and `max_members` are of all archives of one command, in bytes and in members. `connections` is
    how many downloads there are at a time; `tls` says whom https trusts, None: whom the machine does.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        cache_size: int = 2 << 30,
        stall_timeout: float = 60.0,
        max_size: int = 10 << 30,
        max_extracted: int = 20 << 30,
        max_members: int = 200_000,
        attempts: int = 3,
        backoff: float = 1.0,
        connections: int = 32,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        if cache_size < 0:
            raise ValueError(f"cache_size is {cache_size}, it cannot be negative")
        self._limits = Limits(max_size, max_extracted, max_members)
        self._options = HttpOptions(stall_timeout, attempts, backoff, connections, tls)
        self._cache = Cache(cache_dir, cache_size)
        self._clock = clock
        self._workers = Workers(THREADS)
        self._http: HttpSource | None = None
        self._starting = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Make ready; the first `fetch` does it else. OSError if the cache's directory cannot be used."""
        async with self._starting:
            if self._http is None:
                await self._cache.start()
                self._http = HttpSource(self._options, self._limits, self._clock or LoopClock())

    async def close(self) -> None:
        """End all connections. What is under way ends with a FetchError, and leaves nothing."""
        self._closed = True
        while self._running:
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running)
        if self._http is not None:
            await self._http.close()
        self._workers.close()

    async def fetch(self, uris: Sequence[URI], sandbox: Path) -> None:
        """Fetch all into a sandbox. FetchError if one cannot be had: then nothing of any is in it.

        Archives are extracted in the order of the URIs; where two have the same file, the later one's is there.
        Cancelled, this ends when all that it began has ended.
        """
        if problem := uris_problem(uris):
            raise FetchError(problem)
        if not uris:
            return
        caller = asyncio.current_task()
        cancelling = caller.cancelling() if caller is not None else 0
        task = asyncio.get_running_loop().create_task(self._fetch(uris, sandbox))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await task
        except (FetchError, asyncio.CancelledError) as error:
            if caller is not None and caller.cancelling() > cancelling:
                raise asyncio.CancelledError from error
            if isinstance(error, FetchError):
                raise
            raise FetchError(f"cannot fetch {uris[0].shown()}: the agent ends") from error

    async def _fetch(self, uris: Sequence[URI], sandbox: Path) -> None:
        fetch = _Fetch(sandbox)
        done = False
        try:
            if self._closed:
                raise FetchError(f"cannot fetch {uris[0].shown()}: the agent ends")
            try:
                await self.start()
                await in_thread(fetch.begin)
                fetched = await self._get_all(uris, fetch)
                await self._workers.run(place, fetched, fetch.tree, self._limits)
                await in_thread(move_in, fetch.tree, sandbox, fetch.moved)
            except (CauseError, OSError) as error:
                raise sandbox_error(uris, error) from error
            done = True
        finally:
            await to_end(self._clean(fetch, done))

    async def _clean(self, fetch: _Fetch, done: bool) -> None:
        try:
            if not done:
                await asyncio.to_thread(move_out, fetch.tree, fetch.sandbox, fetch.moved)
        finally:
            for entry in fetch.held:
                await self._cache.release(entry)
            await asyncio.to_thread(remove_tree, fetch.staging)

    async def _get_all(self, uris: Sequence[URI], fetch: _Fetch) -> list[Fetched]:
        places = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._get(uri, str(number), fetch, places))
                    for number, uri in enumerate(uris)
                ]
        except BaseExceptionGroup as errors:
            # The first: because of it the others were cancelled.
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _get(self, uri: URI, name: str, fetch: _Fetch, places: asyncio.Semaphore) -> Fetched:
        async with places:
            try:
                if uri.cache and self._cache.index.capacity:
                    entry = await self._through_cache(uri)
                    fetch.held.append(entry)
                    return Fetched(uri, self._cache.path(entry), cached=True)
                part = Part(fetch.staging / name, uri.checksum, self._limits)
                await self._obtain(uri, part, "")
                return Fetched(uri, part.path, cached=False)
            except (CauseError, OSError) as error:
                raise fetch_error(uri, error) from error

    async def _through_cache(self, uri: URI) -> Entry:
        path = uri.path()
        version = await in_thread(identity, path) if path is not None else ""
        words = (path or uri.value, uri.checksum.lower(), version)
        key = hashlib.sha256("\0".join(words).encode(errors="surrogateescape")).hexdigest()

        async def produce(file: Path) -> None:
            await self._obtain(uri, Part(file, uri.checksum, self._limits, durable=True), version)

        return await self._cache.hold(key, produce)

    async def _obtain(self, uri: URI, part: Part, version: str) -> None:
        path = uri.path()
        if path is not None:
            await self._workers.run(copy_file, path, part, version)
        elif self._http is not None:
            await self._http.download(uri, part)
