"""The service over HTTP: JSON in and out. Who asks is told by his token."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from .jobs import Job, JobRequest, JobState
from .service import ConflictError, QueueService, UnknownError

MAX_WAIT = 300
MAX_ID = 2**63 - 1


def read_users(path: Path) -> dict[str, str]:
    """Read lines of `USER TOKEN`; return the user of each token. OSError; ValueError that names the line."""
    users: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if len(words) != 2 or words[1] in users:
            raise ValueError(f"{path}, line {number}: not USER TOKEN, or a token for the second time")
        users[words[1]] = words[0]
    return users


def application(service: QueueService, users: Mapping[str, str]) -> web.Application:
    """The pages. `users`: the user of each bearer token."""

    def user(request: web.Request) -> str:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token not in users:
            why = "header Authorization: not the bearer token of a user"
            raise web.HTTPUnauthorized(text=why, headers={"WWW-Authenticate": "Bearer"})
        return users[token]

    def view(job: Job) -> dict[str, Any]:
        """A job as its user sees it, with where its last attempt prints to."""
        shown: dict[str, Any] = msgspec.to_builtins(job)
        if job.agent:
            query = f"framework={service.id}&executor={job.task_id}&raw=1&path=stdout"
            shown["stdout"] = f"http://{job.agent}/ostrom/files/read?{query}"
        return shown

    async def open_session(request: web.Request) -> web.Response:
        return _answer(service.open_session(user(request)), 201)

    async def close_session(request: web.Request) -> web.Response:
        return _answer(service.close_session(user(request), int(request.match_info["id"])))

    async def add_job(request: web.Request) -> web.Response:
        name, asked = user(request), await _body(request)
        if asked.queue not in service.rules.queues:
            known = ", ".join(service.rules.queues)
            raise web.HTTPBadRequest(text=f"queue: {asked.queue[:80]!r} is none of {known}")
        if text := asked.problem():
            raise web.HTTPBadRequest(text=text)
        job, new = service.add_job(name, asked)
        return _answer(view(job), 201 if new else 200)

    async def jobs(request: web.Request) -> web.Response:
        state = request.query.get("state")
        if state is not None and state not in JobState.__members__:
            raise web.HTTPBadRequest(text=f"state: {state[:80]!r} is none of {', '.join(JobState)}")
        session, above = _number(request, "session", MAX_ID), _number(request, "above", MAX_ID) or 0
        wanted = None if state is None else JobState(state)
        return _answer([view(job) for job in service.store.jobs(user(request), session, wanted, above)])

    async def job(request: web.Request) -> web.Response:
        name, number = user(request), int(request.match_info["id"])
        await service.ended(service.job(name, number), _number(request, "wait", MAX_WAIT) or 0)
        return _answer(view(service.job(name, number)))

    async def cancel_job(request: web.Request) -> web.Response:
        job = service.cancel_job(user(request), int(request.match_info["id"]))
        return _answer(view(job), 202 if job.active else 200)

    async def queues(request: web.Request) -> web.Response:
        user(request)
        return _answer(service.rules.summary())

    @web.middleware
    async def errors(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Every error is JSON, with the one key `error`."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            error.text, error.content_type = _json({"error": error.text}).decode(), "application/json"
            raise
        except UnknownError as error:
            return _answer({"error": str(error)}, 404)
        except ConflictError as error:
            return _answer({"error": str(error)}, 409)
        except sqlite3.Error as error:
            # What is in memory may not be on disk now: nobody else may hear of it.
            service.fail(error)
            return _answer({"error": "the store failed"}, 503)

    app = web.Application(middlewares=[errors])
    app.router.add_post("/sessions", open_session)
    app.router.add_delete(r"/sessions/{id:\d{1,18}}", close_session)
    app.router.add_post("/jobs", add_job)
    app.router.add_get("/jobs", jobs)
    app.router.add_get(r"/jobs/{id:\d{1,18}}", job)
    app.router.add_delete(r"/jobs/{id:\d{1,18}}", cancel_job)
    app.router.add_get("/queues", queues)
    return app


_json = msgspec.json.encode


def _answer(value: object, status: int = 200) -> web.Response:
    return web.Response(body=_json(value), status=status, content_type="application/json")


async def _body(request: web.Request) -> JobRequest:
    """Read the body. HTTPBadRequest that names the field and its value."""
    body = await request.read()
    try:
        return msgspec.json.decode(body, type=JobRequest)
    except msgspec.ValidationError as error:
        field = re.search(r"`\$\.(\w+)`$", str(error))
        value = f", which is {msgspec.json.decode(body)[field[1]]!r:.80}" if field else ""
        raise web.HTTPBadRequest(text=f"{error}{value}") from error
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"the body is not JSON: {error}") from error


def _number(request: web.Request, name: str, most: int) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > most:
        raise web.HTTPBadRequest(text=f"{name}: {text[:80]!r} is not a number from 0 to {most}")
    return int(text)
