"""The agent's pages: what it runs, and the files of its sandboxes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from actors import Clock
from cluster.agent import Agent

from . import files, openapi, usage
from .mesos_files import agent_files
from .snapshot import Recent
from .v0 import agent as mesos_pages
from .v0.metrics import agent_metrics
from .v1.agent import AgentApi
from .v1.executor import ExecutorApi
from .v1.stream import MAX_WAITING, hang_up
from .v1.version import version_page

__all__ = ["install", "nobody_there"]

WAIT = 10.0
"""Seconds that a reader waits for a file to grow, at most."""
POLL = 0.05
Later = Callable[[], Awaitable[web.StreamResponse]]


def nobody_there(request: web.Request) -> web.Response:
    """What a node answers whose agent is not there yet, or no longer: 503. Executors get no answer, and come again."""
    if request.path.rstrip("/").endswith("/api/v1/executor"):
        return hang_up(request)
    text = "the agent is not there yet, or no longer\n"
    return web.Response(status=503, text=text, headers={"Retry-After": "1"})


def install(agent: Agent, *, max_waiting: int = MAX_WAITING) -> None:
    """Give an agent that was spawned its pages, at `/agent/...` and at `/...`.

    `max_waiting` bytes of events wait for one client of the executor API; who reads so slowly is cut off.
    """

    def sandbox(request: web.Request) -> tuple[Path, Callable[[], bool]]:
        """The sandbox that a request names, and whether what runs there still runs."""
        key = (request.query.get("framework", ""), request.query.get("executor", ""))
        try:
            path = agent.sandboxes.latest(agent.state.info.id, *key)
        except ValueError:
            path = None
        if path is None:
            raise web.HTTPNotFound(
                text=f"executor {key[1][:255]!r} of framework {key[0][:255]!r}: not here\n"
            )
        return path, lambda: key in agent.state.runs

    def state(_request: web.Request) -> web.Response:
        return web.json_response(_state(agent))

    def browse(request: web.Request) -> Later:
        path, _ = sandbox(request)
        name = request.query.get("path", ".")

        async def later() -> web.StreamResponse:
            found = await asyncio.to_thread(files.browse, path, name)
            if found is None:
                raise web.HTTPNotFound(text=f"path: {name[:255]!r} is no directory of the sandbox\n")
            return web.json_response(found)

        return later

    def read(request: web.Request) -> Later:
        path, runs = sandbox(request)
        name = request.query.get("path", "stdout")
        offset = _number(request, "offset", 0, 2**63 - 1)
        length = _number(request, "length", files.MAX_LENGTH, files.MAX_LENGTH)
        wait, raw = request.query.get("wait") == "1", request.query.get("raw") == "1"

        async def later() -> web.StreamResponse:
            deadline = agent.clock.monotonic() + (WAIT if wait else 0.0)
            while True:
                # Asked before the file is read: what ended before that cannot make it grow after.
                ended = not runs()
                piece = await asyncio.to_thread(files.read, path, name, offset, length)
                if piece is None:
                    raise web.HTTPNotFound(text=f"path: {name[:255]!r} is no file of the sandbox\n")
                if piece.data or ended or length == 0 or agent.clock.monotonic() >= deadline:
                    break
                await _pause(agent.clock, POLL)
            complete = ended and offset + len(piece.data) >= piece.size
            return _answer(piece, offset, complete, raw)

        return later

    ExecutorApi(agent, max_waiting).install()
    virtual_files = agent_files(agent)
    AgentApi(agent, virtual_files).install()
    agent.route(
        "/version", version_page, help="the version of Mesos whose API this is, and ours", public=True
    )
    agent.route("/ostrom/state", state, help="what the agent has and runs, as JSON")
    agent.route("/ostrom/files/browse", browse, help="?framework&executor&path: a directory of a sandbox")
    agent.route(
        "/ostrom/files/read",
        read,
        help="?framework&executor&path&offset&length: a part of a file; raw=1 for its bytes, wait=1 to follow it",
    )
    usage.install(agent)
    mesos_pages.install(agent, virtual_files)
    openapi.install(agent, openapi.AGENT, "ostrom agent")
    agent.system.http.root = agent.upid
    figures = Recent(agent.clock, lambda: agent_metrics(agent))
    agent.system.http.metrics.add_source(agent.upid, figures.get)


def _state(agent: Agent) -> dict[str, Any]:
    info = agent.state.info
    return {
        "id": info.id,
        "hostname": info.hostname,
        "master": None if agent.master is None else str(agent.master),
        "resources_text": str(info.resources),
        "attributes_text": str(info.attributes),
        "executors": [
            {
                "framework_id": run.framework.id,
                "executor_id": run.executor_id,
                "container_id": run.container_id,
                "phase": run.phase.value,
                "tasks": [
                    {"id": task_id, "state": task.status.state.value} for task_id, task in run.tasks.items()
                ],
            }
            for run in agent.state.runs.values()
        ],
        "completed_tasks": [
            {
                "framework_id": framework_id,
                "id": task.info.task_id,
                "state": task.status.state.value,
                "timestamp": task.status.timestamp,
                "message": task.status.message,
            }
            for framework_id, task in reversed(agent.state.completed)
        ],
    }


def _answer(piece: files.Piece, offset: int, complete: bool, raw: bool) -> web.Response:
    headers = {
        "X-Ostrom-Size": str(piece.size),
        "X-Ostrom-Done": "1" if complete else "0",
        "X-Content-Type-Options": "nosniff",
    }
    if raw:
        return web.Response(body=piece.data, content_type="application/octet-stream", headers=headers)
    text = piece.data.decode(errors="replace")
    body = {"data": text, "offset": offset, "size": piece.size, "done": complete}
    return web.json_response(body, headers=headers)


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > most:
        raise web.HTTPBadRequest(text=f"{name}: {text[:40]!r} is not a number from 0 to {most}\n")
    return int(text)


async def _pause(clock: Clock, seconds: float) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_at(clock.monotonic() + seconds, future.set_result, None)
    try:
        await future
    finally:
        timer.cancel()
