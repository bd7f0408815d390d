"""Mesos's older pages of an agent: read-only, as the tools that poll them know them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from actors import format_address
from cluster.agent import Agent
from cluster.http.mesos_files import MesosFiles
from cluster.http.snapshot import Snapshots

from .agent_flags import agent_flags
from .agent_state import Node, state
from .containers import Containers, statistics
from .files import install_files
from .requests import answer, callback

__all__ = ["ALIAS", "install"]

ALIAS = "slave(1)"
"""What Mesos's agents are called in paths."""

Later = Callable[[], Awaitable[web.StreamResponse]]


def install(agent: Agent, files: MesosFiles) -> None:
    """Give an agent these pages, at `/...`, `/agent/...` and `/slave(1)/...`, also with `.json` behind their names."""
    snapshots = Snapshots(agent.clock)

    def page(path: str, make: Callable[[], Any]) -> Callable[[web.Request], web.Response]:
        def serve(request: web.Request) -> web.Response:
            jsonp = callback(request)
            # What changes in an agent is not told: a page is made anew when it is old enough.
            snapshots.changed()
            return answer(snapshots.get(path, make)[1], jsonp)

        return serve

    def node() -> Node:
        master = None if agent.master is None else agent.master.address[0]
        return Node(
            format_address(agent.system.address), agent.system.started_at, agent.sandboxes.work_dir, master
        )

    for path, make, text in (
        ("/state", lambda: state(agent.state, node(), agent_flags(agent)), "all of it"),
        ("/flags", lambda: {"flags": agent_flags(agent)}, "how the agent is set"),
    ):
        for name in (path, f"{path}.json"):
            agent.route(name, page(path, make), help=f"{text}, as Mesos shows it")
    containers = Containers(agent)

    def of_containers(show: Callable[[Any], Any]) -> Callable[[web.Request], Later]:
        def serve(request: web.Request) -> Later:
            jsonp, wanted, rows = callback(request), request.query.get("container_id"), containers.rows()

            async def later() -> web.Response:
                found = [show(row) for row in await rows if wanted in (None, row["container_id"])]
                return answer(msgspec.json.encode(found), jsonp)

            return later

        return serve

    for path, show in (("/containers", dict), ("/monitor/statistics", statistics)):
        for name in (path, f"{path}.json"):
            agent.route(name, of_containers(show), help="what runs, and what it uses, as Mesos shows it")
    install_files(agent, files)
    agent.system.http.add_alias(ALIAS, agent.upid)
