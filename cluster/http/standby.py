"""What a master answers that does not lead: who does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from actors import UPID, Actor, format_address
from cluster.election import MASTER_ID, Detector

from .carrying import Carrier
from .v0.metrics import standby_metrics
from .v1.stream import STREAM_ID, LostStreams, hang_up
from .v1.version import version_page

__all__ = ["Standby", "leader_page", "nobody_leads", "redirect"]

CHECK_INTERVAL = 1.0
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Standby(Actor):
    """Sends who asks to the leader: 307, or 503 while there is none. `/leader` and `/redirect` say who it is.

    With `carries` it asks the leader in their stead, and nobody need know of another address.
    """

    def __init__(self, detector: Detector, *, carries: bool = False) -> None:
        self.leader: UPID | None = None
        self.lost = LostStreams()
        """Streams that were carried, of leaders that are gone."""
        self._detector = detector
        self._carries = carries
        self._carrier: Carrier | None = None

    def initialize(self) -> None:
        """Look for the leader."""
        if self._carries:
            self._carrier = Carrier(self.system.address, lambda: self._elsewhere, self.clock, self.lost)
            self.every(CHECK_INTERVAL, self._carrier.check)
        self._detector.watch(lambda leader: self.defer(self._detected, leader))
        self.route("/leader", lambda _: leader_page(self._elsewhere, leads=False), help="who leads, as JSON")
        self.route("/redirect", lambda _: redirect(self._elsewhere), help="307 to the leader", public=True)
        self.route(
            "/version", version_page, help="the version of Mesos whose API this is, and ours", public=True
        )
        text = "what the leader answers" if self._carries else "307 to the same of the leader"
        # Who may ask is for the leader to say, where the request ends up.
        self.route("/", self._refer, methods=METHODS, help=f"anything else: {text}", public=True)
        self.system.http.root = self.upid
        # Whoever asks a master under its name need not know that it is none yet.
        self.system.http.add_alias(MASTER_ID, self.upid)
        self.system.http.metrics.add_source(self.upid, self._figures)

    def finalize(self) -> None:
        """Stop looking."""
        self._detector.close()
        if self._carrier is not None:
            self._carrier.close()

    def _figures(self) -> dict[str, float]:
        return standby_metrics(max(0.0, self.clock.time() - self.system.started_at))

    def _detected(self, leader: UPID | None) -> None:
        self.leader = leader
        if self._carrier is not None:
            # Also if it is at the same address: that is another life of it.
            self._carrier.end_all()

    @property
    def _elsewhere(self) -> UPID | None:
        # Its own address is there while it is about to lead, or is left from a life before.
        mine = self.leader is not None and self.leader.address == self.system.address
        return None if mine else self.leader

    def _refer(self, request: web.Request) -> web.Response | Callable[[], Awaitable[web.StreamResponse]]:
        carrier = self._carrier
        if carrier is None:
            path = request.raw_path
            # Who believes in a proxy says the whole URL.
            return redirect(self._elsewhere, path if path.startswith("/") else request.rel_url.raw_path_qs)
        return lambda: carrier.carry(request)


def nobody_leads(request: web.Request) -> web.Response:
    """What a master answers that neither stands by nor leads: 503. Calls of streams get no answer: those have ended."""
    return hang_up(request) if STREAM_ID in request.headers else redirect(None)


def redirect(leader: UPID | None, path: str = "") -> web.Response:
    """Send who asks to the leader, 307: the same request, there, or with no path to the root. 503 if there is none.

    No scheme, as in Mesos, whose clients put one before it; and it is TLS where it was.
    """
    if leader is None:
        return web.Response(status=503, text="no master leads now\n", headers={"Retry-After": "1"})
    # Whatever came as a path stays one: it begins with one slash, and names no other host.
    place = f"//{format_address(leader.address)}" + (f"/{path.lstrip('/')}" if path else "")
    return web.Response(status=307, headers={"Location": place, "Cache-Control": "no-store"})


def leader_page(leader: UPID | None, *, leads: bool) -> web.Response:
    """Who leads, HOST:PORT or null, and whether that is who answers."""
    place = None if leader is None else format_address(leader.address)
    return web.json_response({"leader": place, "leads": leads}, headers={"Cache-Control": "no-store"})
