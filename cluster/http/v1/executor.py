"""`/api/v1/executor`: the calls of executors, and the streams that answer their SUBSCRIBE."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping

import msgspec
from aiohttp import web

from actors import UPID, PeerGoneError, TooManyActorsError, format_address, handles
from cluster.agent import Agent
from cluster.messages import (
    ExecutorAcknowledgement,
    ExecutorKillTask,
    ExecutorMessage,
    ExecutorRegistered,
    ExecutorShutdown,
    LaunchTask,
    LaunchTaskGroup,
    RegisterExecutor,
)
from cluster.v1.errors import MessageError, RefusedError, shown
from cluster.v1.translate.executors import (
    registered_event,
    translate_executor_call,
    translate_executor_event,
)
from cluster.v1.types.executor import Call, Event

from .media import Media, answer_media, request_media
from .stream import MAX_WAITING, EventStream
from .subscriber import Subscriber

__all__ = ["HEARTBEAT_INTERVAL", "ExecutorApi", "HttpExecutor"]

HEARTBEAT_INTERVAL = 1800.0
"""Seconds, as Mesos's: so that what stands between the two takes the connection for one that is used."""

Key = tuple[str, str]
"""Framework id and executor id."""
Later = Callable[[], Awaitable[web.StreamResponse]]
EventMessage = (
    LaunchTask
    | LaunchTaskGroup
    | ExecutorKillTask
    | ExecutorAcknowledgement
    | ExecutorMessage
    | ExecutorShutdown
)


class HttpExecutor(Subscriber):
    """An executor that speaks HTTP: to the agent it is one like any other.

    `subscribed` is where it is found by its key while it is subscribed.
    """

    def __init__(
        self,
        agent: UPID,
        register: RegisterExecutor,
        stream: EventStream,
        media: Media,
        subscribed: MutableMapping[Key, HttpExecutor],
    ) -> None:
        super().__init__(stream, media)
        self.container_id = register.container_id
        self._agent = agent
        self._register = register
        self._key = register.framework_id, register.executor_id
        self._subscribed = subscribed

    def initialize(self) -> None:
        """Register."""
        self.link(self._agent)
        self.send(self._agent, self._register)

    def finalize(self) -> None:
        """End the stream."""
        if self._subscribed.get(self._key) is self:
            del self._subscribed[self._key]
        super().finalize()

    def describe(self) -> str:
        """Who the client is, for the log."""
        return f"executor {self._key}"

    def exited(self, upid: UPID, reason: str) -> None:
        """The agent is no more; the client may find it again."""
        self.terminate()

    def take(self, call: Call) -> None:
        """Do what a call says, in a turn of this actor. RefusedError if it cannot be taken as it is."""
        message = translate_executor_call(call, self.container_id)
        if message is not None:
            self.send(self._agent, message)

    @handles(ExecutorRegistered)
    def registered(self, message: ExecutorRegistered, sender: UPID | None) -> None:
        """The agent has taken it. Who had subscribed in its place before has not any more."""
        if sender != self._agent:
            return
        before = self._subscribed.get(self._key)
        self._subscribed[self._key] = self
        if before is not None:
            self.system.terminate(before.upid)
        here = format_address((self._agent.host, self._agent.port))
        self.tell(registered_event(message, self.container_id, here))
        self.every(HEARTBEAT_INTERVAL, self.tell, Event(type=Event.Type.HEARTBEAT))

    @handles(
        LaunchTask,
        LaunchTaskGroup,
        ExecutorKillTask,
        ExecutorAcknowledgement,
        ExecutorMessage,
        ExecutorShutdown,
    )
    def event(self, message: EventMessage, sender: UPID | None) -> None:
        """Tell the client. One that is to end without being known has nothing more to say."""
        if sender != self._agent:
            return
        self.tell(translate_executor_event(message))
        if isinstance(message, ExecutorShutdown) and self._subscribed.get(self._key) is not self:
            self.terminate()


