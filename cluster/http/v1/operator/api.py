"""`/api/v1`: what operators call, and the streams that answer their SUBSCRIBE."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from actors import TooManyActorsError
from cluster.happenings import MasterSeen
from cluster.http.mesos_files import MesosFiles
from cluster.http.snapshot import Snapshots
from cluster.http.v1.media import Media, answer_media, request_media
from cluster.http.v1.stream import MAX_WAITING, EventStream
from cluster.master import Master
from cluster.master.sights import see_all
from cluster.registry import RegistryError
from cluster.v1.errors import MessageError
from cluster.v1.translate.operator_calls import check_call
from cluster.v1.types.master import Call, Response

from . import agents, machines, node, roles
from .desk import Desk, bad
from .feed import HEARTBEAT_INTERVAL, Feed, Subscriber
from .pieces import encode_slowly
from .sharing import Shared
from .state import VIEWS, subscribed

__all__ = ["OperatorApi"]

Later = Callable[[], Awaitable[web.StreamResponse]]
Type = Call.Type

QUESTIONS: Mapping[Call.Type, Callable[[Desk, Call], Awaitable[Response]]] = {
    Type.GET_HEALTH: node.get_health,
    Type.GET_FLAGS: node.get_flags,
    Type.GET_VERSION: node.get_version,
    Type.GET_METRICS: node.get_metrics,
    Type.GET_LOGGING_LEVEL: node.get_logging_level,
    Type.LIST_FILES: node.list_files,
    Type.READ_FILE: node.read_file,
    Type.GET_OPERATIONS: node.get_operations,
    Type.GET_MASTER: node.get_master,
    Type.GET_WEIGHTS: roles.get_weights,
    Type.GET_QUOTA: roles.get_quota,
    Type.GET_MAINTENANCE_STATUS: machines.get_status,
    Type.GET_MAINTENANCE_SCHEDULE: machines.get_schedule,
}
"""What is answered with a message. Those in `state.VIEWS` are besides these."""
ORDERS: Mapping[Call.Type, tuple[Callable[[Desk, Call], Awaitable[None]], int]] = {
    Type.SET_LOGGING_LEVEL: (node.set_logging_level, 200),
    Type.UPDATE_WEIGHTS: (roles.update_weights, 200),
    Type.SET_QUOTA: (roles.set_quota, 200),
    Type.REMOVE_QUOTA: (roles.remove_quota, 200),
    Type.UPDATE_QUOTA: (roles.update_quota, 200),
    Type.UPDATE_MAINTENANCE_SCHEDULE: (machines.update_schedule, 200),
    Type.START_MAINTENANCE: (machines.start, 200),
    Type.STOP_MAINTENANCE: (machines.stop, 200),
    Type.RESERVE_RESOURCES: (agents.reserve_resources, 202),
    Type.UNRESERVE_RESOURCES: (agents.unreserve_resources, 202),
    Type.DRAIN_AGENT: (agents.drain_agent, 200),
    Type.DEACTIVATE_AGENT: (agents.deactivate_agent, 200),
    Type.REACTIVATE_AGENT: (agents.reactivate_agent, 200),
    Type.MARK_AGENT_GONE: (agents.mark_agent_gone, 200),
    Type.TEARDOWN: (agents.teardown, 200),
}
"""What is done, and the status that says that it is on record."""


class OperatorApi:
    """Mesos's operator API.

    `max_waiting` bytes of events wait for one subscriber, who is cut off if it does not read.
    """

    def __init__(
        self, master: Master, snapshots: Snapshots, files: MesosFiles, max_waiting: int = MAX_WAITING
    ) -> None:
        self._master = master
        self._desk = Desk(master, snapshots, files)
        self._max_waiting = max_waiting
        self._shared = Shared()
        self._feed: Feed | None = None

    def install(self) -> None:
        """Add the route."""
        self._master.route(
            "/api/v1", self._serve, methods=("POST",), help="Mesos's operator API: a Call as JSON or protobuf"
        )

    def _serve(self, request: web.Request) -> Later:
        # The body is read outside of the master's turns, and its calls have their own.
        return lambda: self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        media = request_media(request)
        try:
            call = media.decode(await request.read(), Call)
            check_call(call)
            return await self._do(request, call, answer_media(request))
        except MessageError as error:
            raise bad(str(error)) from error

    async def _do(self, request: web.Request, call: Call, media: Media) -> web.StreamResponse:
        kind = call.type
        if kind is None or kind is Type.UNKNOWN:
            raise web.HTTPNotImplemented(text="type is not known\n")
        if kind is Type.SUBSCRIBE:
            return await self._subscribe(request, media)
        if kind in VIEWS:
            make = self._view(kind, media)
            return _written(await self._shared.get((kind, media.type), make), media)
        if kind in QUESTIONS:
            return _written(media.encode(await QUESTIONS[kind](self._desk, call)), media)
        order, status = ORDERS[kind]
        await order(self._desk, call)
        return web.Response(status=status)

    def _view(self, kind: Call.Type, media: Media) -> Callable[[], Awaitable[bytes]]:
        async def make() -> bytes:
            view = VIEWS[kind]
            return await encode_slowly(view.write(await self._desk.see(view.look)), media)

        return make

    # Streams.

    async def _subscribe(self, request: web.Request, media: Media) -> web.StreamResponse:
        system, feed = self._master.system, self._feed_there_is()
        stream = EventStream(system.clock, self._max_waiting)
        subscriber = Subscriber(stream, media, self._max_waiting)

        def turn() -> tuple[MasterSeen, Awaitable[None]]:
            # What is seen, and what is told from then on: nothing is in both, nothing in neither.
            feed.add(subscriber)
            return see_all(self._master.state), self._master.recorded()

        try:
            seen, recorded = await system.call(self._master.upid, turn)
            await recorded
            feed.begin(subscriber, await encode_slowly(subscribed(seen, HEARTBEAT_INTERVAL), media))
            return await stream.serve(request, media.type)
        except RegistryError as error:
            raise web.HTTPServiceUnavailable(text=f"it may be forgotten: {error}\n") from error
        finally:
            feed.remove(subscriber)

    def _feed_there_is(self) -> Feed:
        system, options = self._master.system, self._master.options
        if self._feed is None or not system.hosts(self._feed.upid):
            feed = Feed(self._master, options.max_operator_event_stream_subscribers)
            try:
                system.spawn(feed)
            except TooManyActorsError as error:
                raise web.HTTPServiceUnavailable(text=f"{error}\n", headers={"Retry-After": "1"}) from error
            self._feed = feed
        return self._feed


def _written(data: bytes, media: Media) -> web.Response:
    return web.Response(body=data, content_type=media.type, headers={"Cache-Control": "no-store"})
