"""`/api/v1/scheduler`: the calls of frameworks, and the streams that answer their SUBSCRIBE."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from actors import PeerGoneError, TooManyActorsError
from actors.http import principal_of
from cluster.master import Master
from cluster.messages import Subscribe, UpdateFramework
from cluster.registry import RegistryError
from cluster.v1.errors import MessageError, RefusedError, shown
from cluster.v1.translate import Dialect, translate_call
from cluster.v1.types.scheduler import Call, Event

from .framework import HttpFramework
from .media import answer_media, request_media
from .stream import MAX_WAITING, STREAM_ID, EventStream, LostStreams, hang_up

__all__ = ["SchedulerApi"]

Later = Callable[[], Awaitable[web.StreamResponse]]

OF_THE_FRAMEWORK = ("subscribe.", "offer_constraints")
"""How the texts begin that say what is wrong with a framework, and not with the call: those come as an event."""


class SchedulerApi:
    """Mesos's scheduler API. `max_waiting` bytes of events wait for one client, who is cut off if it does not read.

    Calls of streams that are `lost`, which were those of an earlier leader, get no answer.
    """

    def __init__(
        self, master: Master, max_waiting: int = MAX_WAITING, lost: LostStreams | None = None
    ) -> None:
        self._master = master
        self._lost = lost or LostStreams()
        self._max_waiting = max_waiting
        self._subscribed: dict[str, HttpFramework] = {}

    def install(self) -> None:
        """Add the route."""
        self._master.route(
            "/api/v1/scheduler",
            self._serve,
            methods=("POST",),
            help="Mesos's scheduler API: a Call as JSON or protobuf",
        )

    def _serve(self, request: web.Request) -> Later:
        # The body is read outside of the master's turns, and its calls have their own.
        return lambda: self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        media = request_media(request)
        try:
            call = media.decode(await request.read(), Call)
            if call.type is Call.Type.SUBSCRIBE:
                return await self._subscribe(request, call)
            if request.headers.get(STREAM_ID, "") in self._lost:
                # It came to where its stream came from, before it has seen that this ended.
                return hang_up(request)
            return await self._call(request, call)
        except (web.HTTPForbidden, PeerGoneError):
            if self._master.system.hosts(self._master.upid):
                raise
            # It is the master that has ended, and the streams with it.
            return hang_up(request)
        except MessageError as error:
            raise _bad(str(error)) from error

    # Streams.

    async def _subscribe(self, request: web.Request, call: Call) -> web.StreamResponse:
        media = answer_media(request)
        if STREAM_ID in request.headers:
            raise _bad(f"{STREAM_ID}: SUBSCRIBE begins a new stream, and is of none")
        system = self._master.system
        stream = EventStream(system.clock, self._max_waiting)
        try:
            translated = translate_call(call, Dialect(), system.clock.time())
        except RefusedError as error:
            if not str(error).startswith(OF_THE_FRAMEWORK):
                raise
            # Clients take no other status than 200 for an answer, and show people the text of the event.
            event = Event(type=Event.Type.ERROR, error=Event.Error(message=str(error)))
            stream.put(media.encode(event))
            stream.end()
            return await stream.serve(request, media.type)
        subscribe, part = translated.message, call.subscribe
        if not isinstance(subscribe, Subscribe) or part is None:
            raise TypeError(f"SUBSCRIBE became {subscribe}")
        subscribe = self._with_principal(request, subscribe)
        framework = HttpFramework(
            self._master.upid, subscribe, Dialect.of(part.framework_info), stream, media, self._subscribed
        )
        try:
            upid = system.spawn(framework)
        except TooManyActorsError as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n", headers={"Retry-After": "1"}) from error
        try:
            return await stream.serve(request, media.type)
        finally:
            system.terminate(upid)

    def _with_principal(self, request: web.Request, subscribe: Subscribe) -> Subscribe:
        """Give the framework the principal that it has shown to be, if it names none."""
        principal, framework = principal_of(request), subscribe.framework
        if principal is None:
            return subscribe
        _check_principal(principal, framework.principal or principal)
        return msgspec.structs.replace(
            subscribe, framework=msgspec.structs.replace(framework, principal=principal)
        )

    # Calls.

    async def _call(self, request: web.Request, call: Call) -> web.Response:
        if call.type is None or call.type is Call.Type.UNKNOWN:
            raise _bad("type is missing, or not known")
        if call.framework_id is None:
            raise _bad("framework_id is missing")
        framework = self._find(call.framework_id.value)
        principal = principal_of(request)
        if principal is not None:
            _check_principal(principal, framework.principal)
        given = request.headers.get(STREAM_ID)
        if given is None:
            raise _bad(f"{STREAM_ID} is missing: it is what the answer to SUBSCRIBE gave")
        if given != framework.stream.id:
            raise _bad(f"{STREAM_ID} is {shown(given)}, not that of the framework's last subscription")
        try:
            update = await self._master.system.call(framework.upid, framework.take, call)
            if update is not None and call.update_framework is not None:
                dialect = Dialect.of(call.update_framework.framework_info)
                return await self._introduce(framework, update, dialect)
        except PeerGoneError as error:
            raise _forbidden(call.framework_id.value) from error
        return web.Response(status=202)

    def _find(self, framework_id: str) -> HttpFramework:
        framework = self._subscribed.get(framework_id)
        if framework is not None:
            return framework
        known = self._master.state.frameworks.get(framework_id)
        if known is None:
            raise _bad(f"framework_id: there is no framework {shown(framework_id)}")
        if known.connected:
            raise web.HTTPForbidden(
                text=f"framework_id: framework {shown(framework_id)} does not speak HTTP\n"
            )
        raise _forbidden(framework_id)

    async def _introduce(
        self, framework: HttpFramework, update: UpdateFramework, dialect: Dialect
    ) -> web.Response:
        """Change a framework; the answer comes when that is on record."""
        call, master = self._master.system.call, self._master
        # First: what it is offered when it is another is to be in words that it reads then.
        before = await call(framework.upid, framework.speak, dialect)
        # In tuples: what is awaited is not to hold up the master.
        (answered,) = await call(master.upid, lambda: (master.introduce(framework.upid, update),))
        if (problem := await answered) is not None:
            await call(framework.upid, framework.speak, before)
            raise _bad(f"update_framework.framework_info: {problem}")
        (recorded,) = await call(master.upid, lambda: (master.recorded(),))
        try:
            await recorded
        except RegistryError as error:
            raise web.HTTPServiceUnavailable(text=f"it may be forgotten: {error}\n") from error
        return web.Response()


def _check_principal(principal: str, of_framework: str) -> None:
    if principal != of_framework:
        raise _bad(
            f"the request is from {shown(principal)}, the framework's principal is {shown(of_framework)}"
        )


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=f"{text}\n")


def _forbidden(framework_id: str) -> web.HTTPForbidden:
    return web.HTTPForbidden(text=f"framework_id: framework {shown(framework_id)} is not subscribed\n")
