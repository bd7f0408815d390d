"""HTTP on the system's own port: routes of actors, and pages that every system answers."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiohttp import web

from .authenticators import Authenticator, any_auth, authenticate, basic_auth, bearer_auth, principal_of
from .clock import Timer
from .errors import AskTimeoutError, PeerGoneError, RemoteError
from .message import decode_hook, encode_hook, message_type
from .metrics import SystemMetrics
from .slow_bodies import SlowBody, long_body
from .upid import UPID

if TYPE_CHECKING:
    from .system import ActorSystem

__all__ = [
    "Authenticator",
    "HttpRoutes",
    "RouteHandler",
    "RouteInfo",
    "any_auth",
    "basic_auth",
    "bearer_auth",
    "long_body",
    "principal_of",
]

log = logging.getLogger("ostrom.actors.http")

Response = web.StreamResponse
RouteHandler = Callable[[web.Request], Response | Awaitable[Response] | Callable[[], Awaitable[Response]]]
"""Called in its actor's turn, which an awaitable prolongs; a function that it returns is called after the turn."""

Page = Callable[[web.Request], Response | Awaitable[Response]]

MAX_BODY = 4 * 1024 * 1024
LOGGING_TOGGLE_SECONDS = 60.0
TOGGLE = "/logging/toggle"
LOGGER = "ostrom"


class Route(NamedTuple):
    """One route of an actor."""

    upid: UPID
    path: str
    handler: RouteHandler
    methods: tuple[str, ...]
    help: str
    public: bool


class RouteInfo(NamedTuple):
    """One path that is served, and what for. `upid` is whose it is, None for the system's own pages."""

    path: str
    methods: tuple[str, ...]
    help: str
    upid: UPID | None = None


