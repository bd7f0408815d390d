"""For the fetcher's tests: a server whose answers the test writes, archives of all kinds, and looks at directories."""

from __future__ import annotations

import asyncio
import bz2
import contextlib
import gzip
import io
import lzma
import ssl
import stat
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from actors import PausedClock
from cluster.agent.fetching import Fetcher, FetchError
from cluster.messages.uris import URI

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PIECE = 1 << 20


class Server:
    """Serves on loopback what is in `pages`, bytes or handlers, by path; `requests` are the paths asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Handler] = {}
        self.requests: list[str] = []
        self.gone = asyncio.Event()
        """Set when a client has gone before its answer was complete."""
        self.release = asyncio.Event()
        self.base = ""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        page = self.pages.get(request.path)
        if page is None:
            return web.Response(status=404)
        if isinstance(page, bytes):
            return web.Response(body=page)
        try:
            return await page(request)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise

    def url(self, path: str) -> str:
        return self.base + path

    @contextlib.asynccontextmanager
    async def running(self, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
        runner = web.ServerRunner(web.Server(self._answer, handler_cancellation=True), shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        self.base = f"{'https' if context else 'http'}://127.0.0.1:{port}"
        try:
            yield self
        finally:
            self.release.set()
            await runner.cleanup()

    def held(self, body: bytes = b"") -> Handler:
        """An answer that begins, and whose second half comes after `release`."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": str(2 * len(body) or 10)})
            await response.prepare(request)
            await response.write(body)
            await self.release.wait()
            await response.write(body or b"0123456789")
            return response

        return answer


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until it is so; a test that hangs ends."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def pass_time(clock: PausedClock, task: asyncio.Task[Any], step: float) -> None:
    """Let time pass until the task is done."""
    async with asyncio.timeout(20):
        while not task.done():
            clock.step_to(clock.monotonic() + step)
            await asyncio.sleep(0)


async def refusal(fetcher: Fetcher, sandbox: Path, *uris: URI) -> str:
    """The text of the error; nothing may be left in the sandbox."""
    try:
        await fetcher.fetch(uris, sandbox)
    except FetchError as error:
        assert listing(sandbox) == {}
        return str(error)
    raise AssertionError(f"no error, but {listing(sandbox)}")


def listing(directory: Path) -> dict[str, bytes | str]:
    """What is below a directory: contents, "-> target" of links; directories are named with a slash."""
    found: dict[str, bytes | str] = {}
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name + "/"] = ""
        else:
            found[name] = path.read_bytes()
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar archive, written by tarfile, which writes whatever it is told."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for item in members:
            info, data = item if isinstance(item, tuple) else (item, b"")
            if isinstance(item, tuple):
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".tar": lambda data: data,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tbz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".txz": lzma.compress,
}
