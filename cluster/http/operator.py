"""Operators change a running cluster: JSON over HTTP, answered when it is on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from cluster.master import Master
from cluster.registry import Quota, RegistryError

from .bodies import (
    AgentBody,
    BodyError,
    DrainBody,
    MachinesBody,
    QuotaBody,
    ReserveBody,
    ScheduleBody,
    read,
    strange_name,
    weights,
)
from .operator_views import OPERATOR_VIEWS, info_of, maintenance, quota_row, used_by_role
from .operator_views import reservations as reservation_rows
from .operator_views import weights as weight_view
from .snapshot import Snapshots
from .views import agent_row

__all__ = ["install"]

Later = Callable[[], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request], web.StreamResponse | Later]
Rule = Callable[[Any], Any]
"""What follows from a body, in a turn of the master's: it returns the answer, or raises an HTTPException."""


def install(master: Master, snapshots: Snapshots) -> None:
    """Give a master the pages by which it is operated."""
    Operating(master, snapshots).install()


class Operating:
    """A body is read outside of the master's turns, so that who sends it slowly holds up nobody."""

    def __init__(self, master: Master, snapshots: Snapshots) -> None:
        self._master = master
        self._state = master.state
        self._snapshots = snapshots

    def install(self) -> None:
        """Add the routes."""
        route = self._master.route
        post = self._post
        sets_weights, sets_quota = post(dict[str, Any], self._set_weights), post(QuotaBody, self._set_quota)
        route(
            "/ostrom/weights",
            self._by_method(GET=self._view("/ostrom/weights"), POST=sets_weights),
            methods=("GET", "POST"),
            help='the weights that are set; POST {"ROLE": WEIGHT, ...}',
        )
        route(
            "/ostrom/quota",
            self._by_method(GET=self._view("/ostrom/quota"), POST=sets_quota, DELETE=self._remove_quota),
            methods=("GET", "POST", "DELETE"),
            help='the quotas; POST {"role", "guarantee", "limit", "priority"}; DELETE ?role=',
        )
        route(
            "/ostrom/reservations",
            self._view("/ostrom/reservations"),
            help="what is reserved, by agent and role",
        )
        route(
            "/ostrom/maintenance",
            self._view("/ostrom/maintenance"),
            help="the schedule, and what frameworks say to it",
        )
        for path, body, rule, text in (
            (
                "/ostrom/reserve",
                ReserveBody,
                self._reserve,
                '{"agent", "role", "resources"}: keep them for the role',
            ),
            (
                "/ostrom/unreserve",
                ReserveBody,
                self._unreserve,
                "the same body: give them to everybody again",
            ),
            (
                "/ostrom/agents/drain",
                DrainBody,
                self._drain,
                '{"agent", "max_grace_period", "mark_gone"}: end what it runs, and offer it no more',
            ),
            ("/ostrom/agents/deactivate", AgentBody, self._deactivate, '{"agent"}: offer it no more'),
            ("/ostrom/agents/reactivate", AgentBody, self._reactivate, '{"agent"}: offer it again'),
            ("/ostrom/agents/gone", AgentBody, self._gone, '{"agent"}: it will never come back'),
            (
                "/ostrom/maintenance/schedule",
                ScheduleBody,
                self._schedule,
                '{"windows": [{"machines", "start", "duration"}]}: the schedule, in place of the old one',
            ),
            ("/ostrom/maintenance/down", MachinesBody, self._down, '{"machines"}: take them down'),
            ("/ostrom/maintenance/up", MachinesBody, self._up, '{"machines"}: they are back'),
        ):
            route(path, post(body, rule), methods=("POST",), help=text)
        route(
            "/ostrom/teardown",
            self._teardown,
            methods=("POST",),
            help="?framework=ID: end a framework and its tasks",
        )

    def _view(self, path: str) -> Handler:
        def serve(_request: web.Request) -> web.Response:
            return _json(self._snapshots.get(path, lambda: OPERATOR_VIEWS[path](self._state))[1])

        return serve

    @staticmethod
    def _by_method(**handlers: Handler) -> Handler:
        return lambda request: handlers[request.method](request)

    def _post(self, type_: Any, rule: Rule) -> Handler:
        def handle(request: web.Request) -> Later:
            async def later() -> web.StreamResponse:
                try:
                    body = read(await request.read(), type_)
                except BodyError as error:
                    raise _bad(error) from error
                return await self._answer(rule, body)

            return later

        return handle

    async def _answer(self, rule: Rule, body: Any) -> web.Response:
        """Apply a rule in a turn of the master's, and answer when what it decided is on record."""

        def turn() -> tuple[bytes, Awaitable[None]]:
            try:
                answer = rule(body)
            except BodyError as error:
                raise _bad(error) from error
            self._snapshots.forget()
            return msgspec.json.encode(answer), self._master.recorded()

        data, recorded = await self._master.system.call(self._master.upid, turn)
        try:
            await recorded
        except RegistryError as error:
            raise web.HTTPServiceUnavailable(text=f"it may be forgotten: {error}\n") from error
        return _json(data)

    # Roles.

    def _set_weights(self, body: dict[str, Any]) -> Any:
        _allow(self._master.set_weights(weights(body)))
        return weight_view(self._state)

    def _set_quota(self, body: QuotaBody) -> Any:
        new = body.applied(self._state.registry.quotas.get(body.role, Quota()))
        if not body.force:
            known = {name for each in self._state.agents.values() for name in each.info.resources.names()}
            known.update(
                name for each in self._state.registry.agents.values() for name in each.resources.names()
            )
            for field in ("guarantee", "limit"):
                if strange := strange_name(getattr(new, field).names(), known):
                    raise _conflict(f"{field}: {strange} (force sets it all the same)")
        _allow(self._master.set_quota(body.role, new))
        return self._quota_row(body.role)

    def _quota_row(self, role: str) -> Any:
        return quota_row(
            role,
            self._state.registry.quotas.get(role, Quota()),
            used_by_role(self._state).get(role, {}),
        )

    def _remove_quota(self, request: web.Request) -> Later:
        role = _parameter(request, "role")

        def rule(role: str) -> Any:
            if role not in self._state.registry.quotas:
                raise web.HTTPNotFound(text=f"role: {role[:255]!r} has no quota\n")
            _allow(self._master.remove_quota(role))
            return self._quota_row(role)

        return lambda: self._answer(rule, role)

    # Agents.

    def _known(self, agent_id: str) -> None:
        if agent_id in self._state.registry.gone:
            raise _conflict(f"agent: {agent_id!r} is gone")
        if info_of(self._state, agent_id) is None:
            raise web.HTTPNotFound(text=f"agent: {agent_id[:255]!r} is not known\n")

    def _reserve(self, body: ReserveBody) -> Any:
        self._known(body.agent)
        _allow(self._master.reserve(body.agent, body.role, body.parsed()))
        return self._reserved_on(body.agent)

    def _unreserve(self, body: ReserveBody) -> Any:
        self._known(body.agent)
        _allow(self._master.unreserve(body.agent, body.role, body.parsed()))
        return self._reserved_on(body.agent)

    def _reserved_on(self, agent_id: str) -> Any:
        return [row for row in reservation_rows(self._state) if row["agent_id"] == agent_id]

    def _drain(self, body: DrainBody) -> Any:
        self._known(body.agent)
        _allow(self._master.drain(body.agent, body.max_grace_period, body.mark_gone))
        return agent_row(self._state, body.agent)

    def _deactivate(self, body: AgentBody) -> Any:
        self._known(body.agent)
        _allow(self._master.deactivate(body.agent))
        return agent_row(self._state, body.agent)

    def _reactivate(self, body: AgentBody) -> Any:
        self._known(body.agent)
        _allow(self._master.reactivate(body.agent))
        return agent_row(self._state, body.agent)

    def _gone(self, body: AgentBody) -> Any:
        if body.agent not in self._state.registry.gone:
            self._known(body.agent)
            _allow(self._master.mark_gone(body.agent))
        return {"id": body.agent, "state": "gone"}

    # Machines.

    def _schedule(self, body: ScheduleBody) -> Any:
        windows = self._state.registry.windows.values()
        down = {name for window in windows if window.down for name in window.machines}
        _allow(self._master.update_schedule(body.parsed(down)))
        return maintenance(self._state)

    def _down(self, body: MachinesBody) -> Any:
        _allow(self._master.machine_down(list(body.machines)))
        return maintenance(self._state)

    def _up(self, body: MachinesBody) -> Any:
        _allow(self._master.machine_up(list(body.machines)))
        return maintenance(self._state)

    # Frameworks.

    def _teardown(self, request: web.Request) -> Later:
        framework_id = _parameter(request, "framework")

        def rule(framework_id: str) -> Any:
            if not self._master.end_framework(framework_id, "torn down by an operator"):
                raise web.HTTPNotFound(text=f"framework: {framework_id[:255]!r} is not known\n")
            return {"ended": framework_id}

        return lambda: self._answer(rule, framework_id)


def _parameter(request: web.Request, name: str) -> str:
    value = request.query.get(name, "")
    if not value:
        raise web.HTTPBadRequest(text=f"{name}: the request names none, as in ?{name}=...\n")
    return value


def _allow(problem: str | None) -> None:
    if problem is not None:
        raise _conflict(problem)


def _conflict(problem: str) -> web.HTTPConflict:
    return web.HTTPConflict(text=f"{problem}\n")


def _bad(error: BodyError) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=f"{error}\n")


def _json(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="application/json", headers={"Cache-Control": "no-store"})
