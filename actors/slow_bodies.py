"""Requests whose body does not come: nobody waits for it for ever, and no turn of an actor is held by it."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web

from .clock import Clock

__all__ = ["STALL", "SlowBody", "long_body"]

STALL = 30.0
"""Seconds without a byte after which a request's body is given up."""
LOOKS = 4
"""So many times in that time it is looked at whether some came."""
LONG = web.RequestKey("LONG", bool)


def long_body(request: web.Request) -> None:
    """Take a request's body for a stream, of which the next piece may be a long time in coming.

    For a handler that reads `request.content` itself; to be called before it waits for the first piece.
    """
    request[LONG] = True


class SlowBody:
    """Watches one request's body: whoever waits for it gets HTTPRequestTimeout, 408, when no more of it comes."""

    def __init__(self, request: web.Request, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self._had = request.content.total_bytes
        self._looks = 0
        self._over = False
        self._timer = clock.call_at(clock.monotonic() + STALL / LOOKS, self._look)

    def end(self) -> None:
        """Watch no more."""
        self._timer.cancel()
        if self._over:
            # What is left of it is the connection's to read away, which knows no such error.
            self._request.content.set_exception(cast("Any", None))

    def _look(self) -> None:
        content = self._request.content
        if content.is_eof() or self._request.get(LONG):
            return
        if content.total_bytes != self._had:
            self._had, self._looks = content.total_bytes, 0
        else:
            self._looks += 1
        if self._looks < LOOKS:
            self._timer = self._clock.call_at(self._clock.monotonic() + STALL / LOOKS, self._look)
            return
        self._over = True
        text = f"nothing more of the body came for {STALL:g} s, after {self._had} bytes\n"
        content.set_exception(web.HTTPRequestTimeout(text=text, headers={"Connection": "close"}))