class HttpRoutes:
    """The HTTP side of one system: a table of actors' routes, and the built-in pages."""

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self._routes: dict[str, Route] = {}
        self._runner: web.AppRunner | None = None
        self._forbidden: list[str] = []
        self.authenticate: Authenticator | None = None
        """Is asked about every request but those for `/health`, and for public routes; who is not known gets 401. None:
        everybody may ask.

        `/<id>/health` of an actor that has no such route of its own is the same page.
        """
        self._toggled: tuple[int, Timer] | None = None
        self.metrics = SystemMetrics(system)
        self.root: UPID | None = None
        """The actor whose routes also answer without the `/<id>` prefix, if any."""
        self.unready: Callable[[web.Request], Response] | None = None
        """Answers what is not found while there is no `root` but will be, or was. None: 404, as always."""
        self._aliases: dict[str, UPID] = {}
        self._pages: dict[str, tuple[Page, str]] = {
            "/health": (self._health, "200 while the event loop answers"),
            "/metrics": (self._metrics, "metrics for Prometheus"),
            "/metrics/snapshot": (self._snapshot, "the same metrics as one JSON object"),
            "/__processes__": (self._processes, "every actor: mailbox, messages handled, links"),
            TOGGLE: (
                self._toggle,
                "?level=DEBUG&seconds=60: set the log level, and put it back after that time",
            ),
            "/help": (self._help, "this page"),
        }

    async def start(self) -> None:
        """Make ready to serve; the transport hands connections over."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=2.0, handler_cancellation=True
        )
        await self._runner.setup()

    async def close(self) -> None:
        """Finish or cut what is being served; a toggled log level is put back."""
        self._put_back()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def protocol(self) -> asyncio.Protocol:
        """A protocol for one connection."""
        if self._runner is None or self._runner.server is None:
            raise RuntimeError("HTTP was not started")
        protocol: asyncio.Protocol = self._runner.server()
        return protocol

    def add_route(
        self,
        upid: UPID,
        path: str,
        handler: RouteHandler,
        methods: tuple[str, ...],
        help_: str,
        public: bool = False,
    ) -> None:
        """Serve `/<id><path>`. ValueError if the path is malformed or taken."""
        if not path.startswith("/"):
            raise ValueError(f"route {path!r} does not begin with /")
        full = f"/{upid.id}{path}".rstrip("/")
        if full in self._routes:
            raise ValueError(f"route {full!r} is taken")
        self._routes[full] = Route(upid, path, handler, methods, help_, public)

    def add_alias(self, name: str, upid: UPID) -> None:
        """Serve an actor's routes below `/<name>` too, for as long as it lives."""
        self._aliases[name] = upid

    def remove_actor(self, upid: UPID) -> None:
        """Drop an actor's routes."""
        for name in [name for name, other in self._aliases.items() if other == upid]:
            del self._aliases[name]
        for path in [p for p, route in self._routes.items() if route.upid == upid]:
            del self._routes[path]
        if self.root == upid:
            self.root = None
        self.metrics.remove_actor(upid)

    def routes(self) -> list[RouteInfo]:
        """All that is served: the system's own pages, then the actors' routes by their whole paths."""
        pages = [RouteInfo(path, self._methods(path), text) for path, (_, text) in self._pages.items()]
        return pages + [
            RouteInfo(path, route.methods, route.help, route.upid)
            for path, route in sorted(self._routes.items())
        ]

    @staticmethod
    def _methods(page: str) -> tuple[str, ...]:
        return ("POST",) if page == TOGGLE else ("GET",)

    def _find(self, path: str) -> Route | None:
        """The route with the longest prefix of this path, by whole segments."""
        candidates = [path.rstrip("/")]
        if self.root is not None:
            candidates.append(f"/{self.root.id}{path}".rstrip("/"))
        first, slash, rest = path.removeprefix("/").partition("/")
        if first in self._aliases:
            candidates.insert(0, f"/{self._aliases[first].id}{slash}{rest}".rstrip("/"))
        for candidate in candidates:
            while candidate:
                route = self._routes.get(candidate)
                if route is not None:
                    return route
                candidate = candidate.rpartition("/")[0]
        return None

    def _page(self, path: str) -> Page | None:
        """The built-in page at this path. `/<id>/health` is that of the system, for whoever knows only actors."""
        path = path.rstrip("/")
        name, slash, rest = path.removeprefix("/").partition("/")
        if slash and rest == "health" and path not in self._routes:
            upid = self._aliases.get(name, UPID(name, *self._system.address))
            path = "/health" if self._system.hosts(upid) else path
        page = self._pages.get(path)
        return None if page is None else page[0]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.content.is_eof():
            return await self._answer(request)
        watched = SlowBody(request, self._system.clock)
        try:
            return await self._answer(request)
        finally:
            watched.end()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        page = self._page(request.path)
        route = None if page is not None else self._find(request.path)
        await self._check(request, route, health=page == self._health)
        if page is not None:
            response = page(request)
            return response if isinstance(response, web.StreamResponse) else await response
        if route is not None and request.method in route.methods:
            return await self._turn(route, request)
        if request.method == "POST":
            return await self._post(request, route)
        if route is not None:
            raise web.HTTPMethodNotAllowed(request.method, route.methods)
        return self._nowhere(request, f"no route {request.path}; see /help\n")

    def _nowhere(self, request: web.Request, text: str) -> web.StreamResponse:
        if self.root is None and self.unready is not None:
            # There are clients that take 404 for the last word, and come again after 503.
            return self.unready(request)
        raise web.HTTPNotFound(text=text)

    def forbid(self, pattern: str) -> None:
        """Refuse all requests for paths that match (`*` and `?`), with 403: libprocess's firewall rules.

        Of a route the whole path counts, `/<id>/path`, also when it is asked for by another of its names.
        """
        self._forbidden.append(pattern)

    async def _check(self, request: web.Request, route: Route | None, *, health: bool) -> None:
        paths = ["/" + request.path.strip("/")]
        if route is not None:
            paths.append(f"/{route.upid.id}{route.path}".rstrip("/"))
        if health:
            paths.append("/health")
        if any(fnmatch.fnmatchcase(path, pattern) for path in paths for pattern in self._forbidden):
            raise web.HTTPForbidden(text=f"{request.path} is forbidden here\n")
        public = health or (route is not None and route.public)
        if self.authenticate is not None and not public:
            await authenticate(self.authenticate, request)

    async def _turn(self, route: Route, request: web.Request) -> web.StreamResponse:
        try:
            result = await self._system.call(route.upid, route.handler, request)
            return result if isinstance(result, web.StreamResponse) else await result()
        except web.RequestPayloadError as error:
            raise _unreadable(error) from error
        except PeerGoneError as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        except web.HTTPException:
            raise
        except Exception as error:
            self._system.counters["http_failures"] += 1
            log.exception("%s %s: the route's handler raised", request.method, request.path)
            raise web.HTTPInternalServerError(text=f"{type(error).__name__}: see the log\n") from error

    async def _post(self, request: web.Request, route: Route | None) -> web.StreamResponse:
        """`POST /<id>/<tag>` with a JSON body sends that message; `?ask` awaits the reply.

        `route` is one that is for other methods: it may serve all that is below its path, messages too.
        """
        id_, _, tag = request.path.strip("/").partition("/")
        upid = UPID(id_, *self._system.address)
        type_ = message_type(tag)
        if type_ is None or not self._system.hosts(upid):
            if route is not None and route.path != "/":
                raise web.HTTPMethodNotAllowed(request.method, route.methods)
            return self._nowhere(
                request, f"no route, and no actor with a message: {request.path}; see /help\n"
            )
        try:
            body = await request.read()
        except web.RequestPayloadError as error:
            raise _unreadable(error) from error
        try:
            fields = msgspec.json.decode(body or b"{}", type=dict[str, Any])
            message = msgspec.convert({**fields, "t": tag}, type_, dec_hook=decode_hook)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise web.HTTPBadRequest(text=f"{tag}: {error}\n") from error
        if "ask" not in request.query:
            self._system.send(upid, message)
            return web.Response(status=202)
        try:
            reply = await self._system.ask(upid, message)
        except RemoteError as error:
            raise web.HTTPUnprocessableEntity(text=f"{error}\n") from error
        except PeerGoneError as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        except AskTimeoutError as error:
            raise web.HTTPGatewayTimeout(text=f"{error}\n") from error
        return web.Response(
            body=msgspec.json.encode(reply, enc_hook=encode_hook), content_type="application/json"
        )

    def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    def _metrics(self, _request: web.Request) -> web.Response:
        body, content_type = self.metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

    def _snapshot(self, _request: web.Request) -> web.Response:
        return web.json_response(self.metrics.snapshot())

    def _processes(self, _request: web.Request) -> web.Response:
        return web.json_response(
            [asdict(each) for each in self._system.processes()], dumps=lambda o: json.dumps(o, indent=1)
        )

    async def _toggle(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        level = request.query.get("level", "DEBUG").upper()
        known = logging.getLevelNamesMapping()
        if level not in known:
            raise web.HTTPBadRequest(text=f"level {level!r} is none of {', '.join(known)}\n")
        try:
            seconds = float(request.query.get("seconds", LOGGING_TOGGLE_SECONDS))
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"seconds: {error}\n") from error
        if not 0 < seconds <= 86_400:
            raise web.HTTPBadRequest(text=f"seconds is {seconds:g}, not between 0 and 86400\n")
        self.set_log_level(known[level], seconds)
        return web.json_response({"logger": LOGGER, "level": level, "seconds": seconds})

    @property
    def log_level(self) -> int:
        """The level from which ostrom logs, a number of the module logging: 10 is DEBUG, 20 INFO."""
        return logging.getLogger(LOGGER).getEffectiveLevel()

    def set_log_level(self, level: int, seconds: float) -> None:
        """Set it for that time; then it is what it was before the first of such calls."""
        self._put_back()
        logger, clock = logging.getLogger(LOGGER), self._system.clock
        self._toggled = logger.level, clock.call_at(clock.monotonic() + seconds, self._put_back)
        logger.setLevel(level)

    def _put_back(self) -> None:
        """Set the log level that was there before the toggle, if one is in force."""
        if self._toggled is not None:
            before, timer = self._toggled
            self._toggled = None
            timer.cancel()
            logging.getLogger(LOGGER).setLevel(before)

    def _help(self, _request: web.Request) -> web.Response:
        lines = [f"{each.path:32} {' '.join(each.methods)}  {each.help}" for each in self.routes()]
        lines.append(
            f"{'/<actor>/<message>':32} POST  send a message with a JSON body; ?ask to await the reply"
        )
        return web.Response(text="\n".join(lines) + "\n")


def _unreadable(error: web.RequestPayloadError) -> web.HTTPBadRequest:
    """For a body that is not what its head says: cut off, or compressed wrongly."""
    reason = str(error).rpartition("\n")[2].strip()
    answer = web.HTTPBadRequest(text=f"the body cannot be read: {reason}\n")
    # Nobody knows where the next request begins.
    answer.force_close()
    return answer
