"""The page for people: three files of this package, and rules that keep it harmless."""

from __future__ import annotations

from importlib import resources

from aiohttp import web

__all__ = ["page"]

TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
FILES = {
    entry.name: entry.read_bytes()
    for entry in resources.files("cluster.http").joinpath("static").iterdir()
    if entry.name.endswith(tuple(TYPES))
}
HEADERS = {
    # All that a page shows comes from frameworks and tasks: nothing of it may be run.
    "Content-Security-Policy": "default-src 'self'; connect-src *; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def page(request: web.Request) -> web.Response:
    """Serve a file of the page; the page itself where no file is named."""
    _, separator, name = request.path.rpartition("/ui/")
    if not separator:
        if request.path.rstrip("/") not in ("", "/master"):
            raise web.HTTPNotFound(text=f"no route {request.path}; see /help\n")
        name = "index.html"
    if name not in FILES:
        raise web.HTTPNotFound(text=f"no file {name[:255]!r}\n")
    kind = TYPES[name[name.rindex(".") :]]
    return web.Response(body=FILES[name], content_type=kind, charset="utf-8", headers=HEADERS)
