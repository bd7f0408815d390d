"""One look at a task: an HTTP request, a connection, a command."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from msgspec.structs import replace
from yarl import URL

from actors import Clock
from cluster.messages.checks import Check, CheckStatusInfo, CommandCheck, HealthCheck, HTTPCheck, TCPCheck
from isolation import LauncherClosedError, LaunchError

__all__ = ["LOOPBACK", "ProbeResult", "RunCommand", "probe"]

LOOPBACK = "127.0.0.1"

REDIRECTS = frozenset({301, 302, 303, 307, 308})

MAX_REDIRECTS = 50
"""curl's, by which Mesos asks."""

MAX_BODY = 1024 * 1024
"""Bytes of an answer that are read, and dropped: of a longer one the status is enough."""

MAX_TEXT = 300

RunCommand = Callable[[tuple[str, ...], Mapping[str, str], float | None], Awaitable[int]]
"""Runs argv beside the task, with its environment and what is added, for so many seconds at most (None: no limit).

Returns the exit status, or the number of the signal that ended it, negative. TimeoutError if it did not end in time.
Then, and when it is cancelled, nothing of the command is left once it returns. LaunchError, OSError or ValueError if
it cannot be run; LauncherClosedError if nothing can be run any more.
"""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What was seen. `ok` is whether it is healthy, `status` what a check tells, `text` says it for people."""

    ok: bool
    status: CheckStatusInfo
    text: str


async def probe(
    check: Check | HealthCheck, *, clock: Clock, run_command: RunCommand, target: str = LOOPBACK
) -> ProbeResult | None:
    """Look at a task once, for at most the check's `timeout_seconds` of `clock`. None: nothing can be said of it.

    `target` is the IPv4 address of the task. What goes wrong is a result; cancelled, it leaves nothing behind.
    """
    timeout = check.timeout_seconds or None
    unknown = check.unknown()
    try:
        if check.command is not None:
            return await _command(check.command, unknown, timeout, run_command)
        async with _within(clock, timeout):
            if check.http is not None:
                return await _http(check.http, unknown, target)
            if check.tcp is not None:
                return await _tcp(check.tcp, unknown, target)
    except TimeoutError:
        return _failure(unknown, f"timed out after {check.timeout_seconds:g} s")
    raise ValueError(f"a check without command, http or tcp: {check!r}")


def _failure(unknown: CheckStatusInfo, text: str) -> ProbeResult:
    """A failure of which no more is known. The text may quote what the task sent: short, and fit for a message."""
    return ProbeResult(False, unknown, text.encode(errors="backslashreplace").decode()[:MAX_TEXT])


@asynccontextmanager
async def _within(clock: Clock, seconds: float | None) -> AsyncIterator[None]:
    """`asyncio.timeout`, by the time of a clock."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as scope:
        if seconds is None:
            yield
            return
        timer = clock.call_at(clock.monotonic() + seconds, lambda: scope.reschedule(loop.time()))
        try:
            yield
        finally:
            timer.cancel()


async def _http(check: HTTPCheck, unknown: CheckStatusInfo, target: str) -> ProbeResult:
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
        ) as session:
            url = URL(f"{check.scheme}://{target}:{check.port}{check.path}")
            for _ in range(MAX_REDIRECTS + 1):
                async with session.get(url, allow_redirects=False) as answer:
                    await _drop_body(answer)
                    further = _redirect(answer, target)
                if further is None:
                    code = answer.status
                    return ProbeResult(
                        check.accepts(code), replace(unknown, status_code=code), f"HTTP {code}"
                    )
                url = further
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # A redirect is what the task says: one that is no address at all is a ValueError.
        return _failure(unknown, str(error) or type(error).__name__)
    return _failure(unknown, f"more than {MAX_REDIRECTS} redirects")


def _redirect(answer: aiohttp.ClientResponse, target: str) -> URL | None:
    """Where an answer leads, if the task itself is there.

    Mesos follows to any host. But how others are says nothing of the task, and the agent would ask whatever, and
    look up whatever name, a task wants it to.
    """
    location = answer.headers.get("Location")
    if answer.status not in REDIRECTS or location is None:
        return None
    url = answer.url.join(URL(location))
    return url if url.scheme in ("http", "https") and url.host in (target, "localhost") else None


async def _drop_body(answer: aiohttp.ClientResponse) -> None:
    left = MAX_BODY
    async for chunk in answer.content.iter_any():
        left -= len(chunk)
        if left <= 0:
            return


async def _tcp(check: TCPCheck, unknown: CheckStatusInfo, target: str) -> ProbeResult:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        try:
            ok, text = await connects(sock, (target, check.port)), "connected"
        except OSError as error:
            # The loop puts words of its own into strerror.
            ok, text = False, os.strerror(error.errno) if error.errno else str(error)
        else:
            text = text if ok else "nobody listens"
    return ProbeResult(ok, replace(unknown, succeeded=ok), text)


async def connects(sock: socket.socket, address: tuple[str, int]) -> bool:
    """Whether somebody else takes the connection; OSError if nobody can be reached."""
    await asyncio.get_running_loop().sock_connect(sock, address)
    # Where nobody listens on a port of the range that the kernel takes for callers, it may take that very one, and
    # TCP then connects the socket to itself.
    return bool(sock.getsockname() != sock.getpeername())


async def _command(
    check: CommandCheck, unknown: CheckStatusInfo, timeout: float | None, run_command: RunCommand
) -> ProbeResult | None:
    try:
        code = await run_command(check.argv(), check.environment, timeout)
    except LauncherClosedError:
        return None
    except TimeoutError:
        raise
    except (LaunchError, OSError, ValueError) as error:
        return _failure(unknown, str(error))
    if code < 0:
        return _failure(unknown, f"killed by signal {-code}")
    return ProbeResult(code == 0, replace(unknown, exit_code=code), f"exited with status {code}")
