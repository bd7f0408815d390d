"""What the older pages are asked for, and how they answer."""

from __future__ import annotations

import re

from aiohttp import web

from cluster.v1.errors import shown

__all__ = ["answer", "callback", "number"]

CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.\[\]]{0,200}")
HEADERS = {
    "Cache-Control": "no-store",
    # What is shown comes from frameworks and tasks: no browser is to take it for something that it can run.
    "X-Content-Type-Options": "nosniff",
}


def callback(request: web.Request) -> str | None:
    """The function that the answer is to be given to, for pages of other servers (`?jsonp=`). HTTPBadRequest."""
    name = request.query.get("jsonp")
    if name is not None and not CALLBACK.fullmatch(name):
        raise web.HTTPBadRequest(text=f"jsonp is {shown(name)}, not the name of a function\n")
    return name


def answer(data: bytes, jsonp: str | None) -> web.Response:
    """JSON, or a call of the function."""
    if jsonp is None:
        return web.Response(body=data, content_type="application/json", headers=HEADERS)
    # Where a browser knows no JSON in scripts these two would end a line.
    data = data.replace("\u2028".encode(), b"\\u2028").replace("\u2029".encode(), b"\\u2029")
    return web.Response(
        body=b"%s(%s);" % (jsonp.encode(), data), content_type="text/javascript", headers=HEADERS
    )


def number(request: web.Request, name: str, default: int, least: int = 0) -> int:
    """A whole number that is asked for. HTTPBadRequest."""
    text = request.query.get(name)
    if text is None:
        return default
    value = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
    if value is None or value < least:
        raise web.HTTPBadRequest(text=f"{name} is {shown(text)}, not a whole number from {least}\n")
    return value
