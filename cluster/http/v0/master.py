"""Mesos's older pages of a master: read-only, as the tools that poll them know them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from cluster.http.mesos_files import MesosFiles
from cluster.http.snapshot import Snapshots
from cluster.master import Master, MasterState
from cluster.v1.errors import shown

from . import settings, views
from .answers import Answers
from .files import install_files
from .flags import master_flags
from .requests import answer, callback, number
from .seen import Seen
from .writing import write

__all__ = ["TASK_LIMIT", "install"]

TASK_LIMIT = 100
"""Tasks that `/tasks` shows if nothing is said."""

Later = Callable[[], Awaitable[web.StreamResponse]]

SETTINGS: dict[str, tuple[Callable[[MasterState], Any], str]] = {
    "/roles": (settings.roles, "the roles, with what they hold"),
    "/quota": (settings.quota, "the quotas"),
    "/weights": (settings.weights, "the weights"),
    "/maintenance/schedule": (settings.schedule, "when machines are planned to be down"),
    "/maintenance/status": (settings.status, "what frameworks say to that"),
}


def install(master: Master, snapshots: Snapshots, files: MesosFiles) -> Answers:
    """Give a master these pages, at `/...` and `/master/...`, also with `.json` behind their names."""
    pages = _Pages(master, snapshots)
    for path, (handler, text) in pages.handlers().items():
        for name in (path, f"{path}.json"):
            master.route(name, handler, help=f"{text}, as Mesos shows it")
    install_files(master, files)
    return pages.answers


class _Pages:
    def __init__(self, master: Master, snapshots: Snapshots) -> None:
        self.answers = Answers(master, snapshots)
        self._master = master
        self._snapshots = snapshots

    def handlers(self) -> dict[str, tuple[Callable[[web.Request], web.Response | Later], str]]:
        def setting(path: str) -> Callable[[web.Request], web.Response]:
            return lambda request: self._setting(request, path)

        return {
            "/state": (
                self._whole("/state", lambda seen: views.state(seen, master_flags(self._master))),
                "all of it",
            ),
            "/state-summary": (
                self._whole("/state-summary", views.state_summary),
                "agents and frameworks, with how many tasks are in which state",
            ),
            "/frameworks": (
                self._some("/frameworks", "framework_id", views.frameworks),
                "?framework_id: the frameworks",
            ),
            "/slaves": (self._some("/slaves", "slave_id", views.slaves), "?slave_id: the agents"),
            "/tasks": (self._tasks, "?limit&offset&order&framework_id&task_id: tasks"),
            "/flags": (self._flags, "how the master is set"),
            **{path: (setting(path), text) for path, (_, text) in SETTINGS.items()},
        }

    def _whole(self, path: str, make: Callable[[Seen], Any]) -> Callable[[web.Request], Later]:
        def serve(request: web.Request) -> Later:
            jsonp, data = callback(request), self.answers.get(path, make)

            async def later() -> web.Response:
                return answer(await data, jsonp)

            return later

        return serve

    def _some(self, path: str, parameter: str, make: Callable[..., Any]) -> Callable[[web.Request], Later]:
        whole = self._whole(path, make)

        def serve(request: web.Request) -> Later:
            wanted = request.query.get(parameter)
            if wanted is None:
                return whole(request)
            return self._once(request, lambda seen: make(seen, wanted.__eq__))

        return serve

    def _tasks(self, request: web.Request) -> Later:
        order = request.query.get("order", "des")
        if order not in ("asc", "des"):
            raise web.HTTPBadRequest(text=f"order is {shown(order)}, neither asc nor des\n")
        limit, offset = number(request, "limit", TASK_LIMIT), number(request, "offset", 0)
        query = request.query
        chosen = {
            name: query[parameter].__eq__
            for name, parameter in (("of_framework", "framework_id"), ("of_id", "task_id"))
            if parameter in query
        }
        return self._once(
            request,
            lambda seen: views.tasks(seen, limit=limit, offset=offset, ascending=order == "asc", **chosen),
        )

    def _once(self, request: web.Request, make: Callable[[Seen], Any]) -> Later:
        """Answer who asks for a part."""
        jsonp, seen = callback(request), self.answers.see()

        async def later() -> web.Response:
            return answer((await write(make(seen)))[0], jsonp)

        return later

    def _flags(self, request: web.Request) -> web.Response:
        data = msgspec.json.encode({"flags": master_flags(self._master)})
        return answer(data, callback(request))

    def _setting(self, request: web.Request, path: str) -> web.Response:
        jsonp, make = callback(request), SETTINGS[path][0]
        return answer(self._snapshots.get(path, lambda: make(self._master.state))[1], jsonp)
