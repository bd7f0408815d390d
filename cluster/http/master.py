"""The master's pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from cluster.master import Master

from . import openapi, operator
from .mesos_files import master_files
from .snapshot import Recent, Snapshots
from .standby import leader_page, redirect
from .ui import page
from .v0 import master as mesos_pages
from .v0.metrics import master_metrics
from .v1.operator import OperatorApi
from .v1.scheduler import SchedulerApi
from .v1.stream import MAX_WAITING, LostStreams
from .v1.version import version_page
from .views import VIEWS, reasons

__all__ = ["install"]

TASK_FILTERS = {"framework": "framework_id", "agent": "agent_id", "state": "state"}


def install(master: Master, *, max_waiting: int = MAX_WAITING, lost: LostStreams | None = None) -> Snapshots:
    """Give a master that was spawned its pages, at `/master/...` and at `/...`.

    `max_waiting` bytes of events wait for one client of the scheduler API; who reads so slowly is cut off.
    `lost` are streams that came through here to an earlier leader: their calls get no answer.
    """
    snapshots = Snapshots(master.clock)
    master.on_turn = snapshots.changed

    def view(path: str) -> tuple[Any, bytes]:
        return snapshots.get(path, lambda: VIEWS[path](master.state))

    def serve(path: str) -> Callable[[web.Request], web.Response]:
        return lambda _request: _json(view(path)[1])

    def tasks(request: web.Request) -> web.Response:
        rows, data = view("/ostrom/tasks")
        wanted = {field: request.query[name] for name, field in TASK_FILTERS.items() if name in request.query}
        completed = request.query.get("completed", "0") == "1"
        if not wanted and completed:
            return _json(data)
        return _json(
            msgspec.json.encode(
                [
                    row
                    for row in rows
                    if (completed or not row["completed"])
                    and all(row[field] == value for field, value in wanted.items())
                ]
            )
        )

    def explain(request: web.Request) -> web.Response:
        framework_id, agent_id = request.query.get("framework", ""), request.query.get("agent")
        if not framework_id:
            raise web.HTTPBadRequest(text="framework: the request names none, as in ?framework=...\n")
        if framework_id not in master.state.frameworks:
            raise web.HTTPNotFound(text=f"framework: {framework_id[:255]!r} is not known\n")
        if agent_id is not None and agent_id not in master.state.agents:
            raise web.HTTPNotFound(text=f"agent: {agent_id[:255]!r} is not known\n")
        return web.json_response(reasons(master.state, framework_id, agent_id, master.clock.time()))

    for path in VIEWS:
        master.route(
            path, tasks if path == "/ostrom/tasks" else serve(path), help=f"{path.rpartition('/')[2]} as JSON"
        )
    master.route(
        "/ostrom/explain",
        explain,
        help="?framework=ID[&agent=ID]: why it is offered nothing, agents by the same reasons",
    )
    operator.install(master, snapshots)
    SchedulerApi(master, max_waiting, lost).install()
    mesos_pages.install(master, snapshots, master_files())
    OperatorApi(master, snapshots, master_files(), max_waiting).install()
    master.route(
        "/version", version_page, help="the version of Mesos whose API this is, and ours", public=True
    )
    master.route("/leader", lambda _: leader_page(master.upid, leads=True), help="who leads, as JSON")
    master.route("/redirect", lambda _: redirect(master.upid), help="307 to the leader: here", public=True)
    master.route("/", page, help="the page for people")
    master.route("/ui", page, help="its files")
    openapi.install(master, openapi.MASTER, "ostrom master")
    master.system.http.root = master.upid
    figures = Recent(master.clock, lambda: master_metrics(master))
    master.system.http.metrics.add_source(master.upid, figures.get)
    return snapshots


def _json(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="application/json", headers={"Cache-Control": "no-store"})