class ExecutorApi:
    """Mesos's executor API. `max_waiting` bytes of events wait for one client, who is cut off if it does not read.

    Who says that it is an executor is believed, as by Mesos; unless it gives a token, that must then be its own, or
    the agent's options demand one.
    """

    def __init__(self, agent: Agent, max_waiting: int = MAX_WAITING) -> None:
        self._agent = agent
        self._max_waiting = max_waiting
        self._subscribed: dict[Key, HttpExecutor] = {}

    def install(self) -> None:
        """Add the route."""
        self._agent.route(
            "/api/v1/executor",
            self._serve,
            methods=("POST",),
            help="Mesos's executor API: a Call as JSON or protobuf",
            # Executors are no operators: they show tokens of their own, if any.
            public=True,
        )

    def _serve(self, request: web.Request) -> Later:
        return lambda: self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        media = request_media(request)
        try:
            call = media.decode(await request.read(), Call)
            # In a turn of the agent's: it knows which container that executor has.
            container_id = await self._agent.system.call(self._agent.upid, self._container_id, call)
            self._check_token(request, container_id)
            if call.type is Call.Type.SUBSCRIBE:
                return await self._subscribe(request, call, container_id)
            return await self._call(call, container_id)
        except MessageError as error:
            raise _bad(str(error)) from error

    def _container_id(self, call: Call) -> str:
        framework_id, executor_id = call.framework_id.value, call.executor_id.value
        state = self._agent.state
        if framework_id not in state.frameworks:
            raise _bad(f"framework_id: framework {shown(framework_id)} has nothing here")
        run = state.runs.get((framework_id, executor_id))
        if run is None:
            raise _bad(
                f"executor_id: framework {shown(framework_id)} has no executor {shown(executor_id)} here"
            )
        if not run.custom:
            raise _bad(f"executor_id: {shown(executor_id)} is run by the agent itself")
        return run.container_id

    def _check_token(self, request: web.Request, container_id: str) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            if self._agent.options.authenticate_executors:
                raise _unauthorized("an executor gives the token that is in its environment here")
            return
        if not self._agent.tokens.match(container_id, token.strip()):
            raise _unauthorized("the token is not that of this executor")

    async def _subscribe(self, request: web.Request, call: Call, container_id: str) -> web.StreamResponse:
        media = answer_media(request)
        register = translate_executor_call(call, container_id)
        if not isinstance(register, RegisterExecutor):
            raise TypeError(f"SUBSCRIBE became {register}")
        # Who it is was asked here, and is known.
        register = msgspec.structs.replace(register, token=self._agent.tokens.of(container_id))
        system = self._agent.system
        stream = EventStream(system.clock, self._max_waiting)
        executor = HttpExecutor(self._agent.upid, register, stream, media, self._subscribed)
        try:
            upid = system.spawn(executor)
        except TooManyActorsError as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n", headers={"Retry-After": "1"}) from error
        try:
            return await stream.serve(request, media.type)
        finally:
            system.terminate(upid)

    async def _call(self, call: Call, container_id: str) -> web.Response:
        if call.type is None or call.type is Call.Type.UNKNOWN:
            raise RefusedError("type is missing, or not known")
        executor = self._subscribed.get((call.framework_id.value, call.executor_id.value))
        if executor is None or executor.container_id != container_id:
            raise _forbidden(call)
        try:
            await self._agent.system.call(executor.upid, executor.take, call)
        except PeerGoneError as error:
            raise _forbidden(call) from error
        return web.Response(status=202)


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=f"{text}\n")


def _forbidden(call: Call) -> web.HTTPForbidden:
    return web.HTTPForbidden(
        text=f"executor_id: executor {shown(call.executor_id.value)} is not subscribed\n"
    )


def _unauthorized(text: str) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Bearer realm="executor"'}, text=f"{text}\n")
